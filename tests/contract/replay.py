"""Replays a recorded scenario and compares each response with the recorded one.

Ids, tokens and the server's addresses differ each time, so a recording has placeholders for them, `${org.1}`,
numbered by first appearance: equal ones stand for equal texts, different ones for different texts. A list must be
in order of id and is compared as a set, because the order of new ids is random: a page may hold other objects
than the recorded one, if they differ only in their ids.

Of a refusal, the status, the code and what the client makes of the message are compared, not the server's exact
words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from reconciler.api.responses import judge, printable
from reconciler.model.errors import ApiError
from tests.contract.conftest import Response, Target

ADDRESSES = {"http://127.0.0.1:18081": "${authUrl.1}", "http://127.0.0.1:18082/setup": "${adminUrl.1}"}
PLACEHOLDER = re.compile(r"\$\{(\w+)\.\d+\}")
FORMS = {"authUrl": r"https?://[^/\s]+", "adminUrl": r"https?://[^?\s]+", "pageToken": r"[-_=0-9A-Za-z]{40,}"}


class Replay:
    """What the placeholders of one scenario stand for, growing step by step."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.known: dict[str, str] = {}

    def step(self, step: Mapping[str, Any]) -> None:
        recorded = step["response"]
        response = self.send(step["request"])
        assert (response.status, response.content_type) == (recorded["status"], recorded["contentType"]), response
        # The server's JSON library puts another blank here, by the build, so that nobody relies on its messages.
        text = response.body.decode().replace("proto:\u00a0", "proto: ")
        if "body" not in recorded:
            assert text == recorded["rawBody"]
        elif response.status == 200:
            self.compare(recorded["body"], json.loads(text))
        else:
            assert meaning(response.status, json.loads(text)) == meaning(recorded["status"], recorded["body"])

    def send(self, request: Mapping[str, Any]) -> Response:
        headers = {}
        if "authorization" in request:
            headers["authorization"] = request["authorization"]
        elif (key := request.get("key", "key")) is not None:
            named = self.target.keys.get(key)
            headers["authorization"] = f"Bearer {named or key.removeprefix('literal:')}"
        body = b""
        if "body" in request or "rawBody" in request:
            headers["content-type"] = request.get("contentType", "application/json")
            raw = (
                request["rawBody"] if "rawBody" in request else json.dumps(request["body"], separators=(",", ":"))
            )
            body = self.resolved(raw).encode()
        query = {name: self.resolved(value) for name, value in request.get("query", {}).items()}
        target = self.resolved(request["path"]) + (f"?{urlencode(query)}" if query else "")
        return self.target.send(request["method"], target, headers, body)

    def resolved(self, text: str) -> str:
        return PLACEHOLDER.sub(lambda match: self.known[match[0]], text)

    def compare(self, recorded: Any, actual: Any) -> None:
        assert type(recorded) is type(actual), (recorded, actual)
        if isinstance(recorded, str):
            self.compare_text(recorded, actual)
        elif isinstance(recorded, dict):
            assert recorded.keys() == actual.keys(), (recorded, actual)
            for name, value in recorded.items():
                self.compare(value, actual[name])
        elif isinstance(recorded, list) and any("id" in item for item in recorded if isinstance(item, dict)):
            self.compare_objects(recorded, actual)
        elif isinstance(recorded, list):
            assert len(recorded) == len(actual), (recorded, actual)
            for one, other in zip(recorded, actual, strict=True):
                self.compare(one, other)
        else:
            assert recorded == actual

    def compare_text(self, recorded: str, actual: str) -> None:
        for address, placeholder in ADDRESSES.items():
            recorded = recorded.replace(address, placeholder)
        names = [match[0] for match in PLACEHOLDER.finditer(recorded)]
        literals = re.split(r"\$\{\w+\.\d+\}", recorded)
        pattern = re.escape(literals[0])
        for name, literal in zip(names, literals[1:], strict=True):
            pattern += f"({self.form(name)}){re.escape(literal)}"
        match = re.fullmatch(pattern, actual, re.DOTALL)
        assert match, (recorded, actual)
        for name, value in zip(names, match.groups(), strict=True):
            assert self.known.setdefault(name, value) == value, (name, recorded, actual)
        assert len(set(self.known.values())) == len(self.known), f"two names for one text: {self.known}"

    def form(self, name: str) -> str:
        if name in self.known:
            return re.escape(self.known[name])
        kind = PLACEHOLDER.fullmatch(name)[1]
        return FORMS.get(kind, rf"{kind}_[0-9a-z]{{25}}")

    def compare_objects(self, recorded: list[Any], actual: list[Any]) -> None:
        ids = [item["id"] for item in actual]
        assert ids == sorted(set(ids))
        assert len(recorded) == len(actual), (recorded, actual)
        self.swap_names([item["id"] for item in recorded], ids)
        actual_of = {item["id"]: item for item in actual}
        for item in recorded:
            self.compare(item, actual_of[self.known[item["id"]]])

    def swap_names(self, recorded: list[str], actual: list[str]) -> None:
        """Let the placeholders of a page stand for the objects that are on it here."""
        name_of = {value: name for name, value in self.known.items()}
        there = {self.known[name] for name in recorded}
        for gone, come in zip(sorted(there - set(actual)), sorted(set(actual) - there), strict=True):
            one, other = name_of[gone], name_of[come]
            self.known[one], self.known[other] = come, gone


def meaning(status: int, refusal: Mapping[str, Any]) -> tuple[Any, ...]:
    """A refusal's code, the error that the client raises for it, and what that says but for the server's words."""
    body = json.dumps(refusal).encode()
    with pytest.raises(ApiError) as raised:
        judge("", status, {"content-type": "application/json"}, body, now=0.0)
    error, words = raised.value, printable(refusal["message"])
    return refusal["code"], type(error), error.message.replace(words, ""), error.hint

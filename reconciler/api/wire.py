"""JSON to model: accepts an object only if it has the kind, environment and organization that was asked for."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.model.errors import BadAnswer
from reconciler.model.kinds import KINDS, Kind, KindName
from reconciler.model.state import LIVE_TYPES, Child, Live, Organization

_IDS = {kind.name: re.compile(kind.id_prefix + "[0-9a-z]{25}") for kind in KINDS.values()}
MAX_TOKEN, MAX_SECRET = 2048, 4096
_PLAIN = re.compile(r"[!#-&(-;=?-\[\]^_a-~]+")  # ASCII without blanks, quotes, < > and backslashes
_ENVIRONMENT = re.compile("env_[0-9a-z]{25}")


class Fresh(Struct, frozen=True):
    """An object as it is now: typed, and as the response's JSON, with fields that are unknown here."""

    live: Live
    body: dict[str, Any]


class Page(Struct, frozen=True):
    """One page of a list; `next_token` is "" on the last."""

    items: tuple[Live, ...]
    next_token: str


def one(kind: Kind, route: str, document: dict[str, Any]) -> Fresh:
    """The object in the response's wrapper; raises BadAnswer if there is none."""
    body = document.get(kind.one)
    if not isinstance(body, dict):
        raise BadAnswer(f"the response has no `{kind.one}`", route=route)
    return Fresh(_live(kind, route, body), body)


def page(kind: Kind, route: str, document: dict[str, Any]) -> Page:
    """One page; raises BadAnswer if it is none. An empty list may be `{}`: the API leaves out what is empty."""
    items, token = document.get(kind.many, []), document.get("nextPageToken", "")
    if not isinstance(items, list) or not isinstance(token, str):
        raise BadAnswer(f"the response is not a list of `{kind.many}`", route=route)
    if document and kind.many not in document:
        raise BadAnswer(f"the response has other fields, but no `{kind.many}`", route=route)
    if len(token) > MAX_TOKEN:
        raise BadAnswer(f"the page token has more than {MAX_TOKEN:,} characters", route=route)
    return Page(tuple(_live(kind, route, item) for item in items), token)


def can_exist(kind: Kind, id_: str) -> bool:
    """Whether the API can have given out this id. The server panics at one of more than 128 bits."""
    return bool(_IDS[kind.name].fullmatch(id_)) and int(id_[-25:], 36) < 2**128


def secret(name: str, route: str, document: dict[str, Any]) -> str:
    """The text in the response's field of that name, which is to be kept; raises BadAnswer if there is none.

    Nor if it has a blank, a quote or a control character: it goes into a person's terminal, or another's header.
    """
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise BadAnswer(f"the response has no `{name}`", route=route)
    if len(value) > MAX_SECRET or not _PLAIN.fullmatch(value):
        raise BadAnswer(f"the `{name}` in the response has characters that no such value has", route=route)
    return value


def link(name: str, route: str, document: dict[str, Any]) -> str:
    """The same, of an address."""
    value = secret(name, route, document)
    if not value.startswith(("https://", "http://")):
        raise BadAnswer(f"the `{name}` in the response is no address", route=route)
    return value


def _live(kind: Kind, route: str, body: object) -> Live:
    try:
        live: Live = msgspec.convert(body, LIVE_TYPES[kind.name])
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadAnswer(f"a `{kind.one}` in the response is not valid: {str(error)[:120]}", route=route) from None
    if not _IDS[kind.name].fullmatch(live.id):
        raise BadAnswer(f"a `{kind.one}` in the response has no id of its kind", route=route)
    if isinstance(live, Organization):
        if not _ENVIRONMENT.fullmatch(live.environment_id):
            raise BadAnswer("an organization in the response has no environment", route=route)
    elif not _IDS[KindName.ORGANIZATION].fullmatch(live.organization_id):
        raise BadAnswer(f"a `{kind.one}` in the response has no organization", route=route)
    return live


def child_of(organization_id: str, live: Live, route: str) -> Child:
    """The live object, which has to be that organization's; raises BadAnswer if it is another's."""
    if isinstance(live, Organization) or live.organization_id != organization_id:
        raise BadAnswer(f"{live.id} belongs to another organization than the one asked for", route=route)
    return live

"""Request → Answer: the order in which the server looks at a request, from its path to its key to its meaning."""

from __future__ import annotations

import gzip
import posixpath
import re
from collections.abc import Mapping
from html import escape
from urllib.parse import quote, urlencode

from msgspec.structs import replace

from reconciler.emulator import ids
from reconciler.emulator.exchange import CRASHED, RAW, UNAUTHENTICATED, Answer, Crash, Refusal, Request
from reconciler.emulator.routes import ROUTES, Call, Route
from reconciler.emulator.rows import Environment
from reconciler.emulator.store import Store


class Emulator:
    """Answers requests from a store, one at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle(self, request: Request) -> Answer:
        """The answer of the Management API, which never fails: whatever is asked, something is answered."""
        if _clean(request.path) != request.path:
            return _moved(request)
        path_id, methods = _match(request.path)
        if methods is None or _OTHER_PROTOCOL.match(request.headers.get("content-type", "")):
            return Answer.text(404, "" if request.method == "HEAD" else "Not Found\n")
        route = methods.get(request.method)
        if route is None:
            text = "" if request.method == "HEAD" else "Method Not Allowed\n"
            return Answer.text(405, text, {"allow": ",".join(sorted(methods))})
        if request.headers.get("content-type") == "":
            request = replace(request, query=())  # as the server does: a header without a value costs the query
        refused = _unreadable(request.headers)
        if refused is not None:
            return refused
        try:
            message = route.message(_in_snake_case(request, path_id), path_id)
            environment = _authenticated(self.store, request.headers.get("authorization", ""))
            answer = Answer.json(route.act(Call(self.store, environment, route, message), route.kind))
        except Refusal as refusal:
            return refusal.answer()
        except Crash:
            return CRASHED
        return _compressed(answer, request.headers)


_METHODS_OF_PATH: dict[str, dict[str, Route]] = {}
for _route in ROUTES:
    _METHODS_OF_PATH.setdefault(_route.path, {})[_route.method] = _route


def _match(path: str) -> tuple[str | None, Mapping[str, Route] | None]:
    """The id in a path, if it has one, and the routes of the path by method, None if it has none."""
    parts = path.split("/")
    if ":" in parts[-1]:
        return None, None
    if len(parts) < 4:
        return None, _METHODS_OF_PATH.get(path)
    return parts[3], _METHODS_OF_PATH.get("/".join((*parts[:3], "*", *parts[4:])))


def _clean(path: str) -> str:
    if "//" not in path and "/." not in path:
        return path
    cleaned = posixpath.normpath(path)
    cleaned = "/" + cleaned.lstrip("/")
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


def _moved(request: Request) -> Answer:
    query = f"?{urlencode(request.query, errors=RAW)}" if request.query else ""
    location = quote(_clean(request.path), errors=RAW) + query
    if request.method not in {"GET", "HEAD"}:
        return Answer(301, {"location": location})
    page = f'<a href="{escape(location)}">Moved Permanently</a>.\n\n' if request.method == "GET" else ""
    return Answer(301, {"content-type": "text/html; charset=utf-8", "location": location}, page.encode())


_OTHER_PROTOCOL = re.compile(r"application/(?:connect\+|grpc(?:-web)?(?:\+|\Z))")  # its paths are others
_JSON_TYPES = ("", "application/json", "application/json; charset=utf-8")
_CODINGS = ("", "identity")


def _unreadable(headers: Mapping[str, str]) -> Answer | None:
    """The refusal of a body in another format or coding, whether or not there is one."""
    content_type = headers.get("content-type", "")
    if content_type not in _JSON_TYPES:
        return Answer.text(415, f'"{content_type}?" sub-format not supported\n')
    coding = headers.get("content-encoding", "")
    if coding not in _CODINGS:
        return Answer.text(415, f'"{coding}" compression not supported\n')
    return None


_CAMEL_CASE = {
    "scimDirectoryId": "scim_directory_id",
    "organizationId": "organization_id",
    "organizationExternalId": "organization_external_id",
    "scimGroupId": "scim_group_id",
    "pageToken": "page_token",
}


def _in_snake_case(request: Request, path_id: str | None) -> Request:
    """The request, in a list's query the few camel-case names that the server knows turned into snake case."""
    if request.method != "GET" or path_id is not None or not request.query:
        return request
    query = dict[str, list[str]]()
    for name, value in request.query:
        query.setdefault(name, []).append(value)
    for camel, snake in _CAMEL_CASE.items():
        if camel in query:
            query[snake] = query.pop(camel)[:1]
    return replace(request, query=tuple((name, value) for name, values in query.items() for value in values))


def _authenticated(store: Store, authorization: str) -> Environment:
    if not authorization:
        raise Refusal("authorization header is required", UNAUTHENTICATED)
    scheme, _, key = authorization.partition(" ")
    if scheme != "Bearer" or not key:
        raise Refusal("", UNAUTHENTICATED)
    if not key.startswith(ids.API_KEY.prefix):
        raise Refusal(f"appauthinterceptor: store: get app session: {_no_session(key)}")
    environment = store.environment_of_key.get(key)
    if environment is None:
        raise _unknown_key(key)
    if key == environment.unprivileged_key:
        raise Refusal("api key is not authorized to access management api", UNAUTHENTICATED)
    return environment


def _unknown_key(key: str) -> Refusal:
    try:
        ids.API_KEY.check(key)
    except Refusal as refusal:
        return Refusal(f"parse api secret key: {refusal.message}")
    return Refusal("get api key by secret value: no rows in result set")


def _no_session(key: str) -> str:
    """Why a text that is no API key is no session either: sessions are hexadecimal, and the emulator has none."""
    for char in key:
        if char not in "0123456789abcdefABCDEF":
            shown = f" '{char}'" if char.isprintable() else ""
            return f"parse session token: encoding/hex: invalid byte: U+{ord(char):04X}{shown}"
    if len(key) % 2:
        return "parse session token: encoding/hex: odd length hex string"
    return "no rows in result set"


def _compressed(answer: Answer, headers: Mapping[str, str]) -> Answer:
    accepted = headers.get("accept-encoding", "")
    if "gzip" not in accepted or "gzip" not in (coding.strip() for coding in accepted.split(",")):
        return answer
    packed = gzip.compress(answer.body, mtime=0)
    return Answer(answer.status, {**answer.headers, "content-encoding": "gzip"}, packed)

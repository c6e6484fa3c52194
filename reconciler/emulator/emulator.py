"""From a request to its response: path, method, format, body, key, ids, checked in the server's order."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from reconciler.emulator import fields, ids
from reconciler.emulator.exchange import CRASHED, UNAUTHENTICATED, Crash, Refusal, Request, Response
from reconciler.emulator.routes import ROUTES, Call, Route
from reconciler.emulator.rows import Environment
from reconciler.emulator.store import Store

_JSON_TYPES = frozenset({"", "application/json", "application/json; charset=utf-8"})


class Emulator:
    """Responds to requests from a store, one at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle(self, request: Request) -> Response:
        """Return the response to any request; never raises."""
        methods, row_id = _match(request.path)
        route = methods.get(request.method)
        if route is None:
            return _no_route(request.method, methods)
        content_type = request.headers.get("content-type", "")
        if content_type not in _JSON_TYPES:
            return Response.text(415, f'"{content_type}?" sub-format not supported\n')
        try:
            body = fields.from_body(request, route.body)
            query = fields.from_query(request, route.parameters)
            environment = _authenticated(self.store, request.headers.get("authorization", ""))
            document = route.act(Call(self.store, environment, row_id, query, body), route.kind)
        except Refusal as refusal:
            return refusal.response()
        except Crash:
            return CRASHED
        return _compressed(Response.json(document), request.headers)


def _match(path: str) -> tuple[Mapping[str, Route], str]:
    """Return the routes of a path by method, and the id in it, empty if there is none."""
    parts = path.split("/")
    if len(parts) < 4:
        return ROUTES.get(path, {}), ""
    return ROUTES.get("/".join((*parts[:3], "*", *parts[4:])), {}), parts[3]


def _no_route(method: str, methods: Mapping[str, Route]) -> Response:
    status, text = (405, "Method Not Allowed\n") if methods else (404, "Not Found\n")
    headers = {"allow": ",".join(sorted(methods))} if methods else {}
    return Response.text(status, "" if method == "HEAD" else text, headers)


def _authenticated(store: Store, authorization: str) -> Environment:
    if not authorization:
        raise Refusal("authorization header is required", UNAUTHENTICATED)
    scheme, _, key = authorization.partition(" ")
    if scheme != "Bearer" or not key:
        raise Refusal("", UNAUTHENTICATED)
    environment = store.environment_of_key.get(key)
    if environment is None:
        if not key.startswith(ids.API_KEY.prefix):
            raise Refusal("appauthinterceptor: store: get app session: no rows in result set")
        ids.API_KEY.check(key, "parse api secret key: ")
        raise Refusal("get api key by secret value: no rows in result set")
    if key == environment.unprivileged_key:
        raise Refusal("api key is not authorized to access management api", UNAUTHENTICATED)
    return environment


def _compressed(response: Response, headers: Mapping[str, str]) -> Response:
    """Compress the response for a client that accepts gzip, as most do unless they ask for `identity`."""
    if "gzip" not in headers.get("accept-encoding", ""):
        return response
    packed = gzip.compress(response.body, mtime=0)
    return Response(response.status, {**response.headers, "content-encoding": "gzip"}, packed)

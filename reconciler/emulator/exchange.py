"""Requests and responses as plain values, so that the emulator can be called without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

# The code in a refusal's body decides its status.
UNKNOWN = 2
INVALID_ARGUMENT = 3
UNAUTHENTICATED = 16
_STATUS_OF_CODE = {UNKNOWN: 500, INVALID_ARGUMENT: 400, UNAUTHENTICATED: 401}


class Request(Struct, frozen=True):
    """A request. `path` and `query` are decoded; header names are lower-case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Request:
        """Return the request for a target as it stands on the wire: path, `?` and query, still encoded."""
        path, _, query = target.partition("?")
        decoded = tuple(parse_qsl(query, keep_blank_values=True)) if query else ()
        return cls(method, unquote(path), decoded, headers, body)


class Response(Struct, frozen=True):
    """A response. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @classmethod
    def json(cls, document: object, status: int = 200) -> Response:
        """Return a response with a JSON document."""
        return cls(status, {"content-type": JSON}, msgspec.json.encode(document))

    @classmethod
    def text(cls, status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
        """Return a plain-text response, as the layers in front of the API send it."""
        return cls(status, {"content-type": TEXT, **(headers or {})}, text.encode())


class Refusal(Exception):
    """The server refuses a request. `code` stands in the response's body and decides its status."""

    def __init__(self, message: str, code: int = UNKNOWN) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    def response(self) -> Response:
        """Return the response that tells the client."""
        document = {"code": self.code, "message": self.message, "details": ()}
        return Response.json(document, _STATUS_OF_CODE[self.code])


class Crash(Exception):
    """The server panics: it sends a 200 with an empty body and closes the connection."""


CRASHED = Response(200, {"content-type": JSON, "connection": "close"})

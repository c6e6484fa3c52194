"""What goes in and comes out of the emulator, as values, so that it can be called without a socket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec
from msgspec import Struct

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

UNKNOWN = 2
INVALID_ARGUMENT = 3
UNAUTHENTICATED = 16

RAW = "surrogateescape"  # how bytes that are not UTF-8 stand in a text
_STATUS_OF_CODE = {UNKNOWN: 500, INVALID_ARGUMENT: 400, UNAUTHENTICATED: 401}


class Request(Struct, frozen=True):
    """A request. `path` and `query` are decoded, the names in `headers` lower-case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Request:
        """A request as it came: `target` is the path, with `?` and the query, still encoded.

        A query pair that is not well-formed is dropped without a word, as the server does.
        """
        path, _, query = target.partition("?")
        pairs = (part.partition("=") for part in query.split("&") if part and ";" not in part)
        decoded = tuple(
            (unquote_plus(name, errors=RAW), unquote_plus(value, errors=RAW))
            for name, _, value in pairs
            if _well_formed(name) and _well_formed(value)
        )
        return cls(method, unquote(path, errors=RAW), decoded, headers, body)


class Answer(Struct, frozen=True):
    """An answer. The names in `headers` are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @classmethod
    def json(cls, document: object, status: int = 200) -> Answer:
        """An answer with a JSON document."""
        return cls(status, {"content-type": JSON}, msgspec.json.encode(document))

    @classmethod
    def text(cls, status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
        """A plain answer, as the layers before the API give it."""
        return cls(status, {"content-type": TEXT, **(headers or {})}, text.encode())


class Refusal(Exception):
    """The server says no. `code` is the one of the answer's body and decides its status."""

    def __init__(self, message: str, code: int = UNKNOWN, details: tuple[Mapping[str, Any], ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = details

    def answer(self) -> Answer:
        """The refusal as it is sent."""
        if is_utf8(self.message):
            body = {"code": self.code, "message": self.message, "details": self.details}
        else:
            body = {"code": 13, "message": "failed to marshal end error"}
        return Answer.json(body, _STATUS_OF_CODE[self.code])


class Crash(Exception):
    """The server panics: a 200 with an empty body, after which it closes the connection."""


CRASHED = Answer(200, {"content-type": JSON, "connection": "close"})


def is_utf8(text: str) -> bool:
    """Whether a text that came in as bytes was UTF-8."""
    return not _NOT_UTF8.search(text)


def repaired(text: str) -> str:
    """A text with U+FFFD for what was not UTF-8."""
    return _NOT_UTF8.sub("\ufffd", text)


_NOT_UTF8 = re.compile("[\ud800-\udfff]")


def quoted(text: str) -> str:
    """A text in double quotes, escaped as in the server's messages."""
    return '"' + "".join(map(_escaped, text)) + '"'


_SHORT_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def _escaped(char: str) -> str:
    if char in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[char]
    if char.isprintable():
        return char
    number = ord(char)
    if number < 0x80 or 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number & 0xFF:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _well_formed(text: str) -> bool:
    return all(
        len(part) >= 2 and part[0] in _HEX and part[1] in _HEX  # two hexadecimal digits after each %
        for part in text.split("%")[1:]
    )


_HEX = frozenset("0123456789abcdefABCDEF")

"""Request bodies, read as the server's JSON reader reads them: which fields, which refusals, in which words.

Stricter than JSON in one way (a known field given twice is refused), laxer in others (an unknown field may hold
anything, twice; null is absent). Positions in messages are line and column, both from 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from msgspec import Struct

from reconciler.emulator.exchange import RAW, Refusal, quoted

MAX_DEPTH = 9_999


class Type(Enum):
    """What a field holds; the value is its name in messages."""

    STRING = "string"
    BOOL = "bool"
    STRINGS = "repeated string"


class Kind(Enum):
    """What a token is."""

    OPEN_OBJECT = "{"
    CLOSE_OBJECT = "}"
    OPEN_ARRAY = "["
    CLOSE_ARRAY = "]"
    COMMA = ","
    NAME = "name"
    STRING = "string"
    NULL = "null"
    BOOL = "bool"
    NUMBER = "number"
    END = "end"


class Token(Struct):
    """A token, where it starts, and what it says (`text` as it stands there)."""

    kind: Kind
    text: str
    start: int
    value: str | bool | None = None


def decode(body: bytes, fields: Mapping[str, tuple[str, Type]]) -> dict[str, Any]:
    """The known fields of a JSON object that are not null, by their own names.

    `fields` maps each name that a field has in a body to its own name and its type.

    Raises:
        Refusal: the body is not such an object.
    """
    text = body.decode("utf-8", RAW)
    tokens = _in_sequence(text)
    first = next(tokens)
    if first.kind is not Kind.OPEN_OBJECT:
        raise _unexpected(text, first)
    found: dict[str, Any] = {}
    seen: set[str] = set()
    while (token := next(tokens)).kind is not Kind.CLOSE_OBJECT:
        if token.kind is not Kind.NAME:
            raise _unexpected(text, token)
        field = fields.get(str(token.value))
        if field is None:
            _skip(tokens)
            continue
        name, type_ = field
        if name in seen:
            raise _fault(text, token.start, f"duplicate field {token.text}")
        seen.add(name)
        value = next(tokens)
        if value.kind is Kind.NULL:
            continue
        found[name] = _list(text, value, tokens) if type_ is Type.STRINGS else _scalar(text, value, type_)
    next(tokens)  # raises, if anything but white space follows
    return found


def _scalar(text: str, token: Token, type_: Type) -> str | bool | None:
    wanted = Kind.BOOL if type_ is Type.BOOL else Kind.STRING
    if token.kind is not wanted:
        raise _fault(text, token.start, f"invalid value for {wanted.value} type: {token.text}")
    return token.value


def _list(text: str, first: Token, tokens: Iterator[Token]) -> list[Any]:
    if first.kind is not Kind.OPEN_ARRAY:
        raise _unexpected(text, first)
    values = []
    while (token := next(tokens)).kind is not Kind.CLOSE_ARRAY:
        values.append(_scalar(text, token, Type.STRING))
    return values


def _skip(tokens: Iterator[Token]) -> None:
    depth = 0
    while True:
        kind = next(tokens).kind
        if kind in _OPENING:
            depth += 1
            if depth > MAX_DEPTH:
                raise Refusal("proto: exceeded max recursion depth")
        elif kind in _CLOSING:
            depth -= 1
        if depth == 0:
            return


_OPENING = {Kind.OPEN_OBJECT: Kind.CLOSE_OBJECT, Kind.OPEN_ARRAY: Kind.CLOSE_ARRAY}
_CLOSING = {close: start for start, close in _OPENING.items()}
_VALUES = {Kind.NULL, Kind.BOOL, Kind.NUMBER, Kind.STRING, *_OPENING}
_DONE = {Kind.NULL, Kind.BOOL, Kind.NUMBER, Kind.STRING, *_CLOSING}


def _in_sequence(text: str) -> Iterator[Token]:
    """The tokens of a JSON text without its commas, each refused where it cannot stand."""
    nested: list[Kind] = []
    last: Kind | None = None
    at = 0
    while True:
        token, at = _next(text, at)
        kind = token.kind
        inside = nested[-1] if nested else None
        if kind is Kind.STRING and inside is Kind.OPEN_OBJECT and last in (Kind.OPEN_OBJECT, Kind.COMMA):
            token.kind = kind = Kind.NAME
            at = _after_colon(text, at)
        if not _may_stand(kind, last, inside):
            raise _unexpected(text, token)
        if kind is Kind.END and nested:
            raise _cut_off()
        if kind in _OPENING:
            nested.append(kind)
        elif kind in _CLOSING:
            nested.pop()
        last = kind
        if kind is not Kind.COMMA:
            yield token


def _may_stand(kind: Kind, last: Kind | None, inside: Kind | None) -> bool:
    if kind in _VALUES:
        if inside is None:
            return last is None
        return last is Kind.NAME if inside is Kind.OPEN_OBJECT else last in (Kind.OPEN_ARRAY, Kind.COMMA)
    if kind in _CLOSING:
        return inside is _CLOSING[kind] and last not in (Kind.NAME, Kind.COMMA)
    if kind is Kind.COMMA:
        return inside is not None and last in _DONE
    return True


_PLAIN = r'[^"\\\x00-\x1f\udc80-\udcff]'  # the last range stands for bytes that are not UTF-8
_TOKEN = re.compile(
    rf'(?P<mark>[{{}}\[\],])|"(?P<plain>{_PLAIN}*)"'
    r"|(?P<word>null|true|false|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE](?=.)(?:[+-](?=.))?[0-9]*)?)"
    r"(?![-+._a-zA-Z0-9])",
    re.DOTALL,
)
_MARKS = {kind.value: kind for kind in (*_OPENING, *_CLOSING, Kind.COMMA)}
_WORDS: dict[str, tuple[Kind, bool | None]] = {
    "null": (Kind.NULL, None),
    "true": (Kind.BOOL, True),
    "false": (Kind.BOOL, False),
}
_NUMBER = (Kind.NUMBER, None)
_UNDELIMITED = re.compile(r"[-+._a-zA-Z0-9]{1,32}")


def _next(text: str, at: int) -> tuple[Token, int]:
    """The token at or after `at`, and where it ends."""
    start = _after_space(text, at)
    if start == len(text):
        return Token(Kind.END, "", start), start
    match = _TOKEN.match(text, start)
    if match is None:
        if text[start] == '"':
            return _escaped_string(text, start)
        word = _UNDELIMITED.match(text, start)
        raise _syntax(text, start, f"invalid value {word[0] if word else text[start]}")
    found, end = match[0], match.end()
    if match.lastgroup == "mark":
        return Token(_MARKS[found], found, start), end
    if match.lastgroup == "plain":
        return Token(Kind.STRING, found, start, match["plain"]), end
    kind, value = _WORDS.get(found, _NUMBER)
    return Token(kind, found, start, value), end


_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_STRING = re.compile(rf'"{_PLAIN}*(?:{_ESCAPE.pattern}{_PLAIN}*)*"')
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _escaped_string(text: str, start: int) -> tuple[Token, int]:
    match = _STRING.match(text, start)
    if match is None:
        raise _bad_string(text, start)
    value = json.loads(match[0])
    if _LONE_SURROGATE.search(value):
        raise _bad_string(text, start)
    return Token(Kind.STRING, match[0], start, value), match.end()


def _bad_string(text: str, start: int) -> Refusal:
    """What is wrong with the string that starts there."""
    at = start + 1
    while at < len(text):
        char = text[at]
        if "\udc80" <= char <= "\udcff":
            return _syntax(text, start, "invalid UTF-8 in string")
        if char < " ":
            return _syntax(text, start, f"invalid character '{quoted(char)[1:-1]}' in string")
        if char != "\\":
            at += 1
            continue
        following = text[at : at + 12].encode("utf-8", RAW)  # positions within an escape are bytes
        length = 6 if following[1:2] == b"u" else 2
        if len(following) < length:
            break
        if not _ESCAPE.fullmatch(_shown(following[:length])):
            return _syntax(text, start, f"invalid escape code {quoted(_shown(following[:length]))} in string")
        if length == 6 and _LONE_SURROGATE.match(json.loads(f'"{_shown(following[:6])}"')):
            if len(following) < 12:
                break
            if not _PAIR.fullmatch(_shown(following[:12])):
                return _syntax(text, start, f"invalid escape code {quoted(_shown(following[6:12]))} in string")
            length = 12
        at += length
    return _cut_off()


def _shown(part: bytes) -> str:
    return part.decode("utf-8", RAW)


_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \n\r\t":
        at += 1
    return at


def _after_colon(text: str, at: int) -> int:
    at = _after_space(text, at)
    if at == len(text):
        raise _cut_off()
    if text[at] != ":":
        byte = text[at].encode("utf-8", RAW)[:1].decode("latin-1")
        raise _syntax(text, at, f'unexpected character {byte}, missing ":" after field name')
    return at + 1


def _cut_off() -> Refusal:
    return Refusal("proto: unexpected EOF")


def _unexpected(text: str, token: Token) -> Refusal:
    return _syntax(text, token.start, f"unexpected token {token.text}")


def _syntax(text: str, start: int, message: str) -> Refusal:
    return Refusal(f"proto: syntax error {_place(text, start)}: {message}")


def _fault(text: str, start: int, message: str) -> Refusal:
    return Refusal(f"proto: {_place(text, start)}: {message}")


def _place(text: str, start: int) -> str:
    return f"(line {text.count(chr(10), 0, start) + 1}:{start - text.rfind(chr(10), 0, start)})"

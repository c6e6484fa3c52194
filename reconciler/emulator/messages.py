"""Which fields a request has, and how body, path and query fill them, refusals included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct, structs

from reconciler.emulator.exchange import INVALID_ARGUMENT, Crash, Refusal, Request, is_utf8, quoted, repaired
from reconciler.emulator.protojson import Type, decode
from reconciler.emulator.rows import Organization, Row, SAMLConnection, SCIMDirectory

PACKAGE = "ssoready.v1"


class Message(Struct, frozen=True, dict=True):
    """A sort of message: its name and its fields, by their snake-case names."""

    name: str
    fields: Mapping[str, Type | Message]

    @cached_property
    def body_fields(self) -> dict[str, tuple[str, Type]]:
        """The names a field has in a body, snake case or camel case, to its own name and type."""
        return {
            spelling: (name, type_)
            for name, type_ in self.fields.items()
            if isinstance(type_, Type)
            for spelling in (name, _camel(name))
        }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_TYPES = {str: Type.STRING, bool: Type.BOOL, tuple[str, ...]: Type.STRINGS}


def _of(row: type[Row]) -> Message:
    return Message(row.__name__, {field.name: _TYPES[field.type] for field in structs.fields(row)})


ORGANIZATION, CONNECTION, DIRECTORY = _of(Organization), _of(SAMLConnection), _of(SCIMDirectory)


def filled(message: Message, body_field: str | None, path_id: str | None, request: Request) -> dict[str, Any]:
    """The message that a request carries. `body_field`: where its body goes; None for no body at all.

    The path outdoes the body, the query both, as on the server.
    """
    found = _from_body(message, body_field, request.body)
    if path_id is not None:
        found["id"] = _text(message, "id", path_id)
    for name, value in request.query:
        _set(message, found, name, value)
    return found


def filled_whole(message: Message, request: Request) -> dict[str, Any]:
    """The message whose fields are the body's. Without a query another reader reads it, with other words."""
    if request.query:
        found = decode(request.body, message.body_fields) if request.body else {}
        for name, value in request.query:
            _set(message, found, name, value)
        return found
    if not request.body:
        raise Refusal("unmarshal message: zero-length payload is not a valid JSON object", INVALID_ARGUMENT)
    try:
        return decode(request.body, message.body_fields)
    except Refusal as refusal:
        told = f"unmarshal message: unmarshal into *ssoreadyv1.{message.name}: {refusal.message}"
        raise Refusal(repaired(told), INVALID_ARGUMENT) from refusal


def _from_body(message: Message, body_field: str | None, body: bytes) -> dict[str, Any]:
    if body_field is None:
        if body:
            raise Refusal(f"request should have no body; instead got {len(body)} bytes")
        return {}
    inner = message.fields[body_field]
    if not isinstance(inner, Message):
        raise TypeError(body_field)
    return {body_field: decode(body, inner.body_fields) if body else {}}


def _set(message: Message, found: dict[str, Any], path: str, value: str) -> None:
    """Set the field that a query parameter names, `a` or `a.b`."""
    if not path:
        raise Crash
    *outer, last = path.split(".")
    for name in outer:
        type_ = _field(message, path, name)
        if type_ is Type.STRINGS:
            field = f"field {quoted(name)} of type {PACKAGE}.{message.name}"
            raise Refusal(f"in field path {quoted(path)}: {field} should not be a list or map")
        if isinstance(type_, Type):
            raise Crash
        message = type_
        found = found.setdefault(name, {})
    type_ = _field(message, path, last)
    if isinstance(type_, Message):
        raise _bad_parameter(path, f"unsupported message type {PACKAGE}.{type_.name}")
    if type_ is Type.STRINGS:
        found.setdefault(last, []).append(_text(message, last, value))
    else:
        found[last] = _text(message, last, value) if type_ is Type.STRING else _flag(path, value)


def _field(message: Message, path: str, name: str) -> Type | Message:
    type_ = message.fields.get(name)
    if type_ is None:
        raise Refusal(
            f"in field path {quoted(path)}: element {quoted(name)} does not correspond to any field of type"
            f" {PACKAGE}.{message.name}"
        )
    return type_


def _text(message: Message, name: str, value: str) -> str:
    if not is_utf8(value):
        raise Refusal(f"proto: field {PACKAGE}.{message.name}.{name} contains invalid UTF-8")
    return value


def _flag(path: str, value: str) -> bool:
    try:
        flag = json.loads(value)
    except ValueError as error:
        start = value.lstrip(" \t\r\n")[:1]
        if not start:
            raise _bad_parameter(path, "unexpected end of JSON input") from error
        raise _bad_parameter(path, f"invalid character {start!r} looking for beginning of value") from error
    if flag is not None and not isinstance(flag, bool):
        raise _bad_parameter(path, f'value for type "bool": {value}')
    return bool(flag)


def _bad_parameter(path: str, wrong: str) -> Refusal:
    return Refusal(f"invalid parameter {quoted(path)} {wrong}", INVALID_ARGUMENT)

"""What a client may send: the fields of a body and the parameters of a query, in camel case or snake case."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct, structs

from reconciler.emulator.exchange import Refusal, Request
from reconciler.emulator.rows import settable


def body_of(row: type[Struct]) -> type[Struct]:
    """Return the type of bodies for a kind of row: what a client may set, and the organization."""
    names = {"organization_id", *settable(row)}
    return msgspec.defstruct(
        f"{row.__name__}Body",
        [
            (field.name, field.type, "" if field.name == "organization_id" else field.default)
            for field in structs.fields(row)
            if field.name in names
        ],
    )


def from_body(request: Request, body: type[Struct] | None) -> dict[str, Any]:
    """Return the values in a request's body. `body` is None for a route that takes none.

    A field that is missing or null has its default; an unknown field is ignored.

    Raises:
        Refusal: The body is not a JSON object, or a known field has the wrong type or comes twice.
    """
    if body is None:
        if request.body:
            raise Refusal(f"request should have no body; instead got {len(request.body)} bytes")
        return {}
    if not request.body:
        return structs.asdict(body())
    try:
        document = msgspec.json.decode(request.body, type=dict[str, Any])
        names = [_snake(name) for name, _ in json.loads(request.body, object_pairs_hook=tuple)]
        given = {_snake(name): value for name, value in document.items() if value is not None}
        values = structs.asdict(msgspec.convert(given, body))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        cut_off = "truncated" in str(error)
        raise Refusal("proto: unexpected EOF" if cut_off else f"proto: syntax error: {error}") from error
    if any(names.count(name) > 1 for name in values):
        raise Refusal("proto: duplicate field")
    return values


def from_query(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return the parameters of a query.

    Raises:
        Refusal: The route does not know one of them.
    """
    found = {}
    for name, value in request.query:
        if _snake(name) not in known:
            raise Refusal(f'in field path "{name}": element "{name}" does not correspond to any field')
        found[_snake(name)] = value
    return found


@lru_cache(maxsize=1024)
def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)

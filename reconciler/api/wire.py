"""JSON ↔ model: an object is believed only if it is one, of the asked kind, environment and organization."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.model.errors import BadAnswer
from reconciler.model.kinds import KINDS, Kind, KindName
from reconciler.model.state import LIVE_TYPES, Child, Live, Organization

_IDS = {kind.name: re.compile(kind.id_prefix + "[0-9a-z]{25}") for kind in KINDS.values()}
_ENVIRONMENT = re.compile("env_[0-9a-z]{25}")


class Fresh(Struct, frozen=True):
    """An object as it is this instant: typed, and the answer's own JSON with whatever else is in it."""

    live: Live
    body: dict[str, Any]


class Page(Struct, frozen=True):
    """One page of a list; `next_token` is "" on the last."""

    items: tuple[Live, ...]
    next_token: str


def one(kind: Kind, route: str, document: dict[str, Any]) -> Fresh:
    """The object in an answer's wrapper; BadAnswer if there is none."""
    body = document.get(kind.one)
    if not isinstance(body, dict):
        raise BadAnswer(f"the answer has no `{kind.one}`", route=route)
    return Fresh(_live(kind, route, body), body)


def page(kind: Kind, route: str, document: dict[str, Any]) -> Page:
    """One page; an empty list may be `{}`, but nothing else may lack its wrapper."""
    items, token = document.get(kind.many, []), document.get("nextPageToken", "")
    if not isinstance(items, list) or not isinstance(token, str):
        raise BadAnswer(f"the answer is no list of `{kind.many}`", route=route)
    if document and kind.many not in document:
        raise BadAnswer(f"the answer has no `{kind.many}`, but other things", route=route)
    return Page(tuple(_live(kind, route, item) for item in items), token)


def text(kind: str, route: str, document: dict[str, Any]) -> str:
    """The non-empty text of that name."""
    value = document.get(kind)
    if not isinstance(value, str) or not value:
        raise BadAnswer(f"the answer has no `{kind}`", route=route)
    return value


def _live(kind: Kind, route: str, body: object) -> Live:
    try:
        live: Live = msgspec.convert(body, LIVE_TYPES[kind.name])
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadAnswer(f"a `{kind.one}` in the answer is not one: {str(error)[:120]}", route=route) from None
    if not _IDS[kind.name].fullmatch(live.id):
        raise BadAnswer(f"a `{kind.one}` in the answer has no id of its kind", route=route)
    if isinstance(live, Organization):
        if not _ENVIRONMENT.fullmatch(live.environment_id):
            raise BadAnswer("an organization in the answer has no environment", route=route)
    elif not _IDS[KindName.ORGANIZATION].fullmatch(live.organization_id):
        raise BadAnswer(f"a `{kind.one}` in the answer has no organization", route=route)
    return live


def child_of(organization_id: str, live: Live, route: str) -> Child:
    """The live object as that organization's; BadAnswer if it is another's."""
    if isinstance(live, Organization) or live.organization_id != organization_id:
        raise BadAnswer(f"{live.id} belongs to another organization than the one asked for", route=route)
    return live

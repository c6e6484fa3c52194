"""Decides right before a write, on what was just read, whether to write and what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, structs

from reconciler.core.planning.diff import live_value, same
from reconciler.core.planning.match import match_children
from reconciler.model.change import Collection, Create, FieldChange, Update
from reconciler.model.kinds import IDP_FIELDS, KINDS, Field, Kind, KindName
from reconciler.model.state import Certificate, Child, DesiredChild, Live, Value

Body = dict[str, Any]
AGAIN = "the next pass plans again"


class Write(Struct, frozen=True):
    """Write this body."""

    body: Body


class Satisfied(Struct, frozen=True):
    """There is nothing left to write."""


class Stale(Struct, frozen=True):
    """The live objects changed after the plan was made, so nothing may be written."""

    message: str


def merge(change: Update, live: Live, body: Body) -> Write | Satisfied | Stale:
    """Return what to PATCH: the fresh response's own JSON, unknown fields included, with the change applied.

    It is Stale unless each field to change is as it was planned, or already as wanted, and each held field is
    unchanged.
    """
    kind = KINDS[change.key.kind]
    moved = [field.path for field in change.fields if not _as_planned(kind.field(field.wire), field, live)]
    moved += [
        kind.field(wire).path
        for wire, value in change.holds.items()
        if not same(kind.field(wire), value, live_value(kind.field(wire), live))
    ]
    if moved:
        return Stale(f"{', '.join(moved)} changed after the plan was made; {AGAIN}")
    # promoting the sibling has demoted this one already; if it is primary now, somebody changed that
    if any(f.after is False and live_value(kind.field(f.wire), live) for f in change.fields):
        return Stale(f"`primary` was changed after the plan was made; {AGAIN}")
    if all(same(kind.field(f.wire), f.after, live_value(kind.field(f.wire), live)) for f in change.fields):
        return Satisfied()
    merged = body | {field.wire: wire_value(field.after) for field in change.fields}
    if _promotes_incomplete(change, merged):
        return Stale(f"its identity provider is no longer complete, so it cannot become primary; {AGAIN}")
    return Write(merged)


def _as_planned(field: Field, planned: FieldChange, live: Live) -> bool:
    value = live_value(field, live)
    before = planned.before
    return (before is not None and same(field, before, value)) or same(field, planned.after, value)


def _promotes_incomplete(change: Update, merged: Body) -> bool:
    complete = change.key.kind is not KindName.CONNECTION or all(merged.get(wire) for wire in IDP_FIELDS)
    return _takes_primary(change) and not complete


def _takes_primary(change: Create | Update) -> bool:
    return any((field.wire, field.after) == ("primary", True) for field in change.fields)


def creation(change: Create, parent_id: str | None) -> Body:
    """Return the body of a POST."""
    body: Body = {} if parent_id is None else {"organizationId": parent_id}
    return body | {field.wire: wire_value(field.after) for field in change.fields}


def wire_value(value: Value) -> str | bool | list[str]:
    """Return a value as the API takes it."""
    if isinstance(value, Certificate):
        return value.pem
    return list(value) if isinstance(value, tuple) else value


def still_absent(
    change: Create, collection: Collection, live: Sequence[Child], created: Mapping[str, str]
) -> Stale | None:
    """Return why a child may not be created beside what is live now, if it may not.

    `created` are the ids of the siblings that this pass created, by handle.
    """
    declared = tuple(_with_id(child, created.get(child.name)) for child in collection.children)
    match = match_children(change.key.kind, declared, live, collection.distinct_from)
    if change.key.name not in match.absent:
        return Stale(f"a live object that was not there before may be this one; {AGAIN}")
    if _takes_primary(change) and any(each.primary for each in live):
        return Stale(f"another one became primary after the plan was made; {AGAIN}")
    if not live and not _takes_primary(change) and _is_primary_alone(collection):
        return Stale(f"what was beside it is gone, so it has to be primary; {AGAIN}")
    return None


def _is_primary_alone(collection: Collection) -> bool:
    """Return whether the only declared child is primary where nothing else is live: its manifest does not say."""
    return len(collection.children) == 1 and "primary" not in collection.children[0].owned


def _with_id(child: DesiredChild, created: str | None) -> DesiredChild:
    return structs.replace(child, id=created) if created else child


def not_as_meant(kind: Kind, sent: Body, response: Live) -> tuple[str, ...]:
    """Return the paths of the fields that a write's response gives otherwise than its body; absent means empty."""
    return tuple(
        field.path for field in kind.fields if not _as_sent(field, sent.get(field.wire, field.empty), response)
    )


def _as_sent(field: Field, value: Any, response: Live) -> bool:
    sent: Any = value if value is not None else field.empty
    like_response = structs.replace(response, **{field.attribute: sent})
    return same(field, live_value(field, like_response), live_value(field, response))

"""The last decision before a write, on what was read an instant ago: write what, or rather not."""

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


class Write(Struct, frozen=True):
    """Go ahead, with this body."""

    body: Body


class Satisfied(Struct, frozen=True):
    """Nothing is left to do."""


class Stale(Struct, frozen=True):
    """The world is not what the plan was made for; nothing may be written."""

    message: str


def merge(change: Update, live: Live, body: Body) -> Write | Satisfied | Stale:
    """What to PATCH: the fresh answer's own JSON, unknown fields included, with the owned fields replaced.

    A field to be changed must be what it was when planned, or already what it shall be; a field that the
    plan rests on must not have moved.
    """
    kind = KINDS[change.key.kind]
    moved = [field.path for field in change.fields if not _as_planned(kind.field(field.wire), field, live)]
    moved += [
        kind.field(wire).path
        for wire, value in change.holds.items()
        if not same(kind.field(wire), value, live_value(kind.field(wire), live))
    ]
    if moved:
        return Stale(f"{', '.join(moved)} changed since the plan was made; the next pass plans anew")
    # the server demotes by promoting another, which has happened before: who is primary now was made so since
    if any(f.after is False and live_value(kind.field(f.wire), live) for f in change.fields):
        return Stale("it was made primary again meanwhile; the next pass plans anew")
    if all(same(kind.field(f.wire), f.after, live_value(kind.field(f.wire), live)) for f in change.fields):
        return Satisfied()
    merged = body | {field.wire: wire_value(field.after) for field in change.fields}
    if _promotes_incomplete(change, merged):
        return Stale("its identity provider is no longer complete, so it cannot become primary")
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
    """The body of a POST."""
    body: Body = {} if parent_id is None else {"organizationId": parent_id}
    return body | {field.wire: wire_value(field.after) for field in change.fields}


def wire_value(value: Value) -> str | bool | list[str]:
    """A value as the API takes it."""
    if isinstance(value, Certificate):
        return value.pem
    return list(value) if isinstance(value, tuple) else value


def still_absent(
    change: Create, collection: Collection, live: Sequence[Child], created: Mapping[str, str]
) -> Stale | None:
    """Whether a child may still be created beside what is live now; `created` are ids by handle of this pass."""
    declared = tuple(_with_id(child, created.get(child.name)) for child in collection.children)
    match = match_children(change.key.kind, declared, live, collection.distinct_from)
    if change.key.name not in match.absent:
        return Stale("something appeared in its organization that may be it; the next pass plans anew")
    if _takes_primary(change) and any(each.primary for each in live):
        return Stale("another one became primary since the plan was made; the next pass plans anew")
    return None


def _with_id(child: DesiredChild, created: str | None) -> DesiredChild:
    return structs.replace(child, id=created) if created else child


def not_as_meant(kind: Kind, sent: Body, answer: Live) -> tuple[str, ...]:
    """The paths of the settable fields in which a write's answer differs from its body; absent means empty."""
    return tuple(
        field.path for field in kind.fields if not _as_sent(field, sent.get(field.wire, field.empty), answer)
    )


def _as_sent(field: Field, value: Any, answer: Live) -> bool:
    sent: Any = value if value is not None else field.empty
    like_answer = structs.replace(answer, **{field.attribute: sent})
    return same(field, live_value(field, like_answer), live_value(field, answer))

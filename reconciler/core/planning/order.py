"""The total order of a plan's changes: within an organization by what must come first, then by name."""

from __future__ import annotations

from reconciler.model.change import Change, Create, Issue
from reconciler.model.kinds import IDP_FIELDS, KindName

ORGANIZATION, PROMOTION, CREATE, UPDATE, DEMOTION, ISSUE = range(6)
KIND_ORDER = {name: position for position, name in enumerate(KindName)}


def level(change: Change) -> int:
    """The organization, then promotions, creates, updates, demotions, and secrets last."""
    if isinstance(change, Issue):
        return ISSUE
    if change.key.kind is KindName.ORGANIZATION:
        return ORGANIZATION
    if isinstance(change, Create):
        return CREATE
    primary = [field.after for field in change.fields if field.wire == "primary"]
    if not primary:
        return UPDATE
    return PROMOTION if primary[0] else DEMOTION


def position(change: Change) -> tuple[str, int, int, int, str]:
    """A sort key; creates that a later pass could tell apart come before those it could not.

    A restart in between must find those already made by their evidence, and no other by the same: so those
    that state an entity id come first, among them those that state more, and the blank one is the last.
    """
    stated = sum(field.wire in IDP_FIELDS for field in change.fields)
    known = any(field.wire == "idpEntityId" for field in change.fields)
    weakness = (0 if known else 4) - stated if isinstance(change, Create) else 0
    return (change.key.organization, level(change), KIND_ORDER[change.key.kind], weakness, change.key.name)

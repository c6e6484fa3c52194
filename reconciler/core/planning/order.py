"""The order of a plan's changes: by organization, then by what has to come first, then by name."""

from __future__ import annotations

from reconciler.model.change import Change, Create, Issue
from reconciler.model.kinds import IDP_FIELDS, KindName

ORGANIZATION, PROMOTION, CREATE, UPDATE, DEMOTION, ISSUE = range(6)
KIND_ORDER = {name: position for position, name in enumerate(KindName)}


def level(change: Change) -> int:
    """Return the rank within an organization: itself, then promotions, creates, updates, demotions, secrets."""
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
    """Return the sort key of a change.

    Creates come in order of how well a later pass can identify what they made, in case this pass is interrupted:
    first those that state an entity id, among them those that state more, and a blank one last.
    """
    stated = sum(field.wire in IDP_FIELDS for field in change.fields)
    known = any(field.wire == "idpEntityId" for field in change.fields)
    weakness = (0 if known else 4) - stated if isinstance(change, Create) else 0
    return (change.key.organization, level(change), KIND_ORDER[change.key.kind], weakness, change.key.name)

"""The part of a plan that is about one organization, of which the whole plan is the sum."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, structs

from reconciler.model.change import Blocked, BlockReason, Change, Duplicate, Hint, Key, Pin, Unmanaged
from reconciler.model.kinds import KindName
from reconciler.model.state import DesiredOrganization


class Part(Struct, frozen=True):
    """The part of the plan that is about one organization."""

    changes: tuple[Change, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    hints: tuple[Hint, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    pins: tuple[Pin, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    candidates: frozenset[str] = frozenset()  # live organizations that may be this one
    found: int = 0  # live resources that match a declared one and may be written


def total(parts: Iterable[Part]) -> Part:
    """Return all parts as one."""
    parts = tuple(parts)
    return Part(
        changes=tuple(each for part in parts for each in part.changes),
        blocked=tuple(each for part in parts for each in part.blocked),
        hints=tuple(each for part in parts for each in part.hints),
        unmanaged=tuple(each for part in parts for each in part.unmanaged),
        pins=tuple(each for part in parts for each in part.pins),
        duplicates=tuple(each for part in parts for each in part.duplicates),
        candidates=frozenset(each for part in parts for each in part.candidates),
        found=sum(part.found for part in parts),
    )


def key_of(wanted: DesiredOrganization) -> Key:
    """Return the key of an organization."""
    return Key(wanted.name, KindName.ORGANIZATION, wanted.name)


def blocked(wanted: DesiredOrganization, reason: BlockReason, message: str) -> Blocked:
    """Return the block of an organization."""
    return Blocked(
        reason=reason,
        message=message,
        organization=wanted.name,
        kind=KindName.ORGANIZATION,
        name=None,
        origin=wanted.origin,
    )


def refuse(wanted: DesiredOrganization, part: Part, reason: BlockReason, message: str) -> Part:
    """Return the part without the organization's own change."""
    return structs.replace(part, changes=(), blocked=(blocked(wanted, reason, message),), found=0)

"""Which live child of an organization is which declared one, and what may be written to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import permutations
from typing import Any

from msgspec import Struct

from reconciler.emulator.rows import SCIMDirectory
from reconciler.model.change import BlockReason
from reconciler.model.kinds import IDP_FIELDS, KINDS, KindName
from tests.simulation.oracle.declared import Child, Organization, row_values
from tests.simulation.oracle.organizations import only_creates

ENTITY, URL, CERTIFICATE = IDP_FIELDS
STRENGTHS = ((ENTITY, CERTIFICATE, URL), (ENTITY, CERTIFICATE), (CERTIFICATE, URL), (ENTITY, URL), (ENTITY,))
Rows = Mapping[str, Any]


class Match(Struct, frozen=True):
    """By handle: the live one that it is, that it is certainly not there, or why that is not known.

    `open` are those that may be several live ones, and need nothing; `blank` was known by having nothing.
    """

    found: Mapping[str, str]
    absent: frozenset[str]
    doubts: Mapping[str, BlockReason]
    open: frozenset[str]
    blank: str | None = None


def match(
    declared: tuple[Child, ...], rows: Rows, distinct: frozenset[str], own: Mapping[str, str | None]
) -> Match:
    """What is what; `own` are the ids of those that this pass created, by handle."""
    pins = {each.name: own.get(each.name) or each.id for each in declared}
    found = {name: pin for name, pin in pins.items() if pin is not None and pin in rows}
    doubts = {name: BlockReason.PIN_NOT_FOUND for name, pin in pins.items() if pin and pin not in rows}
    left = {each.name: each for each in declared if pins[each.name] is None}
    free = {id_: row for id_, row in rows.items() if id_ not in pins.values() and id_ not in distinct}
    for name, id_ in _evident(left, free):
        found[name] = id_
        del left[name], free[id_]
    blank = None
    if len(left) == len(free) == 1:
        ((name, child),), ((id_, row),) = left.items(), free.items()
        if not child.evidence or not shown(row):
            found[name] = id_
            blank = name if child.evidence else None
            left, free = {}, {}
    if not left or not free:
        return Match(found, frozenset(left), doubts, frozenset(), blank)
    if _fits_as_it_is(list(left.values()), free):
        return Match(found, frozenset(), doubts, frozenset(left), blank)
    return Match(found, frozenset(), doubts | dict.fromkeys(left, BlockReason.AMBIGUOUS), frozenset(), blank)


def shown(row: Any) -> dict[str, str]:
    """What a live one has of an identity provider."""
    values = row_values(KindName.CONNECTION, row) if not isinstance(row, SCIMDirectory) else {}
    return {wire: values[wire] for wire in IDP_FIELDS if values.get(wire)}


def _evident(left: Mapping[str, Child], free: Rows) -> list[tuple[str, str]]:
    names, seen, pairs = dict(left), {id_: shown(row) for id_, row in free.items()}, []
    for strength in STRENGTHS:
        equal = [
            (name, id_)
            for name, child in names.items()
            for id_, values in seen.items()
            if _agree(child.evidence, values, strength)
        ]
        by_name, by_id = Counter(name for name, _ in equal), Counter(id_ for _, id_ in equal)
        for name, id_ in equal:
            if by_name[name] == by_id[id_] == 1:
                pairs.append((name, id_))
                del names[name], seen[id_]
    return pairs


def _agree(stated: Mapping[str, str], live: Mapping[str, str], strength: tuple[str, ...]) -> bool:
    if stated.get(ENTITY, live.get(ENTITY)) != live.get(ENTITY, stated.get(ENTITY)):
        return False
    return all(stated.get(wire) == live.get(wire) is not None for wire in strength)


def _fits_as_it_is(left: list[Child], free: Rows) -> bool:
    if len(left) > len(free):
        return False
    return any(
        all(not _needs(child, free[id_]) for child, id_ in zip(left, chosen, strict=True))
        for chosen in permutations(free, len(left))
    )


def _needs(child: Child, row: Any) -> bool:
    token = child.token and not row.has_client_bearer_token
    live = row_values(child.kind, row)
    return token or any(live[wire] != value for wire, value in child.values.items())


# -- what may be written ---------------------------------------------------------------------------


class Standing(Struct, frozen=True):
    """How one declared child stands: what it is, the values of the write that is due, why there is none."""

    live: str | None = None
    due: Mapping[str, Any] | None = None
    waits: bool = False
    blocked: BlockReason | None = None


def stand(wanted: Organization, kind: KindName, rows: Rows, found: Match) -> dict[str, Standing]:
    """By handle."""
    declared = wanted.collections[kind]
    standing = {each.name: _alone(wanted, each, rows, found) for each in declared}
    return _with_a_primary(declared, kind, rows, standing)


def _alone(wanted: Organization, child: Child, rows: Rows, match: Match) -> Standing:
    if child.name in match.doubts:
        return Standing(blocked=match.doubts[child.name])
    if child.name in match.open:
        return Standing()
    if child.name in match.absent:
        empty = {field.wire: field.empty for field in KINDS[child.kind].fields}
        alone = not rows and len(wanted.collections[child.kind]) == 1
        return Standing(due={**empty, "primary": alone, **child.values})
    live = match.found[child.name]
    before = row_values(child.kind, rows[live])
    after = before | dict(child.values)
    return Standing(live, None if after == before or only_creates(wanted) else after)


def _with_a_primary(
    declared: tuple[Child, ...], kind: KindName, rows: Rows, standing: dict[str, Standing]
) -> dict[str, Standing]:
    """A collection keeps a primary, and only one that works becomes it."""
    result, promoted = dict(standing), None
    holder = next((id_ for id_, row in rows.items() if row.primary), None)
    for child in declared:
        each = standing[child.name]
        if each.due is None or not each.due["primary"] or (each.live and each.live == holder):
            continue
        if each.live is None and holder:
            result[child.name] = Standing(blocked=BlockReason.PRIMARY)
        elif each.live and kind is KindName.CONNECTION and not all(each.due[wire] for wire in IDP_FIELDS):
            result[child.name] = Standing(each.live, blocked=BlockReason.INCOMPLETE_IDP)
        else:
            promoted = promoted or child.name
    for child in declared:
        each = standing[child.name]
        if each.due is None or each.live is None or each.live != holder or each.due["primary"]:
            continue
        if promoted is None:
            result[child.name] = Standing(each.live, blocked=BlockReason.PRIMARY)
            continue
        rest = row_values(kind, rows[each.live]) | {"primary": False} != each.due
        result[child.name] = Standing(each.live, each.due if rest else None, waits=True)
    return result

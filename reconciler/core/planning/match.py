"""Decides which live resource is which declared one. A mistake here writes to another customer's object.

The order of manifests and of the API's pages never changes the result, and two declared resources never match the
same live one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from reconciler.core.planning.diff import differs
from reconciler.core.values import certificate, domain
from reconciler.model.change import BlockReason
from reconciler.model.kinds import CONNECTION, IDP_FIELDS, KINDS, Kind, KindName
from reconciler.model.state import (
    Certificate,
    Child,
    Desired,
    DesiredChild,
    DesiredOrganization,
    Observed,
    ObservedOrganization,
    SCIMDirectory,
)

ENTITY, URL, CERTIFICATE = IDP_FIELDS
# Fields that identify a connection when all are equal, strongest first. `primary` or a URL alone never does.
EVIDENCE = ((ENTITY, CERTIFICATE, URL), (ENTITY, CERTIFICATE), (CERTIFICATE, URL), (ENTITY, URL), (ENTITY,))


class Doubt(Struct, frozen=True):
    """Why it is unclear whether a declared resource is live."""

    reason: BlockReason
    message: str


class Found(Struct, frozen=True):
    """The live counterpart of a declared child; `basis` are the wire names of the fields that identified it."""

    live: Child
    basis: tuple[str, ...]


class ChildMatch(Struct, frozen=True):
    """The match of a collection, by the children's names; each name is in exactly one of the first four.

    `unpinned` are children that may be any of those live ids; nothing has to be written, so it does not matter.
    `unmanaged` are the live ones that are certainly no declared child.
    """

    found: Mapping[str, Found]
    absent: frozenset[str]
    doubts: Mapping[str, Doubt]
    unpinned: Mapping[str, tuple[str, ...]]
    unmanaged: tuple[Child, ...]


class OrganizationMatch(Struct, frozen=True):
    """The match of all organizations, by handle; `unclaimed` are the live ones that no manifest claims."""

    found: Mapping[str, ObservedOrganization]
    absent: frozenset[str]
    doubts: Mapping[str, Doubt]
    unclaimed: tuple[ObservedOrganization, ...]


# -- organizations ---------------------------------------------------------------------------------


def match_organizations(desired: Desired, observed: Observed) -> OrganizationMatch:
    """Match by `id` if stated, else by an equal external id. One that two manifests claim is in doubt."""
    by_id = {live.organization.id: live for live in observed.organizations}
    by_external_id: dict[str, list[ObservedOrganization]] = {}
    for live in observed.organizations:
        if live.organization.external_id:
            by_external_id.setdefault(live.organization.external_id, []).append(live)

    def candidates(pin: str | None, external_id: str | None) -> list[ObservedOrganization]:
        if pin is not None:
            return [by_id[pin]] if pin in by_id else []
        return by_external_id.get(external_id or "", [])

    claims = {wanted.name: candidates(wanted.id, wanted.external_id) for wanted in desired.organizations}
    claimants = Counter(live.organization.id for lives in claims.values() for live in lives)
    claimants.update(
        live.organization.id for bad in desired.invalid for live in candidates(bad.id, bad.external_id)
    )
    found: dict[str, ObservedOrganization] = {}
    absent: set[str] = set()
    doubts: dict[str, Doubt] = {}
    for wanted in desired.organizations:
        lives = claims[wanted.name]
        doubt = _doubt_of_claim(wanted, lives, claimants)
        if doubt:
            doubts[wanted.name] = doubt
        elif lives:
            found[wanted.name] = lives[0]
        else:
            absent.add(wanted.name)
    unclaimed = tuple(live for live in observed.organizations if not claimants[live.organization.id])
    return OrganizationMatch(found, frozenset(absent), doubts, unclaimed)


def _doubt_of_claim(
    wanted: DesiredOrganization, lives: Sequence[ObservedOrganization], claimants: Mapping[str, int]
) -> Doubt | None:
    if not lives:
        if wanted.id is None:
            return None
        return Doubt(
            BlockReason.PIN_NOT_FOUND,
            f"{wanted.id} is not in this environment. If it was deleted on purpose, remove the `id:` line "
            "to have the organization created again.",
        )
    if len(lives) > 1:
        ids = ", ".join(sorted(live.organization.id for live in lives))
        return Doubt(
            BlockReason.AMBIGUOUS,
            f"several live organizations have the external id {wanted.external_id!r}: {ids}. Add `id:` with the "
            "right one.",
        )
    if claimants[lives[0].organization.id] > 1:
        return Doubt(
            BlockReason.CLAIMED_TWICE,
            f"another manifest also claims {lives[0].organization.id}. Correct `id` or `externalId` in one of the "
            "two.",
        )
    return None


def look_alikes(
    wanted: DesiredOrganization, unclaimed: Iterable[ObservedOrganization]
) -> tuple[ObservedOrganization, ...]:
    """Return the unclaimed live organizations with a same domain or display name, without those ruled out."""
    name = folded(str(wanted.owned.get("displayName", "")))
    wanted_domains = set(wanted.domains)

    def alike(live: ObservedOrganization) -> bool:
        organization = live.organization
        if organization.id in wanted.distinct_from:
            return False
        same_name = bool(name) and folded(organization.display_name) == name
        return same_name or not wanted_domains.isdisjoint(domain.normal(d) for d in organization.domains)

    return tuple(live for live in unclaimed if alike(live))


def folded(name: str) -> str:
    """Return a display name as names are compared."""
    return " ".join(name.split()).casefold()


# -- children --------------------------------------------------------------------------------------


def match_children(
    name: KindName, declared: Sequence[DesiredChild], live: Sequence[Child], distinct_from: frozenset[str]
) -> ChildMatch:
    """Match by pins, then by evidence, then the last one with the last one; else leave it open or in doubt.

    It is left open (`unpinned`) if some assignment of the rest writes nothing.
    """
    kind = KINDS[name]
    found, doubts = _pinned(declared, live)
    taken = {child.id for child in declared}
    left = {child.name: child for child in declared if child.name not in found and child.name not in doubts}
    others = {each.id: each for each in live if each.id not in taken and each.id not in distinct_from}
    ruled_out = [each for each in live if each.id not in taken and each.id in distinct_from]

    for pair, basis in _by_evidence(left, others):
        found[pair[0]] = Found(others.pop(pair[1]), basis)
        del left[pair[0]]
    alone = _one_and_one(left, others)
    if alone:
        child, match = alone
        found[child.name] = match
        del left[child.name], others[match.live.id]

    if not others or not left:
        return ChildMatch(found, frozenset(left), doubts, {}, _sorted([*others.values(), *ruled_out]))
    if _some_assignment_writes_nothing(kind, left, others):
        ids = tuple(sorted(others))
        return ChildMatch(found, frozenset(), doubts, dict.fromkeys(left, ids), _sorted(ruled_out))
    doubts |= dict.fromkeys(left, _ambiguous(sorted(left), sorted(others)))
    return ChildMatch(found, frozenset(), doubts, {}, _sorted(ruled_out))


def _pinned(declared: Sequence[DesiredChild], live: Sequence[Child]) -> tuple[dict[str, Found], dict[str, Doubt]]:
    """Match by pins. If one is stated twice, all children without a pin of their own are in doubt."""
    by_id = {each.id: each for each in live}
    pins = Counter(child.id for child in declared if child.id is not None)
    twice = sorted(pin for pin, count in pins.items() if count > 1)
    found: dict[str, Found] = {}
    doubts: dict[str, Doubt] = {}
    for child in declared:
        if child.id in twice or (child.id is None and twice):
            doubts[child.name] = Doubt(
                BlockReason.CLAIMED_TWICE,
                f"more than one `id:` line states {' and '.join(twice)}; only one may.",
            )
        elif child.id in by_id:
            found[child.name] = Found(by_id[child.id], ())
        elif child.id is not None:
            doubts[child.name] = Doubt(
                BlockReason.PIN_NOT_FOUND,
                f"{child.id} is not in this organization. If it was deleted on purpose, remove the `id:` line "
                "to have it created again.",
            )
    return found, doubts


def _by_evidence(
    declared: Mapping[str, DesiredChild], live: Mapping[str, Child]
) -> list[tuple[tuple[str, str], tuple[str, ...]]]:
    """Return the pairs of (name, id) that evidence makes, each with its fields; directories have no evidence."""
    wanted = {name: _stated(child) for name, child in declared.items()}
    seen = {each.id: _shown(each) for each in live.values()}
    pairs: list[tuple[tuple[str, str], tuple[str, ...]]] = []
    for fields in EVIDENCE:
        equal = [(name, id_) for name in wanted for id_ in seen if _agree(wanted[name], seen[id_], fields)]
        if not equal:
            continue
        names, ids = Counter(name for name, _ in equal), Counter(id_ for _, id_ in equal)
        for name, id_ in equal:
            if names[name] == 1 and ids[id_] == 1:
                pairs.append(((name, id_), fields))
                del wanted[name], seen[id_]
    return pairs


def _stated(child: DesiredChild) -> dict[str, str]:
    """Return the IdP values that a manifest states, comparable, without cleared ones."""
    values = {wire: child.owned.get(wire, "") for wire in IDP_FIELDS}
    return {
        wire: value.sha256 if isinstance(value, Certificate) else str(value)
        for wire, value in values.items()
        if value
    }


def _shown(live: Child) -> dict[str, str]:
    """Return the IdP values that a live connection has, comparable; a directory has none."""
    values = {wire: getattr(live, CONNECTION.field(wire).attribute, "") for wire in IDP_FIELDS}
    values[CERTIFICATE] = certificate.fingerprint(values[CERTIFICATE])
    return {wire: value for wire, value in values.items() if value}


def identity(live: Child) -> tuple[tuple[str, str], ...]:
    """Return what identifies a live child, equal for two that nothing tells apart; an entity id alone does."""
    entity_id: str = getattr(live, CONNECTION.field(ENTITY).attribute, "")
    return ((ENTITY, entity_id),) if entity_id else tuple(sorted(_shown(live).items()))


def may_be(child: DesiredChild, live: Child) -> bool:
    """Return whether nothing says that a live child is another one than this declared one."""
    return _agree(_stated(child), _shown(live), ())


def _agree(wanted: Mapping[str, str], seen: Mapping[str, str], fields: tuple[str, ...]) -> bool:
    if ENTITY in wanted and ENTITY in seen and wanted[ENTITY] != seen[ENTITY]:
        return False
    return all(field in wanted and field in seen and wanted[field] == seen[field] for field in fields)


def _one_and_one(
    declared: Mapping[str, DesiredChild], live: Mapping[str, Child]
) -> tuple[DesiredChild, Found] | None:
    if len(declared) != 1 or len(live) != 1:
        return None
    (child,), (only,) = declared.values(), live.values()
    if not _stated(child):
        return child, Found(only, ())
    if not _shown(only):
        return child, Found(only, IDP_FIELDS)
    return None


def _some_assignment_writes_nothing(
    kind: Kind, declared: Mapping[str, DesiredChild], live: Mapping[str, Child]
) -> bool:
    """Return whether every declared child can have a live one of its own that it equals (augmenting paths)."""
    fits = {
        name: [each.id for each in live.values() if _writes_nothing(kind, child, each)]
        for name, child in declared.items()
    }
    holder: dict[str, str] = {}

    def place(name: str, tried: set[str]) -> bool:
        for id_ in fits[name]:
            if id_ in tried:
                continue
            tried.add(id_)
            if id_ not in holder or place(holder[id_], tried):
                holder[id_] = name
                return True
        return False

    return all(place(name, set()) for name in fits)


def _writes_nothing(kind: Kind, child: DesiredChild, live: Child) -> bool:
    needs_token = child.issue_token and isinstance(live, SCIMDirectory) and not live.has_client_bearer_token
    return not needs_token and not differs(kind, child.owned, live)


def _ambiguous(names: Sequence[str], ids: Sequence[str]) -> Doubt:
    """Name all that are in doubt together, since a `distinctFrom` counts for the whole organization."""
    shown, lives = ", ".join(map(repr, names)), " or ".join(ids)
    if len(names) == 1:
        question = f"{shown} may be {lives}, which no manifest claims. If it is, add `id: {ids[0]}` to it"
        another = "if it is another"
    else:
        question = f"{lives} may be one of {shown}. If it is, add `id: {ids[0]}` to that one"
        another = "if it is none of them"
    return Doubt(
        BlockReason.AMBIGUOUS,
        f"{question}; {another}, add `distinctFrom: [{', '.join(ids)}]` to the organization.",
    )


def _sorted(live: Iterable[Child]) -> tuple[Child, ...]:
    return tuple(sorted(live, key=lambda each: each.id))

"""What two manifests, or two children of one, may not both say; each side is told where the other stands."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from reconciler.core.manifests.identity import Identity
from reconciler.core.manifests.rules import items
from reconciler.core.values import domain
from reconciler.core.values.problems import Budget, Fault, shown
from reconciler.model.kinds import CHILD_KINDS
from reconciler.model.manifest import Document, Path, Problem

_ORGANIZATION_HINT = "only one organization may have it: change it in all others"
_PIN_HINT = "one live object is declared once: correct the `id` that was copied"
_MAX_OTHERS = 3  # places named in a message
_HINTS = {
    "name/duplicate": "names are handles: give each its own",
    "external-id/duplicate": _ORGANIZATION_HINT,
    "id/duplicate": _PIN_HINT,
    "domain/shared": "people of a domain sign in to one organization: take it out of all others, or set "
    "`domains: {forbidShared: false}` in the Environment, where reconciler.toml allows it",
}


class Claim(Struct, frozen=True, gc=False):
    """Something that a document wants for itself; two equal (rule, key) clash. A default is not `stated`.

    `noun` and `said` name it in a message.
    """

    rule: str
    key: Hashable
    noun: str
    said: str
    owner: int
    path: Path
    stated: bool = True

    @property
    def what(self) -> str:
        """It, as a message names it."""
        return f"{self.noun}{shown(self.said)}"


def of_identity(owner: int, identity: Identity, *, stated: bool) -> Iterator[Claim]:
    """What any Organization document claims, also a broken one; `stated`: its external id is no default."""
    if identity.name:
        yield Claim("name/duplicate", identity.name, "the name ", identity.name, owner, ("metadata", "name"))
    if identity.external_id:
        path = ("spec", "externalId") if stated else ("metadata", "name")
        said = identity.external_id
        yield Claim("external-id/duplicate", said, "the external id ", said, owner, path, stated)
    if identity.id:
        yield Claim("id/duplicate", identity.id, "", identity.id, owner, ("spec", "id"))


def of_spec(owner: int, spec: Mapping[str, Any], *, forbid_shared: bool) -> Iterator[Claim]:
    """What any Organization document claims beyond its identity: its children and its domains."""
    for kind in CHILD_KINDS:
        for index, child in items(spec, kind.collection, dict):
            path = ("spec", kind.collection, index)
            name, pin = child.get("name"), child.get("id")
            if isinstance(name, str):
                key = (owner, kind.collection, name)
                yield Claim("name/duplicate", key, "the name ", name, owner, (*path, "name"))
            if isinstance(pin, str) and pin:
                yield Claim("id/duplicate", pin, "", pin, owner, (*path, "id"))
    if forbid_shared:
        domains = {domain.normal(name): index for index, name in items(spec, "domains", str)}
        for name, index in domains.items():
            yield Claim("domain/shared", name, "the domain ", name, owner, ("spec", "domains", index))


def find(
    claims: Callable[[], Iterator[Claim]], documents: Sequence[Document], budget: Budget
) -> Iterator[tuple[int, Problem]]:
    """Every clash, once for each document that has part in it, with that document's index.

    `claims` gives them anew: a million are not kept. Once the budget is spent, a document is told of one clash,
    without its place.
    """
    clashing = _clashing(claims())
    groups: dict[tuple[str, Hashable], list[Claim]] = {}
    untold: dict[int, Claim] = {}
    for claim in claims() if clashing else ():
        if (claim.rule, claim.key) in clashing:
            if budget.take():
                groups.setdefault((claim.rule, claim.key), []).append(claim)
            else:
                untold.setdefault(claim.owner, claim)
    by_document = sorted({(claim.owner, claim.path) for group in groups.values() for claim in group}, key=_owner)
    places = {(owner, path): documents[owner].locate(path) for owner, path in by_document}
    for group in groups.values():
        found = [places[claim.owner, claim.path] for claim in group]
        for index, claim in enumerate(group):
            others = [str(place) for at, place in enumerate(found[: _MAX_OTHERS + 1]) if at != index]
            yield claim.owner, _fault(claim, others, len(group) - 1).at(found[index])
    for owner, claim in untold.items():
        yield owner, _fault(claim, (), 0).at(documents[owner].origin)


def _clashing(claims: Iterator[Claim]) -> set[tuple[str, Hashable]]:
    """What is claimed more than once, and not by defaults alone: equal defaults come from equal names."""
    known: dict[str, dict[Hashable, bool]] = {}  # whether any is stated; by rule, which takes less than pairs
    found: set[tuple[str, Hashable]] = set()
    for claim in claims:
        same = known.setdefault(claim.rule, {})
        stated = same.get(claim.key)
        if stated is not None and (stated or claim.stated):
            found.add((claim.rule, claim.key))
        same[claim.key] = bool(stated) or claim.stated
    return found


def _owner(place: tuple[int, Path]) -> int:
    return place[0]


def _fault(claim: Claim, others: Sequence[str], count: int) -> Fault:
    named = others[:_MAX_OTHERS]
    more = f" and {count - len(named)} more" if count > len(named) else ""
    where = f"at {', '.join(named)}{more}" if named else "elsewhere"
    return Fault(claim.rule, f"{claim.what} stands {where} too", _HINTS[claim.rule])

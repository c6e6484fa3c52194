"""What two manifests, or two children of one, may not both say; each side is told where the other stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from reconciler.core.manifests.identity import Identity
from reconciler.core.manifests.rules import items
from reconciler.core.values import domain
from reconciler.core.values.problems import Fault, shown
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
    """Something that a document wants for itself; two equal (rule, key) clash. A default is not `stated`."""

    rule: str
    key: tuple[object, ...]
    what: str
    owner: int
    path: Path
    stated: bool = True


def of_identity(owner: int, identity: Identity, *, stated: bool) -> Iterator[Claim]:
    """What any Organization document claims, also a broken one; `stated`: its external id is no default."""
    if identity.name:
        yield Claim(
            "name/duplicate", (identity.name,), f"the name {shown(identity.name)}", owner, ("metadata", "name")
        )
    if identity.external_id:
        path = ("spec", "externalId") if stated else ("metadata", "name")
        what = f"the external id {shown(identity.external_id)}"
        yield Claim("external-id/duplicate", (identity.external_id,), what, owner, path, stated)
    if identity.id:
        yield Claim("id/duplicate", (identity.id,), shown(identity.id), owner, ("spec", "id"))


def of_spec(owner: int, spec: Mapping[str, Any], *, forbid_shared: bool) -> Iterator[Claim]:
    """What any Organization document claims beyond its identity: its children and its domains."""
    for kind in CHILD_KINDS:
        for index, child in items(spec, kind.collection, dict):
            path = ("spec", kind.collection, index)
            name, pin = child.get("name"), child.get("id")
            if isinstance(name, str):
                key = (owner, kind.collection, name)
                yield Claim("name/duplicate", key, f"the name {shown(name)}", owner, (*path, "name"))
            if isinstance(pin, str) and pin:
                yield Claim("id/duplicate", (pin,), shown(pin), owner, (*path, "id"))
    if forbid_shared:
        domains = {domain.normal(name): index for index, name in items(spec, "domains", str)}
        for name, index in domains.items():
            yield Claim("domain/shared", (name,), f"the domain {shown(name)}", owner, ("spec", "domains", index))


def find(claims: Iterator[Claim], documents: Sequence[Document]) -> Iterator[tuple[int, Problem]]:
    """Every clash, once for each document that has part in it, with that document's index."""
    groups: dict[tuple[object, ...], list[Claim]] = {}
    for claim in claims:
        groups.setdefault((claim.rule, *claim.key), []).append(claim)
    for group in groups.values():
        if len(group) > 1 and any(claim.stated for claim in group):  # equal defaults come from equal names
            places = [documents[claim.owner].locate(claim.path) for claim in group]
            for index, claim in enumerate(group):
                others = [str(place) for at, place in enumerate(places[: _MAX_OTHERS + 1]) if at != index]
                yield claim.owner, _fault(claim, others, len(group) - 1).at(places[index])


def _fault(claim: Claim, others: Sequence[str], count: int) -> Fault:
    named = others[:_MAX_OTHERS]
    more = f" and {count - len(named)} more" if count > len(named) else ""
    return Fault(claim.rule, f"{claim.what} stands at {', '.join(named)}{more} too", _HINTS[claim.rule])

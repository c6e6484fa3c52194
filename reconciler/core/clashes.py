"""What two manifests, or two children of one, may not both say; each side is told where the other stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from reconciler.core import domain
from reconciler.core.fault import Fault
from reconciler.core.identity import Identity
from reconciler.model.kinds import CHILD_KINDS
from reconciler.model.manifest import Document, Path, Problem

_ORGANIZATION_HINT = "only one organization may have it: change it in all others"
_PIN_HINT = "one live object is declared once: correct the `id` that was copied"
_HINTS = {
    "name/duplicate": "names are handles: give each its own",
    "external-id/duplicate": _ORGANIZATION_HINT,
    "id/duplicate": _PIN_HINT,
    "domain/shared": "people of a domain sign in to one organization: take it out of all others, or set "
    "`domains: {forbidShared: false}` in the Environment",
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
        yield Claim("name/duplicate", (identity.name,), f"the name {identity.name}", owner, ("metadata", "name"))
    if identity.external_id:
        path = ("spec", "externalId") if stated else ("metadata", "name")
        what = f"the external id {identity.external_id}"
        yield Claim("external-id/duplicate", (identity.external_id,), what, owner, path, stated)
    if identity.id:
        yield Claim("id/duplicate", (identity.id,), identity.id, owner, ("spec", "id"))


def of_spec(owner: int, spec: dict[str, Any], *, forbid_shared: bool) -> Iterator[Claim]:
    """What a document that keeps its schema claims beyond its identity: its children and its domains."""
    for kind in CHILD_KINDS:
        for index, child in enumerate(spec.get(kind.collection, ())):
            path = ("spec", kind.collection, index)
            name, pin = child["name"], child.get("id")
            key = (owner, kind.collection, name)
            yield Claim("name/duplicate", key, f"the name {name}", owner, (*path, "name"))
            if pin:
                yield Claim("id/duplicate", (pin,), pin, owner, (*path, "id"))
    if forbid_shared:
        domains = {domain.normal(name): index for index, name in enumerate(spec.get("domains", ()))}
        for name, index in domains.items():
            yield Claim("domain/shared", (name,), f"the domain {name}", owner, ("spec", "domains", index))


def find(claims: Iterator[Claim], documents: Sequence[Document]) -> Iterator[tuple[int, Problem]]:
    """Every clash, once for each document that has part in it, with that document's index."""
    groups: dict[tuple[object, ...], list[Claim]] = {}
    for claim in claims:
        groups.setdefault((claim.rule, *claim.key), []).append(claim)
    for group in groups.values():
        if len(group) > 1 and any(claim.stated for claim in group):  # equal defaults come from equal names
            for index, claim in enumerate(group):
                others = [_place(other, documents) for other in group[:index] + group[index + 1 :]]
                yield claim.owner, _fault(claim, others).at(documents[claim.owner].locate(claim.path))


def _place(claim: Claim, documents: Sequence[Document]) -> str:
    return str(documents[claim.owner].locate(claim.path))


def _fault(claim: Claim, others: Sequence[str]) -> Fault:
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return Fault(claim.rule, f"{claim.what} stands at {', '.join(others[:3])}{more} too", _HINTS[claim.rule])

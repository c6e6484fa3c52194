"""Rules inside one organization that a JSON Schema cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.core import domain
from reconciler.core.fault import Fault, warning
from reconciler.model.kinds import CHILD_KINDS, CONNECTION, DIRECTORY, Kind, KindName
from reconciler.model.manifest import Path

Mapped = Mapping[str, Any]


def check(spec: Mapped, *, forbid_public_mail: bool) -> Iterator[tuple[Path, Fault]]:
    """What is wrong in the `spec` of a manifest that keeps its schema, each with the path of its place."""
    if "externalId" in spec and spec["externalId"] is None and "id" not in spec:
        yield ("spec", "externalId"), _NO_KEY
    for index, name in enumerate(spec.get("domains", ())):
        fault = domain.check(name, forbid_public_mail=forbid_public_mail)
        if fault:
            yield ("spec", "domains", index), fault
        elif name in spec["domains"][:index]:
            yield ("spec", "domains", index), Fault("domain/duplicate", f"{name} stands here twice", "keep one")
    for kind in CHILD_KINDS:
        yield from _collection(kind, spec.get(kind.collection, ()))
    yield from _setup_link(spec)


def _collection(kind: Kind, declared: Sequence[Mapped]) -> Iterator[tuple[Path, Fault]]:
    where: Path = ("spec", kind.collection)
    primaries = [index for index, child in enumerate(declared) if child.get("primary")]
    for index in primaries[1:]:
        yield (*where, index, "primary"), _two_primaries(declared[primaries[0]]["name"])
    if len(declared) > 1 and not primaries:
        yield where, _NO_PRIMARY
    blank = [index for index, child in enumerate(declared) if _is_blank(child)]
    for index in blank[1:]:
        yield (*where, index), _UNTELLABLE[kind.name]


def _is_blank(child: Mapped) -> bool:
    """Whether nothing says which live one is meant; a directory has nothing but its pin."""
    return "id" not in child and not any(child.get("idp", {}).values())


def _setup_link(spec: Mapped) -> Iterator[tuple[Path, Fault]]:
    link = spec.get("setupLink")
    if link is None:
        return
    if not any(link.values()):
        yield ("spec", "setupLink"), _LINK_TO_NOTHING
    if link.get("saml") and any("idp" in child for child in spec.get(CONNECTION.collection, ())):
        yield ("spec", "setupLink", "saml"), _LINK_AND_IDP
    if link.get("scim") and any("bearerToken" in child for child in spec.get(DIRECTORY.collection, ())):
        yield ("spec", "setupLink", "scim"), _LINK_AND_TOKEN


def _two_primaries(first: str) -> Fault:
    hint = "state `primary: true` once; the server takes it from the others"
    return Fault("primary/two", f"`{first}` is to be the primary one already", hint)


_NO_KEY = Fault(
    "external-id/null",
    "without an external id nothing says which live organization is meant",
    "add `id: org_…` with the live one's id, or state an `externalId`",
)
_NO_PRIMARY = warning(
    "primary/none",
    "none of these is stated to be the primary one",
    "add `primary: true` to the one that people shall sign in through; without it, the live state stays",
)
_UNTELLABLE = {
    KindName.CONNECTION: Fault(
        "connection/unidentified",
        "more than one connection has neither an `id` nor any value in `idp`, so nothing tells them apart",
        "create the first, add its `id:` line (a plan prints it), then add the next",
    ),
    KindName.DIRECTORY: Fault(
        "directory/unpinned",
        "more than one directory has no `id`, so nothing tells them apart",
        "create the first, add its `id:` line (a plan prints it), then add the next",
    ),
}
_LINK_TO_NOTHING = Fault(
    "setup-link/nothing",
    "the customer could set up nothing with this link",
    "state `saml: true`, `scim: true` or both",
)
_LINK_AND_IDP = Fault(
    "setup-link/idp",
    "a setup link lets the customer change what `idp` states here, and git would change it back",
    "remove `setupLink.saml`, or `idp` from the connections",
)
_LINK_AND_TOKEN = Fault(
    "setup-link/token",
    "a setup link lets the customer make a bearer token, and `bearerToken: issue` makes one too",
    "remove `setupLink.scim`, or `bearerToken` from the directories",
)

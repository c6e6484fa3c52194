"""Rules inside one organization that a JSON Schema cannot say.

They are asked of every document, so that all that is wrong with it is said at once: what a document that does
not keep its schema has of the wrong shape is passed over here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from reconciler.core.values import address, domain
from reconciler.core.values.problems import Fault, shown, warning
from reconciler.model.kinds import CHILD_KINDS, CONNECTION, DIRECTORY, IDP_FIELDS, Kind
from reconciler.model.manifest import Path

Mapped = Mapping[str, Any]
T = TypeVar("T")
_TELLING = ("metadata", *(CONNECTION.field(wire).place[-1] for wire in IDP_FIELDS))
MAX_ITEMS = {"domains": 2000}  # as the schema has it: of a list that is longer only the beginning is looked at
_MAX_CHILDREN = 200
_MAX_FAULTS = 100  # told of one list of domains


def check(spec: Mapped, *, forbid_public_mail: bool) -> Iterator[tuple[Path, Fault]]:
    """What is wrong in the `spec` of a manifest, each with the path of its place."""
    if "externalId" in spec and spec["externalId"] is None and "id" not in spec:
        yield ("spec", "externalId"), _NO_KEY
    faulty = list(islice(_domains(spec, forbid_public_mail=forbid_public_mail), _MAX_FAULTS + 1))
    yield from faulty[:_MAX_FAULTS]
    if len(faulty) > _MAX_FAULTS:
        yield faulty[-1][0], _MORE_DOMAINS
    for kind in CHILD_KINDS:
        yield from _collection(kind, items(spec, kind.collection, dict))
    yield from _addresses(spec)
    yield from _setup_link(spec)


def _addresses(spec: Mapped) -> Iterator[tuple[Path, Fault]]:
    for index, child in items(spec, CONNECTION.collection, dict):
        url = mapping(child, "idp").get("redirectUrl")
        fault = address.check(url) if isinstance(url, str) and url else None
        if fault:
            yield ("spec", CONNECTION.collection, index, "idp", "redirectUrl"), fault


def _domains(spec: Mapped, *, forbid_public_mail: bool) -> Iterator[tuple[Path, Fault]]:
    seen = set()
    for index, name in items(spec, "domains", str):
        fault = domain.check(name, forbid_public_mail=forbid_public_mail)
        if fault:
            yield ("spec", "domains", index), fault
        elif name in seen:
            yield ("spec", "domains", index), Fault("domain/duplicate", f"{name} stands here twice", "keep one")
        seen.add(name)


def items(spec: Mapped, key: str, wanted: type[T]) -> list[tuple[int, T]]:
    """The items of a list that have the wanted shape, each with its index; none if it is no list."""
    value = spec.get(key)
    if not isinstance(value, list):
        return []
    most = MAX_ITEMS.get(key, _MAX_CHILDREN)
    return [each for each in enumerate(value[:most]) if isinstance(each[1], wanted)]


def mapping(value: Any, key: str) -> Mapped:
    """The member of that name, if it is a mapping in a mapping; an empty one otherwise."""
    member = value.get(key) if isinstance(value, dict) else None
    return member if isinstance(member, dict) else {}


def _collection(kind: Kind, declared: Sequence[tuple[int, Mapped]]) -> Iterator[tuple[Path, Fault]]:
    where: Path = ("spec", kind.collection)
    primaries = [(index, child) for index, child in declared if child.get("primary") is True]
    for index, _ in primaries[1:]:
        yield (*where, index, "primary"), _two_primaries(primaries[0][1].get("name"))
    if len(declared) > 1 and not primaries:
        yield where, _NO_PRIMARY
    blank = [index for index, child in declared if _is_blank(child)]
    for index in blank[1:]:
        yield (*where, index), _UNIDENTIFIED if kind is CONNECTION else _UNPINNED


def _is_blank(child: Mapped) -> bool:
    """Whether nothing says which live one is meant; a directory has nothing but its pin."""
    idp = mapping(child, "idp")
    return "id" not in child and not any(idp.get(key) for key in _TELLING)


def _setup_link(spec: Mapped) -> Iterator[tuple[Path, Fault]]:
    link = mapping(spec, "setupLink")
    if link and not any(link.values()):
        yield ("spec", "setupLink"), _LINK_TO_NOTHING
    if link.get("saml") is True and any("idp" in child for _, child in items(spec, CONNECTION.collection, dict)):
        yield ("spec", "setupLink", "saml"), _LINK_AND_IDP
    tokens = any("bearerToken" in child for _, child in items(spec, DIRECTORY.collection, dict))
    if link.get("scim") is True and tokens:
        yield ("spec", "setupLink", "scim"), _LINK_AND_TOKEN


def _two_primaries(first: Any) -> Fault:
    hint = "state `primary: true` once; the server takes it from the others"
    name = shown(first) if isinstance(first, str) else "another"
    return Fault("primary/two", f"{name} is to be the primary one already", hint)


_MORE_DOMAINS = Fault(
    "domain/too-many-problems",
    f"more than {_MAX_FAULTS} domains of this list have a problem; these are the first",
    "mend these, then validate again",
)
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
_ONE_BY_ONE = "create the first, add its `id:` line (a plan prints it), then add the next"
_UNIDENTIFIED = Fault(
    "connection/unidentified",
    "more than one connection has neither an `id` nor any value in `idp`, so nothing tells them apart",
    _ONE_BY_ONE,
)
_UNPINNED = Fault(
    "directory/unpinned", "more than one of these has no `id`, so nothing tells them apart", _ONE_BY_ONE
)
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

"""Reads the manifests a second time: what they declare, and which of them may not be used.

It shares no code with the reconciler but the tables of kinds and fields.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from reconciler.model.kinds import CHILD_KINDS, CONNECTION, DIRECTORY, IDP_FIELDS, KINDS, Compare, Field, KindName

CREATE_ONLY, OBSERVE, FULL = "createOnly", "observe", "full"
Values = Mapping[str, Any]  # by wire name, comparable: domains in order, a certificate as its hash


class Child(Struct, frozen=True):
    """A declared connection or directory."""

    kind: KindName
    name: str
    id: str | None
    values: Values
    token: bool

    @property
    def evidence(self) -> dict[str, str]:
        """The identity provider's values that it states, without cleared ones."""
        return {wire: self.values[wire] for wire in IDP_FIELDS if self.values.get(wire)}


class Organization(Struct, frozen=True):
    """A declared organization; a kind that is not in `collections` is unmanaged."""

    name: str
    id: str | None
    key: str | None  # the external id that it is known by
    ownership: str
    suspended: bool
    distinct: frozenset[str]
    values: Values
    collections: Mapping[KindName, tuple[Child, ...]]
    link: frozenset[str]

    @property
    def domains(self) -> frozenset[str]:
        """Those that it states."""
        return frozenset(self.values.get("domains", ()))

    @property
    def needed(self) -> frozenset[KindName]:
        """The collections that nobody can judge it without."""
        kinds = {"saml": KindName.CONNECTION, "scim": KindName.DIRECTORY}
        return frozenset(self.collections) | {kinds[part] for part in self.link}


class Declared(Struct, frozen=True):
    """What one revision declares; `complete` unless a file cannot be parsed."""

    organizations: Mapping[str, Organization]
    invalid: tuple[Organization, ...]
    complete: bool
    environment: str | None  # the id that is pinned

    @property
    def all(self) -> tuple[Organization, ...]:
        """Also those that may not be used: they claim what they claim."""
        return (*self.organizations.values(), *self.invalid)


def read(documents: Iterable[Mapping[str, Any]], environment: str | None, *, complete: bool) -> Declared:
    """What these Organization documents declare; one that is wrong in itself, or clashes, is invalid."""
    documents = list(documents)
    every = [_organization(each["metadata"]["name"], each["spec"]) for each in documents]
    wanted_by = Counter(claim for each in documents for claim in _claims(each))
    good, bad = {}, []
    for document, organization in zip(documents, every, strict=True):
        clashes = any(wanted_by[claim] > 1 for claim in _claims(document))
        if clashes or _wrong_in_itself(document["spec"]):
            bad.append(organization)
        else:
            good[organization.name] = organization
    return Declared(good, tuple(bad), complete, environment)


def _organization(name: str, spec: Mapping[str, Any]) -> Organization:
    values = _values(KindName.ORGANIZATION, spec)
    if "id" not in spec:
        values.setdefault("externalId", name)
    return Organization(
        name=name,
        id=spec.get("id"),
        key=None if "id" in spec else values["externalId"],
        ownership=spec.get("ownership", FULL),
        suspended="suspend" in spec,
        distinct=frozenset(spec.get("distinctFrom", ())),
        values=values,
        collections={
            kind.name: tuple(_child(kind.name, each) for each in spec[kind.collection])
            for kind in CHILD_KINDS
            if kind.collection in spec
        },
        link=frozenset(part for part, wanted in spec.get("setupLink", {}).items() if wanted),
    )


def _child(kind: KindName, spec: Mapping[str, Any]) -> Child:
    return Child(kind, spec["name"], spec.get("id"), _values(kind, spec), "bearerToken" in spec)


def _values(kind: KindName, spec: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in KINDS[kind].fields:
        inside, _, key = field.path.rpartition(".")
        holder = spec.get(inside, {}) if inside else spec
        if key in holder:
            stated = holder[key]["pem"] if isinstance(holder[key], dict) else holder[key]
            once = sorted(set(stated)) if isinstance(stated, list) else stated
            values[field.wire] = comparable(field, once)
    return values


def _claims(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What only one document may say."""
    name, spec = document["metadata"]["name"], document["spec"]
    yield "name", name
    key = spec.get("externalId", None if "id" in spec else name)
    if key:
        yield "key", key
    if "id" in spec:
        yield "id", spec["id"]
    for domain in spec.get("domains") or ():
        yield "domain", domain
    for kind in CHILD_KINDS:
        for child in spec.get(kind.collection, ()):
            yield f"{name}/{kind.word}", child["name"]
            if "id" in child:
                yield "id", child["id"]


def _wrong_in_itself(spec: Mapping[str, Any]) -> bool:
    connections, directories = spec.get(CONNECTION.collection, ()), spec.get(DIRECTORY.collection, ())
    for children in (connections, directories):
        untold = [each for each in children if "id" not in each and not any((each.get("idp") or {}).values())]
        if len(untold) > 1 or sum(each.get("primary") is True for each in children) > 1:
            return True
    link = spec.get("setupLink", {})
    to_nothing = bool(link) and not any(link.values())
    saml = link.get("saml") and any("idp" in each for each in connections)
    scim = link.get("scim") and any("bearerToken" in each for each in directories)
    return bool(to_nothing or saml or scim)


# -- values that can be compared -------------------------------------------------------------------


def comparable(field: Field, value: Any) -> Any:
    """A value of the field, from a manifest, a row or a request's body."""
    if value is None:
        value = field.empty
    if field.compare is Compare.CERTIFICATE:
        return certificate_hash(value)
    return tuple(sorted(value)) if field.compare is Compare.DOMAINS else value


def certificate_hash(pem: str) -> str:
    """The SHA-256 of what stands between the lines of a certificate in PEM; "" of nothing."""
    _, _, rest = pem.partition("-----BEGIN CERTIFICATE-----")
    inside, _, _ = rest.partition("-----END CERTIFICATE-----")
    return hashlib.sha256(base64.b64decode("".join(inside.split()))).hexdigest() if inside else ""


def row_values(kind: KindName, row: Any) -> dict[str, Any]:
    """All that a client may set of a live row."""
    return {field.wire: comparable(field, getattr(row, field.attribute)) for field in KINDS[kind].fields}


def body_values(kind: KindName, body: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a request's body; what it leaves out is empty, as the server takes it."""
    return {field.wire: comparable(field, body.get(field.wire)) for field in KINDS[kind].fields}


def bare(domain: str) -> str:
    """A domain as another spelling of it would be compared."""
    return domain.strip().lower().rstrip(".")


def folded(name: str) -> str:
    """What somebody is called, whatever its capitals and blanks."""
    return " ".join(name.split()).casefold()

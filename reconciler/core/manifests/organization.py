"""What one Organization manifest declares: its values, with certificates and metadata taken from their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from reconciler.core.manifests import rules as soundness
from reconciler.core.manifests.identity import identify
from reconciler.core.manifests.rules import items, mapping
from reconciler.core.values import certificate, metadata
from reconciler.core.values.problems import Budget, Fault, shown
from reconciler.model.kinds import CHILD_KINDS, CONNECTION, IDP_FIELDS, ORGANIZATION, Compare, Field, Kind
from reconciler.model.manifest import Document, Path, Problem, Severity, attachment
from reconciler.model.state import (
    Certificate,
    DesiredChild,
    DesiredEnvironment,
    DesiredOrganization,
    Ownership,
    SetupLink,
    Value,
)

Mapped = Mapping[str, Any]
T = TypeVar("T")


class Context(Struct, frozen=True):
    """What a manifest is judged by, besides itself; `now` is in Unix seconds.

    `judged` is what was made of each file so far: many connections may refer to one.
    """

    environment: DesiredEnvironment
    attachments: Mapping[str, bytes]
    now: float
    judged: dict[tuple[str, bytes], Any] = {}
    budget: Budget = msgspec.field(default_factory=Budget)


def declare(document: Document, context: Context) -> tuple[DesiredOrganization, tuple[Problem, ...]]:
    """Reads a document that keeps its schema. What it declares is to be used only if no problem is an error."""
    reading = _Reading(document, context)
    return reading.organization(), tuple(reading.problems)


def inspect(document: Document, context: Context) -> tuple[Problem, ...]:
    """What can be seen to be wrong in a document that does not keep its schema, besides that."""
    reading = _Reading(document, context)
    reading.inspect()
    return tuple(reading.problems)


class _Reading:
    """One document, and the problems found on the way."""

    def __init__(self, document: Document, context: Context) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._context = context
        self._unlocated = False  # whether an error was noted without its place

    def organization(self) -> DesiredOrganization:
        head: Mapped = self._document.value["metadata"]
        spec: Mapped = self._document.value["spec"]
        identity = identify(self._document.value)
        self._soundness(spec)
        return DesiredOrganization(
            name=head["name"],
            id=identity.id,
            external_id=None if identity.id else identity.external_id,
            ownership=Ownership(spec.get("ownership", Ownership.FULL)),
            suspend=spec.get("suspend"),
            distinct_from=frozenset(spec.get("distinctFrom", ())),
            owned=self._owned_by_organization(spec, identity.external_id),
            collections={
                kind.name: tuple(self._children(kind, spec[kind.collection]))
                for kind in CHILD_KINDS
                if kind.collection in spec
            },
            setup_link=_setup_link(spec.get("setupLink", {})),
            labels=head.get("labels", {}),
            origin=self._document.origin,
        )

    def inspect(self) -> None:
        """Notes what is wrong, whatever shape the document has."""
        spec = mapping(self._document.value, "spec")
        self._soundness(spec)
        for index, child in items(spec, CONNECTION.collection, dict):
            idp, path = mapping(child, "idp"), ("spec", CONNECTION.collection, index, "idp")
            certificates = {
                key: text for key, text in mapping(idp, "certificate").items() if isinstance(text, str)
            }
            if certificates.keys() & {"pem", "file"}:
                self._certificate(certificates, (*path, "certificate"))
            file = mapping(idp, "metadata").get("file")
            if isinstance(file, str):
                self._metadata(file, (*path, "metadata", "file"))

    def _soundness(self, spec: Mapped) -> None:
        for path, fault in soundness.check(spec, forbid_public_mail=self._context.environment.forbid_public_mail):
            self._note(path, (fault,))

    def _children(self, kind: Kind, declared: Sequence[Mapped]) -> Iterator[DesiredChild]:
        for index, child in enumerate(declared):
            path = ("spec", kind.collection, index)
            yield DesiredChild(
                kind=kind.name,
                name=child["name"],
                id=child.get("id"),
                owned=self._owned(kind, child, path) | self._from_metadata(child, path),
                origin=self._document.locate(path),
                issue_token="bearerToken" in child,
            )

    def _owned_by_organization(self, spec: Mapped, external_id: str | None) -> dict[str, Value]:
        """The fields that the spec states, and the external id: the manifest's name where it states none."""
        owned = self._owned(ORGANIZATION, spec, ("spec",))
        return owned if external_id is None else {**owned, "externalId": external_id}

    def _owned(self, kind: Kind, stated: Mapped, path: Path) -> dict[str, Value]:
        """The fields that a mapping at that path states, by wire name."""
        owned: dict[str, Value] = {}
        for field in kind.fields:
            *outer, key = field.place
            inner = stated
            for name in outer:
                inner = inner.get(name, {})
            if key in inner:
                owned[field.wire] = self._value(field, inner[key], (*path, *field.place))
        return owned

    def _value(self, field: Field, stated: Any, path: Path) -> Value:
        """A stated value as one of ours; null clears the field."""
        if stated is None:
            return field.empty
        if field.compare is Compare.CERTIFICATE:
            return self._certificate(stated, path)
        if field.compare is Compare.DOMAINS:
            return tuple(sorted(set(stated)))
        value: Value = stated
        return value

    def _certificate(self, stated: Mapped, path: Path) -> Certificate | str:
        """The certificate; "" if it cannot be read, which is noted."""
        judge = partial(certificate.parse, now=self._context.now, warn_days=self._warn_days)
        if "pem" in stated:
            found, faults = judge(stated["pem"])
            self._note((*path, "pem"), faults)
            return found or ""
        return self._from_file(stated["file"], (*path, "file"), judge, "certificate") or ""

    def _from_metadata(self, child: Mapped, path: Path) -> dict[str, Value]:
        stated = child.get("idp", {}).get("metadata")
        return self._metadata(stated["file"], (*path, "idp", "metadata", "file")) if stated else {}

    def _metadata(self, file: str, path: Path) -> dict[str, Value]:
        judge = partial(metadata.parse, now=self._context.now, warn_days=self._warn_days)
        found = self._from_file(file, path, judge, "metadata")
        if found is None:
            return {}
        return dict(zip(IDP_FIELDS, (found.entity_id, found.redirect_url, found.certificate), strict=True))

    def _from_file(
        self, file: str, path: Path, judge: Callable[[bytes], tuple[T | None, Sequence[Fault]]], kind: str
    ) -> T | None:
        """What a judge makes of a file that the manifest refers to; its faults are noted with the file's name."""
        name = attachment(self._document.origin, file)
        data = self._context.attachments.get(name)
        if data is None:
            self._note(path, (_absent(file),))
            return None
        known: tuple[T | None, Sequence[Fault]] | None = self._context.judged.get((kind, data))
        if known is None:
            known = self._context.judged[kind, data] = judge(data)
        found, faults = known
        self._note(path, faults, name)
        return found

    @property
    def _warn_days(self) -> int:
        return self._context.environment.warn_days

    def _note(self, path: Path, faults: Sequence[Fault], file: str = "") -> None:
        for fault in faults:  # a place costs more than all the rest
            if self._context.budget.take():
                self.problems.append(fault.at(self._document.locate(path), file))
            elif fault.severity is Severity.ERROR and not self._unlocated:
                self._unlocated = True
                self.problems.append(fault.at(self._document.origin, file))


def _absent(file: str) -> Fault:
    if "-----BEGIN" not in file:
        return Fault("reference/missing", f"{shown(file)} was not read", "correct the path")
    if "PRIVATE KEY" in file:
        return certificate.PRIVATE_KEY
    return Fault("reference/pem", "a PEM text stands where a file's name should", "write it under `pem` instead")


def _setup_link(stated: Mapped) -> SetupLink | None:
    return SetupLink(stated.get("saml", False), stated.get("scim", False)) if stated else None

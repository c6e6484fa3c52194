"""The manifests in git, as people think of them: each declared thing keeps its identity, whatever it is called."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from reconciler.core.manifests.resolve import resolve
from reconciler.core.manifests.validate import validate
from reconciler.core.values.certificate import fingerprint
from reconciler.core.values.problems import Budget
from reconciler.model.kinds import CHILD_KINDS, KINDS, ORGANIZATION, Compare, Kind, KindName
from reconciler.model.manifest import Document, Manifests, Origin, Problem, Severity
from reconciler.model.state import Desired
from reconciler.source import schemas
from tests.simulation.oracle.declared import Declared, read

EPOCH_S = 1_790_000_000.0  # Unix seconds at the simulation's second 0
Place = tuple[str, str, str]  # organization's handle, kind, handle


class Child:
    """A declared connection or directory: `logical` stays what it is, `spec` is what the manifest says."""

    def __init__(self, logical: int, spec: dict[str, Any]) -> None:
        self.logical = logical
        self.spec = spec


class Organization:
    """A declared organization; an absent collection is unmanaged."""

    def __init__(self, logical: int, name: str, spec: dict[str, Any]) -> None:
        self.logical = logical
        self.name = name
        self.spec = spec
        self.collections: dict[str, list[Child]] = {}
        self.broken = False

    def children(self, kind: str) -> list[Child]:
        """The declared ones of that kind."""
        return self.collections.get(kind, [])

    def document(self) -> dict[str, Any]:
        """The manifest."""
        spec = copy.deepcopy(self.spec)
        for kind, children in self.collections.items():
            spec[KINDS[KindName(kind)].collection] = [copy.deepcopy(child.spec) for child in children]
        return {
            "apiVersion": "reconciler/v1",
            "kind": "Organization",
            "metadata": {"name": self.name},
            "spec": spec,
        }


class Revision(Struct, frozen=True):
    """One commit: what the reconciler makes of it, and what the people who wrote it mean.

    `logical` says which thing a place is, `owned` which fields it states, as comparable values.
    """

    number: int
    desired: Desired | None
    faulty: bool
    logical: Mapping[Place, int]
    owned: Mapping[Place, Mapping[str, Any]]
    distinct_from: Mapping[str, frozenset[str]]
    declared: Declared  # what the oracle makes of it


class Repository:
    """The head of the branch."""

    def __init__(self, environment_id: str | None) -> None:
        self.environment_id = environment_id
        self.organizations: dict[int, Organization] = {}
        self._next = 0
        self._number = 0
        self.head = self.commit()

    def new_logical(self) -> int:
        """An identity that nothing had before."""
        self._next += 1
        return self._next

    def commit(self) -> Revision:
        """Makes what stands here the head."""
        self._number += 1
        everything = list(self.organizations.values())
        documents = [_document("environment.yaml", self._environment())]
        documents += [_document(f"{each.name}.yaml", each.document()) for each in everything if not each.broken]
        broken = [f"{each.name}.yaml" for each in everything if each.broken]
        manifests = Manifests(
            revision=f"r{self._number}",
            documents=tuple(documents),
            attachments={},
            problems=tuple(_unparsed(file) for file in broken),
            unparsed=frozenset(broken),
            files=len(documents) + len(broken),
        )
        problems = (*manifests.problems, *validate(manifests, schemas.check, Budget()))
        resolution = resolve(manifests, problems, now=EPOCH_S, allow_empty=True)
        self.head = Revision(
            number=self._number,
            desired=resolution.desired,
            faulty=any(problem.severity is Severity.ERROR for problem in resolution.problems),
            logical={place: logical for place, logical, _ in self._places()},
            owned={place: owned for place, _, owned in self._places()},
            distinct_from={each.name: frozenset(each.spec.get("distinctFrom", ())) for each in everything},
            declared=read(
                (each.document() for each in everything if not each.broken),
                self.environment_id,
                complete=not broken,
            ),
        )
        return self.head

    def _environment(self) -> dict[str, Any]:
        spec = {"id": self.environment_id} if self.environment_id else {}
        metadata = {"name": "production"}
        return {"apiVersion": "reconciler/v1", "kind": "Environment", "metadata": metadata, "spec": spec}

    def _places(self) -> Iterator[tuple[Place, int, dict[str, Any]]]:
        for each in self.organizations.values():
            place = (each.name, str(KindName.ORGANIZATION), each.name)
            yield place, each.logical, _owned_by_organization(each)
            for kind in CHILD_KINDS:
                for child in each.children(kind.name):
                    yield (each.name, str(kind.name), child.spec["name"]), child.logical, _stated(kind, child.spec)


def _document(file: str, value: dict[str, Any]) -> Document:
    origin = Origin(file)
    return Document(value=value, origin=origin, locate=lambda _: origin)


def _unparsed(file: str) -> Problem:
    return Problem("yaml/syntax", Severity.ERROR, Origin(file), "it is not YAML")


def _owned_by_organization(each: Organization) -> dict[str, Any]:
    owned = _stated(ORGANIZATION, each.spec)
    return owned if "id" in each.spec else {"externalId": each.name, **owned}


def _stated(kind: Kind, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a manifest states, as the ledger compares them."""
    owned: dict[str, Any] = {}
    for field in kind.fields:
        inside, _, key = field.path.rpartition(".")
        holder = spec.get(inside, {}) if inside else spec
        if key in holder:
            owned[field.wire] = _comparable(field.compare, holder[key])
    return owned


def _comparable(compare: Compare, stated: Any) -> Any:
    if compare is Compare.DOMAINS:
        return frozenset(stated)
    if compare is Compare.CERTIFICATE:
        return fingerprint(stated["pem"]) if stated else ""
    return "" if stated is None else stated

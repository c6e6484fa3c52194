"""A live environment in memory, so that plans can be carried out one change at a time without a server.

It keeps the API's rules that matter to decisions: a PATCH replaces the whole object, one primary per
collection, nothing is ever deleted. It carries a change out as `apply` does: read, decide, write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import convert, json, structs

from reconciler.core.applying.merge import Satisfied, Stale, creation, merge, not_as_meant, still_absent
from reconciler.model.change import Change, Create, Issue, Key, Plan, Ref, Update
from reconciler.model.kinds import CHILD_KINDS, KINDS, KindName
from reconciler.model.outcome import GOOD, Result
from reconciler.model.state import LIVE_TYPES, Child, Live, Observed, ObservedOrganization, Organization
from tests.support.build import ENVIRONMENT_ID, id_of

FIRST_CREATED = 500  # ids made here sort behind those of the tests' own objects


class LiveModel:
    """All objects by id; `results` is what became of each change so far."""

    def __init__(self, observed: Observed) -> None:
        self.objects: dict[str, Live] = {}
        self.results: dict[Key, Result] = {}
        self._records = observed.records
        self._created: dict[Key, str] = {}
        for each in observed.organizations:
            self.objects[each.organization.id] = each.organization
            for children in each.collections.values():
                self.objects |= {child.id: child for child in children}

    # -- what is there -----------------------------------------------------------------------------

    def organizations(self) -> list[Organization]:
        return [each for each in self.objects.values() if isinstance(each, Organization)]

    def children(self, kind: KindName, organization_id: str) -> tuple[Child, ...]:
        """A collection, complete and in order of id."""
        found = [
            each
            for each in self.objects.values()
            if not isinstance(each, Organization)
            and isinstance(each, LIVE_TYPES[kind])
            and each.organization_id == organization_id
        ]
        return tuple(sorted(found, key=lambda each: each.id))

    def observed(self) -> Observed:
        """Read whole, as a pass does."""
        organizations = sorted(self.organizations(), key=lambda each: each.id)
        return Observed(
            ENVIRONMENT_ID if organizations else None,
            tuple(
                ObservedOrganization(each, {kind.name: self.children(kind.name, each.id) for kind in CHILD_KINDS})
                for each in organizations
            ),
            self._records,
        )

    def primaries(self) -> dict[tuple[KindName, str], str]:
        """Which child is primary, by kind and organization's id, where any is."""
        return {
            (kind.name, each.id): child.id
            for each in self.organizations()
            for kind in CHILD_KINDS
            for child in self.children(kind.name, each.id)
            if child.primary
        }

    def shared_domains(self) -> set[tuple[str, str, str]]:
        """Every domain that two organizations hold so that a sign-in can match it, with both ids."""
        holders = [(d, each.id) for each in self.organizations() for d in each.domains if d == d.strip().lower()]
        return {(d, one, other) for d, one in holders for e, other in holders if d == e and one < other}

    # -- what is done ------------------------------------------------------------------------------

    def steps(self, plan: Plan, choose: Any, failing: frozenset[Key] = frozenset()) -> Iterator[Change]:
        """Carries the plan out, yielding after each change. Organizations run side by side, each in order.

        `choose` picks whose change comes next; those in `failing` are not done.
        """
        queues: dict[str, list[Change]] = {}
        for change in plan.changes:
            queues.setdefault(change.key.organization, []).append(change)
        while queues:
            ready = [n for n, queue in queues.items() if all(need in self.results for need in queue[0].needs)]
            assert ready, "organizations wait for each other"
            name = choose(ready)
            change = queues[name].pop(0)
            if not queues[name]:
                del queues[name]
            self.results[change.key] = self._result(change, failing)
            yield change

    def apply(self, plan: Plan) -> dict[Key, Result]:
        """Carries the whole plan out in its own order."""
        for _ in self.steps(plan, lambda ready: ready[0]):
            pass
        return self.results

    def _result(self, change: Change, failing: frozenset[Key]) -> Result:
        if any(self.results[need] not in GOOD for need in change.needs):
            return Result.BLOCKED
        if change.key in failing:
            return Result.FAILED
        if isinstance(change, Issue):
            return Result.APPLIED
        return self._update(change) if isinstance(change, Update) else self._create(change)

    def _update(self, change: Update) -> Result:
        kind, live = KINDS[change.key.kind], self.objects[change.id]
        decision = merge(change, live, json_of(live))
        if isinstance(decision, Stale):
            return Result.STALE
        if isinstance(decision, Satisfied):
            return Result.SATISFIED
        answer = self._store(change.key.kind, live.id, decision.body, getattr(live, "organization_id", ""))
        assert not_as_meant(kind, decision.body, answer) == ()
        return Result.APPLIED

    def _create(self, change: Create) -> Result:
        kind, parent = KINDS[change.key.kind], None
        if change.collection:
            parent = self._id(change.collection.parent)
            created = {
                key.name: id_
                for key, id_ in self._created.items()
                if key.organization == change.key.organization and key.kind is kind.name
            }
            if still_absent(change, change.collection, self.children(kind.name, parent), created):
                return Result.STALE
        id_ = id_of(kind.id_prefix, FIRST_CREATED + len(self.objects))
        self._created[change.key] = id_
        body = creation(change, parent)
        assert not_as_meant(kind, body, self._store(kind.name, id_, body, parent or "")) == ()
        return Result.APPLIED

    def _store(self, name: KindName, id_: str, body: Mapping[str, Any], parent: str) -> Live:
        """PATCH and POST: what the body leaves out is empty; a new primary takes it from its sibling."""
        kind = KINDS[name]
        if body.get("primary"):
            for sibling in self.children(name, parent):
                self.objects[sibling.id] = structs.replace(sibling, primary=False)
        kept = json_of(self.objects[id_]) if id_ in self.objects else {}
        kept |= {"id": id_, "environmentId": ENVIRONMENT_ID, "organizationId": parent}
        kept |= {field.wire: body.get(field.wire, field.empty) for field in kind.fields}
        stored: Live = convert(kept, LIVE_TYPES[name])
        if isinstance(stored, Organization):
            stored = structs.replace(stored, domains=tuple(sorted(stored.domains)))
        self.objects[id_] = stored
        return stored

    def _id(self, reference: str | Ref) -> str:
        return self._created[reference.key] if isinstance(reference, Ref) else reference


def json_of(live: Live) -> dict[str, Any]:
    """An answer's own JSON: what is empty is left out."""
    document: dict[str, Any] = json.decode(json.encode(live))
    return {key: value for key, value in document.items() if value not in ("", False, [])}

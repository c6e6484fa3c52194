"""Adds to the plan of a change what only the earlier commit tells: who is released, and who is adopted by it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from reconciler.core.planning.plan import risky
from reconciler.model.change import Change, IssueLink, IssueToken, Plan, Released, Scope, Target
from reconciler.model.since import Declared, Since
from reconciler.model.state import Desired, DesiredOrganization, InvalidOrganization, Observed, Organization


def compared(plan: Plan, desired: Desired, observed: Observed, since: Since) -> Plan:
    """Return the plan with its scope, with the live organizations that the change releases, and more adopted ones.

    A live organization is released if a manifest meant it before, and none does now. It is adopted if the manifest
    that means it was changed, and no changed manifest meant it before.
    """
    live = _Live(observed)
    known = {found.id: each for each in since.before if (found := live.meant(each))}
    every: tuple[DesiredOrganization | InvalidOrganization, ...] = (*desired.organizations, *desired.invalid)
    claimed = {found.id for each in every if (found := live.meant(each))}
    files = {each.name: each.origin.file for each in desired.organizations}
    adopted = {name for name, each in plan.targets.items() if files[name] in since.files and each.id not in known}
    return structs.replace(
        plan,
        scope=Scope(since.base, len(since.touched), len(desired.organizations)),
        released=tuple(_released(live.by_id[id_], known[id_]) for id_ in sorted(known) if id_ not in claimed),
        targets={name: _adopted(each, now=name in adopted) for name, each in plan.targets.items()},
        changes=tuple(_changes(plan, adopted)),
    )


class _Live:
    """The live organizations by what a manifest can name them by."""

    def __init__(self, observed: Observed) -> None:
        organizations = [each.organization for each in observed.organizations]
        self.by_id = {each.id: each for each in organizations}
        self._by_external_id: dict[str | None, Organization] = {
            each.external_id: each for each in organizations if each.external_id
        }

    def meant(self, manifest: Declared | DesiredOrganization | InvalidOrganization) -> Organization | None:
        """Return the live organization that a manifest means, if there is one."""
        if manifest.id:
            return self.by_id.get(manifest.id)
        return self._by_external_id.get(manifest.external_id)


def _released(live: Organization, before: Declared) -> Released:
    return Released(live.id, live.display_name, live.domains, before.name, before.file)


def _adopted(target: Target, *, now: bool) -> Target:
    return structs.replace(target, adopted=True) if now else target


def _changes(plan: Plan, adopted: set[str]) -> Iterator[Change]:
    for change in plan.changes:
        if isinstance(change, IssueToken | IssueLink) and change.key.organization in adopted:
            yield risky(change)
        else:
            yield change

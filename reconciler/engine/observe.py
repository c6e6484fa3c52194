"""Reads what the desired state needs: all organizations, and the collections that the manifests manage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from reconciler.api.client import Client
from reconciler.delivery.target import RecordName, Target
from reconciler.model.errors import ApiError, DeliveryError, Interrupted
from reconciler.model.event import Listed, Watch
from reconciler.model.kinds import CHILD_KINDS, DIRECTORY, KINDS, KindName
from reconciler.model.state import (
    Child,
    Desired,
    DesiredOrganization,
    Observed,
    ObservedOrganization,
    Organization,
    Record,
    Selected,
    Unreadable,
)

Collections = dict[KindName, tuple[Child, ...] | Unreadable]
# Which collections of an organization to read, and the ids in each that a manifest pins or a record names.
Needs = Mapping[KindName, frozenset[str]]
Records = Mapping[RecordName, Record | Unreadable]


async def observe(  # noqa: PLR0913, PLR0917 what reading takes
    desired: Desired,
    kept: Records,
    client: Client,
    watch: Watch,
    selected: Selected,
    check: Callable[[str], None],
) -> Observed:
    """Lists the organizations, and reads their collections while the list goes on.

    The list is complete, or ApiError is raised; a collection that cannot be read is `Unreadable`. What a manifest
    pins, or a record names that was `kept` before, has to be in its list unless the API says that it is gone.
    `check` is called with the live environment's id before anything below it is read, and may raise.
    """
    recorded, needs = _recorded(kept), _needs_by_claim(desired, selected)
    named = pinned(desired) | recorded.keys()
    return await _walk(client, watch, check, named, lambda each: _claimed(needs, recorded, each))


async def observe_everything(
    desired: Desired | None, client: Client, watch: Watch, check: Callable[[str], None]
) -> Observed:
    """As `observe`, but with every collection of every organization, and no records."""
    every: Needs = {kind.name: frozenset() for kind in CHILD_KINDS}
    named = pinned(desired) if desired else frozenset()
    return await _walk(client, watch, check, named, lambda _: every)


def pinned(desired: Desired) -> frozenset[str]:
    """The ids of organizations that the manifests state."""
    return frozenset(each.id for each in desired.organizations if each.id)


async def _walk(
    client: Client,
    watch: Watch,
    check: Callable[[str], None],
    named: frozenset[str],
    needed: Callable[[Organization], Needs],
) -> Observed:
    reading = _Reading(client, watch)
    try:
        async for page in client.organizations(named):
            check(page[0].environment_id)
            for organization in page:
                reading.start(organization, needed(organization))
            reading.tell()
    except BaseException:
        await reading.abandon()
        raise
    organizations = await reading.finish()
    return Observed(
        environment_id=organizations[0].organization.environment_id if organizations else None,
        organizations=organizations,
        records=None,
    )


def _recorded(kept: Records) -> Mapping[str, frozenset[str]]:
    """The organizations that records name, and the directories in each."""
    found: dict[str, frozenset[str]] = {}
    for record in kept.values():
        if isinstance(record, Record):
            directories = {record.directory_id} if record.directory_id else set()
            found[record.organization_id] = found.get(record.organization_id, frozenset()) | directories
    return found


def _needs_by_claim(desired: Desired, selected: Selected) -> Mapping[str, Needs]:
    """Which collections to read, by the pin or external id that claims their organization."""
    return {
        wanted.id or wanted.external_id or "": _needs(wanted)
        for wanted in desired.organizations
        if wanted.suspend is None and selected(wanted)
    }


def _needs(wanted: DesiredOrganization) -> Needs:
    link = wanted.setup_link
    for_link = {KindName.CONNECTION: link and link.saml, KindName.DIRECTORY: link and link.scim}
    kinds = frozenset(wanted.collections) | {kind for kind, needed in for_link.items() if needed}
    return {kind: frozenset(child.id for child in wanted.collections.get(kind, ()) if child.id) for kind in kinds}


def _claimed(
    needs: Mapping[str, Needs], recorded: Mapping[str, frozenset[str]], organization: Organization
) -> Needs:
    found: dict[KindName, frozenset[str]] = {}
    for claim in (organization.id, organization.external_id):
        for kind, ids in needs.get(claim, {}).items():
            found[kind] = found.get(kind, frozenset()) | ids
    if DIRECTORY.name in found:
        found[DIRECTORY.name] |= recorded.get(organization.id, frozenset())
    return found


def records(desired: Desired, target: Target) -> Records:
    """What the delivery target holds about the secrets that are wanted. A record that fails blocks one secret."""
    names: list[RecordName] = []
    for wanted in desired.organizations:
        if wanted.setup_link:
            names.append(RecordName(wanted.name, None))
        directories = wanted.collections.get(KindName.DIRECTORY, ())
        names += [RecordName(wanted.name, child.name) for child in directories if child.issue_token]
    found = {name: _record(target, name) for name in names}
    return {name: record for name, record in found.items() if record is not None}


def _record(target: Target, name: RecordName) -> Record | Unreadable | None:
    try:
        return target.read(name)
    except DeliveryError as error:
        return Unreadable(error.whole)


class _Reading:
    """The reads of collections: one task each; none is ever cancelled."""

    def __init__(self, client: Client, watch: Watch) -> None:
        self._client = client
        self._watch = watch
        self._organizations: dict[str, Organization] = {}
        self._collections: dict[str, Collections] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._read = 0
        self._fatal: ApiError | Interrupted | None = None
        self._abandoned = False

    def start(self, organization: Organization, needs: Needs) -> None:
        self._organizations[organization.id] = organization
        collections: Collections = {}
        self._collections[organization.id] = collections
        for kind in sorted(needs):
            work = self._one(organization.id, kind, needs[kind], collections)
            self._tasks.append(asyncio.create_task(work))

    async def _one(self, organization_id: str, kind: KindName, named: frozenset[str], into: Collections) -> None:
        if self._abandoned or self._fatal:
            return
        try:
            into[kind] = await self._client.children(KINDS[kind], organization_id, named)
        except (ApiError, Interrupted) as error:
            if error.halts:
                self._fatal = error
            else:
                into[kind] = Unreadable(error.message)
        self._read += 1
        self.tell()

    def tell(self) -> None:
        self._watch(Listed(len(self._organizations), self._read, len(self._tasks)))

    async def abandon(self) -> None:
        """Closes the client, which ends the requests under way, and starts no others."""
        self._abandoned = True
        await self._client.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def finish(self) -> tuple[ObservedOrganization, ...]:
        await asyncio.gather(*self._tasks)
        if self._fatal:
            raise self._fatal
        return tuple(
            ObservedOrganization(self._organizations[id_], self._collections[id_])
            for id_ in sorted(self._organizations)
        )

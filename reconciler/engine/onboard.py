"""Finds one customer's organization, and makes its setup link or a new bearer token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from reconciler.api.client import Client
from reconciler.core.adopting.inventory import named
from reconciler.core.planning.match import match_children
from reconciler.delivery.target import RecordName
from reconciler.engine.connect import connected, delivery
from reconciler.engine.observe import pinned
from reconciler.engine.runtime import Runtime
from reconciler.engine.secrets import Issuer
from reconciler.engine.survey import environment_check, read_before
from reconciler.model.errors import UsageError
from reconciler.model.event import Watch
from reconciler.model.kinds import CHILD_KINDS, DIRECTORY
from reconciler.model.secret import Secret
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import (
    Child,
    Desired,
    DesiredOrganization,
    Organization,
    SAMLConnection,
    SCIMDirectory,
    SetupLink,
    Unreadable,
)


class Customer(Struct, frozen=True):
    """One live organization with everything in it, and its manifest, if one is known."""

    wanted: DesiredOrganization | None
    organization: Organization
    connections: tuple[SAMLConnection, ...]
    directories: tuple[SCIMDirectory, ...]


class Errand(Struct, frozen=True):
    """What every onboarding command works with; `name` is what the person called the organization."""

    environment: EnvironmentSettings
    desired: Desired | None
    name: str
    runtime: Runtime
    watch: Watch

    def client(self, *, read_only: bool) -> Client:
        """A new client."""
        return connected(self.environment, self.runtime, self.watch, read_only=read_only)


async def find(errand: Errand) -> Customer:
    """The live organization that `named` finds; UsageError if there is none, or more than one."""
    check = environment_check(errand.environment, errand.desired)
    if errand.environment.observed:
        observed = read_before(errand.environment.observed, errand.runtime, check)
        live = _only(errand, [each.organization for each in observed.organizations])
        (found,) = (each for each in observed.organizations if each.organization is live)
        return _customer(errand, live, found.collections.values())
    async with errand.client(read_only=True) as client:
        organizations: list[Organization] = []
        async for page in client.organizations(pinned(errand.desired) if errand.desired else frozenset()):
            check(page[0].environment_id)  # before a link or a token is made in the wrong environment
            organizations += page
        live = _only(errand, organizations)
        return _customer(errand, live, [await client.children(kind, live.id) for kind in CHILD_KINDS])


def _only(errand: Errand, organizations: Sequence[Organization]) -> Organization:
    found = named(errand.name, errand.desired, organizations)
    if len(found) > 1:
        ids = ", ".join(each.id for each in found)
        raise UsageError(f"{errand.name!r} means several live organizations: {ids}", "Give one of these ids.")
    if not found:
        raise UsageError(
            f"no live organization is called {errand.name!r}",
            "Give a manifest's name with its folder, an id, an external id, a display name or a domain.",
        )
    return found[0]


def _customer(
    errand: Errand, live: Organization, collections: Iterable[tuple[Child, ...] | Unreadable]
) -> Customer:
    declared = errand.desired.organizations if errand.desired else ()
    children: list[Child] = []
    for each in collections:
        if isinstance(each, Unreadable):
            raise UsageError(f"what {live.id} has could not be read: {each.message}", "Observe it again.")
        children += each
    return Customer(
        next((each for each in declared if _means(each, live)), None),
        live,
        tuple(each for each in children if isinstance(each, SAMLConnection)),
        tuple(each for each in children if isinstance(each, SCIMDirectory)),
    )


def _means(wanted: DesiredOrganization, live: Organization) -> bool:
    return live.id == wanted.id if wanted.id else live.external_id == wanted.external_id


async def setup_link(errand: Errand, customer: Customer, extent: SetupLink) -> Secret:
    """A one-time link, valid for a day; recorded too, by its manifest's name, where a target is configured."""
    name = RecordName(customer.wanted.name, None) if customer.wanted else None
    async with errand.client(read_only=False) as client:
        issuer = Issuer(client, delivery(errand.environment), errand.runtime)
        return await issuer.link(customer.organization.id, extent, name)


class Rotation(Struct, frozen=True):
    """A live directory, and the handles under which its token is kept."""

    organization: str
    directory: str
    live: SCIMDirectory


def rotation_of(customer: Customer, directory: str) -> Rotation:
    """The directory that a handle or an id names; UsageError if that is not certain, or no manifest names it."""
    wanted = customer.wanted
    if wanted is None:
        raise UsageError(
            "no manifest declares this organization, so there is no name to keep its token under",
            "Name the folder that declares it with --dir.",
        )
    declared = wanted.collections.get(DIRECTORY.name, ())
    match = match_children(DIRECTORY.name, declared, customer.directories, wanted.distinct_from)
    for handle, found in match.found.items():
        if directory in (handle, found.live.id) and isinstance(found.live, SCIMDirectory):
            return Rotation(wanted.name, handle, found.live)
    ids = ", ".join(each.id for each in customer.directories) or "none"
    raise UsageError(
        f"{directory!r} does not name one of its directories with certainty",
        f"Its directories: {ids}. Pin the right one with `id:` in the manifest, then name its handle.",
    )


async def rotate_token(errand: Errand, rotation: Rotation) -> None:
    """A new bearer token, delivered; the old one is void at once. UsageError without a delivery target."""
    target = delivery(errand.environment)
    if target is None:
        raise UsageError(
            "no delivery target is configured", "Pass --deliver, or set `deliver` in reconciler.toml."
        )
    async with errand.client(read_only=False) as client:
        issuer = Issuer(client, target, errand.runtime)
        await issuer.new_token(rotation.live.id, RecordName(rotation.organization, rotation.directory))

"""The second half of onboarding: what a customer's administrator needs, a link to set up by, a new token."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from reconciler.api.client import Client
from reconciler.engine.issue import LINK_LIFETIME_S
from reconciler.engine.reconcile import api_settings, delivery
from reconciler.engine.world import World
from reconciler.model.errors import UsageError
from reconciler.model.event import Watch
from reconciler.model.kinds import CHILD_KINDS, DIRECTORY
from reconciler.model.secret import Secret
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import (
    Desired,
    Organization,
    Record,
    RecordState,
    SAMLConnection,
    SCIMDirectory,
)


class Customer(Struct, frozen=True):
    """One live organization with everything in it."""

    organization: Organization
    connections: tuple[SAMLConnection, ...]
    directories: tuple[SCIMDirectory, ...]


class Errand(Struct, frozen=True):
    """What every onboarding command works with; `name` is what the person called the organization."""

    environment: EnvironmentSettings
    desired: Desired | None
    name: str
    world: World
    watch: Watch

    def client(self, *, read_only: bool) -> Client:
        """A client of its own."""
        world = self.world
        return Client(
            api_settings(self.environment),
            now=world.now,
            rng=world.rng,
            watch=self.watch,
            transport=world.transport,
            read_only=read_only,
        )


async def find(errand: Errand) -> Customer:
    """The live organization that a handle, an external id or an `org_` id names; UsageError if there is none."""
    desired, name = errand.desired, errand.name
    wanted = next((each for each in desired.organizations if each.name == name), None) if desired else None
    keys = {wanted.id or wanted.external_id} if wanted else {name}
    async with errand.client(read_only=True) as client:
        async for page in client.organizations():
            for organization in page:
                if organization.id in keys or organization.external_id in keys:
                    found = [await client.children(kind, organization.id) for kind in CHILD_KINDS]
                    return Customer(
                        organization,
                        tuple(each for each in found[0] if isinstance(each, SAMLConnection)),
                        tuple(each for each in found[1] if isinstance(each, SCIMDirectory)),
                    )
    raise UsageError(
        f"no live organization is called {name!r}",
        "Give a manifest's name with its folder, an external id, or an id.",
    )


async def setup_link(errand: Errand, customer: Customer, *, saml: bool, scim: bool) -> Secret:
    """A one-time link, valid for a day; recorded too where a delivery target is configured."""
    target, now, name = delivery(errand.environment), errand.world.now(), errand.name
    id_ = customer.organization.id
    if target:
        target.write(name, None, Record(RecordState.PENDING, id_, None, saml, scim, now, None))
    async with errand.client(read_only=False) as client, client.lane() as lane:
        url = await lane.setup_url(id_, saml=saml, scim=scim)
    if target:
        issued = Record(RecordState.ISSUED, id_, None, saml, scim, now, now + LINK_LIFETIME_S)
        target.write(name, None, issued, url)
    return url


def directory_of(errand: Errand, customer: Customer, directory: str) -> SCIMDirectory:
    """The live directory that a handle or an id names; UsageError if that is not certain."""
    pins = {
        child.name: child.id
        for wanted in (errand.desired.organizations if errand.desired else ())
        if wanted.name == errand.name
        for child in wanted.collections.get(DIRECTORY.name, ())
    }
    wanted_id = pins.get(directory) or directory
    for each in customer.directories:
        if each.id == wanted_id:
            return each
    if directory in pins and pins[directory] is None and len(customer.directories) == 1:
        return customer.directories[0]
    ids = ", ".join(each.id for each in customer.directories) or "none"
    raise UsageError(f"{directory!r} is not certainly one of its directories", f"Live are: {ids}. Give an id.")


async def rotate_token(errand: Errand, live: SCIMDirectory, directory: str) -> None:
    """A new bearer token, delivered: pending before it is made, so that a lost one is known to be lost."""
    target, world, name = delivery(errand.environment), errand.world, errand.name
    if target is None:
        raise UsageError("a token that cannot be kept is not made", "Name a folder with --deliver.")
    record = Record(
        RecordState.PENDING,
        live.organization_id,
        live.id,
        saml=False,
        scim=False,
        issued_at=world.now(),
        expires_at=None,
    )
    await asyncio.to_thread(target.write, name, directory, record)
    async with errand.client(read_only=False) as client, client.lane() as lane:
        token = await lane.rotate(live.id)
    issued = Record(
        RecordState.ISSUED,
        live.organization_id,
        live.id,
        saml=False,
        scim=False,
        issued_at=world.now(),
        expires_at=None,
    )
    await asyncio.to_thread(target.write, name, directory, issued, token, live.scim_base_url)

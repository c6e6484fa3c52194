"""Issues setup links and bearer tokens, for a plan's changes and for the commands.

The target's record is `pending` before a secret is requested, and `issued` once it is kept. So a pending record
means that a secret may have been made and lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct, structs

from reconciler.api.client import Client
from reconciler.api.lane import Lane
from reconciler.delivery.target import Delivery, RecordName, Target
from reconciler.engine.pass_state import PassState
from reconciler.engine.runtime import Runtime, wait_until
from reconciler.model.change import IssueLink, IssueToken
from reconciler.model.errors import DeliveryError, ReconcilerError
from reconciler.model.kinds import DIRECTORY
from reconciler.model.outcome import Outcome, Result
from reconciler.model.secret import Secret
from reconciler.model.state import Record, RecordState, SCIMDirectory, SetupLink

LINK_LIFETIME_S = 24 * 3600  # measured: a link is valid for a day


class Issuer(Struct, frozen=True):
    """Issues secrets with a client of the API, and delivers them to the target; None: they are not kept."""

    client: Client
    target: Target | None
    runtime: Runtime

    async def link(self, organization_id: str, extent: SetupLink, name: RecordName | None) -> Secret:
        """A one-time link, valid for a day, recorded under the name where there is one and a target.

        Raises ApiError, DeliveryError or DeliveryLost.
        """

        async def attempt(lane: Lane) -> Secret:
            now = self.runtime.now()
            pending = Record(RecordState.PENDING, organization_id, None, extent.saml, extent.scim, now, None)
            async with self._delivering(name, pending) as delivery:
                url = await lane.setup_url(organization_id, saml=extent.saml, scim=extent.scim)
                issued = structs.replace(pending, state=RecordState.ISSUED, expires_at=now + LINK_LIFETIME_S)
                await self._keep(delivery, issued, url, "")
            return url

        async with self.client.lane() as lane:
            return await lane.retry_unsent(lambda: attempt(lane))

    async def first_token(self, directory_id: str, name: RecordName) -> bool:
        """A bearer token for a directory that has none; False, and nothing is made, if it has one by now.

        Rotating cuts off whoever has a token, so the directory is read again right before, while nobody else
        delivers to its organization. Raises as `link`.
        """

        async def attempt(lane: Lane) -> bool:
            directory = await self._read(directory_id, lane)
            return not directory.has_client_bearer_token and await self._rotate(directory, name, lane, first=True)

        async with self.client.lane() as lane:
            return await lane.retry_unsent(lambda: attempt(lane), reads=2)

    async def new_token(self, directory_id: str, name: RecordName) -> None:
        """A new bearer token; an earlier one is void at once. Raises as `link`."""

        async def attempt(lane: Lane) -> None:
            await self._rotate(await self._read(directory_id, lane), name, lane, first=False)

        async with self.client.lane() as lane:
            await lane.retry_unsent(lambda: attempt(lane), reads=2)

    async def _read(self, directory_id: str, lane: Lane) -> SCIMDirectory:
        live = (await lane.get(DIRECTORY, directory_id)).live
        if not isinstance(live, SCIMDirectory):
            raise TypeError(f"{directory_id} was decoded as another kind")
        return live

    async def _rotate(self, directory: SCIMDirectory, name: RecordName, lane: Lane, *, first: bool) -> bool:
        """False, and the record is as before, if only a `first` token is wanted, and there is one by now."""
        pending = Record(
            state=RecordState.PENDING,
            organization_id=directory.organization_id,
            directory_id=directory.id,
            saml=False,
            scim=False,
            issued_at=self.runtime.now(),
            expires_at=None,
        )
        async with self._delivering(name, pending) as delivery:
            if not await self._may_rotate(directory.id, lane, delivery, first=first):
                return False
            token = await lane.rotate(directory.id)
            issued = structs.replace(pending, state=RecordState.ISSUED)
            await self._keep(delivery, issued, token, directory.scim_base_url)
        return True

    async def _may_rotate(self, directory_id: str, lane: Lane, delivery: Delivery | None, *, first: bool) -> bool:
        """Whether to go on, once the record is there: a disk may be slow. If not, the earlier one is put back."""
        wanted = False
        try:
            wanted = not (await self._read(directory_id, lane)).has_client_bearer_token or not first
        finally:
            if delivery is not None and not wanted:
                await self.runtime.aside(delivery.take_back)
        return wanted

    @asynccontextmanager
    async def _delivering(self, name: RecordName | None, pending: Record) -> AsyncIterator[Delivery | None]:
        """The record is pending inside the block, and as it was before if nothing was issued."""
        if self.target is None or name is None:
            yield None
            return
        target, key, aside = self.target, name, self.runtime.aside
        delivery = await aside(lambda: target.begin(key, pending))
        try:
            yield delivery
        except ReconcilerError as error:
            if error.certainly_not_done:
                await aside(delivery.take_back)
            raise
        finally:
            await aside(delivery.close)

    async def _keep(self, delivery: Delivery | None, record: Record, secret: Secret, scim_base_url: str) -> None:
        if delivery is not None:
            kept = delivery
            await self.runtime.aside(lambda: kept.keep(record, secret, scim_base_url))


async def issue_link(change: IssueLink, state: PassState) -> Outcome:
    """Carries out a plan's setup link; raises ApiError, DeliveryError or DeliveryLost."""
    organization_id = state.resolve(change.parent)
    name = RecordName(change.key.organization, None)
    await _issuer(state).link(organization_id, change.extent, name)
    return Outcome(change, Result.APPLIED, organization_id)


async def issue_token(change: IssueToken, state: PassState) -> Outcome:
    """Carries out a plan's bearer token; raises ApiError, DeliveryError or DeliveryLost."""
    issuer, directory_id = _issuer(state), state.resolve(change.directory)
    name = RecordName(change.key.organization, change.key.name)
    await _settle(name, directory_id, state)
    if await issuer.first_token(directory_id, name):
        return Outcome(change, Result.APPLIED, directory_id)
    return Outcome(change, Result.STALE, directory_id, "it has a token by now; the next pass plans again")


def _issuer(state: PassState) -> Issuer:
    return Issuer(state.client, _target(state), state.runtime)


def _target(state: PassState) -> Target:
    if state.delivery is None:
        raise DeliveryError(
            "no delivery target is configured", "Pass --deliver, or set `deliver` in reconciler.toml."
        )
    return state.delivery


async def _settle(name: RecordName, directory_id: str, state: PassState) -> None:
    """Waits until a rotation that was lost on its way would show in the directory.

    The record was made before the rotation left, perhaps long before: the wait counts from now.
    """
    target = _target(state)
    earlier = await state.runtime.aside(lambda: target.read(name))
    if earlier and earlier.state is RecordState.PENDING and earlier.directory_id == directory_id:
        await wait_until(asyncio.get_running_loop().time() + state.settle_s, state.stop)

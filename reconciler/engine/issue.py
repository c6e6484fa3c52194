"""Makes a bearer token or a setup link and delivers it: what cannot be kept is not made."""

from __future__ import annotations

import asyncio

from msgspec import structs

from reconciler.api.lane import Lane
from reconciler.delivery.directory import Directory
from reconciler.engine.pass_state import PassState
from reconciler.engine.runtime import wait_until
from reconciler.model.change import Change
from reconciler.model.errors import DeliveryError
from reconciler.model.kinds import DIRECTORY, KindName
from reconciler.model.outcome import Outcome, Result
from reconciler.model.secret import Secret
from reconciler.model.state import Record, RecordState, SCIMDirectory

LINK_LIFETIME_S = 24 * 3600  # measured: a link is good for a day


async def issue(change: Change, state: PassState) -> Outcome:
    """The record is durably pending before the secret is asked for, and issued after it."""
    if state.delivery is None:
        raise DeliveryError("no delivery target is configured", "Name a folder with --deliver.")
    if change.key.kind is KindName.SETUP_LINK:
        return await _issue_link(change, state, state.delivery)
    return await _issue_token(change, state, state.delivery)


async def _issue_link(change: Change, state: PassState, delivery: Directory) -> Outcome:
    organization = state.resolve(change.id)
    link = change.link
    if link is None:
        raise LookupError("a setup link without an extent")
    now = state.runtime.now()
    pending = Record(RecordState.PENDING, organization, None, link.saml, link.scim, now, None)
    handle, keep = change.key.organization, state.runtime.aside
    await keep(lambda: delivery.write(handle, None, pending))
    async with state.client.lane() as lane:
        url = await lane.retry_unsent(lambda: lane.setup_url(organization, saml=link.saml, scim=link.scim))
    issued = Record(RecordState.ISSUED, organization, None, link.saml, link.scim, now, now + LINK_LIFETIME_S)
    await keep(lambda: delivery.write(handle, None, issued, url))
    return Outcome(change, Result.APPLIED, organization)


async def _issue_token(change: Change, state: PassState, delivery: Directory) -> Outcome:
    """Rotating cuts off whoever has a token, so it is looked at again right before, and settled if pending."""
    organization, directory = state.resolve(change.parent), state.resolve(change.id)
    handle = change.key.organization
    earlier = await state.runtime.aside(lambda: delivery.read(handle, change.key.name))
    if earlier and earlier.state is RecordState.PENDING and earlier.directory_id == directory:
        await _settle(earlier, state)
    pending = Record(
        state=RecordState.PENDING,
        organization_id=organization,
        directory_id=directory,
        saml=False,
        scim=False,
        issued_at=state.runtime.now(),
        expires_at=None,
    )

    async def attempt(lane: Lane) -> tuple[Secret, str] | None:
        fresh = (await lane.get(DIRECTORY, directory)).live
        if not isinstance(fresh, SCIMDirectory) or fresh.has_client_bearer_token:
            return None
        await state.runtime.aside(lambda: delivery.write(handle, change.key.name, pending))
        return await lane.rotate(directory), fresh.scim_base_url

    async with state.client.lane() as lane:
        made = await lane.retry_unsent(lambda: attempt(lane))
    if made is None:
        return Outcome(change, Result.STALE, directory, "it has a token meanwhile; the next pass plans anew")
    issued = structs.replace(pending, state=RecordState.ISSUED)
    await state.runtime.aside(lambda: delivery.write(handle, change.key.name, issued, *made))
    return Outcome(change, Result.APPLIED, directory)


async def _settle(earlier: Record, state: PassState) -> None:
    """Waits until a rotation that was lost on the way would show in the directory."""
    age_s = state.runtime.now() - earlier.issued_at
    remaining_s = min(state.settle_s, max(0.0, state.settle_s - age_s))
    await wait_until(asyncio.get_running_loop().time() + remaining_s, state.stop)

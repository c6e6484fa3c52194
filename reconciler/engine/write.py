"""Makes one create or update: read again, decide, write, compare the response with what was sent."""

from __future__ import annotations

from reconciler.api.lane import Lane
from reconciler.core.applying.merge import Satisfied, Stale, Write, creation, merge, not_as_meant, still_absent
from reconciler.core.planning.guard import foreign_environment
from reconciler.engine.pass_state import PassState
from reconciler.engine.runtime import wait_until
from reconciler.model.change import Collection, Create, Update
from reconciler.model.errors import BadAnswer, NotFound, Uncertain, WrongEnvironment
from reconciler.model.kinds import KINDS
from reconciler.model.outcome import Outcome, Result
from reconciler.model.state import Live, Organization

GONE = "it no longer exists; the next pass plans again"


async def update(change: Update, state: PassState) -> Outcome:
    """Reads, merges and writes over one connection; raises ApiError."""
    async with state.client.lane() as lane:
        return await lane.retry_unsent(lambda: _update(change, lane))


async def _update(change: Update, lane: Lane) -> Outcome:
    kind = KINDS[change.key.kind]
    try:
        fresh = await lane.get(kind, change.id)
    except NotFound:
        return Outcome(change, Result.STALE, change.id, GONE)
    decision = merge(change, fresh.live, fresh.body)
    if isinstance(decision, Stale):
        return Outcome(change, Result.STALE, change.id, decision.message)
    if isinstance(decision, Satisfied):
        return Outcome(change, Result.SATISFIED, change.id)
    return _as_meant(change, decision, await lane.update(kind, change.id, decision.body))


async def create_organization(change: Create, state: PassState) -> Outcome:
    """Creates an organization; its external id is unique, so a repeated POST cannot make a second one.

    An empty live environment does not show whether it is the right one. So creates run one at a time until a
    response shows it; after a create without a response there is no other. Raises ApiError or WrongEnvironment.
    """
    if _shown(state):
        return await _create_organization(change, state)
    async with state.first_create:
        if state.halt:
            return Outcome(change, Result.BLOCKED, error=state.halt.message)
        if not _shown(state):
            return await _first_create(change, state)
    return await _create_organization(change, state)  # a response has shown it by now: creates run in parallel


def _shown(state: PassState) -> bool:
    return state.environment_id is not None


async def _first_create(change: Create, state: PassState) -> Outcome:
    if state.unknown_first_create:
        return Outcome(change, Result.BLOCKED, error="an earlier create in this empty environment is unknown")
    try:
        return await _create_organization(change, state)
    except Uncertain:
        state.unknown_first_create = True
        raise


async def _create_organization(change: Create, state: PassState) -> Outcome:
    body = creation(change, None)
    async with state.client.lane() as lane:
        response = await lane.retry_unsent(lambda: lane.create(KINDS[change.key.kind], body))
    if isinstance(response, Organization):
        wrong = foreign_environment(response.environment_id, (state.environment_id, *state.pins))
        if wrong:
            raise WrongEnvironment(f"{response.id} was created in the wrong environment: {wrong}")
        state.environment_id = response.environment_id
        state.seen(response.environment_id)
    state.runtime.recent_writes.created(response.id)
    return _as_meant(change, Write(body), response)


async def create_child(change: Create, collection: Collection, state: PassState) -> Outcome:
    """Waits, lists again, and only then creates: the API accepts the same child twice. Raises ApiError."""
    if state.is_uncertain(change.key.organization):
        return Outcome(
            change,
            Result.BLOCKED,
            error="an earlier change of this organization is unknown; the next pass reads before it creates",
        )
    parent_id = state.resolve(collection.parent)
    await wait_until(state.runtime.recent_writes.creatable_at(parent_id, state.settle_s), state.stop)
    async with state.client.lane() as lane:
        return await lane.retry_unsent(lambda: _create_child(change, collection, state, lane))


async def _create_child(change: Create, collection: Collection, state: PassState, lane: Lane) -> Outcome:
    kind, parent_id = KINDS[change.key.kind], state.resolve(collection.parent)
    body = creation(change, parent_id)
    live = await lane.children(kind, parent_id)
    stale = still_absent(change, collection, live, state.created(change.key.organization, change.key.kind))
    if stale:
        return Outcome(change, Result.STALE, error=stale.message)
    return _as_meant(change, Write(body), await lane.create(kind, body))


def _as_meant(change: Create | Update, decision: Write, response: Live) -> Outcome:
    different = not_as_meant(KINDS[change.key.kind], decision.body, response)
    if different:
        raise BadAnswer(
            f"the response for {response.id} differs from what was sent: {', '.join(different)}",
            hint="The next pass reads it again.",
        )
    return Outcome(change, Result.APPLIED, response.id)

"""One create or update: read again, decide, write, and compare the answer with what was meant."""

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

GONE = "it is no longer there; the next pass plans anew"


async def update(change: Update, state: PassState) -> Outcome:
    """Read, merge, write over one connection."""
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
    """A POST whose external id keeps it from happening twice.

    Where the live environment is empty, nothing tells yet whether it is the right one: creates go singly
    until an answer shows it, and after one without an answer none.
    """
    if _shown(state):
        return await _create_organization(change, state)
    async with state.first_create:
        if state.halt:
            return Outcome(change, Result.BLOCKED, error=state.halt.message)
        if not _shown(state):
            return await _first_create(change, state)
    return await _create_organization(change, state)  # an answer has shown it meanwhile: no longer singly


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
        answer = await lane.retry_unsent(lambda: lane.create(KINDS[change.key.kind], body))
    if isinstance(answer, Organization):
        wrong = foreign_environment(answer.environment_id, (state.environment_id, *state.pins))
        if wrong:
            raise WrongEnvironment(f"{answer.id} was created in the wrong environment: {wrong}")
        state.environment_id = answer.environment_id
    state.runtime.recent_writes.created(answer.id)
    return _as_meant(change, Write(body), answer)


async def create_child(change: Create, collection: Collection, state: PassState) -> Outcome:
    """A POST that nothing but us keeps from happening twice: wait, list again, and only then create."""
    if state.is_uncertain(change.key.organization):
        return Outcome(
            change,
            Result.BLOCKED,
            error="an earlier change here is unknown; the next pass looks before it creates",
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


def _as_meant(change: Create | Update, decision: Write, answer: Live) -> Outcome:
    different = not_as_meant(KINDS[change.key.kind], decision.body, answer)
    if different:
        raise BadAnswer(
            f"the server's answer for {answer.id} differs from what was written: {', '.join(different)}",
            hint="The next pass reads it again.",
        )
    return Outcome(change, Result.APPLIED, answer.id)

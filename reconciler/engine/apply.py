"""Applies a plan: organizations in parallel, the changes of each in order, one outcome per started change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby

from reconciler.engine.pass_state import PassState
from reconciler.engine.secrets import issue_link, issue_token
from reconciler.engine.write import create_child, create_organization, update
from reconciler.model.change import Change, IssueLink, IssueToken, Plan, Update
from reconciler.model.errors import (
    ApiError,
    DeliveryError,
    DeliveryLost,
    Interrupted,
    WrongEnvironment,
    internal,
)
from reconciler.model.event import ChangeDone, Crashed, Watch
from reconciler.model.outcome import Halt, Outcome, Report, Result


async def apply(plan: Plan, state: PassState, watch: Watch) -> Report:
    """Applies every change of the plan; the failure of a single change is its outcome, never an exception."""
    started = asyncio.get_running_loop().time()
    groups = [tuple(group) for _, group in groupby(plan.changes, key=lambda change: change.key.organization)]
    await asyncio.gather(*(_organization(group, state, watch) for group in groups))
    order = {change.key: position for position, change in enumerate(plan.changes)}
    return Report(
        plan=plan,
        outcomes=tuple(sorted(state.outcomes, key=lambda outcome: order[outcome.change.key])),
        halt=state.halt,
        requests=state.client.requests,
        retries=state.client.retries,
        duration_s=asyncio.get_running_loop().time() - started,
        environment_id=state.environment_id,
    )


async def _organization(changes: Sequence[Change], state: PassState, watch: Watch) -> None:
    """Applies one organization's changes sequentially, in plan order."""
    loop = asyncio.get_running_loop()
    for change in changes:
        missing = await state.missing_need(change)
        if state.stopped:
            state.leave(change)
            continue
        started = loop.time()
        try:
            outcome = _blocked(change, missing) if missing else await _attempt(change, state, watch)
        except Interrupted as error:
            state.stop_for(Halt(error.code, error.message, error.exit_code))
            state.leave(change)
            continue
        state.conclude(outcome)
        watch(ChangeDone(outcome, loop.time() - started))


def _blocked(change: Change, missing: str) -> Outcome:
    return Outcome(change, Result.BLOCKED, error=f"it needs {missing}, which did not succeed")


async def _attempt(change: Change, state: PassState, watch: Watch) -> Outcome:
    try:
        return await _write(change, state)
    except (ApiError, DeliveryError, DeliveryLost, WrongEnvironment) as error:
        if error.halts:
            state.stop_for(Halt(error.code, error.message, error.exit_code))
        if error.certainly_not_done:
            return Outcome(change, Result.FAILED, change.live_id, error.whole)
        state.uncertain(change)
        return Outcome(change, Result.UNKNOWN, change.live_id, error.whole)
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 an internal error: requests under way still finish and are reported
        watch(Crashed(error))
        fault = internal(error)
        state.stop_for(Halt(fault.code, fault.message, fault.exit_code))
        state.uncertain(change)
        return Outcome(change, Result.UNKNOWN, change.live_id, fault.whole)


async def _write(change: Change, state: PassState) -> Outcome:
    if isinstance(change, IssueToken):
        return await issue_token(change, state)
    if isinstance(change, IssueLink):
        return await issue_link(change, state)
    if isinstance(change, Update):
        return await update(change, state)
    if change.collection is None:
        return await create_organization(change, state)
    return await create_child(change, change.collection, state)

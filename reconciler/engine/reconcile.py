"""One pass, as one sentence: load, observe, plan, guard, apply, report."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto

from msgspec import Struct, structs

from reconciler.core.planning.guard import refusals, tightened
from reconciler.core.planning.plan import plan as plan_changes
from reconciler.core.planning.since import compared
from reconciler.delivery.target import Target
from reconciler.engine.apply import apply
from reconciler.engine.connect import connected, delivery
from reconciler.engine.load import Load
from reconciler.engine.observe import Records, observe, records
from reconciler.engine.pass_state import PassState
from reconciler.engine.runtime import Runtime, wait_until
from reconciler.engine.selection import check_selection, selecting
from reconciler.engine.survey import environment_check, read_before
from reconciler.model.change import Plan
from reconciler.model.event import Watch
from reconciler.model.outcome import Pass, Report
from reconciler.model.saved import Narrowed
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.since import Since
from reconciler.model.state import Desired, Loaded, Observed


class Decision(Enum):
    """What becomes of a plan that has changes and that no guard refused."""

    LEAVE = auto()  # nothing is written
    PLAN_AGAIN = auto()  # the wait was long enough for the live environment to move
    APPLY = auto()


async def _leave(_: Plan) -> Decision:
    return Decision.LEAVE


class Hooks(Struct, frozen=True):
    """What a caller adds to a pass; an exception from `loaded`, `planned` or `may_apply` ends it before any write.

    `loaded` and `planned` get what there is by then. `seen` gets the live environment's id with each response that
    shows it, and starts no further request by raising WrongEnvironment. `narrow` may leave changes out; `planned`
    gets the whole plan, `may_apply` what is left of it. `may_apply` decides on a plan that has
    something to apply, and may wait for a person or for its turn. The default applies nothing: that is the plan
    command.
    """

    watch: Watch = lambda _: None
    loaded: Callable[[Loaded], None] = lambda _: None
    seen: Callable[[str], None] = lambda _: None
    narrow: Callable[[Plan], Narrowed] = lambda plan: Narrowed(plan, plan)
    planned: Callable[[Plan], None] = lambda _: None
    may_apply: Callable[[Plan], Awaitable[Decision]] = _leave


async def reconcile(
    environment: EnvironmentSettings, load: Load, runtime: Runtime, hooks: Hooks, stop: asyncio.Event
) -> Pass:
    """One pass over one environment; every command and the daemon call this.

    Returns:
        What was loaded, and the report: None if the manifests may not be used.

    Raises:
        SourceError: the folder cannot be read.
        UsageError: the selection does not fit the manifests.
        ApiError: the organizations cannot be read whole. Errors of single changes are outcomes.
        WrongEnvironment: the live environment is not the pinned one.
        DeliveryError: a delivery record cannot be read.
        Interrupted: `stop` was set while reading. Set later, it ends in a report with a halt.
    """
    manifests, empty, rules = environment.manifests, environment.allow_empty, environment.domains
    loaded = await runtime.aside(lambda: load(manifests, now=runtime.now(), allow_empty=empty, rules=rules))
    hooks.loaded(loaded)
    if loaded.desired is None:
        return Pass(loaded)
    check_selection(environment, loaded.desired)
    if loaded.since:
        selection = structs.replace(environment.selection, only=loaded.since.touched)
        environment = structs.replace(environment, selection=selection)
    decision = Decision.PLAN_AGAIN
    while decision is Decision.PLAN_AGAIN:
        observed = await _observe(environment, loaded.desired, runtime, hooks, stop)
        narrowed = await _plan(environment, loaded.desired, observed, runtime, hooks, loaded.since)
        plan = narrowed.left
        hooks.planned(narrowed.shown)
        writable = plan.changes and not plan.refusals
        decision = await hooks.may_apply(plan) if writable else Decision.LEAVE
    if decision is Decision.LEAVE:
        return Pass(loaded, _whole(Report(plan, environment_id=plan.environment_id), narrowed))
    return Pass(loaded, _whole(await _apply(plan, environment, runtime, hooks, stop), narrowed))


async def _observe(
    environment: EnvironmentSettings, desired: Desired, runtime: Runtime, hooks: Hooks, stop: asyncio.Event
) -> Observed:
    """The live environment, and the delivery records."""
    target, pinned = delivery(environment), environment_check(environment, desired)
    if environment.observed:
        observed = read_before(environment.observed, runtime, pinned)
        return structs.replace(observed, records=await _records(desired, target, runtime))

    def check(live: str) -> None:
        pinned(live)
        hooks.seen(live)

    # what this process wrote without getting a response has its settle time first
    await wait_until(runtime.recent_writes.observable_at(environment.settle_s), stop)
    before, selected = await _records(desired, target, runtime), selecting(environment.selection)
    async with connected(environment, runtime, hooks.watch, stop, read_only=True) as client:
        observed = await observe(desired, before or {}, client, hooks.watch, selected, check)
    return structs.replace(observed, records=await _records(desired, target, runtime))


async def _records(desired: Desired, target: Target | None, runtime: Runtime) -> Records | None:
    """What was delivered: asked before the API, to know what must be live, and after, for others deliver too."""
    return None if target is None else await runtime.aside(lambda: records(desired, target))


async def _plan(  # noqa: PLR0913, PLR0917 what planning takes
    environment: EnvironmentSettings,
    desired: Desired,
    observed: Observed,
    runtime: Runtime,
    hooks: Hooks,
    since: Since | None,
) -> Narrowed:
    """The plan, and what is left of it, with the refusals of the guards in it."""
    selected, protected = selecting(environment.selection), environment.protected
    made = await runtime.aside(lambda: plan_changes(desired, observed, runtime.now(), selected, protected))
    made = structs.replace(made, pin=made.pin or environment.environment_id, loosened=environment.domains.loosened)
    made = structs.replace(made, age_s=observed.age_s)
    made = compared(made, desired, observed, since) if since else made
    limits = tightened(environment.limits, desired.environment.limits)
    narrowed = hooks.narrow(made)
    approved = narrowed.left.digest if runtime.recent_writes.approves(narrowed.left, environment.approve) else None
    refused = refusals(narrowed.left, limits, approved, environment.only)
    left, shown = (structs.replace(each, refusals=refused) for each in (narrowed.left, narrowed.shown))
    return structs.replace(narrowed, left=left, shown=shown)


def _whole(report: Report, narrowed: Narrowed) -> Report:
    """The report on the whole plan, with the ends of the changes that were left out, in order."""
    order = {change.key: position for position, change in enumerate(narrowed.shown.changes)}
    outcomes = sorted((*report.outcomes, *narrowed.outcomes), key=lambda outcome: order[outcome.change.key])
    return structs.replace(report, plan=narrowed.shown, outcomes=tuple(outcomes))


async def _apply(
    plan: Plan, environment: EnvironmentSettings, runtime: Runtime, hooks: Hooks, stop: asyncio.Event
) -> Report:
    """Applies the plan with a new client; once `stop` is set no further write starts."""
    async with connected(environment, runtime, hooks.watch, stop) as client:
        client.grow(len(plan.changes))
        state = PassState(
            plan=plan,
            environment=environment,
            client=client,
            delivery=delivery(environment),
            runtime=runtime,
            stop=stop,
            seen=hooks.seen,
        )
        return await apply(plan, state, hooks.watch)

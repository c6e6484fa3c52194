"""One pass, as one sentence: observe, plan, guard, apply, report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import structs

from reconciler.api.client import Client
from reconciler.core.planning.guard import foreign_environment, refusals, tightened
from reconciler.core.planning.plan import Selected, plan
from reconciler.delivery.directory import Directory
from reconciler.delivery.target import Target
from reconciler.engine.apply import apply
from reconciler.engine.observe import observe, records
from reconciler.engine.pass_state import PassState
from reconciler.engine.runtime import Runtime, wait_until
from reconciler.model.change import Plan
from reconciler.model.errors import CredentialsError, WrongEnvironment
from reconciler.model.event import Watch
from reconciler.model.outcome import Report
from reconciler.model.settings import ApiSettings, EnvironmentSettings, Selection
from reconciler.model.state import Desired, DesiredOrganization


async def make_plan(
    environment: EnvironmentSettings,
    desired: Desired,
    runtime: Runtime,
    watch: Watch,
    stop: asyncio.Event | None = None,
) -> Plan:
    """Reads the live environment and plans; writes nothing: its client refuses every verb but GET.

    What this process wrote without getting an answer has its settle time first. The guards' refusals stand in the
    plan. Raises ApiError if the organizations cannot be read whole,
    WrongEnvironment if they are another environment's, DeliveryError if a record cannot be read, Interrupted
    once `stop` is set.
    """
    check = _environment_check(environment, desired)
    selected = selecting(environment.selection)
    await wait_until(runtime.recent_writes.observable_at(environment.settle_s), stop or asyncio.Event())
    async with connected(environment, runtime, watch, stop, read_only=True) as client:
        observed = await observe(desired, client, watch, selected, check)
    target = delivery(environment)
    if target:
        kept = await runtime.aside(lambda: records(desired, target))
        observed = structs.replace(observed, records={**kept})
    made = await runtime.aside(lambda: plan(desired, observed, runtime.now(), selected))
    limits = tightened(environment.limits, desired.environment.limits)
    return structs.replace(made, refusals=refusals(made, limits, environment.approve))


async def carry_out(
    plan: Plan, environment: EnvironmentSettings, runtime: Runtime, watch: Watch, stop: asyncio.Event
) -> Report:
    """Applies a plan that no guard refused; `stop` set: no further write starts."""
    if plan.refusals or not plan.changes:
        return Report(plan)
    async with connected(environment, runtime, watch, stop) as client:
        client.grow(len(plan.changes))
        state = PassState(
            plan=plan,
            environment=environment,
            client=client,
            delivery=delivery(environment),
            runtime=runtime,
            stop=stop,
        )
        return await apply(plan, state, watch)


async def reconcile(
    environment: EnvironmentSettings, desired: Desired, runtime: Runtime, watch: Watch, stop: asyncio.Event
) -> Report:
    """A whole pass."""
    made = await make_plan(environment, desired, runtime, watch, stop)
    return await carry_out(made, environment, runtime, watch, stop)


def connected(
    environment: EnvironmentSettings,
    runtime: Runtime,
    watch: Watch,
    stop: asyncio.Event | None = None,
    *,
    read_only: bool = False,
) -> Client:
    """A client for one pass or errand; raises CredentialsError where no key was given."""
    return Client(
        api_settings(environment),
        now=runtime.now,
        rng=runtime.rng,
        watch=watch,
        transport=runtime.transport,
        read_only=read_only,
        stop=stop,
    )


def api_settings(environment: EnvironmentSettings) -> ApiSettings:
    """Where the API is; raises CredentialsError where no key was given."""
    if environment.api is None:
        raise CredentialsError(
            "no API key was given",
            "Set SSOREADY_API_KEY (and SSOREADY_API_URL for a server of your own), or name a file with "
            "--api-key-file.",
        )
    return environment.api


def delivery(environment: EnvironmentSettings) -> Target | None:
    """Where issued secrets go, if anywhere."""
    return None if environment.deliver_path is None else Directory(environment.deliver_path)


def selecting(selection: Selection) -> Selected:
    """The predicate for an organization's name and labels."""

    def selected(wanted: DesiredOrganization) -> bool:
        named = not selection.targets or wanted.name in selection.targets
        return named and all(wanted.labels.get(key) == value for key, value in selection.selector)

    return selected


def _environment_check(environment: EnvironmentSettings, desired: Desired) -> Callable[[str | None], None]:
    pins = (environment.environment_id, desired.environment.id)

    def check(live: str | None) -> None:
        wrong = foreign_environment(live, pins)
        if wrong:
            raise WrongEnvironment(
                f"wrong environment: {wrong}", "Nothing was written. Correct the key or the pin."
            )

    check(None)
    return check

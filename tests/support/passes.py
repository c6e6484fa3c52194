"""A whole pass over manifests that exist only in memory, applied without asking."""

from __future__ import annotations

import asyncio

from reconciler.engine.load import Load
from reconciler.engine.reconcile import Decision, Hooks, reconcile
from reconciler.engine.runtime import Runtime
from reconciler.model.change import Plan
from reconciler.model.outcome import Report
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Desired, Loaded


def given(desired: Desired) -> Load:
    """A loader of just these manifests, which have no problem."""
    return lambda folder, **_: Loaded(folder, desired, (), 0, 0, desired.revision)


async def always(_: Plan) -> Decision:
    return Decision.APPLY


async def applied(environment: EnvironmentSettings, desired: Desired, runtime: Runtime) -> Report:
    """The report of a pass that may write."""
    hooks = Hooks(may_apply=always)
    finished = await reconcile(environment, given(desired), runtime, hooks, asyncio.Event())
    assert finished.report
    return finished.report


async def planned(environment: EnvironmentSettings, desired: Desired, runtime: Runtime) -> Plan:
    """The plan of a pass that may not."""
    finished = await reconcile(environment, given(desired), runtime, Hooks(), asyncio.Event())
    assert finished.report
    return finished.report.plan

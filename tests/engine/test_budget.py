"""The limit of a pass's requests grows with its work, so that no sound pass of any size reaches it."""

from __future__ import annotations

import asyncio
import random
import time

from reconciler.emulator import Emulator, Store
from reconciler.emulator.faults import Trouble
from reconciler.emulator.serve import background
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.model.outcome import Report, Result
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings, EnvironmentSettings
from tests.support.build import connection, desired, directory, organization
from tests.support.passes import applied

COUNT = 30
SEED = 7


def test_a_pass_of_many_changes_is_not_stopped_by_the_limit_of_a_small_one() -> None:
    """Both children of many organizations are made, and the next pass finds them."""
    children = {"connections": [connection("okta")], "directories": [directory("okta")]}
    wanted = desired(*(organization(f"o{n:02}", display_name=f"O {n}", **children) for n in range(COUNT)))
    store = Store.fresh(random.Random(SEED))

    async def passes(environment: EnvironmentSettings) -> list[Report]:
        runtime = Runtime(time.time, random.Random(SEED), RecentWrites(asyncio.get_running_loop().time()))
        return [await applied(environment, wanted, runtime) for _ in range(2)]

    with background(Emulator(store), Trouble(0.0, ())) as url:
        key = Secret(store.environments["production"].key)
        api = ApiSettings(url=url, key=key, requests_base=3, requests_per_organization=4)
        limits = {"maxChangedPercent": 100, "maxCreates": COUNT}
        settings = EnvironmentSettings("production", "", api, settle_s=0.0, limits=limits)
        first, second = asyncio.run(passes(settings))
    assert (first.halt, second.halt) == (None, None)
    assert [outcome.result for outcome in first.outcomes] == [Result.APPLIED] * 3 * COUNT
    assert second.plan.changes == ()
    assert first.requests > api.requests_base + COUNT

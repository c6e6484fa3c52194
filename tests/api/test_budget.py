"""The limit of a pass's requests grows with its work, so that no sound pass of any size runs into it."""

from __future__ import annotations

import asyncio
import random
import time

from reconciler.emulator import Emulator, Store
from reconciler.emulator.faults import Trouble
from reconciler.emulator.serve import background
from reconciler.engine.reconcile import reconcile
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.model.outcome import Report, Result
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings, EnvironmentSettings
from tests.support.build import connection, desired, directory, organization

COUNT = 30
SEED = 7


def passed(settings: ApiSettings, passes: int) -> list[Report]:
    """Passes that make so many organizations with both children, and then find them."""
    wanted = desired(
        *(
            organization(
                f"org-{number:02}",
                display_name=f"Organization {number}",
                connections=[connection("okta")],
                directories=[directory("okta")],
            )
            for number in range(COUNT)
        )
    )
    environment = EnvironmentSettings(
        name="production",
        manifests="",
        api=settings,
        settle_s=0.0,
        limits={"maxChangedPercent": 100, "maxCreates": COUNT},
    )

    async def main() -> list[Report]:
        runtime = Runtime(time.time, random.Random(SEED), RecentWrites(asyncio.get_running_loop().time()))
        stop = asyncio.Event()
        return [await reconcile(environment, wanted, runtime, lambda _: None, stop) for _ in range(passes)]

    return asyncio.run(main())


def test_a_pass_of_many_changes_is_not_stopped_by_the_limit_of_a_small_one() -> None:
    store = Store.fresh(random.Random(SEED))
    with background(Emulator(store), Trouble(0.0, ())) as url:
        key = Secret(store.environments["production"].key)
        settings = ApiSettings(url=url, key=key, requests_base=3, requests_per_organization=4)
        first, second = passed(settings, 2)
    assert (first.halt, second.halt) == (None, None)
    assert [outcome.result for outcome in first.outcomes] == [Result.APPLIED] * 3 * COUNT
    assert second.plan.changes == ()
    assert first.requests > settings.requests_base + COUNT


def test_the_limit_is_one() -> None:
    store = Store.fresh(random.Random(SEED))
    with background(Emulator(store), Trouble(0.0, ())) as url:
        key = Secret(store.environments["production"].key)
        settings = ApiSettings(url=url, key=key, requests_base=10, requests_per_organization=0)
        (first,) = passed(settings, 1)
    assert first.halt is not None
    assert first.halt.code == "Overrun"
    assert first.requests == 10

"""What was written without an answer has time to show before anybody looks for it, or creates beside it."""

from __future__ import annotations

import asyncio
import random

import httpx
import pytest

from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings, EnvironmentSettings
from tests.simulation.clock import run
from tests.support.build import desired, organization
from tests.support.passes import planned

SETTLE_S = 5.0


@pytest.mark.parametrize(("lost_at_s", "first_request_s"), [(None, 100.0), (98.0, 103.0), (42.0, 100.0)])
def test_a_pass_looks_once_what_was_lost_would_show(lost_at_s: float | None, first_request_s: float) -> None:
    asked: list[float] = []

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(asyncio.get_running_loop().time())
        return httpx.Response(200, json={})

    async def main() -> None:
        memory = RecentWrites(asyncio.get_running_loop().time())
        if lost_at_s is not None:
            memory.uncertain(lost_at_s)
        await asyncio.sleep(100.0)
        settings = EnvironmentSettings(
            None, "", ApiSettings("https://api.example", Secret("key")), settle_s=SETTLE_S
        )
        runtime = Runtime(lambda: 0.0, random.Random(1), memory, lambda: httpx.MockTransport(answer))
        await planned(settings, desired(organization(display_name="Acme")), runtime)

    run(main)
    assert asked == [first_request_s]


def test_a_child_is_created_once_one_of_the_process_before_would_show() -> None:
    memory = RecentWrites(started_at=10.0)
    memory.created("org_own")
    assert memory.creatable_at("org_other", SETTLE_S) == 15.0
    assert memory.creatable_at("org_own", SETTLE_S) == float("-inf")

"""Creates in an environment that is empty: one alone until its answer shows where it went, then side by side."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import httpx
import msgspec

from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.model.outcome import Report, Result
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings, EnvironmentSettings
from tests.support.build import ENVIRONMENT_ID, desired, org_id, organization
from tests.support.passes import applied


class Empty(httpx.AsyncBaseTransport):
    """An environment in which nothing is yet; `lose` answers of creates never arrive.

    Creates after the first are answered once `together` are under way.
    """

    def __init__(self, *, lose: int = 0, together: int = 1, environment_id: str = ENVIRONMENT_ID) -> None:
        self.made = 0
        self.at_once: list[int] = []  # how many creates were under way as each began
        self._under_way = 0
        self._lose = lose
        self._together = together
        self._all_here = asyncio.Event()
        self._environment_id = environment_id

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={})
        self._under_way += 1
        self.at_once.append(self._under_way)
        self.made += 1
        made = self.made
        await asyncio.sleep(0.01)
        if self._under_way >= self._together:
            self._all_here.set()
        if made > 1:
            await asyncio.wait_for(self._all_here.wait(), timeout=10)
        self._under_way -= 1
        if made <= self._lose:
            raise httpx.ReadError("reset")
        body: dict[str, Any] = msgspec.json.decode(request.content)
        return httpx.Response(
            200, json={"organization": body | {"id": org_id(made), "environmentId": self._environment_id}}
        )


def outcome(server: Empty, count: int, *, pin: str | None = None) -> Report:
    """A whole pass that is to create so many organizations."""

    async def main() -> Report:
        settings = EnvironmentSettings(
            None, "", ApiSettings("https://api.example", Secret("key")), environment_id=pin
        )
        runtime = Runtime(
            lambda: 0.0, random.Random(1), RecentWrites(asyncio.get_running_loop().time()), lambda: server
        )
        wanted = desired(*(organization(f"o{n}", display_name=f"O {n}") for n in range(count)))
        return await applied(settings, wanted, runtime)

    return asyncio.run(main())


def results(report: Report) -> list[Result]:
    return sorted(each.result for each in report.outcomes)


def test_the_first_is_alone_and_the_others_go_side_by_side() -> None:
    server = Empty(together=11)
    assert results(outcome(server, 12)) == [Result.APPLIED] * 12
    assert server.at_once[:2] == [1, 1]
    assert max(server.at_once) == 11


def test_after_one_without_an_answer_there_is_no_other() -> None:
    server = Empty(lose=1)
    assert results(outcome(server, 12)) == [Result.BLOCKED] * 11 + [Result.UNKNOWN]
    assert server.made == 1


def test_at_most_one_reaches_a_wrong_environment() -> None:
    server = Empty(environment_id="env_" + "2" * 25)
    report = outcome(server, 12, pin=ENVIRONMENT_ID)
    assert server.made == 1
    assert report.halt is not None
    assert report.halt.code == "WrongEnvironment"

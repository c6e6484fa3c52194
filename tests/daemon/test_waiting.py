"""One environment never holds another up for long, and time spent waiting is no work: workers on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import structlog

from reconciler.daemon.claims import WAIT_S
from reconciler.daemon.worker import Worker
from reconciler.emulator import Request
from tests.simulation.clock import run
from tests.support.daemons import Api, environment, organization, source, worker_group, write

HANG_S = 1000.0


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


class Slow(Api):
    """`delay` gives the seconds before a request is carried out."""

    def __init__(self, delay: Callable[[httpx.Request], float]) -> None:
        super().__init__()
        self.delay = delay
        self.written_at: dict[str, list[float]] = {}

    def transport(self) -> httpx.AsyncBaseTransport:
        return _Slow(self)


class _Slow(httpx.AsyncBaseTransport):
    def __init__(self, api: Slow) -> None:
        self._api = api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        api, name = self._api, environment_of(self._api, request)
        await asyncio.sleep(api.delay(request))
        if request.method != "GET":
            api.written_at.setdefault(name, []).append(asyncio.get_running_loop().time())
        headers = {key.lower(): value for key, value in request.headers.items()}
        target = request.url.raw_path.decode()
        response = api.emulator.handle(Request.of(request.method, target, headers, request.content))
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body)


def environment_of(api: Api, request: httpx.Request) -> str:
    key = request.headers["authorization"].removeprefix("Bearer ")
    found = api.store.environment_of_key[key]
    return next(name for name, each in api.store.environments.items() if each is found)


@asynccontextmanager
async def passes(*workers: Worker) -> AsyncIterator[dict[str, float]]:
    """When each environment's first pass ended; those that have not by the end of the block are given up."""
    ended: dict[str, float] = {}

    async def one(worker: Worker) -> None:
        await worker.once("start")
        ended[worker.name] = asyncio.get_running_loop().time()

    tasks = [asyncio.create_task(one(worker)) for worker in workers]
    try:
        yield ended
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def two(api: Api, tmp_path: Path, *, pinned: bool = False) -> list[Worker]:
    pin = api.store.environments["production"].id if pinned else ""
    one = source(environment(tmp_path / "one", "production", "acme", pin=pin), api.key())
    other = source(environment(tmp_path / "two", "development", "globex"), api.key("development"), "development")
    return worker_group(api, one, other)


async def fills_first(hanging: Worker, healthy: Worker, tmp_path: Path) -> None:
    """The one has its turn before the other can read its folder."""
    (tmp_path / "one").rename(tmp_path / "away")
    await healthy.once("start")
    await asyncio.wait([asyncio.create_task(hanging.once("start"))], timeout=0.1)
    (tmp_path / "away").rename(tmp_path / "one")


def hangs_in_development(method: str = "GET") -> Slow:
    api = Slow(lambda _: 0.0)
    api.delay = lambda r: HANG_S if environment_of(api, r) == "development" and r.method == method else 0.0
    return api


@pytest.mark.parametrize(("pinned", "at_s"), [(True, 0.0), (False, WAIT_S)])
def test_who_hangs_holds_others_up_for_a_bounded_time_and_nobody_who_is_pinned(
    tmp_path: Path, pinned: bool, at_s: float
) -> None:
    api = hangs_in_development()
    api.put("somebody")

    async def work() -> None:
        async with passes(*two(api, tmp_path, pinned=pinned)) as ended:
            await asyncio.sleep(HANG_S / 2)
            assert ended == {"production": at_s}
            assert api.written_at == {"production": [at_s]}

    run(work)


def test_the_wait_for_others_is_not_repeated_by_the_next_pass(tmp_path: Path) -> None:
    api = hangs_in_development()
    api.put("somebody")

    async def work() -> None:
        healthy, hanging = two(api, tmp_path)
        async with passes(healthy, hanging):
            await asyncio.sleep(HANG_S / 4)
            started = asyncio.get_running_loop().time()
            write(tmp_path / "one", "initech")
            await healthy.once("change")
            assert asyncio.get_running_loop().time() == started
            assert "initech" in api.names()

    run(work)


def test_the_first_page_of_a_list_is_enough_to_have_looked(tmp_path: Path) -> None:
    """Or a large environment would hold every other one up until it is read."""
    api = Slow(lambda request: HANG_S if "organizationId" in str(request.url) else 0.0)
    for name in ("production", "development"):
        api.put("somebody", name)
    api.put("globex", "development")

    async def work() -> None:
        workers = two(api, tmp_path)
        write(tmp_path / "two", "globex", organization("globex", "  samlConnections: [{name: okta}]\n"))
        async with passes(*workers) as ended:
            await asyncio.sleep(1.0)
            assert ended == {"production": 0.0}

    run(work)


def test_of_two_empty_environments_the_second_waits_a_bounded_time_for_its_turn(tmp_path: Path) -> None:
    api = hangs_in_development("POST")

    async def work() -> None:
        healthy, hanging = two(api, tmp_path)
        await fills_first(hanging, healthy, tmp_path)
        async with passes(healthy) as ended:
            await asyncio.sleep(HANG_S / 2)
            assert ended == {"production": 0.1 + WAIT_S}
            assert api.written_at == {}
            await asyncio.sleep(HANG_S)
            await healthy.once("retry")
            assert (api.names(), api.names("development")) == ({"acme"}, {"globex"})

    run(work)


def test_the_turn_ends_with_the_first_response_and_not_with_the_pass(tmp_path: Path) -> None:
    """The first create shows whose environment it is; the rest of a large rollout concerns nobody else."""
    api = Slow(lambda _: 0.0)
    first: list[str] = []

    def delay(request: httpx.Request) -> float:
        if environment_of(api, request) != "development" or request.method != "POST":
            return 0.0
        first.append("a create")
        return 1.0 if len(first) == 1 else HANG_S

    api.delay = delay

    async def work() -> None:
        healthy, large = two(api, tmp_path)
        write(tmp_path / "two", "initech")
        await fills_first(large, healthy, tmp_path)
        async with passes(healthy) as ended:
            await asyncio.sleep(HANG_S / 2)
            assert ended == {"production": 1.0}

    run(work)


def test_a_wait_for_a_turn_ends_when_the_process_is_asked_to_stop(tmp_path: Path) -> None:
    api = hangs_in_development("POST")

    async def work() -> None:
        healthy, hanging = two(api, tmp_path)
        await fills_first(hanging, healthy, tmp_path)
        async with passes(healthy) as ended:
            await asyncio.sleep(0.4)
            healthy.end()
            await asyncio.sleep(0.5)
            assert ended == {"production": 0.5}

    run(work)

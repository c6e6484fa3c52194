"""The length of a pass is the time in which it worked: overlaps count once, and waits not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from reconciler.daemon.effort import Effort
from reconciler.emulator import Request
from reconciler.engine.runtime import here
from reconciler.model.event import RequestDone, Retrying
from tests.simulation.clock import run
from tests.support.daemons import Api, environment, source, worker_group

WAIT_S, REQUEST_S = 12.0, 0.25


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


spans = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted), max_size=20)


@given(spans)
def test_what_went_on_at_the_same_time_counts_once(spans: list[list[int]]) -> None:
    now = 0.0
    effort = Effort(lambda: now)
    for start, end in sorted(spans, key=lambda span: span[1]):
        now = float(end)
        effort.ended(float(start))
    assert effort.total_s == len({second for start, end in spans for second in range(start, end)})


def test_a_request_counts_and_the_wait_before_it_is_repeated_does_not() -> None:
    now = 0.0
    effort = Effort(lambda: now)
    now = 1.0
    effort.watch(RequestDone("GET", "/v1/organizations", 503, 0.5))
    effort.watch(Retrying("GET", "/v1/organizations", 1, WAIT_S, "busy"))
    now = 20.0
    effort.watch(RequestDone("GET", "/v1/organizations", 200, 0.25))
    assert effort.total_s == 0.75


def test_what_is_computed_counts() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        effort = Effort(loop.time)

        async def slow(work: object, /) -> object:
            await asyncio.sleep(2.0)
            return await here(work)

        assert await effort.measured(slow)(lambda: 7) == 7
        assert effort.total_s == 2.0

    run(work)


class Busy(Api):
    """Asks for a pause once, and takes a while for each response."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = False

    def transport(self) -> httpx.AsyncBaseTransport:
        return _Busy(self)


class _Busy(httpx.AsyncBaseTransport):
    def __init__(self, api: Busy) -> None:
        self._api = api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(REQUEST_S)
        if not self._api.asked:
            self._api.asked = True
            return httpx.Response(503, headers={"retry-after": str(int(WAIT_S))})
        headers = {key.lower(): value for key, value in request.headers.items()}
        target = request.url.raw_path.decode()
        response = self._api.emulator.handle(Request.of(request.method, target, headers, request.content))
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body)


def test_a_pass_that_the_server_put_off_is_as_long_as_its_requests(tmp_path: Path) -> None:
    """After one Retry-After of 12 s the next pass came minutes later."""
    api, folder = Busy(), environment(tmp_path / "m", "production", "acme")
    api.put("somebody")

    async def work() -> None:
        (worker,) = worker_group(api, source(folder, api.key()))
        await worker.once("start")
        assert api.names() == {"somebody", "acme"}
        assert asyncio.get_running_loop().time() > WAIT_S
        assert worker.effort.total_s == 3 * REQUEST_S

    run(work)

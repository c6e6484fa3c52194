"""The pool of lanes: no more than allowed, the freshest connection first, and none that writes for a plan."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from reconciler.api.client import Client
from tests.support.build import org_id
from tests.support.scripted_api import GOOD, WRITES, Server, everything, get, live, ok, organizations, writing


@pytest.mark.parametrize("concurrency", [1, 3, 24])
def test_never_more_requests_at_once_than_lanes(concurrency: int) -> None:
    async def use(client: Client) -> None:
        await asyncio.gather(*(get(client) for _ in range(100)))

    server = Server(GOOD)
    lived = live(server, use, concurrency=concurrency)
    assert server.most_at_once == concurrency
    assert len(server.transports) == len(lived.client.lanes) == concurrency
    assert lived.took_s == pytest.approx(0.01 * -(-100 // concurrency))


def test_the_lane_that_was_used_last_is_used_next() -> None:
    """Its connection is the least likely to have been closed meanwhile."""

    async def use(client: Client) -> bool:
        async with client.lane() as first:
            async with client.lane():
                pass
            async with client.lane() as second:
                pass
        async with client.lane() as third:
            return third is first and second is not first

    assert live(Server(GOOD), use).result


def test_a_lane_that_cannot_be_made_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> httpx.AsyncBaseTransport:
        raise OSError("no more files")

    async def use(client: Client) -> None:
        for _ in range(3):
            with pytest.raises(OSError, match="no more files"):
                await asyncio.wait_for(get(client), 5)

    server = Server(GOOD)
    monkeypatch.setattr(server, "transport", fail)
    assert live(server, use, concurrency=1).error is None


@pytest.mark.parametrize("what", WRITES)
def test_a_read_only_client_cannot_write(what: str) -> None:
    server = Server(ok({}))
    assert isinstance(live(server, writing(what), read_only=True).error, AssertionError)
    assert server.sent == []


def test_a_read_only_client_reads() -> None:
    assert live(Server(organizations(1)), everything, read_only=True).result == [org_id(1)]

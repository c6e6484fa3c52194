"""What all requests of a pass share: the events, the limit of requests, the rate, the stop."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import httpx
import pytest

from reconciler.api.client import Client
from reconciler.model.errors import Interrupted, Overrun
from reconciler.model.event import RequestDone, Retrying
from tests.support.build import org_id
from tests.support.scripted_api import GOOD, KEY, Server, create, everything, get, live, organizations, refusal


async def many(client: Client, count: int = 30) -> None:
    await asyncio.gather(*(get(client) for _ in range(count)))


def test_an_event_has_no_ids_no_queries_and_no_secrets() -> None:
    lived = live(Server(refusal(f"{KEY} broke"), GOOD), get)
    route = "/v1/organizations/{id}"
    first, retry, second = lived.events
    assert isinstance(first, RequestDone)
    assert isinstance(second, RequestDone)
    assert (first.method, first.route, first.status, first.attempt) == ("GET", route, 500, 1)
    assert (second.method, second.route, second.status, second.attempt) == ("GET", route, 200, 2)
    assert [round(each.duration_s, 6) for each in (first, second)] == [0.01, 0.01]
    assert isinstance(retry, Retrying)
    assert (retry.method, retry.route, retry.attempt) == ("GET", route, 1)
    assert "*** broke" in retry.reason


def test_a_request_without_a_response_is_an_event_without_a_status() -> None:
    assert [done.status for done in live(Server(httpx.ReadError), get, attempts=1).done] == [None]


# -- the limit of requests


def test_the_limit_of_requests_is_checked_before_one_is_sent() -> None:
    server = Server(httpx.ReadError)
    lived = live(server, get, requests_base=3)
    assert type(lived.error) is Overrun
    assert "the pass has sent 3 requests" in str(lived.error)
    assert len(server.sent) == lived.client.requests == 3


def test_the_limit_grows_with_the_organizations_listed() -> None:
    async def use(client: Client) -> None:
        await everything(client)
        while True:
            await get(client)

    server = Server(organizations(1, 2, token="t"), organizations(3), GOOD)
    assert type(live(server, use, requests_base=5, requests_per_organization=4).error) is Overrun
    assert len(server.sent) == 5 + 3 * 4


def test_the_limit_grows_with_the_changes_to_make() -> None:
    async def use(client: Client) -> None:
        client.grow(6)
        while True:
            await create(client)

    server = Server(GOOD)
    assert type(live(server, use, requests_base=5, requests_per_organization=4).error) is Overrun
    assert len(server.sent) == 5 + 6 * 4


def test_the_default_limit_is_enough_for_hundreds_of_organizations_made_with_both_children() -> None:
    """Three creates each, and a list before each child's."""

    async def use(client: Client) -> None:
        client.grow(3 * 300)
        await many(client, 5 * 300)

    assert live(Server(GOOD), use).error is None


# -- what a server has to bear


@pytest.mark.parametrize(
    ("response", "allowed"),
    [
        (httpx.ReadTimeout, 12),
        (refusal("", 503), 12),
        (refusal("", 429), 12),
        (refusal("x"), 12),
        (refusal("store: no rows in result set"), 24),
        ((200, {"content-type": "application/json"}, b""), 24),
        (refusal("", 404), 24),
    ],
)
def test_an_overload_that_all_lanes_meet_halves_them_once_and_a_refusal_does_not(
    response: Any, allowed: int
) -> None:
    async def use(client: Client) -> int:
        await asyncio.gather(*(get(client) for _ in range(24)), return_exceptions=True)
        return client.limiter.allowed

    assert live(Server(response), use, attempts=1).result == allowed


def test_the_rate_of_requests_is_kept_and_halved_by_an_overload() -> None:
    server = Server(*[GOOD] * 9, refusal("", 429), GOOD, takes_s=0.0)
    lived = live(server, many, max_requests_per_second=10)
    assert lived.error is None
    times = [sent.at for sent in server.sent]
    assert times[:10] == pytest.approx([n / 10 for n in range(10)])
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) > 0.0999
    assert max(gaps) == pytest.approx(0.2, abs=0.01)
    assert gaps[-1] < 0.17, "it creeps up again"


# -- stopping


def test_once_asked_to_stop_no_request_starts_and_the_running_one_ends() -> None:
    stop = asyncio.Event()

    async def use(client: Client) -> Any:
        first = asyncio.create_task(create(client))
        await asyncio.sleep(0.005)
        stop.set()
        second = await asyncio.gather(create(client), return_exceptions=True)
        return (await first).id, type(second[0])

    server = Server(GOOD)
    assert live(server, use, stop=stop).result == (org_id(1), Interrupted)
    assert len(server.sent) == 1

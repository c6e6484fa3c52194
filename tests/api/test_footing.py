"""Nothing waits between a read and the write that rests on it, and no write rests on what is old."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from reconciler.api.client import Client
from reconciler.api.footing import MAX_AGE_S
from reconciler.api.lane import Lane
from reconciler.model.errors import Unsent
from reconciler.model.kinds import CONNECTION, ORGANIZATION
from tests.support.build import org_id
from tests.support.scripted_api import GOOD, Lived, Sent, Server, connection, create, live, ok, refusal

TAKES_S = 0.01  # every response of the scripted server
RATE = 10


def writes(number: int, attempt: Callable[[Lane], Awaitable[Any]]) -> Callable[[Client], Awaitable[None]]:
    """So many reads with the writes that rest on them, side by side."""

    async def one(client: Client) -> None:
        async with client.lane() as lane:
            await lane.retry_unsent(lambda: attempt(lane))

    async def use(client: Client) -> None:
        await asyncio.gather(*(one(client) for _ in range(number)))

    return use


async def update(lane: Lane) -> None:
    await lane.get(ORGANIZATION, org_id(1))
    await lane.update(ORGANIZATION, org_id(1), {})


async def create_child(lane: Lane) -> None:
    await lane.children(CONNECTION, org_id(1))
    await lane.create(CONNECTION, {"organizationId": org_id(1)})


def collection(pages: int, respond: Callable[[Sent], Any] = lambda _: None) -> Callable[[Sent], Any]:
    """A collection of so many pages; `respond` may give something else."""

    def step(sent: Sent) -> Any:
        other = respond(sent)
        if other is not None:
            return other
        if sent.method == "POST":
            return ok({"samlConnection": connection(99)})
        page = int(parse_qs(urlsplit(sent.target).query).get("pageToken", ["0"])[0])
        token = {"nextPageToken": str(page + 1)} if page + 1 < pages else {}
        return ok({"samlConnections": [connection(page + 1)]} | token)

    return step


def ages(server: Server) -> list[float]:
    """How long before each write the response to the read before it, over the same connection, came."""
    found, read_at = [], dict[int, float]()
    for sent in server.sent:
        if sent.method == "GET":
            read_at[sent.transport] = sent.at + TAKES_S
        else:
            found.append(sent.at - read_at[sent.transport])
    return found


def rate_kept(server: Server) -> bool:
    """Whether at no moment more had been sent than the rate allows."""
    times = sorted(sent.at for sent in server.sent)
    return all(number <= RATE * at + 1e-6 for number, at in enumerate(times))


@pytest.mark.parametrize(("attempt", "response"), [(update, GOOD), (create_child, collection(1))])
def test_no_write_waits_for_its_turn_once_its_read_was_answered(attempt: Any, response: Any) -> None:
    server = Server(response)
    lived = live(server, writes(24, attempt), max_requests_per_second=RATE)
    assert lived.error is None
    assert len(server.sent) == 48
    assert ages(server) == pytest.approx([0.0] * 24)
    assert rate_kept(server)
    assert lived.took_s == pytest.approx(47 / RATE + 2 * TAKES_S)


def test_a_write_that_rests_on_nothing_takes_one_turn() -> None:
    async def use(client: Client) -> None:
        await asyncio.gather(*(create(client) for _ in range(11)))

    server = Server(GOOD)
    assert live(server, use, max_requests_per_second=RATE).took_s == pytest.approx(1.0 + TAKES_S)


@pytest.mark.parametrize(("per_second", "again"), [(0.5, 1), (5, 1), (50, 0)])
def test_a_list_whose_pages_waited_for_too_long_is_read_again_in_one_go(per_second: float, again: int) -> None:
    """The first time nobody knows how many pages there are."""
    server = Server(collection(8))
    lived = live(server, writes(1, create_child), max_requests_per_second=per_second)
    assert (lived.error, lived.client.retries) == (None, again)
    *_, first, write = [sent.at for sent in server.sent if "pageToken" not in sent.target]
    assert write - first == pytest.approx(8 * TAKES_S if again else 7 / per_second + TAKES_S)


def test_pages_over_a_slow_network_do_not_age_while_they_are_under_way() -> None:
    async def slow(sent: Sent) -> Any:
        await asyncio.sleep(0.9)
        return collection(6)(sent)

    lived = live(Server(slow), writes(1, create_child))
    assert (lived.error, lived.client.retries) == (None, 0)


def delayed(delays: list[float]) -> tuple[list[float], Callable[[Lane], Awaitable[None]]]:
    """An update between whose read and write something takes its time."""
    left = list(delays)

    async def attempt(lane: Lane) -> None:
        await lane.get(ORGANIZATION, org_id(1))
        await asyncio.sleep(left.pop(0) if left else 0.0)
        await lane.update(ORGANIZATION, org_id(1), {})

    return left, attempt


@pytest.mark.parametrize(
    ("delays", "reads"), [([], 1), ([MAX_AGE_S - 0.01], 1), ([MAX_AGE_S + 0.01], 2), ([9.0, 1.0, 0.6], 4)]
)
def test_what_was_read_too_long_ago_is_read_again_whatever_took_so_long(delays: list[float], reads: int) -> None:
    server, (_, attempt) = Server(GOOD), delayed(delays)
    lived = live(server, writes(1, attempt))
    assert lived.error is None
    assert [sent.method for sent in server.sent] == ["GET"] * reads + ["PATCH"]
    assert ages(server)[0] <= MAX_AGE_S


def test_where_it_is_always_too_old_nothing_is_written() -> None:
    server, (_, attempt) = Server(GOOD), delayed([1.0] * 99)
    lived = live(server, writes(1, attempt))
    assert type(lived.error) is Unsent
    assert "1.0 s before it could leave" in str(lived.error)
    assert {sent.method for sent in server.sent} == {"GET"}


def test_a_page_that_had_to_be_asked_for_again_makes_the_pages_before_it_old() -> None:
    def busy(sent: Sent) -> Any:
        first = sum("pageToken" in each.target for each in server.sent) == 1
        return refusal("", 429, **{"retry-after": "5"}) if "pageToken" in sent.target and first else None

    server = Server(collection(2, busy))
    lived = live(server, writes(1, create_child))
    assert lived.error is None
    *_, first, write = [sent.at for sent in server.sent if "pageToken" not in sent.target]
    assert first > 5.0
    assert write - first == pytest.approx(2 * TAKES_S)


def test_what_was_put_off_takes_new_turns_for_both() -> None:
    responses = [GOOD, refusal("", 429), GOOD]
    server = Server(*responses)
    lived: Lived = live(server, writes(1, update), max_requests_per_second=RATE)
    assert lived.error is None
    assert [sent.method for sent in server.sent] == ["GET", "PATCH", "GET", "PATCH"]
    assert ages(server) == pytest.approx([0.0, 0.0])
    assert rate_kept(server)

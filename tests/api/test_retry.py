"""What is repeated and what never, how often, and how long the wait in between is."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.client import Client
from reconciler.api.retry import retry_after_s
from reconciler.model.errors import (
    ApiError,
    BadAnswer,
    Interrupted,
    NotFound,
    Refused,
    Taken,
    Unauthorized,
    Uncertain,
    Unsent,
)
from reconciler.model.kinds import ORGANIZATION
from tests.support.build import org_id
from tests.support.scripted_api import (
    GOOD,
    NOW,
    WRITES,
    Server,
    connection,
    create,
    get,
    live,
    ok,
    refusal,
    writing,
)

ATTEMPTS = 5
FAULTS: dict[str, tuple[Any, type[ApiError]]] = {
    "refused": (httpx.ConnectError, Unsent),
    "429": (refusal("", 429), Unsent),
    "database away": (refusal("get api key by secret value: away"), Unsent),
    "reset": (httpx.ReadError, Uncertain),
    "unknown 500": (refusal("commit: unexpected EOF"), Uncertain),
    "503": (refusal("", 503), Uncertain),
    "empty 200": ((200, {"content-type": "application/json"}, b""), BadAnswer),
    "wrong wrapper": (ok({"samlConnection": connection(1)}), BadAnswer),
    "another object": (ok({"organization": {"id": org_id(2)}}), BadAnswer),
}
FINAL: dict[str, tuple[Any, type[ApiError]]] = {
    "401": (refusal("", 401), Unauthorized),
    "not found": (refusal("store: no rows in result set"), NotFound),
    "taken": (refusal("store: (SQLSTATE 23505)"), Taken),
    "404": (refusal("", 404), Refused),
}


# -- what is repeated


@pytest.mark.parametrize("what", FAULTS)
def test_a_read_is_repeated_and_fails_with_its_last_error(what: str) -> None:
    fault, kind = FAULTS[what]
    server = Server(fault)
    lived = live(server, get)
    assert type(lived.error) is kind
    assert [sent.method for sent in server.sent] == ["GET"] * ATTEMPTS
    assert [done.attempt for done in lived.done] == list(range(1, ATTEMPTS + 1))
    assert (lived.client.requests, lived.client.retries) == (ATTEMPTS, ATTEMPTS - 1)


@pytest.mark.parametrize("what", FAULTS)
def test_a_read_may_succeed_at_the_last_attempt(what: str) -> None:
    server = Server(*[FAULTS[what][0]] * (ATTEMPTS - 1), GOOD)
    assert live(server, get).result == org_id(1)


@pytest.mark.parametrize("what", FAULTS)
def test_a_create_is_repeated_only_if_it_certainly_did_not_happen(what: str) -> None:
    fault, kind = FAULTS[what]
    server = Server(fault, GOOD)
    lived = live(server, create)
    if kind is Unsent:
        assert lived.result.id == org_id(1)
        assert [sent.body for sent in server.sent] == [b'{"displayName":"Acme"}'] * 2
        assert [done.attempt for done in lived.done] == [1, 2]
    else:
        assert type(lived.error) is kind
        assert len(server.sent) == 1


def test_a_create_that_cannot_be_sent_fails_in_the_end() -> None:
    server = Server(httpx.ConnectError)
    assert type(live(server, create).error) is Unsent
    assert len(server.sent) == ATTEMPTS


@pytest.mark.parametrize("what", WRITES)
def test_no_write_is_repeated_when_its_response_is_lost(what: str) -> None:
    server = Server(httpx.ReadError)
    assert type(live(server, writing(what)).error) is Uncertain
    assert len(server.sent) == 1


@pytest.mark.parametrize("what", FINAL)
@pytest.mark.parametrize("use", [get, create])
def test_a_refusal_with_a_known_meaning_is_final(use: Any, what: str) -> None:
    response, kind = FINAL[what]
    server = Server(response)
    assert type(live(server, use).error) is kind
    assert len(server.sent) == 1


def test_a_write_is_repeated_together_with_the_read_that_it_rests_on() -> None:
    async def use(client: Client) -> None:
        async with client.lane() as lane:

            async def attempt() -> None:
                await lane.get(ORGANIZATION, org_id(1))
                await lane.update(ORGANIZATION, org_id(1), {})

            await lane.retry_unsent(attempt)
            await lane.update(ORGANIZATION, org_id(1), {})

    server = Server(GOOD, refusal("", 429), GOOD)
    lived = live(server, use)
    assert lived.error is None
    assert [(done.method, done.attempt) for done in lived.done] == [
        *(("GET", 1), ("PATCH", 1)),
        *(("GET", 1), ("PATCH", 2)),
        ("PATCH", 1),
    ]


def test_a_read_before_a_write_has_no_more_attempts_than_any_other() -> None:
    async def use(client: Client) -> None:
        async with client.lane() as lane:
            await lane.retry_unsent(lambda: lane.get(ORGANIZATION, org_id(1)))

    server = Server(httpx.ConnectError)
    assert type(live(server, use).error) is Unsent
    assert len(server.sent) == ATTEMPTS


# -- how long the wait is


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_waits_between_attempts_double_with_full_jitter(seed: int) -> None:
    server = Server(httpx.ReadError, takes_s=0.0)
    lived = live(server, get, seed=seed, attempts=10)
    jitter = random.Random(seed)
    waits = [jitter.random() * longest_s for longest_s in (0.25, 0.5, 1, 2, 4, 8, 16, 20, 20)]
    assert [retry.delay_s for retry in lived.retries] == waits
    assert [(retry.method, retry.attempt) for retry in lived.retries] == [("GET", n) for n in range(1, 10)]
    assert {retry.route for retry in lived.retries} == {"/v1/organizations/{id}"}
    assert [sent.at for sent in server.sent] == pytest.approx([sum(waits[:n]) for n in range(10)])
    assert lived.took_s == pytest.approx(sum(waits))


@pytest.mark.parametrize("use", [get, create])
@pytest.mark.parametrize(
    ("text", "wait_s"), [("7", 7.0), ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0), ("99999", 300.0), ("0", 0.0)]
)
def test_no_request_is_repeated_before_the_time_that_the_server_asked_for(
    use: Any, text: str, wait_s: float
) -> None:
    """The date is thirty seconds after the start on the client's own wall clock."""
    server = Server(refusal("", 429, **{"retry-after": text}), GOOD, takes_s=0.0)
    lived = live(server, use)
    assert lived.error is None
    assert wait_s <= server.sent[1].at <= wait_s + 0.25


def test_a_server_that_asks_us_to_wait_gets_no_request_over_another_lane() -> None:
    async def use(client: Client) -> None:
        await asyncio.gather(*(get(client) for _ in range(100)))

    server = Server(refusal("", 429, **{"retry-after": "10"}))
    lived = live(server, use, attempts=2, concurrency=4)
    assert isinstance(lived.error, Unsent)
    assert len([sent for sent in server.sent if sent.at < 10]) == 4


@pytest.mark.parametrize("how", ["stop", "close"])
@pytest.mark.parametrize("settings", [{}, {"max_requests_per_second": 0.01}])
def test_a_wait_for_the_next_attempt_ends_with_the_pass(how: str, settings: Any) -> None:
    stop = asyncio.Event()

    async def use(client: Client) -> float:
        tasks = [asyncio.create_task(get(client)) for _ in range(40)]
        await asyncio.sleep(1)
        retries = client.retries
        stop.set() if how == "stop" else await client.close()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert client.retries == retries
        assert {type(error) for error in ended} == ({Interrupted} if how == "stop" else {Unsent})
        return asyncio.get_running_loop().time()

    server = Server(refusal("", 429, **{"retry-after": "200"}))
    assert live(server, use, stop=stop, **settings).result == pytest.approx(1.0, abs=0.01)


RETRY_AFTER = [
    ("7", 7.0),
    (" 7 ", 7.0),
    ("0", 0.0),
    ("300", 300.0),
    ("301", 300.0),
    ("9" * 400, 300.0),
    ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
    ("Tue, 14 Nov 2023 22:13:50 -0000", 30.0),  # no zone is UTC, wherever this runs
    ("Tue, 14 Nov 2023 23:13:50 +0100", 30.0),
    ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
    ("Wed, 15 Nov 2023 22:13:20 GMT", 300.0),
    *((text, None) for text in ("", " ", "soon", "-5", "1.5", "٣")),
    *(
        (f"Tue, {day} 22:13:50 GMT", None)
        for day in ("99 Nov 2023", "14 Nov 99999", "14 Nov 99999999999999999999")
    ),
]


@pytest.mark.parametrize(("text", "wait_s"), RETRY_AFTER)
def test_both_forms_of_retry_after_are_understood(text: str, wait_s: float | None) -> None:
    assert retry_after_s({"retry-after": text}, NOW) == wait_s


def test_without_the_header_there_is_nothing_to_wait_for() -> None:
    assert retry_after_s({}, NOW) is None


@given(st.text(max_size=60))
def test_no_retry_after_breaks_anything(text: str) -> None:
    wait_s = retry_after_s({"retry-after": text}, NOW)
    assert wait_s is None or 0.0 <= wait_s <= 300.0

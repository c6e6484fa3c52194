"""What the client promises: whole lists or errors, nothing repeated blindly, every limit named, one clock."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.client import Client
from reconciler.api.connection import MAX_SILENCE_BEFORE_WRITE_S, ReadOnly
from reconciler.core.applying.backoff import delay_s
from reconciler.model.errors import (
    ApiError,
    BadAnswer,
    Interrupted,
    NotFound,
    Overrun,
    Refused,
    Taken,
    Unauthorized,
    Uncertain,
    Unsent,
)
from reconciler.model.event import RequestDone, Retrying
from reconciler.model.kinds import CONNECTION, DIRECTORY, ORGANIZATION
from reconciler.model.secret import Secret
from tests.support.build import conn_id, dir_id, org_id
from tests.support.scripted_api import (
    KEY,
    URL,
    Sent,
    Server,
    Slow,
    connection,
    everything,
    live,
    ok,
    organization,
    organizations,
    refusal,
)

ATTEMPTS = 5


async def create(client: Client) -> Any:
    async with client.lane() as lane:
        return await lane.retry_unsent(lambda: lane.create(ORGANIZATION, {"displayName": "Acme"}))


async def get(client: Client) -> Any:
    async with client.lane() as lane:
        return await lane.get(ORGANIZATION, org_id(1))


async def connections(client: Client) -> list[str]:
    return [each.id for each in await client.children(CONNECTION, org_id(1))]


# -- what goes out


def test_each_request_is_what_the_api_expects() -> None:
    one = ok({"organization": organization(1)})
    directory = {"id": dir_id(1), "organizationId": org_id(1)}
    server = Server(
        ok({}),
        one,
        ok({"samlConnections": [connection(1)], "nextPageToken": "a+b/c=="}),
        ok({}),
        one,
        ok({"scimDirectory": directory}),
        one,
        ok({"bearerToken": "t"}),
        ok({"url": "u"}),
    )

    async def use(client: Client) -> tuple[Secret, Secret]:
        await everything(client)
        async with client.lane() as lane:
            await lane.get(ORGANIZATION, org_id(1))
            await lane.children(CONNECTION, org_id(1))
            await lane.retry_unsent(lambda: lane.create(ORGANIZATION, {"displayName": "Ü", "domains": []}))
            await lane.retry_unsent(lambda: lane.create(DIRECTORY, {"organizationId": org_id(1)}))
            await lane.retry_unsent(lambda: lane.update(ORGANIZATION, org_id(1), {}))
            token = await lane.retry_unsent(lambda: lane.rotate(dir_id(1)))
            return token, await lane.retry_unsent(lambda: lane.setup_url(org_id(1), saml=True, scim=False))

    lived = live(server, use)
    assert lived.error is None
    assert [secret.reveal() for secret in lived.result] == ["t", "u"]
    assert [(sent.method, sent.target, sent.body.decode()) for sent in server.sent] == [
        ("GET", "/v1/organizations", ""),
        ("GET", f"/v1/organizations/{org_id(1)}", ""),
        ("GET", f"/v1/saml-connections?organizationId={org_id(1)}", ""),
        ("GET", f"/v1/saml-connections?organizationId={org_id(1)}&pageToken=a%2Bb%2Fc%3D%3D", ""),
        ("POST", "/v1/organizations", '{"displayName":"Ü","domains":[]}'),
        ("POST", "/v1/scim-directories", f'{{"organizationId":"{org_id(1)}"}}'),
        ("PATCH", f"/v1/organizations/{org_id(1)}", "{}"),
        ("POST", f"/v1/scim-directories/{dir_id(1)}/rotate-bearer-token", ""),
        (
            "POST",
            "/v1/setup-urls",
            json.dumps(
                {"organizationId": org_id(1), "canManageSaml": True, "canManageScim": False}, separators=(",", ":")
            ),
        ),
    ]
    for sent in server.sent:
        expected = {
            "host": "api.example",
            "authorization": f"Bearer {KEY}",
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": "ssoready-reconciler",
        }
        if sent.body:
            expected |= {"content-type": "application/json", "content-length": str(len(sent.body))}
        elif sent.method == "POST":
            expected |= {"content-length": "0"}
        assert sent.headers == expected
    assert {sent.transport for sent in server.sent} == {0}


def test_what_is_watched_has_no_ids_no_queries_and_no_secrets() -> None:
    lived = live(Server(refusal(f"{KEY} broke"), ok({"organization": organization(1)})), get)
    route = "/v1/organizations/{id}"
    assert [event for event in lived.events if not isinstance(event, Retrying)] == [
        RequestDone("GET", route, 500, lived.done[0].duration_s),
        RequestDone("GET", route, 200, lived.done[1].duration_s),
    ]
    assert [(retry.method, retry.route, retry.attempt, retry.reason) for retry in lived.retries] == [
        ("GET", route, 1, f"GET {route}: the server answered 500: *** broke")
    ]
    assert [round(each.duration_s, 6) for each in lived.done] == [0.01, 0.01]


# -- lists


def test_no_organizations_are_no_pages() -> None:
    lived = live(Server(ok({})), everything)
    assert (lived.result, lived.client.requests) == ([], 1)


@given(st.lists(st.integers(1, 10), max_size=12))
def test_a_list_is_read_to_its_end_whatever_its_pages(sizes: list[int]) -> None:
    pages, first = [], 0
    for position, size in enumerate(sizes):
        token = "" if position == len(sizes) - 1 else f"t{position}"
        pages.append(organizations(*range(first, first + size), token=token))
        first += size
    server = Server(*(pages or [ok({})]))
    assert live(server, everything).result == [org_id(number) for number in range(first)]
    asked = [parse_qs(urlsplit(sent.target).query).get("pageToken", [""])[0] for sent in server.sent]
    assert asked == ["", *(f"t{position}" for position in range(len(sizes) - 1))]


@given(
    st.sets(st.integers(0, 60), max_size=40),
    st.lists(st.sets(st.integers(0, 60), max_size=4), max_size=8),
)
def test_objects_made_during_the_walk_hide_nobody(there: set[int], coming: list[set[int]]) -> None:
    """Pages as the server makes them: a token is the id that a page starts with, new ids land anywhere."""
    now, arrivals = set(there), list(coming)

    def page(sent: Sent) -> Any:
        start = parse_qs(urlsplit(sent.target).query).get("pageToken", ["0"])[0]
        left = sorted(number for number in now if number >= int(start))
        now.update(arrivals.pop(0) if arrivals else ())
        return organizations(*left[:10], token=str(left[10]) if left[10:] else "")

    found = live(Server(page), everything).result
    assert found == sorted(set(found))
    assert {org_id(number) for number in there} <= set(found) <= {org_id(number) for number in now}


OUT_OF_ORDER = "the list is not in order of id: something may be missing"
NOTHING_NEW = "the list goes on without anything new in it"
BROKEN_LISTS: dict[str, tuple[list[Any], str]] = {
    "out of order in a page": ([organizations(2, 1)], OUT_OF_ORDER),
    "the same twice in a page": ([organizations(1, 1)], OUT_OF_ORDER),
    "the second page before the first": ([organizations(5, 6, token="t"), organizations(3, 4)], OUT_OF_ORDER),
    "the same page twice": ([organizations(1, 2, token="t"), organizations(1, 2)], OUT_OF_ORDER),
    "the last again": ([organizations(1, 2, token="t"), organizations(2, 3)], OUT_OF_ORDER),
    "the same page for ever": ([organizations(1, 2, token="t")], OUT_OF_ORDER),
    "a token that comes again": (
        [organizations(1, token="t"), organizations(2, token="u"), organizations(3, token="t")],
        NOTHING_NEW,
    ),
    "its own token": ([organizations(1, token="t"), organizations(2, token="t")], NOTHING_NEW),
    "an empty page that goes on": (
        [organizations(1, token="t"), ok({"organizations": [], "nextPageToken": "u"})],
        NOTHING_NEW,
    ),
    "an empty first page that goes on": ([ok({"organizations": [], "nextPageToken": "t"})], NOTHING_NEW),
    "two environments in a page": (
        [ok({"organizations": [organization(1), organization(2, "env_" + "2" * 25)]})],
        "the list holds organizations of several environments",
    ),
    "another environment on the second page": (
        [organizations(1, token="t"), ok({"organizations": [organization(2, "env_" + "2" * 25)]})],
        "the list holds organizations of several environments",
    ),
}


@pytest.mark.parametrize("what", BROKEN_LISTS)
def test_a_list_that_cannot_be_whole_is_an_error_and_not_asked_again(what: str) -> None:
    pages, said = BROKEN_LISTS[what]
    server = Server(*pages)
    lived = live(server, everything)
    assert type(lived.error) is BadAnswer
    assert str(lived.error) == f"GET /v1/organizations: {said}"
    assert lived.client.retries == 0
    assert len(server.sent) <= len(pages) + 1


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([ok({"samlConnections": [connection(2), connection(1)]})], OUT_OF_ORDER),
        (
            [ok({"samlConnections": [connection(1, parent=2)]})],
            f"{conn_id(1)} belongs to another organization than the one asked for",
        ),
        (
            [
                ok({"samlConnections": [connection(1)], "nextPageToken": "t"}),
                ok({"samlConnections": [connection(2, parent=2)]}),
            ],
            f"{conn_id(2)} belongs to another organization than the one asked for",
        ),
        ([ok({"samlConnections": [connection(1)], "nextPageToken": "t"}), ok({"url": "x"})], "but other things"),
    ],
)
def test_a_collection_that_cannot_be_whole_is_an_error(pages: list[Any], said: str) -> None:
    lived = live(Server(*pages), connections, read_attempts=1)
    assert type(lived.error) is BadAnswer
    assert str(lived.error).startswith("GET /v1/saml-connections: ")
    assert said in str(lived.error)


def endless(sent: Sent) -> Any:
    number = int(parse_qs(urlsplit(sent.target).query).get("pageToken", ["0"])[0])
    return organizations(number, token=str(number + 1))


def test_a_chain_of_pages_that_does_not_end_is_an_error_at_the_limit() -> None:
    server = Server(endless)
    lived = live(server, everything, max_pages=7)
    assert str(lived.error) == "GET /v1/organizations: the list has more than 7 pages"
    assert type(lived.error) is BadAnswer
    assert len(server.sent) == 7


def test_a_page_that_fails_for_good_fails_the_list() -> None:
    async def use(client: Client) -> list[str]:
        async for page in client.organizations():
            seen.extend(each.id for each in page)
        return seen

    seen: list[str] = []
    lived = live(Server(organizations(1, token="t"), refusal("", 503)), use)
    assert type(lived.error) is Uncertain
    assert seen == [org_id(1)], "nothing is yielded after the failure"
    assert len(lived.done) == 1 + ATTEMPTS


def test_a_page_that_fails_once_is_read_again_and_nothing_is_lost() -> None:
    server = Server(organizations(1, token="t"), httpx.ReadError, organizations(2, token="u"), organizations(3))
    assert live(server, everything).result == [org_id(1), org_id(2), org_id(3)]
    assert [sent.target[17:] for sent in server.sent] == ["", "?pageToken=t", "?pageToken=t", "?pageToken=u"]


def test_the_walk_holds_no_lane_while_its_pages_are_used() -> None:
    async def use(client: Client) -> int:
        count = 0
        async for page in client.organizations():
            count += len(page) + len(await asyncio.wait_for(client.children(CONNECTION, page[0].id), 60))
        return count

    pages = {
        "": organizations(1, token="t"),
        "t": organizations(2),
    }

    def answer(sent: Sent) -> Any:
        query = parse_qs(urlsplit(sent.target).query)
        return pages[query.get("pageToken", [""])[0]] if "organizations" in sent.target else ok({})

    lived = live(Server(answer), use, concurrency=1)
    assert (lived.error, lived.result) == (None, 2)


# -- what is repeated

EMPTY_200 = (200, {"content-type": "application/json"}, b"")
# A fault, the error it is, and whether it certainly kept the request from being carried out.
FAULTS: dict[str, tuple[Any, type[ApiError], bool]] = {
    "refused": (httpx.ConnectError, Unsent, True),
    "connect timeout": (httpx.ConnectTimeout, Unsent, True),
    "pool timeout": (httpx.PoolTimeout, Unsent, True),
    "no tunnel": (httpx.ProxyError, Unsent, True),
    "429": (refusal("", 429), Unsent, True),
    "database away": (refusal("get api key by secret value: away"), Unsent, True),
    "reset": (httpx.ReadError, Uncertain, False),
    "reset while sending": (httpx.WriteError, Uncertain, False),
    "read timeout": (httpx.ReadTimeout, Uncertain, False),
    "write timeout": (httpx.WriteTimeout, Uncertain, False),
    "closed": (httpx.RemoteProtocolError, Uncertain, False),
    "our protocol error": (httpx.LocalProtocolError, Uncertain, False),
    "bad gzip": (httpx.DecodingError, Uncertain, False),
    "stream closed": (httpx.StreamClosed(), Uncertain, False),
    "os error": (OSError, Uncertain, False),
    "unknown 500": (refusal("commit: unexpected EOF"), Uncertain, False),
    "502": (refusal("", 502), Uncertain, False),
    "503": (refusal("", 503), Uncertain, False),
    "504": (refusal("", 504), Uncertain, False),
    "403": (refusal("", 403), Uncertain, False),
    "empty 200": (EMPTY_200, BadAnswer, False),
    "HTML": ((200, {"content-type": "text/html"}, b"<p>"), BadAnswer, False),
    "204": ((204, {}, b""), BadAnswer, False),
    "redirect": ((302, {"location": "https://elsewhere.example"}, b""), BadAnswer, False),
    "gzip": ((200, {"content-encoding": "gzip"}, b"\x1f\x8b"), BadAnswer, False),
    "wrong wrapper": (ok({"samlConnection": connection(1)}), BadAnswer, False),
    "another object": (ok({"organization": {"id": org_id(2)}}), BadAnswer, False),
}
# Refused with a known meaning: final, for reads as for writes.
FINAL: dict[str, tuple[Any, type[ApiError]]] = {
    "wrong key": (refusal("get api key by secret value: no rows in result set"), Unauthorized),
    "401": (refusal("", 401), Unauthorized),
    "not there": (refusal("store: no rows in result set"), NotFound),
    "taken": (refusal("store: (SQLSTATE 23505)"), Taken),
    "malformed": (refusal("proto: syntax error"), Refused),
    "404": (refusal("", 404), Refused),
    "405": (refusal("", 405), Refused),
}
GOOD = ok({"organization": organization(1)})


@pytest.mark.parametrize("what", FAULTS)
def test_a_read_is_tried_again_and_then_fails_with_its_last_error(what: str) -> None:
    fault, kind, _ = FAULTS[what]
    server = Server(fault)
    lived = live(server, get)
    assert type(lived.error) is kind
    assert [sent.method for sent in server.sent] == ["GET"] * ATTEMPTS
    assert (lived.client.requests, lived.client.retries) == (ATTEMPTS, ATTEMPTS - 1)


@pytest.mark.parametrize("what", FAULTS)
def test_a_read_that_is_answered_at_last_is_answered(what: str) -> None:
    server = Server(*[FAULTS[what][0]] * (ATTEMPTS - 1), GOOD)
    assert live(server, get).result.live.id == org_id(1)


@pytest.mark.parametrize("what", FAULTS)
def test_a_create_is_repeated_only_if_it_certainly_did_not_happen(what: str) -> None:
    fault, kind, unsent = FAULTS[what]
    server = Server(fault, GOOD)
    lived = live(server, create)
    if unsent:
        assert lived.result.id == org_id(1)
        assert [sent.body for sent in server.sent] == [b'{"displayName":"Acme"}'] * 2
    else:
        assert type(lived.error) is kind
        assert len(server.sent) == 1


@pytest.mark.parametrize("what", [what for what, fault in FAULTS.items() if fault[2]])
def test_a_create_that_cannot_be_sent_fails_in_the_end(what: str) -> None:
    server = Server(FAULTS[what][0])
    lived = live(server, create)
    assert type(lived.error) is Unsent
    assert len(server.sent) == ATTEMPTS


WRITES: dict[str, Callable[[Client], Any]] = {}


def write(use: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def on_a_lane(client: Client) -> Any:
        async with client.lane() as lane:
            return await use(lane)

    WRITES[use.__name__] = on_a_lane
    return use


@write
async def create_organization(lane: Any) -> Any:
    return await lane.retry_unsent(lambda: lane.create(ORGANIZATION, {"displayName": "Acme"}))


@write
async def create_connection(lane: Any) -> Any:
    return await lane.retry_unsent(lambda: lane.create(CONNECTION, {"organizationId": org_id(1)}))


@write
async def update_organization(lane: Any) -> Any:
    return await lane.retry_unsent(lambda: lane.update(ORGANIZATION, org_id(1), {}))


@write
async def rotate_token(lane: Any) -> Any:
    return await lane.retry_unsent(lambda: lane.rotate(dir_id(1)))


@write
async def make_link(lane: Any) -> Any:
    return await lane.retry_unsent(lambda: lane.setup_url(org_id(1), saml=True, scim=True))


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("what", ["reset", "read timeout", "unknown 500", "empty 200", "wrong wrapper"])
def test_no_write_is_repeated_blindly(name: str, what: str) -> None:
    fault = ok({"things": 1}) if what == "wrong wrapper" else FAULTS[what][0]
    server = Server(fault)
    lived = live(server, WRITES[name])
    assert isinstance(lived.error, Uncertain)
    assert len(server.sent) == 1


@pytest.mark.parametrize("what", FINAL)
def test_a_refusal_with_a_known_meaning_is_final(what: str) -> None:
    answer, kind = FINAL[what]
    for use in (get, create):
        server = Server(answer)
        assert type(live(server, use).error) is kind
        assert len(server.sent) == 1


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("update_organization", ok({"organization": organization(2)}), f"the answer is about {org_id(2)}"),
        ("create_connection", ok({"samlConnection": connection(1, parent=2)}), "belongs to another organization"),
        ("create_connection", ok({"organization": organization(1)}), "the answer has no `samlConnection`"),
        ("rotate_token", ok({"bearerToken": ""}), "the answer has no `bearerToken`"),
        ("make_link", ok({"url": None}), "the answer has no `url`"),
    ],
)
def test_an_answer_about_something_else_leaves_a_write_uncertain(name: str, answer: Any, said: str) -> None:
    lived = live(Server(answer), WRITES[name])
    assert type(lived.error) is BadAnswer
    assert said in str(lived.error)


# -- how long is waited

SEEDS = [1, 2, 3]


@pytest.mark.parametrize("seed", SEEDS)
def test_waits_between_attempts_double_with_full_jitter(seed: int) -> None:
    server = Server(httpx.ReadError, takes_s=0.0)
    lived = live(server, get, seed=seed)
    jitter = random.Random(seed)
    waits = [delay_s(attempt, jitter.random()) for attempt in range(1, ATTEMPTS)]
    assert [retry.delay_s for retry in lived.retries] == waits
    assert all(wait_s <= 0.25 * 2**position for position, wait_s in enumerate(waits))
    assert [sent.at for sent in server.sent] == pytest.approx([sum(waits[:n]) for n in range(ATTEMPTS)])
    assert lived.took_s == pytest.approx(sum(waits))


@pytest.mark.parametrize("use", [get, create])
@pytest.mark.parametrize(
    ("text", "wait_s"), [("7", 7.0), ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0), ("99999", 300.0), ("0", 0.0)]
)
def test_nobody_comes_back_before_the_time_that_was_asked_for(use: Any, text: str, wait_s: float) -> None:
    """The date is thirty seconds after the start on the client's own wall clock."""
    server = Server(refusal("", 429, **{"retry-after": text}), GOOD, takes_s=0.0)
    lived = live(server, use)
    assert lived.error is None
    assert wait_s <= server.sent[1].at <= wait_s + 0.25


def test_attempts_are_a_setting() -> None:
    server = Server(httpx.ReadError)
    assert isinstance(live(server, get, read_attempts=1).error, Uncertain)
    assert len(server.sent) == 1


# -- limits of a pass


def test_the_limit_of_requests_is_reached_before_one_is_sent() -> None:
    server = Server(httpx.ReadError)
    lived = live(server, get, requests_base=3)
    assert type(lived.error) is Overrun
    assert str(lived.error) == ("GET /v1/organizations/{id}: the pass has sent 3 requests, which is its limit")
    assert len(server.sent) == lived.client.requests == 3


def test_the_limit_grows_with_the_organizations_listed() -> None:
    async def use(client: Client) -> None:
        await everything(client)
        while True:
            await get(client)

    server = Server(organizations(1, 2, token="t"), organizations(3), GOOD)
    lived = live(server, use, requests_base=5, requests_per_organization=4)
    assert type(lived.error) is Overrun
    assert len(server.sent) == 5 + 3 * 4


def test_the_limit_grows_with_the_changes_to_make() -> None:
    async def use(client: Client) -> None:
        client.grow(6)
        while True:
            await create(client)

    server = Server(GOOD)
    lived = live(server, use, requests_base=5, requests_per_organization=4)
    assert type(lived.error) is Overrun
    assert len(server.sent) == 5 + 6 * 4


def test_the_default_limits_are_enough_for_hundreds_of_organizations_made_with_both_children() -> None:
    """Three creates each, and a list before each child's."""

    async def use(client: Client) -> None:
        client.grow(3 * 300)
        await asyncio.gather(*(create(client) for _ in range(5 * 300)))

    assert live(Server(GOOD), use).error is None


# -- how much at once


async def many(client: Client, count: int = 100) -> None:
    await asyncio.gather(*(get(client) for _ in range(count)))


@pytest.mark.parametrize("concurrency", [1, 3, 24])
def test_never_more_requests_at_once_than_lanes(concurrency: int) -> None:
    server = Server(GOOD)
    lived = live(server, many, concurrency=concurrency)
    assert server.most_at_once == concurrency
    assert len(server.transports) == concurrency
    assert lived.took_s == pytest.approx(0.01 * -(-100 // concurrency))


@pytest.mark.parametrize("answer", [httpx.ReadTimeout, refusal("", 503), refusal("", 429), refusal("x")])
def test_a_trouble_that_all_meet_at_once_halves_the_lanes_once(answer: Any) -> None:
    async def use(client: Client) -> int:
        await asyncio.gather(*(get(client) for _ in range(24)), return_exceptions=True)
        return client.lanes.allowed

    assert live(Server(answer), use, read_attempts=1).result == 12


@pytest.mark.parametrize("answer", [refusal("store: no rows in result set"), EMPTY_200, refusal("", 404)])
def test_what_is_no_sign_of_load_takes_no_lane_away(answer: Any) -> None:
    async def use(client: Client) -> int:
        await asyncio.gather(get(client), return_exceptions=True)
        return client.lanes.allowed

    assert live(Server(answer), use, read_attempts=1).result == 24


def test_a_server_that_asks_to_be_left_alone_is_left_alone_by_all_lanes() -> None:
    """Whoever waits keeps the lane, so that nobody else asks meanwhile over more connections than allowed."""
    server = Server(refusal("", 429, **{"retry-after": "10"}))
    lived = live(server, many, read_attempts=2, concurrency=4)
    assert isinstance(lived.error, Unsent)
    assert len([sent for sent in server.sent if sent.at < 10]) == 4


def test_the_rate_of_requests_is_kept_and_halved_by_429() -> None:
    async def use(client: Client) -> None:
        await asyncio.gather(*(get(client) for _ in range(30)))

    server = Server(*[GOOD] * 9, refusal("", 429), GOOD, takes_s=0.0)
    lived = live(server, use, max_requests_per_second=10)
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


@pytest.mark.parametrize("how", ["stop", "close"])
@pytest.mark.parametrize("settings", [{}, {"max_requests_per_second": 0.01}])
def test_whoever_waits_to_try_again_waits_no_longer_than_the_pass_lasts(how: str, settings: Any) -> None:
    stop = asyncio.Event()

    async def use(client: Client) -> float:
        tasks = [asyncio.create_task(get(client)) for _ in range(40)]
        await asyncio.sleep(1)
        stop.set() if how == "stop" else await client.close()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(error) for error in ended} == ({Interrupted} if how == "stop" else {Unsent})
        return asyncio.get_running_loop().time()

    server = Server(refusal("", 429, **{"retry-after": "200"}))
    assert live(server, use, stop=stop, **settings).result == pytest.approx(1.0, abs=0.01)


# -- plans never write


@pytest.mark.parametrize(
    "method", ["POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get"]
)
def test_a_read_only_transport_refuses_every_verb_but_get(method: str) -> None:
    server = Server(ok({}))
    transport = ReadOnly(server.transport())
    request = httpx.Request("GET", URL)
    request.method = method
    with pytest.raises(AssertionError, match=f"a plan never writes, but {method} was asked for"):
        asyncio.run(transport.handle_async_request(request))
    assert server.sent == []


@pytest.mark.parametrize("name", WRITES)
def test_a_read_only_client_cannot_write(name: str) -> None:
    server = Server(ok({}))
    lived = live(server, WRITES[name], read_only=True)
    assert isinstance(lived.error, AssertionError)
    assert server.sent == []


def test_a_read_only_client_reads() -> None:
    assert live(Server(organizations(1)), everything, read_only=True).result == [org_id(1)]


# -- one connection


@pytest.mark.parametrize("what", [what for what, (fault, *_) in FAULTS.items() if not isinstance(fault, tuple)])
def test_a_connection_that_failed_is_closed_and_not_used_again(what: str) -> None:
    server = Server(FAULTS[what][0], GOOD)
    lived = live(server, get, concurrency=1)
    assert lived.error is None
    assert [sent.transport for sent in server.sent] == [0, 1]
    assert server.closed == [True, True], "and the client closes the last"


def test_an_answer_however_bad_leaves_the_connection_usable() -> None:
    server = Server(refusal("x"), refusal("", 429), EMPTY_200, GOOD)
    live(server, get, concurrency=1)
    assert {sent.transport for sent in server.sent} == {0}


def test_a_write_never_goes_out_over_a_connection_that_was_silent_for_long() -> None:
    """Its server may be closing it in that moment, and the POST would be unknown for nothing."""

    async def use(client: Client) -> None:
        async with client.lane() as lane:
            for pause_s in (0.0, MAX_SILENCE_BEFORE_WRITE_S - 0.1, MAX_SILENCE_BEFORE_WRITE_S + 0.1, 0.0):
                await asyncio.sleep(pause_s)
                await lane.retry_unsent(lambda: lane.create(ORGANIZATION, {"displayName": "Acme"}))
            await asyncio.sleep(20)
            await lane.get(ORGANIZATION, org_id(1))
            await lane.retry_unsent(lambda: lane.update(ORGANIZATION, org_id(1), {}))

    server = Server(GOOD)
    assert live(server, use).error is None
    assert [sent.transport for sent in server.sent] == [0, 0, 1, 1, 1, 1]


def body_of(stream: httpx.AsyncByteStream) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "application/json"}, stream=stream)


def test_a_body_in_many_parts_is_joined() -> None:
    whole = json.dumps({"organization": organization(1, displayName="x" * 1_000)}).encode()
    parts = [whole[n : n + 7] for n in range(0, len(whole), 7)]
    assert live(Server(body_of(Slow(parts))), get).result.live.display_name == "x" * 1_000


@pytest.mark.parametrize(("size", "fits"), [(10_000, True), (10_001, False)])
def test_a_body_is_read_to_the_limit_and_no_further(size: int, fits: bool) -> None:
    body = json.dumps({"organization": organization(1)}).encode()
    stream = Slow([body, *[b" " * 100] * 10_000]) if not fits else Slow([body, b" " * (size - len(body))])
    lived = live(Server(body_of(stream)), get, read_attempts=1, max_body_bytes=10_000)
    assert stream.closed
    if fits:
        assert lived.error is None
    else:
        assert type(lived.error) is BadAnswer
        assert str(lived.error).endswith("the answer has more than 10,000 bytes")
        assert stream.given <= 10_000 + 100


def test_a_body_that_drips_is_read_no_longer_than_an_answer_may_take() -> None:
    stream = Slow([b" "] * 10_000, pause_s=1.0)
    lived = live(Server(body_of(stream)), get, read_attempts=1, request_timeout_s=30.0)
    assert type(lived.error) is Uncertain
    assert str(lived.error).endswith("the answer was not whole after 30 s")
    assert lived.took_s == pytest.approx(31, abs=0.1)
    assert stream.closed


class Stubborn(httpx.AsyncBaseTransport):
    """Fails, and fails again when it is closed."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    async def aclose(self) -> None:
        raise OSError("closing fails too")


def test_a_connection_that_cannot_even_be_closed_hides_no_error() -> None:
    server = Server(GOOD)
    made: list[httpx.AsyncBaseTransport] = [Stubborn()]
    server_transport = server.transport
    server.transport = lambda: made.pop() if made else server_transport()  # type: ignore[method-assign]
    assert live(server, get).result.live.id == org_id(1)


def test_a_cancelled_request_spoils_no_lane() -> None:
    async def use(client: Client) -> Any:
        task = asyncio.create_task(get(client))
        await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        return (await get(client)).live.id

    server = Server(GOOD)
    assert live(server, use, concurrency=1).result == org_id(1)
    assert [sent.transport for sent in server.sent] == [0, 1]
    assert server.closed == [True, True]


def test_what_fails_is_said_without_control_characters_or_secrets() -> None:
    for kind in (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ProxyError):
        lived = live(Server(kind(f"\x1b[31m{KEY}\n" + "x" * 5_000)), get, read_attempts=1)
        message = str(lived.error)
        assert KEY not in message
        assert message.isprintable()
        assert len(message) < 450
    lived = live(Server(httpx.LocalProtocolError(f"Illegal header value b'{KEY}'")), get, read_attempts=1)
    assert str(lived.error) == "GET /v1/organizations/{id}: the request failed (LocalProtocolError)"

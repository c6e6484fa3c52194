"""A list is read to its end, or it is an error: whoever believes half a list creates duplicates."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.client import Client
from reconciler.api.retry import Retry
from reconciler.model.errors import BadAnswer, Uncertain
from reconciler.model.kinds import CONNECTION
from tests.support.build import conn_id, org_id
from tests.support.scripted_api import (
    Sent,
    Server,
    connection,
    connections,
    everything,
    live,
    ok,
    organization,
    organizations,
    refusal,
)


def token_of(sent: Sent) -> str:
    return parse_qs(urlsplit(sent.target).query).get("pageToken", [""])[0]


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
    tokens = [token_of(sent) for sent in server.sent]
    assert tokens == ["", *(f"t{position}" for position in range(len(sizes) - 1))]


@given(st.sets(st.integers(0, 60), max_size=40), st.lists(st.sets(st.integers(0, 60), max_size=4), max_size=8))
def test_objects_made_during_the_walk_hide_nobody(there: set[int], coming: list[set[int]]) -> None:
    """Pages as the server makes them: a token is the id that a page starts with, new ids land anywhere."""
    now, arrivals = set(there), list(coming)

    def page(sent: Sent) -> Any:
        left = sorted(number for number in now if number >= int(token_of(sent) or 0))
        now.update(arrivals.pop(0) if arrivals else ())
        return organizations(*left[:10], token=str(left[10]) if left[10:] else "")

    found = live(Server(page), everything).result
    assert found == sorted(set(found))
    assert {org_id(number) for number in there} <= set(found) <= {org_id(number) for number in now}


ORDER, NOTHING_NEW, SEVERAL = "not in order of id", "without anything new", "several environments"
PROMISED = "promised is empty"
ELSEWHERE = ok({"organizations": [organization(1), organization(2, "env_" + "2" * 25)]})
BROKEN: dict[str, tuple[list[Any], str]] = {
    "out of order in a page": ([organizations(2, 1)], ORDER),
    "the same twice in a page": ([organizations(1, 1)], ORDER),
    "the second page before the first": ([organizations(5, 6, token="t"), organizations(3, 4)], ORDER),
    "the same page twice": ([organizations(1, 2, token="t"), organizations(1, 2)], ORDER),
    "the last again": ([organizations(1, 2, token="t"), organizations(2, 3)], ORDER),
    "the same page for ever": ([organizations(1, 2, token="t")], ORDER),
    "a token that comes again": (
        [organizations(1, token="t"), organizations(2, token="u"), organizations(3, token="t")],
        NOTHING_NEW,
    ),
    "its own token": ([organizations(1, token="t"), organizations(2, token="t")], NOTHING_NEW),
    "an empty page that goes on": (
        [organizations(1, token="t"), ok({"organizations": [], "nextPageToken": "u"})],
        PROMISED,
    ),
    "a promised page with nothing in it": ([organizations(1, token="t"), ok({})], PROMISED),
    "a promised page that is an empty list": ([organizations(1, token="t"), ok({"organizations": []})], PROMISED),
    "an empty first page that goes on": ([ok({"organizations": [], "nextPageToken": "t"})], NOTHING_NEW),
    "two environments in a page": ([ELSEWHERE], SEVERAL),
    "another environment on the second page": (
        [organizations(0, token="t"), ok({"organizations": [organization(2, "env_" + "2" * 25)]})],
        SEVERAL,
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_list_that_may_be_incomplete_is_an_error_and_not_read_again(what: str) -> None:
    pages, part = BROKEN[what]
    server = Server(*pages)
    lived = live(server, everything)
    assert type(lived.error) is BadAnswer
    assert str(lived.error).startswith("GET /v1/organizations: ")
    assert part in str(lived.error)
    assert lived.client.retries == 0
    assert len(server.sent) <= len(pages) + 1


FIRST = ok({"samlConnections": [connection(1)], "nextPageToken": "t"})


@pytest.mark.parametrize(
    ("pages", "part"),
    [
        ([ok({"samlConnections": [connection(2), connection(1)]})], ORDER),
        ([ok({"samlConnections": [connection(1, parent=2)]})], f"{conn_id(1)} belongs to another organization"),
        ([FIRST, ok({"samlConnections": [connection(2, parent=2)]})], f"{conn_id(2)} belongs to another"),
        ([FIRST, ok({"url": "x"})], "no `samlConnections`"),
        ([FIRST, ok({})], PROMISED),
    ],
)
def test_a_collection_that_may_be_incomplete_is_an_error(pages: list[Any], part: str) -> None:
    lived = live(Server(*pages), connections, attempts=1)
    assert type(lived.error) is BadAnswer
    assert str(lived.error).startswith("GET /v1/saml-connections: ")
    assert part in str(lived.error)


def test_a_list_without_an_end_is_an_error_at_the_limit() -> None:
    def endless(sent: Sent) -> Any:
        number = int(token_of(sent) or 0)
        return organizations(number, token=str(number + 1))

    server = Server(endless)
    lived = live(server, everything, max_pages=7)
    assert type(lived.error) is BadAnswer
    assert "more than 7 pages" in str(lived.error)
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
    assert len(lived.done) == 1 + Retry.attempts


def test_a_page_that_fails_once_is_read_again_and_nothing_is_lost() -> None:
    server = Server(organizations(1, token="t"), httpx.ReadError, organizations(2, token="u"), organizations(3))
    assert live(server, everything).result == [org_id(1), org_id(2), org_id(3)]
    assert [token_of(sent) for sent in server.sent] == ["", "t", "t", "u"]


def test_the_walk_holds_no_lane_while_its_pages_are_used() -> None:
    async def use(client: Client) -> int:
        count = 0
        async for page in client.organizations():
            count += len(page) + len(await asyncio.wait_for(client.children(CONNECTION, page[0].id), 60))
        return count

    def respond(sent: Sent) -> Any:
        if "organizations" not in sent.target:
            return ok({})
        return organizations(2) if token_of(sent) else organizations(1, token="t")

    lived = live(Server(respond), use, concurrency=1)
    assert (lived.error, lived.result) == (None, 2)

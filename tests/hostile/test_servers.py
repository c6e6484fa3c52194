"""Customers and servers: one never stops the others; what a server says is bounded, and believed if it fits."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from reconciler.api.client import Client
from reconciler.api.retry import Retry
from reconciler.cli.config import Flags, one_environment
from reconciler.engine.observe import observe_everything
from reconciler.model.errors import ApiError, BadAnswer, Overrun, UsageError
from reconciler.model.kinds import CONNECTION, KindName
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings
from reconciler.model.state import Observed, Unreadable
from tests.support.build import ENVIRONMENT_ID, conn_id, org_id

KEY = "ssoready_sk_" + "a" * 25
Respond = Callable[[str, dict[str, str]], Any]  # a path and its query → a JSON document, or a whole response


class Server(httpx.AsyncBaseTransport):
    """Responds by a function; `asked` is how often."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        parts = urlsplit(str(request.url))
        found = self._respond(parts.path, {key: value[0] for key, value in parse_qs(parts.query).items()})
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)


def use(respond: Respond, work: Callable[[Client], Awaitable[Any]], **more: Any) -> Any:
    """What the work returns or raises, over a server that responds so."""
    settings = ApiSettings(url="https://api.example", key=Secret(KEY), concurrency=4, **more)
    server = Server(respond)

    async def run() -> Any:
        client = Client(
            settings, now=time.time, rng=random.Random(1), watch=lambda _: None, transport=lambda: server
        )
        async with client, asyncio.timeout(20):
            return await work(client)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Retry, "attempts", 1)
        return asyncio.run(run())


def fails(respond: Respond, work: Callable[[Client], Awaitable[Any]], **more: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        use(respond, work, **more)
    said = f"{raised.value.message} {raised.value.hint} {raised.value}"
    assert len(said) < 2_000
    assert said.isprintable()
    assert "ssoready_sk_a" not in said
    return raised.value


def organization(number: int, **more: Any) -> dict[str, Any]:
    return {"id": org_id(number), "environmentId": ENVIRONMENT_ID, "displayName": f"O {number}", **more}


def connection(number: int, owner: int) -> dict[str, Any]:
    return {"id": conn_id(number), "organizationId": org_id(owner)}


async def everything(client: Client) -> Observed:
    return await observe_everything(None, client, lambda _: None, lambda _: None)


async def listed(client: Client) -> list[Any]:
    return [each async for page in client.organizations() for each in page]


# -- one customer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", [1, 5, 20])
def test_an_organization_with_too_many_connections_is_unreadable_alone(hostile: int) -> None:
    """13,200 connections of one used up a whole pass; so would some of many."""
    count = 20

    def respond(path: str, query: dict[str, str]) -> Any:
        if path == "/v1/organizations":
            return {"organizations": [organization(number) for number in range(1, count + 1)]}
        if path != CONNECTION.route:
            return {}
        owner = next(number for number in range(1, count + 1) if org_id(number) == query["organizationId"])
        page = int(query.get("pageToken", "0"))
        if owner > hostile:
            return {"samlConnections": [connection(owner, owner)]}
        found = [connection(100_000 * owner + 10 * page + at, owner) for at in range(10)]
        return {"samlConnections": found, "nextPageToken": str(page + 1)}

    observed = use(respond, everything, requests_base=20)
    read = {each.organization.id: each.collections[KindName.CONNECTION] for each in observed.organizations}
    for number in range(1, count + 1):
        assert isinstance(read[org_id(number)], Unreadable) == (number <= hostile)
    assert "more than 40 pages" in str(read[org_id(1)])


# -- a server that does not end --------------------------------------------------------------------


def test_more_organizations_than_can_be_are_refused() -> None:
    def respond(_: str, query: dict[str, str]) -> Any:
        page = int(query.get("pageToken", "0"))
        return {
            "organizations": [organization(100 * page + at) for at in range(1, 101)],
            "nextPageToken": str(page + 1),
        }

    error = fails(respond, listed, max_organizations=1_000)
    assert isinstance(error, BadAnswer)
    assert "more than 1,000 organizations" in error.message


def test_the_bytes_of_a_pass_are_bounded() -> None:
    def respond(_: str, query: dict[str, str]) -> Any:
        page = int(query.get("pageToken", "0"))
        return {
            "organizations": [organization(page + 1, displayName="x" * 100_000)],
            "nextPageToken": str(page + 1),
        }

    error = fails(respond, listed, bytes_base=1_000_000, bytes_per_organization=1_000)
    assert isinstance(error, Overrun)
    assert "bytes" in error.message


TOKENS: dict[str, Any] = {
    "a token of a megabyte": "t" * 1_000_000,
    "a token of 2,049 characters": "t" * 2_049,
    "the same token for ever": "same",
    "a number": 7,
    "a list": ["t"],
    "true": True,
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_a_page_token_has_a_size_and_leads_on(token: Any) -> None:
    numbers = iter(range(1, 1_000_000))

    def respond(_: str, __: dict[str, str]) -> Any:
        return {"organizations": [organization(next(numbers))], "nextPageToken": token}

    assert isinstance(fails(respond, listed), BadAnswer)


PAGES: dict[str, Any] = {
    "null": None,
    "a number": 5,
    "a text": "x",
    "a list": [],
    "no organizations": {"organisations": []},
    "organizations that are none": {"organizations": {"a": 1}},
    "a null among them": {"organizations": [None]},
    "an id of another kind": {"organizations": [organization(1, id=conn_id(1))]},
    "an id that leads elsewhere": {"organizations": [organization(1, id="org_/../../v1/api-keys")]},
    "an id with a line break": {"organizations": [organization(1, id=f"{org_id(1)}\n")]},
    "an environment that is none": {"organizations": [organization(1, environmentId="env_1")]},
    "two environments": {"organizations": [organization(1), organization(2, environmentId="env_" + "2" * 25)]},
    "one twice": {"organizations": [organization(1), organization(1)]},
    "out of order": {"organizations": [organization(2), organization(1)]},
    "a name that is a list": {"organizations": [organization(1, displayName=["x"])]},
    "domains that are a text": {"organizations": [organization(1, domains="x")]},
    "a deep one": {"organizations": [organization(1, later=json.loads("[" * 40 + "]" * 40))]},
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_a_list_that_is_none_is_an_error(page: Any) -> None:
    assert isinstance(fails(lambda _, __: page, listed), BadAnswer)


def plain(content: bytes, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=content, headers={"content-type": "application/json", **headers})


RESPONSES: dict[str, Callable[[], httpx.Response]] = {
    "200,000 deep": lambda: plain(b"[" * 200_000 + b"]" * 200_000),
    "a huge number": lambda: plain(b'{"organizations": 1' + b"0" * 400_000 + b"}"),
    "not UTF-8": lambda: plain(b'{"organizations": "\xff"}'),
    "nothing": lambda: plain(b""),
    "two documents": lambda: plain(b"{}{}"),
    "nine megabytes": lambda: plain(b" " * 9_000_000),
    "compressed": lambda: httpx.Response(
        200, headers={"content-type": "application/json", "content-encoding": "br"}, content=b"x"
    ),
    "HTML": lambda: httpx.Response(200, html="<script>alert(1)</script>"),
    "a redirect with the key": lambda: httpx.Response(302, headers={"location": "https://evil.example/"}),
    "the key repeated": lambda: httpx.Response(401, json={"message": f"bad key {KEY}"}),
    "a terminal's commands": lambda: httpx.Response(500, json={"message": "\x1b[2J\x1b]0;evil\x07\u202e"}),
    "a message of a megabyte": lambda: httpx.Response(500, json={"message": "x" * 1_000_000}),
    "come back in a million years": lambda: httpx.Response(429, headers={"retry-after": "31536000000000"}),
    "a type of a terminal": lambda: httpx.Response(200, headers={"content-type": "\x1b[31m"}, content=b"x"),
    "created": lambda: httpx.Response(201, json={}),
}


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES.keys())
def test_a_response_that_is_none_ends_in_one_short_sentence(response: Callable[[], httpx.Response]) -> None:
    fails(lambda _, __: response(), listed)


# -- links and tokens ------------------------------------------------------------------------------

LINKS = {
    "a terminal's commands": "https://admin.example/\x1b[2J",
    "right to left": "https://admin.example/\u202e",
    "a line": "https://admin.example/\nhttps://evil.example/",
    "a blank": "https://admin.example/ evil",
    "a quote": 'https://admin.example/"x',
    "letters that look alike": "https://\u0430dmin.example/",
    "a script": "javascript:alert(1)",
    "data": "data:text/html,x",
    "a file": "file:///etc/passwd",
    "a megabyte": "https://admin.example/" + "x" * 1_000_000,
    "a number": 5,
    "nothing": "",
}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())
def test_a_link_that_could_mislead_is_not_shown(link: Any) -> None:
    async def make(client: Client) -> Any:
        async with client.lane() as lane:
            return await lane.setup_url(org_id(1), saml=True, scim=False)

    assert isinstance(fails(lambda _, __: {"url": link}, make), BadAnswer)


@pytest.mark.parametrize("token", ["a b", "a\nb", "a\x1b", "\u202e", "x" * 5_000, 5, "", None])
def test_a_token_that_is_none_is_not_kept(token: Any) -> None:
    async def rotate(client: Client) -> Any:
        async with client.lane() as lane:
            return await lane.rotate("scim_directory_" + "1" * 25)

    assert isinstance(fails(lambda _, __: {"bearerToken": token}, rotate), BadAnswer)


# -- a proxy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "proxy", "allowed"),
    [
        ("http://127.0.0.1:9001", "http://proxy.example:3128", False),
        ("http://localhost:9001", "https://proxy.example:3128", False),
        ("http://127.0.0.1:9001", "http://10.0.0.1:3128", False),
        ("http://127.0.0.1:9001", "http://127.0.0.1.evil.example:3128", False),
        ("http://127.0.0.1:9001", "http://127.0.0.1:3128", True),
        ("http://127.0.0.1:9001", "http://[::1]:3128", True),
        ("https://api.example", "http://proxy.example:3128", True),
    ],
)
def test_the_key_never_travels_in_clear_through_a_proxy(
    url: str, proxy: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSOREADY_API_KEY", KEY)
    monkeypatch.setenv("SSOREADY_API_URL", url)
    flags = Flags(folder="m", proxy=proxy)
    if allowed:
        assert one_environment(flags).api
        return
    with pytest.raises(UsageError, match="a proxy would see the API key"):
        one_environment(flags)

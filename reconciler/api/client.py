"""Talks to the Management API: whole lists or errors, one connection per lane, nothing repeated blindly."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec

from reconciler.api import wire
from reconciler.api.connection import Connection, ReadOnly, Reply, TransportFactory, transports
from reconciler.api.limiter import Lanes
from reconciler.api.rate import Rate
from reconciler.api.responses import judge
from reconciler.api.waiting import sleep_or_stop
from reconciler.api.wire import Fresh, Page
from reconciler.core.applying.backoff import delay_s
from reconciler.model.errors import (
    ApiError,
    BadAnswer,
    Interrupted,
    Overrun,
    Refused,
    Unauthorized,
    Uncertain,
    Unsent,
)
from reconciler.model.event import RequestDone, Retrying, Watch
from reconciler.model.kinds import DIRECTORY, ORGANIZATION, Kind
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings
from reconciler.model.state import Child, Live, Organization

T = TypeVar("T")
SUFFERING = frozenset({429, 500, 502, 503, 504, None})


class Client:
    """One pass's connection to the API. Use as an async context manager; make a new one for each pass.

    Once `stop` is set no request starts (Interrupted); those under way end as they would have.
    """

    def __init__(  # noqa: PLR0913 a pass's whole surroundings, named once
        self,
        settings: ApiSettings,
        *,
        now: Callable[[], float],
        rng: random.Random,
        watch: Watch,
        transport: TransportFactory | None = None,
        read_only: bool = False,
        stop: asyncio.Event | None = None,
    ) -> None:
        make = transport or transports(settings)
        self._settings = settings
        self._now = now
        self._rng = rng
        self._watch = watch
        self._stop = stop or asyncio.Event()
        self._rate = Rate(settings.max_requests_per_second) if settings.max_requests_per_second else None
        self._gate = asyncio.Lock()
        self._budget = settings.requests_base
        self._suffered_at = float("-inf")
        self._ended = asyncio.Event()
        self._headers = httpx.Headers(
            {
                "host": httpx.URL(settings.url).netloc.decode(),
                "authorization": f"Bearer {settings.key.reveal()}",
                "accept": "application/json",
                "accept-encoding": "identity",
                "user-agent": "ssoready-reconciler",
            }
        )
        self._headers_of_json = httpx.Headers({**self._headers, "content-type": "application/json"})
        self._timeouts = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), settings.timeout_s)}

        def connection() -> Lane:
            return Lane(self, Connection((lambda: ReadOnly(make())) if read_only else make, settings))

        self.lanes = Lanes[Lane](settings.concurrency, connection)
        self.requests = 0
        self.retries = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends everything: requests under way fail, none is sent or waited for again."""
        self._ended.set()
        for lane in self.lanes.all:
            await lane.connection.close()

    def grow(self, count: int) -> None:
        """The limit of requests grows with the organizations listed and with the changes to make."""
        self._budget += count * self._settings.requests_per_organization

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[Lane]:
        """A connection of one's own for as long as the block lasts."""
        lane = await self.lanes.take()
        try:
            yield lane
        finally:
            self.lanes.give(lane)

    async def organizations(self) -> AsyncIterator[tuple[Organization, ...]]:
        """Every page of organizations, non-empty, in order of id, all of one environment, to the end.

        Raises ApiError if the list cannot be shown to be whole.
        """
        environment_id = None
        async for page in self._pages(ORGANIZATION, {}):
            organizations = tuple(item for item in page.items if isinstance(item, Organization))
            environments = {item.environment_id for item in organizations}
            if len(environments | ({environment_id} if environment_id else set())) > 1:
                raise BadAnswer("the list holds organizations of several environments", route=_list(ORGANIZATION))
            environment_id = organizations[0].environment_id
            self.grow(len(organizations))
            yield organizations

    async def children(self, kind: Kind, organization_id: str) -> tuple[Child, ...]:
        """All of an organization's connections or directories, on a lane of its own."""
        lane = await self.lanes.take()
        try:
            return await lane.children(kind, organization_id)
        finally:
            self.lanes.give(lane)

    async def _pages(self, kind: Kind, query: dict[str, str], lane: Lane | None = None) -> AsyncIterator[Page]:
        """The non-empty pages of a list, which must go on in order of id and end."""
        last, tokens = "", set[str]()
        token = ""
        for _ in range(self._settings.max_pages):
            asked = query | ({"pageToken": token} if token else {})
            page = await self._page(kind, asked, lane)
            ids = [item.id for item in page.items]
            if any(later <= earlier for earlier, later in zip([last, *ids], ids, strict=False)):
                raise BadAnswer("the list is not in order of id: something may be missing", route=_list(kind))
            if page.next_token and (not ids or page.next_token in tokens):
                raise BadAnswer("the list goes on without anything new in it", route=_list(kind))
            if page.items:
                yield page
                last = ids[-1]
            if not page.next_token:
                return
            token = page.next_token
            tokens.add(token)
        raise BadAnswer(f"the list has more than {self._settings.max_pages:,} pages", route=_list(kind))

    async def _page(self, kind: Kind, query: dict[str, str], lane: Lane | None) -> Page:
        if lane is None:
            async with self.lane() as own:
                return await self._page(kind, query, own)
        route = _list(kind)
        return await self.read(lane, httpx_target(kind.route, query), route, lambda d: wire.page(kind, route, d))

    # -- one request

    async def read(self, lane: Lane, target: str, route: str, decode: Callable[[dict[str, Any]], T]) -> T:
        """A GET, repeated with backoff while that may help; `decode` may refuse an answer too."""
        for attempt in range(1, self._settings.read_attempts + 1):
            try:
                return decode(await self.exchange(lane, "GET", target, route, None))
            except (Refused, Unauthorized, Overrun):
                raise
            except (Unsent, Uncertain) as error:
                if attempt == self._settings.read_attempts or self._ended.is_set():
                    raise
                await self._back_off("GET", route, attempt, error)
        raise AssertionError("a read is attempted at least once")

    async def retry_unsent(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What ends in a POST or PATCH, done anew while that certainly did not happen.

        All of it, also the reading that the write rests on: a wait can be minutes long.
        """
        for number in range(1, self._settings.read_attempts + 1):
            try:
                return await attempt()
            except Unsent as error:
                read = error.route.startswith("GET ")  # which was repeated already
                if read or number == self._settings.read_attempts or self._ended.is_set():
                    raise
                await self._back_off(error.route.partition(" ")[0], error.route, number, error)
        raise AssertionError("a write is attempted at least once")

    async def _back_off(self, method: str, route: str, attempt: int, error: ApiError) -> None:
        """Waits with the lane in hand: a server that asks to be left alone is not asked over another lane."""
        wait_s = delay_s(attempt, self._rng.random(), at_least_s=error.retry_after_s or 0.0)
        self.retries += 1
        self._watch(Retrying(method, route.partition(" ")[2], attempt, wait_s, error.message))
        await sleep_or_stop(wait_s, self._stop, self._ended)

    async def exchange(
        self, lane: Lane, method: str, target: str, route: str, body: dict[str, Any] | None
    ) -> dict[str, Any]:
        """One request and its judged answer."""
        loop = asyncio.get_running_loop()
        if self._rate:
            async with self._gate:  # one waits at the rate, the others behind it: a lower one is felt at once
                await sleep_or_stop(self._rate.wait_s(loop.time()), self._stop, self._ended)
        if self._stop.is_set():
            raise Interrupted("asked to stop; the rest was not started")
        if self._ended.is_set():
            raise Unsent("the pass was ended", route=route)
        if self.requests >= self._budget:
            raise Overrun(f"the pass has sent {self.requests:,} requests, which is its limit", route=route)
        self.requests += 1
        started = loop.time()
        status = None
        try:
            reply: Reply = await lane.connection.send(self._request(method, target, body), route)
            status = reply.status
            document = judge(route, status, reply.headers, reply.body, now=self._now())
        except (Unsent, Uncertain) as error:
            self._suffered(error.status, started, loop.time())
            raise
        finally:
            self._watch(RequestDone(method, route.partition(" ")[2], status, loop.time() - started))
        self.lanes.answered(loop.time() - started)
        if self._rate:
            self._rate.answered()
        return document

    def _suffered(self, status: int | None, started: float, now: float) -> None:
        """What many requests met at the same time is one trouble: it counts once."""
        if status not in SUFFERING or started < self._suffered_at:
            return
        self._suffered_at = now
        self.lanes.overloaded()
        if status == 429 and self._rate:
            self._rate.refused()

    def _request(self, method: str, target: str, body: dict[str, Any] | None) -> httpx.Request:
        content = None if body is None else msgspec.json.encode(body)
        headers = self._headers if content is None else self._headers_of_json
        return httpx.Request(
            method, self._settings.url + target, headers=headers, content=content, extensions=self._timeouts
        )


class Lane:
    """One connection, and what can be asked over it."""

    def __init__(self, client: Client, connection: Connection) -> None:
        self._client = client
        self.connection = connection

    async def children(self, kind: Kind, organization_id: str) -> tuple[Child, ...]:
        """All of an organization's connections or directories, in order of id."""
        found: list[Child] = []
        async for page in self._client._pages(kind, {"organizationId": organization_id}, self):  # noqa: SLF001 one unit
            found += [wire.child_of(organization_id, item, _list(kind)) for item in page.items]
        return tuple(found)

    async def get(self, kind: Kind, id_: str) -> Fresh:
        """The object as it is now; NotFound if it is not."""
        route = f"GET {kind.route}/{{id}}"

        def decode(document: dict[str, Any]) -> Fresh:
            return _same(id_, wire.one(kind, route, document), route)

        return await self._client.read(self, f"{kind.route}/{id_}", route, decode)

    async def retry_unsent(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What ends in a write over this lane, done anew while the write certainly did not happen."""
        return await self._client.retry_unsent(attempt)

    # -- writes, each sent once: whoever repeats one looks anew first

    async def create(self, kind: Kind, body: dict[str, Any]) -> Live:
        """A new object. Unsent: certainly not made; Uncertain: nobody knows."""
        route = f"POST {kind.route}"
        live = wire.one(kind, route, await self._client.exchange(self, "POST", kind.route, route, body)).live
        if not isinstance(live, Organization):
            wire.child_of(body["organizationId"], live, route)
        return live

    async def update(self, kind: Kind, id_: str, body: dict[str, Any]) -> Live:
        """The object replaced by the body; what is left out is cleared."""
        route = f"PATCH {kind.route}/{{id}}"
        document = await self._client.exchange(self, "PATCH", f"{kind.route}/{id_}", route, body)
        return _same(id_, wire.one(kind, route, document), route).live

    async def rotate(self, directory_id: str) -> Secret:
        """A new bearer token; the old one is void at once. The server refuses any body, even `{}`."""
        route = f"POST {DIRECTORY.route}/{{id}}/rotate-bearer-token"
        target = f"{DIRECTORY.route}/{directory_id}/rotate-bearer-token"
        document = await self._client.exchange(self, "POST", target, route, None)
        return Secret(wire.text("bearerToken", route, document))

    async def setup_url(self, organization_id: str, *, saml: bool, scim: bool) -> Secret:
        """A one-time link, valid for a day; older ones stay valid."""
        route = "POST /v1/setup-urls"
        body = {"organizationId": organization_id, "canManageSaml": saml, "canManageScim": scim}
        document = await self._client.exchange(self, "POST", "/v1/setup-urls", route, body)
        return Secret(wire.text("url", route, document))


def _same(id_: str, fresh: Fresh, route: str) -> Fresh:
    if fresh.live.id != id_:
        raise BadAnswer(f"asked for {id_}, the answer is about {fresh.live.id}", route=route)
    return fresh


def _list(kind: Kind) -> str:
    return f"GET {kind.route}"


def httpx_target(route: str, query: dict[str, str]) -> str:
    """A path and its query; ids and tokens are the only values."""
    return f"{route}?{urlencode(query)}" if query else route

"""Sends one request over one connection, with all that the requests of a pass share: key, limits, stop, events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from reconciler.api.connection import Connection
from reconciler.api.known import Known
from reconciler.api.limiter import Limiter
from reconciler.api.responses import judge
from reconciler.model.errors import ApiError, Interrupted, Overrun, Unsent
from reconciler.model.event import RequestDone, Watch
from reconciler.model.settings import ApiSettings

# Statuses of a server that has too much to do; None is no response at all.
OVERLOADED = frozenset({429, 500, 502, 503, 504, None})


class Request(Struct, frozen=True, gc=False):
    """One request. `path` is the pattern of its `target`, without ids and query: it may be logged."""

    method: str
    path: str
    target: str
    body: dict[str, Any] | None = None

    @property
    def route(self) -> str:
        """Method and path pattern, as errors name the request."""
        return f"{self.method} {self.path}"


class Session:
    """Shared by all lanes of a pass. Once `stop` or `ended` is set, no request starts."""

    def __init__(
        self,
        settings: ApiSettings,
        *,
        now: Callable[[], float],
        watch: Watch,
        stop: asyncio.Event,
        known: Known,
    ) -> None:
        self.limiter = Limiter(settings.concurrency, settings.max_requests_per_second)
        self.known = known
        self.stop = stop
        self.ended = asyncio.Event()
        self.requests = 0
        self.bytes = 0  # of all responses
        self.settings = settings
        self._now = now
        self._watch = watch
        self._budget = settings.requests_base
        self._bytes_max = settings.bytes_base
        self._headers = httpx.Headers(
            {
                "host": httpx.URL(settings.url).netloc.decode(),
                "authorization": f"Bearer {settings.key.reveal()}",
                "accept": "application/json",
                "accept-encoding": "identity",
                "cache-control": "no-cache",
                "user-agent": "ssoready-reconciler",
            }
        )
        self._json_headers = httpx.Headers({**self._headers, "content-type": "application/json"})
        self._timeouts = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), settings.timeout_s)}

    def grow(self, count: int) -> None:
        """Raises the limits of requests and bytes for so many more organizations, or changes."""
        self._budget += count * self.settings.requests_per_organization
        self._bytes_max += count * self.settings.bytes_per_organization

    async def turn(self, count: int) -> None:
        """Returns when the limiter lets so many requests start, or when none may start any more."""
        await self.limiter.turn(self.stop, self.ended, count=count)

    async def send(self, connection: Connection, request: Request, attempt: int) -> dict[str, Any]:
        """The JSON object of the response; `attempt` counts from 1. Sent at once, and once, whatever comes of it.

        Raises ApiError, or Interrupted if `stop` is set.
        """
        loop = asyncio.get_running_loop()
        self._check(request)
        self.requests += 1
        started, status = loop.time(), None
        try:
            response = await connection.send(self._http(request), request.route)
            status = response.status
            self.bytes += len(response.body)
            document = judge(request.route, status, response.headers, response.body, now=self._now())
        except ApiError as error:
            if error.retryable and error.status in OVERLOADED:
                self.limiter.overloaded(started, loop.time())
            raise
        finally:
            self._watch(RequestDone(request.method, request.path, status, loop.time() - started, attempt))
        self.limiter.answered(loop.time() - started)
        return document

    def _check(self, request: Request) -> None:
        if self.stop.is_set():
            raise Interrupted("asked to stop; the rest was not started")
        if self.ended.is_set():
            raise Unsent("the pass has ended", route=request.route)
        if self.requests >= self._budget:
            raise Overrun(f"the pass has sent {self.requests:,} requests, which is its limit", route=request.route)
        if self.bytes >= self._bytes_max:
            raise Overrun(f"the pass has read {self.bytes:,} bytes, beyond its limit", route=request.route)

    def _http(self, request: Request) -> httpx.Request:
        content = None if request.body is None else msgspec.json.encode(request.body)
        return httpx.Request(
            request.method,
            self.settings.url + request.target,
            headers=self._headers if content is None else self._json_headers,
            content=content,
            extensions=self._timeouts,
        )

"""A server that responds from a script over a transport without sockets, and a client of it on a virtual clock."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, TypeVar

import httpx
from msgspec import Struct

from reconciler.api.client import Client
from reconciler.api.lane import Lane
from reconciler.api.retry import Retry
from reconciler.model.event import Event, RequestDone, Retrying
from reconciler.model.kinds import CONNECTION, ORGANIZATION
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings
from tests.simulation.clock import run
from tests.support.build import ENVIRONMENT_ID, conn_id, dir_id, org_id

T = TypeVar("T")
KEY = "ssoready_sk_0123456789abcdefghijklmno"
URL = "https://api.example"
NOW = 1_700_000_000.0
Scripted = tuple[int, dict[str, str], bytes]


class Sent(Struct, frozen=True):
    """A request as it reached the server: `at` on the event loop's clock, `transport` counts connections."""

    method: str
    target: str
    body: bytes
    at: float
    transport: int
    headers: dict[str, str]


class Slow(httpx.AsyncByteStream):
    """A body whose parts come one after another, with pauses."""

    def __init__(self, parts: Iterable[bytes], pause_s: float = 0.0) -> None:
        self._parts = parts
        self._pause_s = pause_s
        self.given = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            await asyncio.sleep(self._pause_s)
            self.given += len(part)
            yield part

    async def aclose(self) -> None:
        self.closed = True


class Server:
    """Responds to each request with the next step of the script, with the last one for ever.

    A step is a response, an exception to raise, or a function of the request that gives or awaits either.
    """

    def __init__(self, *script: Any, takes_s: float = 0.01) -> None:
        self._script = list(script)
        self._takes_s = takes_s
        self.sent: list[Sent] = []
        self.transports: list[_Transport] = []
        self.at_once = self.most_at_once = 0

    @property
    def closed(self) -> list[bool]:
        """Which transports were closed, in the order in which they were made."""
        return [transport.closed for transport in self.transports]

    def transport(self) -> httpx.AsyncBaseTransport:
        """Another connection."""
        self.transports.append(_Transport(self, len(self.transports)))
        return self.transports[-1]

    async def respond(self, request: httpx.Request, transport: int) -> httpx.Response:
        body = await request.aread()
        at = asyncio.get_running_loop().time()
        target = request.url.raw_path.decode()
        sent = Sent(request.method, target, body, at, transport, dict(request.headers))
        self.sent.append(sent)
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self._takes_s)
            while callable(step) and not isinstance(step, type):
                step = step(sent)
            if isinstance(step, Awaitable):
                step = await step
        finally:
            self.at_once -= 1
        if isinstance(step, BaseException) or (isinstance(step, type) and issubclass(step, BaseException)):
            raise step("as scripted") if isinstance(step, type) else step
        if isinstance(step, httpx.Response):
            return step
        status, headers, content = step
        return httpx.Response(status, headers=headers, stream=Slow([content]))


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self._number = number
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert not self.closed, "a closed connection is used"
        return await self._server.respond(request, self._number)

    async def aclose(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


class Lived(Struct):
    """What came of using a client: `took_s` on the virtual clock."""

    result: Any
    error: BaseException | None
    took_s: float
    events: list[Event]
    client: Client

    @property
    def done(self) -> list[RequestDone]:
        return [event for event in self.events if isinstance(event, RequestDone)]

    @property
    def retries(self) -> list[Retrying]:
        return [event for event in self.events if isinstance(event, Retrying)]


def live(
    server: Server,
    use: Callable[[Client], Awaitable[Any]],
    *,
    seed: int = 1,
    attempts: int = Retry.attempts,
    **settings: Any,
) -> Lived:
    """Uses a client on a virtual clock; an error is part of what came of it."""
    events: list[Event] = []
    more = {key: settings.pop(key) for key in ("read_only", "stop") if key in settings}

    async def main() -> Lived:
        loop = asyncio.get_running_loop()
        client = Client(
            ApiSettings(url=URL, key=Secret(KEY), **settings),
            now=lambda: NOW + loop.time(),
            rng=random.Random(seed),
            watch=events.append,
            transport=server.transport,
            **more,
        )
        client.retry.attempts = attempts
        result, error = None, None
        async with client:
            try:
                result = await use(client)
            except Exception as raised:  # noqa: BLE001 it is what the test looks at
                error = raised
        return Lived(result, error, loop.time(), events, client)

    return run(main)


# -- responses


def ok(document: Any) -> Scripted:
    return 200, {"content-type": "application/json"}, json.dumps(document).encode()


def refusal(message: str, status: int = 500, **headers: str) -> Scripted:
    body = json.dumps({"code": 2, "message": message, "details": []}).encode()
    return status, {"content-type": "application/json", **headers}, body


def organization(number: int, environment: str = ENVIRONMENT_ID, **fields: Any) -> dict[str, Any]:
    return {"id": org_id(number), "environmentId": environment, **fields}


def connection(number: int, parent: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": conn_id(number), "organizationId": org_id(parent), **fields}


def organizations(*numbers: int, token: str = "") -> Scripted:
    return ok({"organizations": [organization(n) for n in numbers]} | ({"nextPageToken": token} if token else {}))


GOOD = ok({"organization": organization(1)})


# -- requests


async def everything(client: Client) -> list[str]:
    """The ids of all organizations."""
    return [each.id async for page in client.organizations() for each in page]


async def connections(client: Client) -> list[str]:
    """The ids of an organization's connections."""
    return [each.id for each in await client.children(CONNECTION, org_id(1))]


async def get(client: Client) -> str:
    """The id of an organization, read."""
    async with client.lane() as lane:
        return (await lane.get(ORGANIZATION, org_id(1))).live.id


# Every write of the API, once.
WRITES: dict[str, Callable[[Lane], Awaitable[Any]]] = {
    "create an organization": lambda lane: lane.create(ORGANIZATION, {"displayName": "Acme"}),
    "create a connection": lambda lane: lane.create(CONNECTION, {"organizationId": org_id(1)}),
    "update": lambda lane: lane.update(ORGANIZATION, org_id(1), {}),
    "rotate": lambda lane: lane.rotate(dir_id(1)),
    "make a link": lambda lane: lane.setup_url(org_id(1), saml=True, scim=True),
}


def writing(what: str) -> Callable[[Client], Awaitable[Any]]:
    """Writes as the engine does: again while it certainly did not happen."""

    async def use(client: Client) -> Any:
        async with client.lane() as lane:
            return await lane.retry_unsent(lambda: WRITES[what](lane))

    return use


create = writing("create an organization")

"""A server of raw sockets on loopback that does to each connection what a test says, and then behaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from msgspec import Struct

from reconciler.api.client import Client
from reconciler.model.kinds import ORGANIZATION
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings
from tests.support.build import ENVIRONMENT_ID, org_id

KEY = "ssoready_sk_0123456789abcdefghijklmno"
ORGANIZATION_1 = {"id": org_id(1), "environmentId": ENVIRONMENT_ID}
MAX_BODY_BYTES = 256 * 1024


class Asked(Struct, frozen=True):
    """A request as it was read, and over which connection."""

    method: str
    target: str
    body: bytes
    connection: int


class Talk:
    """One connection, from the server's side."""

    def __init__(self, server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self.number = server.connections
        self.reader = reader
        self.writer = writer

    async def asked(self) -> Asked:
        """Reads a whole request; IncompleteReadError at the end of the connection."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        asked = Asked(method, target, body, self.number)
        await self._server.note(asked)
        return asked

    async def say(self, data: bytes) -> None:
        """Sends bytes; blocks while nobody reads them."""
        self.writer.write(data)
        await self.writer.drain()
        self._server.said_bytes += len(data)

    async def hang(self) -> None:
        """Does nothing more until the other side has had enough."""
        while await self.reader.read(65_536):
            pass

    def reset(self) -> None:
        """Closed with nothing lingering, a socket resets."""
        found = self.writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def behave(self) -> None:
        """Answers like the API for as long as it is asked."""
        while True:
            asked = await self.asked()
            path = asked.target.partition("?")[0]
            if asked.method == "GET" and path == "/v1/organizations":
                await self.say(answer({"organizations": [ORGANIZATION_1]}))
            elif path in {"/v1/organizations", f"/v1/organizations/{org_id(1)}"}:
                await self.say(answer({"organization": ORGANIZATION_1}))
            else:
                await self.say(answer({"code": 2, "message": "no rows in result set"}, status="500 No"))


Script = Callable[[Talk], Awaitable[None]]


class RawServer:
    """Does its script to the first connection and behaves on all later ones; remembers what it was asked."""

    def __init__(self, script: Script, *, times: int = 1) -> None:
        self._script = script
        self._times = times
        self.connections = 0
        self.asked: list[Asked] = []
        self.said_bytes = 0
        self.url = ""
        self._noted = asyncio.Condition()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection came."""
        self.connections += 1
        talk = Talk(self, reader, writer)
        try:
            await (self._script(talk) if self.connections <= self._times else talk.behave())
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # the other side had enough
        finally:
            writer.close()

    async def note(self, asked: Asked) -> None:
        """A request was read."""
        async with self._noted:
            self.asked.append(asked)
            self._noted.notify_all()

    async def asked_for(self, count: int) -> None:
        """Returns when so many requests were read."""
        async with self._noted:
            await self._noted.wait_for(lambda: len(self.asked) >= count)

    @contextlib.asynccontextmanager
    async def listening(self, *, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[None]:
        """Listens on a port of its own, or on that one."""
        server = await asyncio.start_server(self.accept, "127.0.0.1", port, ssl=tls, limit=2**20)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()


@contextlib.asynccontextmanager
async def full_backlog(host: str = "127.0.0.1") -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """A port on which nobody accepts and nobody can wait any more; and what empties the queue."""
    listening = socket.socket()
    listening.bind((host, 0))
    listening.listen(0)
    port = listening.getsockname()[1]
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex((host, port))

    def empty() -> None:
        for each in (*waiting, listening):
            each.close()

    try:
        yield port, empty
    finally:
        empty()


# -- what servers say


def answer(document: Any, *, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer with JSON in it."""
    return plain(json.dumps(document).encode(), status=status, **{"content_type": "application/json", **headers})


def plain(body: bytes, *, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; `content_type="…"` becomes a header."""
    fields = {"content-length": str(len(body))} | {name.replace("_", "-"): text for name, text in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {text}" for name, text in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + body


# -- the client's side


class Calm(random.Random):
    """No jitter: whoever may try again does so at once."""

    def random(self) -> float:
        return 0.0


def client(url: str, *, read_attempts: int = 1, **settings: Any) -> Client:
    """A client with one lane; each request has one attempt unless told otherwise."""
    defaults: dict[str, Any] = {
        "concurrency": 1,
        "timeout_s": 2.0,
        "request_timeout_s": 3.0,
        "max_body_bytes": MAX_BODY_BYTES,
    }
    chosen = ApiSettings(url=url, key=Secret(KEY), **{**defaults, **settings})
    made = Client(chosen, now=lambda: 1_700_000_000.0, rng=Calm(), watch=lambda _: None)
    made.retry.attempts = read_attempts
    return made


async def read(client: Client) -> list[str]:
    """All organizations."""
    return [each.id async for page in client.organizations() for each in page]


async def create(client: Client) -> list[str]:
    """A new organization."""
    async with client.lane() as lane:
        return [(await lane.retry_unsent(lambda: lane.create(ORGANIZATION, {"displayName": "Acme"}))).id]

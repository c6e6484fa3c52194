"""One connection as an httpx transport: h11 straight on a socket, since a pool costs more than the request does.

Through httpcore's pool, its locks and anyio a request costs 0.38 ms, here 0.2. Raises httpx's errors.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping

import h11
import httpcore
import httpx

from reconciler.api.deadline import Deadline
from reconciler.api.sockets import Network

KEEPALIVE_S = 30.0  # idle for longer, a connection is not used again
MAX_HEAD_BYTES = 100 * 1024
READ_BYTES = 64 * 1024
_LIMITS = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_S)

Timeouts = Mapping[str, float | None]


class OneConnection(httpx.AsyncBaseTransport):
    """Connects when there is nothing to use. One exchange at a time, which takes no longer than `total_s`."""

    def __init__(self, total_s: float, context: ssl.SSLContext) -> None:
        self._total_s = total_s
        self._context = context
        context.set_alpn_protocols(["http/1.1"])
        self._deadline = Deadline()
        self._wire: _Wire | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer's head; its body is read from its stream."""
        self._deadline.start(self._total_s)
        timeouts: Timeouts = request.extensions.get("timeout", {})
        try:
            wire = await self._ready(request.url, timeouts)
            head = await wire.ask(request, timeouts)
        except _FOREIGN as error:
            await self._drop()
            raise _own(error) from error
        except BaseException:
            await self._drop()
            raise
        return httpx.Response(head.status_code, headers=head.headers.raw_items(), stream=_Body(wire, timeouts))

    async def aclose(self) -> None:
        """Closes what is open; what is being opened is not used any more."""
        self._deadline.stop()
        await self._drop()

    async def _drop(self) -> None:
        wire, self._wire = self._wire, None
        if wire:
            await wire.close()

    async def _ready(self, url: httpx.URL, timeouts: Timeouts) -> _Wire:
        """A connection that its server has ended, or may have, is not used again."""
        if self._wire and not self._wire.usable:
            await self._drop()
        if self._wire is None:
            self._wire = _Wire(await self._connected(url, timeouts))
        return self._wire

    async def _connected(self, url: httpx.URL, timeouts: Timeouts) -> httpcore.AsyncNetworkStream:
        secure = url.scheme == "https"
        host = url.raw_host.decode("ascii")
        within_s = timeouts.get("connect")
        stream = await Network(self._deadline).connect_tcp(host, url.port or (443 if secure else 80), within_s)
        return await stream.start_tls(self._context, host, within_s) if secure else stream


class _Wire:
    """An open connection and where its conversation stands."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._loop = asyncio.get_running_loop()
        self._idle_since = self._loop.time()
        self._closed = False
        self._asked: h11.Request | None = None
        self._raw: list[tuple[bytes, bytes]] = []

    @property
    def usable(self) -> bool:
        """Whether a request may be sent: nothing is under way, and a server that says something says goodbye."""
        return (
            not self._closed
            and self._machine.our_state is h11.IDLE
            and self._loop.time() - self._idle_since <= KEEPALIVE_S
            and not self._stream.get_extra_info("is_readable")
        )

    async def ask(self, request: httpx.Request, timeouts: Timeouts) -> h11.Response:
        """Sends the request, and reads the head of its answer."""
        send, body, raw = self._machine.send, request.content, request.headers.raw
        # the same headers as last time need not be looked at once more
        headers = self._asked.headers if self._asked and self._raw == raw else raw
        self._asked = h11.Request(method=request.method, target=request.url.raw_path, headers=headers)
        self._raw = raw
        parts = (send(self._asked), send(h11.Data(data=body)) if body else b"", send(h11.EndOfMessage()))
        with contextlib.suppress(httpcore.WriteError):  # a server may answer early and close: that is still read
            await self._stream.write(b"".join(part for part in parts if part), timeouts.get("write"))
        while True:
            event = await self._event(timeouts)
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse) or event.status_code == 101:
                raise httpcore.RemoteProtocolError("the server speaks another protocol")

    async def body(self, timeouts: Timeouts) -> AsyncIterator[bytes]:
        """The parts of the answer's body."""
        while isinstance(event := await self._event(timeouts), h11.Data):
            yield bytes(event.data)

    async def _event(self, timeouts: Timeouts) -> object:
        while (event := self._machine.next_event()) is h11.NEED_DATA:
            data = await self._stream.read(READ_BYTES, timeouts.get("read"))
            if not data and self._machine.their_state is h11.SEND_RESPONSE:
                raise httpcore.RemoteProtocolError("Server disconnected without sending a response.")
            self._machine.receive_data(data)
        return event

    async def end(self) -> None:
        """The answer was read, or will not be: only after a whole one, and nothing behind it, is there another."""
        machine = self._machine
        if machine.our_state is machine.their_state is h11.DONE and not machine.trailing_data[0]:
            machine.start_next_cycle()
            self._idle_since = self._loop.time()
        else:
            await self.close()

    async def close(self) -> None:
        """Ends it."""
        self._closed = True
        await self._stream.aclose()


class _Body(httpx.AsyncByteStream):
    """An answer's body."""

    def __init__(self, wire: _Wire, timeouts: Timeouts) -> None:
        self._wire = wire
        self._timeouts = timeouts
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._wire.body(self._timeouts):
                yield part
        except _FOREIGN as error:
            raise _own(error) from error

    async def aclose(self) -> None:
        """Leaves the connection ready for the next request, or closed."""
        if not self._ended:
            self._ended = True
            await self._wire.end()


class Proxied(httpx.AsyncHTTPTransport):
    """The same through a proxy, where httpcore does the talking."""

    def __init__(self, total_s: float, context: ssl.SSLContext, proxy: httpx.Proxy) -> None:
        super().__init__(verify=context, trust_env=False, proxy=proxy, limits=_LIMITS)
        self._total_s = total_s
        self._deadline = Deadline()
        # httpx has no argument for it; a test on a dripping proxy tells if this stops working.
        self._pool._network_backend = Network(self._deadline)  # noqa: SLF001

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange; there is never another on this transport at the same time."""
        self._deadline.start(self._total_s)
        return await super().handle_async_request(request)


_FOREIGN = (
    h11.ProtocolError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
)


def _own(error: Exception) -> httpx.TransportError:
    """The error of the same name in httpx: it has one for each of these."""
    own: type[httpx.TransportError] = getattr(httpx, type(error).__name__, httpx.TransportError)
    return own(str(error))

"""One lane's connection as an httpx transport: asyncio moves the bytes, h11 reads the HTTP, and there is no pool.

It raises httpx's errors. `ConnectError`, `ConnectTimeout` and `ProxyError` mean that the request was certainly not
sent; after any other error the server may have carried it out.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import select
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import cast

import h11
import httpx

KEEPALIVE_S = 30.0  # a connection that was idle for longer is not used again
MAX_HEAD_BYTES = 100 * 1024
Headers = list[tuple[bytes, bytes]]


class OneConnection(httpx.AsyncBaseTransport):
    """Sends one request at a time. Each takes at most `total_s` seconds from connecting to the end of the body."""

    def __init__(self, total_s: float, context: ssl.SSLContext, proxy: httpx.Proxy | None = None) -> None:
        context.set_alpn_protocols(["http/1.1"])
        self._total_s, self._context, self._proxy = total_s, context, proxy
        user = proxy.raw_auth if proxy else None
        self._to_proxy = [(b"proxy-authorization", b"Basic " + base64.b64encode(b":".join(user)))] if user else []
        self._link: _Link | None = None
        self._end = 0.0  # of the exchange under way, on the event loop's clock
        self._limits_s: Mapping[str, float | None] = {}  # of its steps

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The head of the response, whose stream reads the body. Raises httpx.TransportError."""
        self._end = asyncio.get_running_loop().time() + self._total_s
        self._limits_s = request.extensions.get("timeout", {})
        target, headers = request.url.raw_path, request.headers.raw
        if self._proxy and request.url.scheme == "http":
            target, headers = b"http://" + request.url.netloc + target, headers + self._to_proxy
        try:
            link = self._link if self._link and self._link.usable else await self._open(request.url)
            with _errors(httpx.ReadTimeout, httpx.ReadError):
                head = await link.send(request.method, target, headers, request.content)
        except BaseException:
            self._drop()
            raise
        return httpx.Response(head.status_code, headers=head.headers.raw_items(), stream=link)

    async def aclose(self) -> None:
        """Closes the connection: a request under way fails, and one that waits for its connection is not sent."""
        self._end = float("-inf")
        self._drop()

    def _drop(self) -> None:
        if self._link:
            self._link.close()

    async def _open(self, url: httpx.URL) -> _Link:
        self._drop()
        first = self._proxy.url if self._proxy else url
        with _errors(httpx.ConnectTimeout, httpx.ConnectError):
            self._link = link = await self._connect(first)
            if first.scheme == "https":
                await link.encrypt(self._context, first)
            if self._proxy and url.scheme == "https":
                target = url.netloc if url.port else url.netloc + b":443"
                with _errors(httpx.ReadTimeout, httpx.ReadError):
                    head = await link.send("CONNECT", target, [(b"host", target), *self._to_proxy], b"")
                if not 200 <= head.status_code < 300:
                    raise httpx.ProxyError(f"{head.status_code} {head.reason.decode('latin-1')}")
                await link.encrypt(self._context, url)
        return link

    async def _connect(self, url: httpx.URL) -> _Link:
        """Tries the host's addresses in order, each for its share of the time."""
        loop = asyncio.get_running_loop()
        host, port = url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)
        failure: OSError = TimeoutError()
        async with asyncio.timeout(self._left_s("connect")):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            for *_, address in found:
                try:
                    async with asyncio.timeout(self._left_s("connect") / len(found)):
                        _, link = await loop.create_connection(lambda: _Link(self._left_s), str(address[0]), port)
                        return link
                except OSError as error:  # a TimeoutError is one
                    failure = error
        raise failure

    def _left_s(self, step: str) -> float:
        """How long a step may take: its own limit, or what is left of the exchange if that is less."""
        left_s, limit_s = self._end - asyncio.get_running_loop().time(), self._limits_s.get(step)
        return left_s if limit_s is None else min(left_s, limit_s)


class _Link(asyncio.Protocol, httpx.AsyncByteStream):
    """An open connection, and the body of the response that it carries."""

    def __init__(self, left_s: Callable[[str], float]) -> None:
        self._left_s = left_s
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._unread: asyncio.Queue[bytes | Exception] = asyncio.Queue()  # b"" is the end
        self._usable_until = 0.0
        self._last: h11.Request | None = None
        self._headers: Headers = []  # as given for the last request: h11 need not check the same ones again

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._unread.empty():
            self._socket.pause_reading()
        self._unread.put_nowait(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unread.put_nowait(exc or b"")

    def close(self) -> None:
        """Closes at once: what was not sent yet is not sent, and whoever reads gets an error."""
        self._unread.put_nowait(ConnectionAbortedError("closed"))
        self._socket.abort()

    async def encrypt(self, context: ssl.SSLContext, url: httpx.URL) -> None:
        """Starts TLS and a new HTTP conversation; what came before is not read."""
        self._unread, host = asyncio.Queue(), url.raw_host.decode("ascii")
        async with asyncio.timeout(self._left_s("connect")):
            encrypted = await self._loop.start_tls(self._socket, self, context, server_hostname=host)
        if encrypted is None:
            raise ConnectionResetError("the connection ended during the TLS handshake")
        self._socket, self._http = encrypted, h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)

    @property
    def usable(self) -> bool:
        """Whether a request may be sent. Data on an idle connection means that the server is closing it."""
        if self._socket.is_closing() or self._loop.time() > self._usable_until:
            return False
        poll = select.poll()  # the event loop may not have looked yet
        poll.register(self._socket.get_extra_info("socket").fileno(), select.POLLIN)
        return self._http.our_state is h11.IDLE and self._unread.empty() and not poll.poll(0)

    async def send(self, method: str, target: bytes, headers: Headers, body: bytes) -> h11.Response:
        """Sends a request; returns the head of the response, which may come before the body is sent."""
        if self._left_s("write") <= 0:
            raise TimeoutError
        checked = self._last.headers if self._last and headers == self._headers else headers
        self._last, self._headers = h11.Request(method=method, target=target, headers=checked), headers
        parts = (self._last, h11.Data(data=body), h11.EndOfMessage())
        self._socket.write(b"".join(self._http.send(part) or b"" for part in parts))
        while isinstance(event := await self._event(), h11.InformationalResponse) and event.status_code != 101:
            pass
        if not isinstance(event, h11.Response):
            raise httpx.RemoteProtocolError("the server speaks another protocol")
        return event

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors(httpx.ReadTimeout, httpx.ReadError):
            while isinstance(event := await self._event(), h11.Data):
                yield bytes(event.data)

    async def aclose(self) -> None:
        """Reuse the connection only if the response was complete and no extra bytes followed."""
        complete = self._http.our_state is self._http.their_state is h11.DONE
        if complete and not self._http.trailing_data[0] and self._unread.empty():
            self._http.start_next_cycle()
            self._usable_until = self._loop.time() + KEEPALIVE_S
        elif self._http.our_state is not h11.IDLE:
            self.close()

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._socket.resume_reading()
            async with asyncio.timeout(self._left_s("read")):
                data = await self._unread.get()
            if isinstance(data, Exception):
                raise data
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
            self._http.receive_data(data)
        return event


@contextlib.contextmanager
def _errors(late: type[httpx.TransportError], broken: type[httpx.TransportError]) -> Iterator[None]:
    """Raises httpx's errors in place of asyncio's and h11's."""
    try:
        yield
    except TimeoutError:
        raise late("") from None
    except h11.ProtocolError as error:  # httpx has the same two
        raise getattr(httpx, type(error).__name__)(str(error)) from error
    except (OSError, UnicodeError) as error:
        number = None if isinstance(error, ssl.SSLError) else getattr(error, "errno", None)
        raise broken(os.strerror(number) if number and number > 0 else str(error)) from error

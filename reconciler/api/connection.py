"""One lane's connection: a request goes out, a bounded answer comes back, every fault has one meaning.

The lane's transport is called directly: a client of 24 pooled connections reaches an eighth of the requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Callable
from functools import cache

import httpx

from reconciler.api.responses import printable
from reconciler.api.transport import OneConnection
from reconciler.model.errors import ApiError, BadAnswer, Uncertain, Unsent, UsageError
from reconciler.model.settings import ApiSettings

TransportFactory = Callable[[], httpx.AsyncBaseTransport]

# A server ends connections that were silent for a while, and a POST that crosses that end is Unknown.
MAX_SILENCE_BEFORE_WRITE_S = 1.0
# Only what certainly did not reach the server is Unsent; a reset cannot be told from one after the request.
# A proxy's error is its refusal of a tunnel; what it says of a plain request comes as an answer.
_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
)


class RawResponse:
    """A response, read to its end."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class ReadOnly(httpx.AsyncBaseTransport):
    """A transport on which any verb but GET raises before anything is sent."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Passes a GET on."""
        if request.method != "GET":
            raise AssertionError(f"a plan never writes, but {request.method} was asked for")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Closes what is below."""
        await self._inner.aclose()


def transports(settings: ApiSettings) -> TransportFactory:
    """Makes real transports of one connection each that share one SSL context; UsageError for a bad `ca_file`."""
    context = _context(settings.ca_file)
    proxy = _proxy(settings.proxy, context)
    total_s = settings.request_timeout_s
    return lambda: OneConnection(total_s, context, proxy)


@cache
def _context(ca_file: str | None) -> ssl.SSLContext:
    """20-55 ms each, so one is made and shared. The session's keys are written nowhere, whoever asks for it."""
    os.environ.pop("SSLKEYLOGFILE", None)
    if ca_file is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        reason = "it holds no certificates" if isinstance(error, ssl.SSLError) else getattr(error, "strerror", "")
        raise UsageError(
            f"cannot use the CA file {printable(ca_file)}: {reason or 'not a path'}", "Name a PEM file."
        ) from None


def _proxy(url: str | None, context: ssl.SSLContext) -> httpx.Proxy | None:
    if url is None:
        return None
    return httpx.Proxy(url, ssl_context=context if url.startswith("https:") else None)


class Connection:
    """A transport and its replacement after a fault that may have spoilt it."""

    def __init__(self, make: TransportFactory, settings: ApiSettings) -> None:
        self._make = make
        self._transport = make()
        self._settings = settings
        self._answered_at: float | None = None

    async def send(self, request: httpx.Request, route: str) -> RawResponse:
        """The whole answer; raises Unsent, Uncertain or BadAnswer. `request` carries its timeouts."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        if request.method != "GET" and self._silence_s(started) > MAX_SILENCE_BEFORE_WRITE_S:
            await self._renew()
        try:
            response = await self._exchange(request, route)
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:  # an SSLError is an OSError
            await self._renew()
            raise self._meaning(error, route, loop.time() - started) from None
        except BaseException:
            await self._renew()
            raise
        self._answered_at = loop.time()
        return response

    def _silence_s(self, now: float) -> float:
        return 0.0 if self._answered_at is None else now - self._answered_at

    async def _exchange(self, request: httpx.Request, route: str) -> RawResponse:
        response = await self._transport.handle_async_request(request)
        try:
            body = await self._read(response, route)
        finally:
            with contextlib.suppress(Exception):  # what was read is read
                await response.aclose()
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        return RawResponse(response.status_code, headers, body)

    async def _read(self, response: httpx.Response, route: str) -> bytes:
        """The body, within the caps on bytes and on time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.request_timeout_s
        stream = response.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            raise BadAnswer("the answer cannot be read", route=route)
        parts, size = [], 0
        async for part in stream:
            parts.append(part)
            size += len(part)
            if size > self._settings.max_body_bytes:
                raise BadAnswer(f"the answer has more than {self._settings.max_body_bytes:,} bytes", route=route)
            if loop.time() > end:
                raise Uncertain(self._not_whole(), route=route)
        return b"".join(parts)

    def _meaning(self, error: Exception, route: str, took_s: float) -> ApiError:
        if isinstance(error, _UNSENT):
            return Unsent(_in_words(error), route=route, hint=_hint(error))
        if isinstance(error, httpx.TimeoutException):
            late = took_s >= self._settings.request_timeout_s
            said = self._not_whole() if late else f"no answer within {self._settings.timeout_s:g} s"
            return Uncertain(said, route=route)
        return Uncertain(_in_words(error), route=route)

    def _not_whole(self) -> str:
        return f"the answer was not whole after {self._settings.request_timeout_s:g} s"

    async def _renew(self) -> None:
        """A connection that failed is not used again."""
        old, self._transport, self._answered_at = self._transport, self._make(), None
        await _end(old)

    async def close(self) -> None:
        """Ends the connection; a request under way on it fails."""
        await _end(self._transport)


async def _end(transport: httpx.AsyncBaseTransport) -> None:
    with contextlib.suppress(Exception):  # it is thrown away: how that goes tells nothing
        await transport.aclose()


def _in_words(error: Exception) -> str:
    text = printable(" ".join(str(error).split()))
    words: dict[type[Exception], str] = {
        httpx.ConnectError: f"cannot connect: {text or 'refused'}",
        httpx.ConnectTimeout: "cannot connect: no answer in time",
        httpx.PoolTimeout: "no connection became free in time",
        httpx.ProxyError: f"the proxy refused: {text}",
        httpx.ReadError: "the connection was reset",
        httpx.WriteError: "the connection was reset while sending",
        httpx.RemoteProtocolError: f"the connection ended early or the answer is no HTTP: {text}",
    }
    return words.get(type(error), f"the request failed ({type(error).__name__})")


def _hint(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            "The server's certificate is not trusted: name its authority with --ca-file, or correct the address."
        )
    return "Check the API address and that the server is up."

"""One lane's connection: a request goes out, a bounded answer comes back, every fault has one meaning.

The lane's transport is called directly: a client of 24 pooled connections reaches an eighth of the requests.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import cache

import httpx

from reconciler.model.errors import ApiError, BadAnswer, Uncertain, Unsent
from reconciler.model.settings import ApiSettings

TransportFactory = Callable[[], httpx.AsyncBaseTransport]

# Only what certainly did not reach the server is Unsent; a reset cannot be told from one after the request.
_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
)


class Reply:
    """An answer, read whole."""

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
            raise PermissionError(f"a plan never writes, but {request.method} was asked for")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Closes what is below."""
        await self._inner.aclose()


def transports(settings: ApiSettings) -> TransportFactory:
    """Makes real transports of one connection each that share one SSL context."""
    context = _context(settings.ca_file)

    def make() -> httpx.AsyncBaseTransport:
        return httpx.AsyncHTTPTransport(
            verify=context,
            trust_env=False,
            proxy=settings.proxy,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
        )

    return make


@cache
def _context(ca_file: str | None) -> ssl.SSLContext:
    """20-55 ms each, so one is made and shared."""
    return httpx.create_ssl_context(verify=ssl.create_default_context(cafile=ca_file) if ca_file else True)


class Connection:
    """A transport and its replacement after a fault that may have spoilt it."""

    def __init__(self, make: TransportFactory, settings: ApiSettings) -> None:
        self._make = make
        self._transport = make()
        self._settings = settings

    async def send(self, request: httpx.Request, route: str) -> Reply:
        """The whole answer; raises Unsent, Uncertain or BadAnswer. `request` carries its timeouts."""
        try:
            response = await self._transport.handle_async_request(request)
            try:
                body = await self._read(response, route)
            finally:
                await response.aclose()
        except ApiError:
            await self._renew()
            raise
        except _UNSENT as error:
            await self._renew()
            raise Unsent(_in_words(error), route=route, hint=_hint(error)) from None
        except httpx.TimeoutException:
            await self._renew()
            raise Uncertain(f"no answer within {self._settings.timeout_s:g} s", route=route) from None
        except (httpx.HTTPError, httpx.StreamError, ssl.SSLError, OSError) as error:
            await self._renew()
            raise Uncertain(_in_words(error), route=route) from None
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        return Reply(response.status_code, headers, body)

    async def _read(self, response: httpx.Response, route: str) -> bytes:
        """The body, within the caps on bytes and on time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.request_timeout_s
        body = b""
        stream = response.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            raise BadAnswer("the answer cannot be read", route=route)
        async for part in stream:
            body = body + part if body else part
            if len(body) > self._settings.max_body_bytes:
                raise BadAnswer(f"the answer has more than {self._settings.max_body_bytes:,} bytes", route=route)
            if loop.time() > end:
                raise Uncertain(
                    f"the answer was not whole after {self._settings.request_timeout_s:g} s", route=route
                )
        return body

    async def _renew(self) -> None:
        """A connection that failed is not used again."""
        old, self._transport = self._transport, self._make()
        await old.aclose()

    async def close(self) -> None:
        """Ends the connection."""
        await self._transport.aclose()


def _in_words(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
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

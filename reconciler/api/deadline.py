"""Gives a whole exchange one end: httpx bounds each pause alone, and a server that drips makes no long one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx


class Deadline:
    """When the exchange under way ends, on the event loop's clock."""

    def __init__(self) -> None:
        self._end = float("inf")

    def start(self, total_s: float) -> None:
        """An exchange begins."""
        self._end = asyncio.get_running_loop().time() + total_s

    def within(self, timeout_s: float | None) -> float:
        """A pause's bound, cut to what is left; 0 when nothing is."""
        left_s = max(0.0, self._end - asyncio.get_running_loop().time())
        return left_s if timeout_s is None else min(timeout_s, left_s)


class BoundedTransport(httpx.AsyncHTTPTransport):
    """A transport of one connection, on which connect, headers and body together take no longer than `total_s`."""

    def __init__(self, total_s: float, context: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        super().__init__(
            verify=context,
            trust_env=False,
            proxy=proxy,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
        )
        self._total_s = total_s
        self._deadline = Deadline()
        # httpx has no argument for it; a test on a dripping server tells if this stops working.
        pool = self._pool
        pool._network_backend = _Network(pool._network_backend, self._deadline)  # noqa: SLF001

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange; there is never another on this transport at the same time."""
        self._deadline.start(self._total_s)
        return await super().handle_async_request(request)


class _Network(httpcore.AsyncNetworkBackend):
    """Makes streams that know the deadline."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        within_s = self._deadline.within(timeout)
        stream = await self._inner.connect_tcp(host, port, within_s, local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Stream(httpcore.AsyncNetworkStream):
    """A connection on which every pause ends at the deadline."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._inner.read(max_bytes, self._deadline.within(timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._inner.write(buffer, self._deadline.within(timeout))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._inner.start_tls(ssl_context, server_hostname, self._deadline.within(timeout))
        return _Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

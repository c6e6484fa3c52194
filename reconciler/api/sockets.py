"""Bytes over asyncio alone, where every pause ends at the exchange's deadline.

httpcore's own way there, through anyio, costs as much as all the rest of a request; this is its documented
seam for another. What certainly comes before a request raises `Connect…`, everything later `Read…` or `Write…`.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from reconciler.api.deadline import Deadline

MAX_BUFFER_BYTES = 256 * 1024  # unread, before the other side is made to wait


class Network(httpcore.AsyncNetworkBackend):
    """Makes streams that know the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 httpcore's own signature
        local_address: str | None = None,  # noqa: ARG002 never asked for, nor are options
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first of the host's addresses that answers."""
        try:
            return await self._first(host, port, self._deadline.within(timeout))
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(_in_words(error)) from error

    async def _first(self, host: str, port: int, within_s: float) -> Stream:
        """One address after another, each with its part of the time.

        asyncio's race between addresses leaves sockets open when it is cancelled.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(within_s):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            failure: OSError = TimeoutError()
            for *_, address in found:
                try:
                    async with asyncio.timeout(within_s / len(found)):
                        _, stream = await loop.create_connection(
                            lambda: Stream(self._deadline), str(address[0]), port
                        )
                        return stream
                except OSError as error:  # a TimeoutError is one
                    failure = error
            raise failure


def _in_words(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) and number > 0 else str(error)


class Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection, never read and written at the same time."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._held = False  # whether the other side is made to wait
        self._full = False  # whether it makes us wait
        self._ended = False
        self._error: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Something came."""
        self._received += data
        if self._transport and len(self._received) > MAX_BUFFER_BYTES:
            self._held = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by whomever."""
        self._ended, self._error = True, exc or self._error
        self._full = False
        self._wake()

    def pause_writing(self) -> None:
        """The other side reads slower than we write."""
        self._full = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self._full = False
        self._wake()

    # -- what httpcore calls

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """What has come, at most that much; nothing at the end."""
        while not self._received and not self._ended:
            await self._wait(timeout, httpcore.ReadTimeout)
        if self._deadline.passed:
            raise httpcore.ReadTimeout
        if self._received:
            data = bytes(self._received[:max_bytes])
            del self._received[:max_bytes]
            if self._held and not self._received and self._transport:
                self._held = False
                self._transport.resume_reading()
            return data
        if self._error:
            raise httpcore.ReadError(_in_words(self._error)) from self._error
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Hands it all to the socket, or to a buffer that is small."""
        if not buffer:
            return
        if self._deadline.passed:
            raise httpcore.WriteTimeout
        if self._ended or self._transport is None or self._transport.is_closing():
            raise httpcore.WriteError("the connection is closed")
        self._transport.write(buffer)
        while self._full:
            await self._wait(timeout, httpcore.WriteTimeout)
        if self._error:
            raise httpcore.WriteError(_in_words(self._error)) from self._error

    async def aclose(self) -> None:
        """Closes it at once; what was not sent is not sent."""
        if self._transport is None:
            return
        self._transport.close()
        await asyncio.sleep(0)  # a farewell over TLS needs one turn of the loop
        self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """The same connection, encrypted."""
        stream = Stream(self._deadline)
        if self._transport is None:
            raise httpcore.ConnectError("the connection is closed")
        try:
            async with asyncio.timeout(self._deadline.within(timeout)):
                stream._transport = await self._loop.start_tls(
                    self._transport, stream, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError:
            await self.aclose()
            raise httpcore.ConnectTimeout from None
        except OSError as error:  # an SSLError is one
            await self.aclose()
            said = str(error) if isinstance(error, ssl.SSLError) else _in_words(error)
            raise httpcore.ConnectError(said) from error
        if stream._transport is None:
            raise httpcore.ConnectError("the connection ended before it was encrypted")
        return stream

    def get_extra_info(self, info: str) -> Any:
        """Whether the idle connection has something to say, which can only be its end; else what asyncio knows."""
        if info == "is_readable":
            return self._ended or bool(self._received) or self._readable()
        return self._transport.get_extra_info(info) if self._transport else None

    def _readable(self) -> bool:
        """Asks the socket itself: the loop may not have heard of it yet."""
        found = self._transport.get_extra_info("socket") if self._transport else None
        number = found.fileno() if found else -1
        if number < 0:
            return True
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))

    # -- waiting

    async def _wait(self, timeout_s: float | None, late: Callable[[], Exception]) -> None:
        """Until something has happened to the connection."""
        waiting = self._waiting = self._loop.create_future()
        alarm = self._loop.call_later(self._deadline.within(timeout_s), _give_up, waiting, late)
        try:
            await waiting
        finally:
            alarm.cancel()
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)


def _give_up(waiting: asyncio.Future[None], late: Callable[[], Exception]) -> None:
    if not waiting.done():
        waiting.set_exception(late())

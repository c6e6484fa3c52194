"""One connection on real sockets: when it is reused, what is an error, and that every wait ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import httpx
import pytest
import trustme

from reconciler.api.transport import OneConnection

T = TypeVar("T")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
HELLO = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\nhello"


class Server:
    """Counts connections and the requests that it read."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.connections = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


async def request_of(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def responding(response: bytes, *, times: int = 1000, then_reset: bool = False) -> Talk:
    """Sends these bytes for each of that many requests, then closes or resets the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            await request_of(reader)
            writer.write(response)
            await writer.drain()
        if then_reset:
            linger = struct.pack("ii", 1, 0)  # a socket that is closed with nothing lingering resets
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    return talk


def with_server(
    talk: Talk,
    use: Callable[[Server, str, OneConnection], Awaitable[T]],
    *,
    total_s: float = 5.0,
    context: ssl.SSLContext | None = None,
    serve: ssl.SSLContext | None = None,
) -> T:
    async def main() -> T:
        server = Server(talk)
        listening = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=serve)
        port = listening.sockets[0].getsockname()[1]
        transport = OneConnection(total_s, context or ssl.create_default_context())
        scheme = "https" if serve else "http"
        try:
            return await use(server, f"{scheme}://127.0.0.1:{port}", transport)
        finally:
            await transport.aclose()
            listening.close()
            await listening.wait_closed()

    return asyncio.run(main())


async def send(
    transport: OneConnection, url: str, *, body: bytes | None = None, timeout_s: float = 2.0
) -> tuple[int, bytes]:
    """The status and the whole body."""
    timeouts = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)}
    request = httpx.Request("POST" if body else "GET", url + "/x?y=1", content=body, extensions=timeouts)
    response = await transport.handle_async_request(request)
    try:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        return response.status_code, b"".join([part async for part in response.stream])
    finally:
        await response.aclose()


def failure(talk: Talk, *, total_s: float = 5.0, timeout_s: float = 2.0) -> Exception:
    """What a request to such a server raises."""

    async def use(_: Server, url: str, transport: OneConnection) -> Exception:
        with pytest.raises(httpx.TransportError) as caught:
            await send(transport, url, timeout_s=timeout_s)
        return caught.value

    return with_server(talk, use, total_s=total_s)


def responses(talk: Talk, count: int) -> tuple[list[tuple[int, bytes]], int]:
    """The responses to that many requests, and how many connections carried them."""

    async def use(server: Server, url: str, transport: OneConnection) -> tuple[list[tuple[int, bytes]], int]:
        got = []
        for _ in range(count):
            got.append(await send(transport, url))
            await asyncio.sleep(0.02)
        return got, server.connections

    return with_server(talk, use)


def test_one_connection_carries_many_requests() -> None:
    assert responses(responding(HELLO), 5) == ([(200, b"hello")] * 5, 1)


def test_a_connection_that_its_server_closed_is_replaced_before_the_next_request() -> None:
    assert responses(responding(HELLO, times=1), 3) == ([(200, b"hello")] * 3, 3)


def test_a_connection_is_not_reused_after_a_response_that_says_close() -> None:
    closing = HELLO.replace(b"content-length", b"connection: close\r\ncontent-length")
    assert responses(responding(closing), 2) == ([(200, b"hello")] * 2, 2)


def test_extra_bytes_after_a_response_are_never_read_as_the_next_one() -> None:
    forged = HELLO.replace(b"hello", b"false")
    assert responses(responding(HELLO + forged), 3) == ([(200, b"hello")] * 3, 3)


def test_informational_responses_are_skipped() -> None:
    assert responses(responding(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + HELLO), 1)[0] == [(200, b"hello")]


def test_a_body_in_chunks_and_one_that_ends_with_the_connection_are_read_whole() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    assert responses(responding(chunked), 2) == ([(200, b"hello")] * 2, 1)
    assert responses(responding(b"HTTP/1.1 200 OK\r\n\r\nhello", times=1), 2) == ([(200, b"hello")] * 2, 2)


def test_a_response_that_comes_while_the_body_is_still_being_sent_is_read() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.write_eof()
        await reader.read()

    async def use(_: Server, url: str, transport: OneConnection) -> tuple[int, bytes]:
        return await send(transport, url, body=b"x" * 2_000_000)

    assert with_server(refuse, use) == (413, b"")


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000, httpx.RemoteProtocolError),
    ],
)
def test_anything_but_a_whole_response_is_an_error(response: bytes, error: type[Exception]) -> None:
    assert type(failure(responding(response, times=1))) is error


def test_a_reset_is_a_read_error() -> None:
    assert type(failure(responding(b"", times=1, then_reset=True))) is httpx.ReadError


def test_a_silent_server_is_given_up_after_the_limit_of_one_read() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    assert type(failure(silent, timeout_s=0.5)) is httpx.ReadTimeout


@pytest.mark.parametrize("response", [HELLO, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000])
def test_a_server_that_sends_byte_by_byte_is_given_up_after_the_limit_of_an_exchange(response: bytes) -> None:
    """The whole response would take four seconds or more, and no pause comes near the limit of one read."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for byte in response:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    assert type(failure(drip, total_s=1.0)) is httpx.ReadTimeout


def test_closing_the_transport_ends_a_body_without_a_length_with_an_error() -> None:
    """The end of the connection is the end of such a body: half of it must not pass for all of it."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await reader.read(-1)

    async def closed_while_reading(_: Server, url: str, transport: OneConnection) -> None:
        response = await transport.handle_async_request(httpx.Request("GET", url))
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for part in response.stream:
            assert part == b"hel"
            await transport.aclose()

    with pytest.raises(httpx.TransportError):
        with_server(half, closed_while_reading)


def test_a_refused_connection_is_a_connect_error() -> None:
    async def main() -> Exception:
        listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        listening.close()
        await listening.wait_closed()
        with pytest.raises(httpx.ConnectError) as caught:
            await send(OneConnection(5.0, ssl.create_default_context()), f"http://127.0.0.1:{port}")
        return caught.value

    assert str(asyncio.run(main())) == "Connection refused"


@pytest.mark.parametrize("secure", [False, True])
def test_a_body_larger_than_any_buffer_arrives_whole(secure: bool) -> None:
    size = 5_000_000
    large = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size
    authority = trustme.CA()
    serve, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(serve)
    authority.configure_trust(trusting)

    async def use(_: Server, url: str, transport: OneConnection) -> tuple[int, bytes]:
        return await send(transport, url)

    assert with_server(responding(large), use, context=trusting, serve=serve if secure else None) == (
        200,
        b"x" * size,
    )


def test_over_tls_the_certificate_s_issuer_and_name_are_checked() -> None:
    authority = trustme.CA()
    serve, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(serve)
    authority.configure_trust(trusting)

    async def twice(server: Server, url: str, transport: OneConnection) -> tuple[Any, Any, int]:
        return await send(transport, url), await send(transport, url, body=b"x" * 100_000), server.connections

    async def refused(_: Server, url: str, transport: OneConnection) -> Exception:
        with pytest.raises(httpx.ConnectError) as caught:
            await send(transport, url)
        return caught.value

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for length in (0, 100_000):
            await request_of(reader)
            await reader.readexactly(length)
            writer.write(HELLO)
            await writer.drain()

    good = (200, b"hello")
    assert with_server(talk, twice, context=trusting, serve=serve) == (good, good, 1)
    strange = with_server(talk, refused, serve=serve)
    assert "CERTIFICATE_VERIFY_FAILED" in str(strange)
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(other)
    wrong = with_server(talk, refused, context=trusting, serve=other)
    assert "CERTIFICATE_VERIFY_FAILED" in str(wrong)


def test_the_response_to_a_cancelled_request_is_never_read_as_the_next_one() -> None:
    asked = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await request_of(reader)
            asked.set()
            await asyncio.sleep(0.05)
            writer.write(HELLO.replace(b"hello", b"first" if b"GET" in head else b"other"))

    async def use(server: Server, url: str, transport: OneConnection) -> tuple[Any, int]:
        task = asyncio.create_task(send(transport, url))
        await asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await send(transport, url, body=b"x" * 3), server.connections

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await slow(reader, writer)

    assert with_server(talk, use) == ((200, b"other"), 2)

"""One connection on real sockets: what it reuses, what it never believes, and that every pause has an end."""

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


def saying(answer: bytes, *, times: int = 1000, then_reset: bool = False) -> Talk:
    """Answers so many requests of a connection with these bytes, and closes it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            await request_of(reader)
            writer.write(answer)
            await writer.drain()
        if then_reset:
            linger = struct.pack("ii", 1, 0)  # closed with nothing lingering, a socket resets
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


async def ask(
    transport: OneConnection, url: str, *, body: bytes | None = None, timeout_s: float = 2.0
) -> tuple[int, bytes]:
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
            await ask(transport, url, timeout_s=timeout_s)
        return caught.value

    return with_server(talk, use, total_s=total_s)


def answers(talk: Talk, count: int) -> tuple[list[tuple[int, bytes]], int]:
    """The answers to so many requests, and over how many connections they went."""

    async def use(server: Server, url: str, transport: OneConnection) -> tuple[list[tuple[int, bytes]], int]:
        got = []
        for _ in range(count):
            got.append(await ask(transport, url))
            await asyncio.sleep(0.02)
        return got, server.connections

    return with_server(talk, use)


def test_one_connection_carries_many_requests() -> None:
    assert answers(saying(HELLO), 5) == ([(200, b"hello")] * 5, 1)


def test_a_connection_that_its_server_ended_is_replaced_before_anything_is_sent() -> None:
    assert answers(saying(HELLO, times=1), 3) == ([(200, b"hello")] * 3, 3)


def test_an_answer_that_says_close_is_the_last_one() -> None:
    closing = HELLO.replace(b"content-length", b"connection: close\r\ncontent-length")
    assert answers(saying(closing), 2) == ([(200, b"hello")] * 2, 2)


def test_bytes_behind_an_answer_are_never_taken_for_the_next_one() -> None:
    forged = HELLO.replace(b"hello", b"false")
    assert answers(saying(HELLO + forged), 3) == ([(200, b"hello")] * 3, 3)


def test_informational_answers_are_passed_over() -> None:
    assert answers(saying(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + HELLO), 1)[0] == [(200, b"hello")]


def test_a_chunked_answer_and_one_that_ends_with_the_connection_are_read_whole() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    assert answers(saying(chunked), 2) == ([(200, b"hello")] * 2, 1)
    assert answers(saying(b"HTTP/1.1 200 OK\r\n\r\nhello", times=1), 2) == ([(200, b"hello")] * 2, 2)


def test_an_answer_before_the_whole_request_was_read_is_still_read() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.write_eof()
        await reader.read()

    async def use(_: Server, url: str, transport: OneConnection) -> tuple[int, bytes]:
        return await ask(transport, url, body=b"x" * 2_000_000)

    assert with_server(refuse, use) == (413, b"")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000, httpx.RemoteProtocolError),
    ],
)
def test_what_is_no_whole_answer_is_an_error(answer: bytes, error: type[Exception]) -> None:
    assert type(failure(saying(answer, times=1))) is error


def test_a_reset_is_a_read_error() -> None:
    assert type(failure(saying(b"", times=1, then_reset=True))) is httpx.ReadError


def test_a_server_that_is_silent_is_waited_for_no_longer_than_a_pause_may_be() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    assert type(failure(silent, timeout_s=0.1)) is httpx.ReadTimeout


@pytest.mark.parametrize("answer", [HELLO, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000])
def test_a_server_that_drips_is_waited_for_no_longer_than_an_exchange_may_last(answer: bytes) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for byte in answer:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    assert type(failure(drip, total_s=0.3)) is httpx.ReadTimeout


def test_a_port_where_nobody_listens_is_a_connect_error() -> None:
    async def main() -> Exception:
        listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        listening.close()
        await listening.wait_closed()
        with pytest.raises(httpx.ConnectError) as caught:
            await ask(OneConnection(5.0, ssl.create_default_context()), f"http://127.0.0.1:{port}")
        return caught.value

    assert str(asyncio.run(main())) == "Connection refused"


def test_a_body_larger_than_any_buffer_arrives_whole() -> None:
    size = 5_000_000
    large = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size
    assert answers(saying(large), 1)[0] == [(200, b"x" * size)]


def test_over_tls_the_authority_and_the_name_are_checked() -> None:
    authority = trustme.CA()
    serve, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(serve)
    authority.configure_trust(trusting)

    async def twice(server: Server, url: str, transport: OneConnection) -> tuple[Any, Any, int]:
        return await ask(transport, url), await ask(transport, url, body=b"x" * 100_000), server.connections

    async def refused(_: Server, url: str, transport: OneConnection) -> Exception:
        with pytest.raises(httpx.ConnectError) as caught:
            await ask(transport, url)
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


def test_a_request_that_is_cancelled_leaves_nothing_behind_that_the_next_one_could_read() -> None:
    asked = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await request_of(reader)
            asked.set()
            await asyncio.sleep(0.05)
            writer.write(HELLO.replace(b"hello", b"first" if b"GET" in head else b"other"))

    async def use(server: Server, url: str, transport: OneConnection) -> tuple[Any, int]:
        task = asyncio.create_task(ask(transport, url))
        await asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await ask(transport, url, body=b"x" * 3), server.connections

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await slow(reader, writer)

    assert with_server(talk, use) == ((200, b"other"), 2)

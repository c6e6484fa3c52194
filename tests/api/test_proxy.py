"""A proxy is used only if it is named, and only its refusal of a tunnel shows that nothing was sent."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trustme

from reconciler.api.client import Client
from reconciler.model.errors import ApiError, Uncertain, Unsent
from tests.support.build import org_id
from tests.support.raw_server import KEY, ORGANIZATION_1, RawServer, Talk, answer, client, create, plain, read

Use = Callable[[Client], Awaitable[list[str]]]
PASSWORD = "hunter2canary"


class Proxy:
    """Answers what it is told to, or else passes everything on."""

    def __init__(
        self, answer: bytes = b"", *, hang: bool = False, drip: bool = False, forged: bytes = b""
    ) -> None:
        self._answer = answer
        self._forged = forged
        self._hang = hang
        self._drip = drip
        self.heads: list[str] = []
        self.url = ""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heads.append(head)
            if self._hang:
                await reader.read()
            while self._drip:
                writer.write(b"HTTP/1.1 103 Wait\r\n\r\n")
                await asyncio.sleep(0.05)
                await writer.drain()
            if self._answer:
                writer.write(self._answer)
                await writer.drain()
                return
            await self._pass_on(head, reader, writer)

    async def _pass_on(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, _ = head.partition("\r\n")[0].split(" ")
        tunnel = method == "CONNECT"
        host, _, port = target.removeprefix("http://").partition("/")[0].partition(":")
        upstream, to_upstream = await asyncio.open_connection(host, int(port))
        if tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n" + self._forged)
        else:
            to_upstream.write(head.replace(f"http://{host}:{port}", "", 1).encode("latin-1"))
        with contextlib.closing(to_upstream):
            await asyncio.gather(copy(reader, to_upstream), copy(upstream, writer))

    @contextlib.asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        server = await asyncio.start_server(self.accept, "127.0.0.1", 0, ssl=tls)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


def through(
    proxy: Proxy,
    use: Use,
    *,
    tls: ssl.SSLContext | None = None,
    ca_file: str | None = None,
    proxy_tls: ssl.SSLContext | None = None,
) -> tuple[list[str] | ApiError, RawServer]:
    """What comes of using a client of a good server through that proxy."""

    async def main() -> tuple[list[str] | ApiError, RawServer]:
        server = RawServer(Talk.behave)
        async with server.listening(tls=tls), proxy.listening(proxy_tls):
            named = proxy.url.replace("//", f"//user:{PASSWORD}@")
            # each limit alone ends its kind of fault, and leaves a busy machine time to connect
            hang = {"timeout_s": 0.5, "request_timeout_s": 3.0} if proxy._hang else {}
            drip = {"timeout_s": 2.0, "request_timeout_s": 1.0} if proxy._drip else {}
            async with client(server.url, proxy=named, ca_file=ca_file, **hang, **drip) as api:
                try:
                    return await use(api), server
                except ApiError as error:
                    return error, server

    return asyncio.run(main())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")


@pytest.mark.parametrize("use", [read, create])
def test_a_plain_request_is_passed_on_by_the_proxy(use: Use) -> None:
    proxy = Proxy()
    result, server = through(proxy, use)
    assert result == [org_id(1)]
    assert len(server.asked) == 1
    assert " http://127.0.0.1:" in proxy.heads[0], "it is asked for the whole address"
    assert "proxy-authorization: basic" in proxy.heads[0].lower()


@pytest.mark.parametrize("use", [read, create])
def test_over_tls_the_proxy_sees_neither_key_nor_path(tls: ssl.SSLContext, ca_file: str, use: Use) -> None:
    proxy = Proxy()
    result, server = through(proxy, use, tls=tls, ca_file=ca_file)
    assert result == [org_id(1)]
    assert len(server.asked) == 1
    assert proxy.heads[0].startswith("CONNECT 127.0.0.1:")
    assert KEY not in proxy.heads[0]
    assert "/v1" not in proxy.heads[0]


@pytest.mark.parametrize("secure", [False, True])
def test_a_proxy_may_itself_be_reached_over_tls(tls: ssl.SSLContext, ca_file: str, secure: bool) -> None:
    proxy = Proxy()
    result, server = through(proxy, create, tls=tls if secure else None, ca_file=ca_file, proxy_tls=tls)
    assert result == [org_id(1)]
    assert len(server.asked) == 1
    assert len(proxy.heads) == 1


def test_a_tunnel_is_kept_for_the_next_requests(tls: ssl.SSLContext, ca_file: str) -> None:
    async def thrice(api: Client) -> list[str]:
        return [*await read(api), *await create(api), *await read(api)]

    proxy = Proxy()
    result, server = through(proxy, thrice, tls=tls, ca_file=ca_file)
    assert result == [org_id(1)] * 3
    assert (len(proxy.heads), server.connections) == (1, 1)


def test_what_a_proxy_sends_before_tls_begins_is_never_read_as_a_response(
    tls: ssl.SSLContext, ca_file: str
) -> None:
    forged = answer({"organization": ORGANIZATION_1 | {"id": org_id(9)}})
    result, server = through(Proxy(forged=forged), create, tls=tls, ca_file=ca_file)
    assert result == [org_id(1)]
    assert len(server.asked) == 1


@pytest.mark.parametrize("use", [read, create])
def test_an_untrusted_server_behind_a_proxy_is_certainly_unsent(tls: ssl.SSLContext, use: Use) -> None:
    error, server = through(Proxy(), use, tls=tls)
    assert type(error) is Unsent
    assert "CERTIFICATE_VERIFY_FAILED" in error.message
    assert server.asked == []


@pytest.mark.parametrize("use", [read, create])
@pytest.mark.parametrize("status", ["502 Bad Gateway", "407 Proxy Authentication Required", "403 Forbidden"])
def test_a_refused_tunnel_is_certainly_unsent(tls: ssl.SSLContext, ca_file: str, use: Use, status: str) -> None:
    error, server = through(Proxy(plain(b"", status=status)), use, tls=tls, ca_file=ca_file)
    assert type(error) is Unsent
    assert error.message.endswith(f"the proxy refused: {status}")
    assert server.asked == []
    assert PASSWORD not in error.message + error.hint


@pytest.mark.parametrize("use", [read, create])
@pytest.mark.parametrize("status", ["502 Bad Gateway", "504 Gateway Timeout", "407 Proxy Authentication Required"])
def test_what_a_proxy_says_of_a_plain_request_leaves_it_uncertain(use: Use, status: str) -> None:
    """It may have passed the request on before it failed."""
    error, _ = through(Proxy(plain(b"", status=status)), use)
    assert type(error) is Uncertain
    assert f"the server responded with {status[:3]}" in error.message


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("how", ["hang", "drip"])
def test_a_proxy_is_waited_for_no_longer_than_a_server(
    tls: ssl.SSLContext, ca_file: str, secure: bool, how: str
) -> None:
    started = asyncio.run(now())
    proxy = Proxy(hang=how == "hang", drip=how == "drip")
    error, server = through(proxy, create, tls=tls if secure else None, ca_file=ca_file)
    assert isinstance(error, Uncertain)
    assert server.asked == []
    assert asyncio.run(now()) - started < 4


async def now() -> float:
    return asyncio.get_running_loop().time()


def test_the_environment_s_proxy_is_not_used_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def main() -> list[str]:
        server = RawServer(Talk.behave)
        async with server.listening(), client(server.url) as api:
            return await read(api)

    assert asyncio.run(main()) == [org_id(1)]

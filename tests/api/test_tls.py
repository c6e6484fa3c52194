"""The key goes to nobody whose certificate is not trusted for that name, and nothing was sent if it is not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from reconciler.api.client import Client
from reconciler.model.errors import ApiError, Unsent, UsageError
from tests.support.build import org_id
from tests.support.raw_server import KEY, RawServer, Talk, client, create, plain, read

Use = Callable[[Client], Awaitable[list[str]]]
TRUST_HINT = "The server's certificate is not trusted: name its authority with --ca-file, or correct the address."
PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def use_over_tls(context: ssl.SSLContext | None, use: Use, **settings: Any) -> tuple[Any, RawServer]:
    """The result or the error of using a client of such a server."""

    async def main() -> tuple[Any, RawServer]:
        server = RawServer(Talk.behave)
        async with server.listening(tls=context), client(server.url, **settings) as api:
            try:
                return await use(api), server
            except ApiError as error:
                return error, server

    return asyncio.run(main())


@pytest.mark.parametrize("use", [read, create])
def test_a_server_of_a_named_authority_is_trusted(authority: trustme.CA, ca_file: str, use: Use) -> None:
    async def thrice(api: Client) -> list[str]:
        return [*await use(api), *await use(api), *await use(api)]

    result, server = use_over_tls(serving(authority.issue_cert("127.0.0.1")), thrice, ca_file=ca_file)
    assert result == [org_id(1)] * 3
    assert server.connections == 1, "the connection is kept"


def untrusted(authority: trustme.CA) -> dict[str, tuple[trustme.LeafCert, str]]:
    """Certificates that a client who trusts the authority must refuse, and what is said."""
    return {
        "expired": (authority.issue_cert("127.0.0.1", not_before=PAST, not_after=PAST), "certificate has expired"),
        "another host": (authority.issue_cert("other.example"), "is not valid for '127.0.0.1'"),
        "another authority": (trustme.CA().issue_cert("127.0.0.1"), "unable to get local issuer certificate"),
    }


@pytest.mark.parametrize("use", [read, create])
@pytest.mark.parametrize("what", ["expired", "another host", "another authority"])
def test_another_certificate_is_refused_before_anything_is_sent(
    authority: trustme.CA, ca_file: str, what: str, use: Use
) -> None:
    certificate, said = untrusted(authority)[what]
    error, server = use_over_tls(serving(certificate), use, ca_file=ca_file, read_attempts=2)
    assert type(error) is Unsent
    assert "CERTIFICATE_VERIFY_FAILED" in error.message
    assert said in error.message
    assert error.hint == TRUST_HINT
    assert server.asked == []


@pytest.mark.parametrize("use", [read, create])
def test_an_authority_that_was_not_named_is_not_trusted(authority: trustme.CA, use: Use) -> None:
    error, server = use_over_tls(serving(authority.issue_cert("127.0.0.1")), use)
    assert type(error) is Unsent
    assert "unable to get local issuer certificate" in error.message
    assert error.hint == TRUST_HINT
    assert server.asked == []


def test_a_certificate_that_signs_itself_is_not_trusted_unless_it_is_named(tmp_path: Path) -> None:
    alone = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain = tmp_path / "self.pem"
    alone.private_key_pem.write_to_path(str(chain))
    alone.cert_pem.write_to_path(str(chain), append=True)
    context.load_cert_chain(chain)
    error, server = use_over_tls(context, read)
    assert type(error) is Unsent
    assert "self-signed certificate" in error.message
    assert server.asked == []


async def refuse_at_once(talk: Talk) -> None:
    await talk.reader.read(1)
    await talk.say(plain(b"", status="400 Bad Request"))


def test_a_server_without_tls_is_not_spoken_to(ca_file: str) -> None:
    async def main() -> tuple[ApiError, RawServer]:
        server = RawServer(refuse_at_once)
        async with server.listening(), client(server.url.replace("http:", "https:"), ca_file=ca_file) as api:
            with pytest.raises(Unsent, match="cannot connect: ") as caught:
                await create(api)
            return caught.value, server

    error, server = asyncio.run(main())
    assert server.asked == []
    assert KEY not in error.message


async def never_answer(talk: Talk) -> None:
    await talk.hang()


def test_a_handshake_that_hangs_ends_in_time_and_nothing_was_sent(ca_file: str) -> None:
    async def main() -> float:
        server = RawServer(never_answer)
        url = ""
        async with server.listening():
            url = server.url.replace("http:", "https:")
            async with client(url, ca_file=ca_file, timeout_s=0.25) as api:
                started = asyncio.get_running_loop().time()
                with pytest.raises(Unsent, match="cannot connect: no answer in time"):
                    await create(api)
                return asyncio.get_running_loop().time() - started

    assert asyncio.run(main()) < 4


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file or directory"), ("", "it holds no certificates"), ("hello", "it holds no certificates")],
)
def test_a_ca_file_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, content: str | None, said: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError) as caught:
        client("https://api.example", ca_file=str(path))
    assert caught.value.message == f"cannot use the CA file {path}: {said}"
    assert caught.value.hint == "Name a PEM file."


def test_a_ca_file_that_is_no_path_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot use the CA file"):
        client("https://api.example", ca_file="a\0b")

"""One connection: what each fault of the transport means, when it is replaced, and how much of a body is read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from reconciler.api.client import Client
from reconciler.api.connection import MAX_SILENCE_BEFORE_WRITE_S, ReadOnly
from reconciler.model.errors import ApiError, BadAnswer, Uncertain, Unsent
from reconciler.model.kinds import ORGANIZATION
from tests.support.build import org_id
from tests.support.scripted_api import GOOD, KEY, URL, Server, Slow, get, live, ok, organization, refusal

FAULTS: list[tuple[Any, type[ApiError]]] = [
    *((fault, Unsent) for fault in (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)),
    *((fault, Unsent) for fault in (httpx.ProxyError, httpx.UnsupportedProtocol)),
    *((fault, Uncertain) for fault in (httpx.ReadError, httpx.WriteError, httpx.ReadTimeout, httpx.WriteTimeout)),
    *((fault, Uncertain) for fault in (httpx.RemoteProtocolError, httpx.LocalProtocolError, httpx.DecodingError)),
    *((fault, Uncertain) for fault in (httpx.StreamClosed(), OSError)),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
def test_a_fault_has_its_meaning_and_its_connection_is_closed_and_not_used_again(
    fault: Any, kind: type[ApiError]
) -> None:
    async def use(client: Client) -> str:
        with pytest.raises(kind) as caught:
            await get(client)
        assert type(caught.value) is kind
        return await get(client)

    server = Server(fault, GOOD)
    assert live(server, use, concurrency=1, attempts=1).result == org_id(1)
    assert [sent.transport for sent in server.sent] == [0, 1]
    assert server.closed == [True, True], "and the client closes the last"


def test_a_response_however_bad_leaves_the_connection_usable() -> None:
    empty = (200, {"content-type": "application/json"}, b"")
    server = Server(refusal("x"), refusal("", 429), empty, GOOD)
    assert live(server, get, concurrency=1).result == org_id(1)
    assert {sent.transport for sent in server.sent} == {0}


def test_a_write_never_goes_out_over_a_connection_that_was_silent_for_long() -> None:
    """Its server may be closing it in that moment, and the POST would be uncertain for nothing."""

    async def use(client: Client) -> None:
        async with client.lane() as lane:
            for pause_s in (0.0, MAX_SILENCE_BEFORE_WRITE_S - 0.1, MAX_SILENCE_BEFORE_WRITE_S + 0.1, 0.0):
                await asyncio.sleep(pause_s)
                await lane.create(ORGANIZATION, {"displayName": "Acme"})
            await asyncio.sleep(20)
            await lane.get(ORGANIZATION, org_id(1))
            await lane.update(ORGANIZATION, org_id(1), {})

    server = Server(GOOD)
    assert live(server, use).error is None
    assert [sent.transport for sent in server.sent] == [0, 0, 1, 1, 1, 1]


def test_a_cancelled_request_spoils_no_lane() -> None:
    async def use(client: Client) -> str:
        task = asyncio.create_task(get(client))
        await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        return await get(client)

    server = Server(GOOD)
    assert live(server, use, concurrency=1).result == org_id(1)
    assert [sent.transport for sent in server.sent] == [0, 1]
    assert server.closed == [True, True]


class Stubborn(httpx.AsyncBaseTransport):
    """Fails, and fails again when it is closed."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    async def aclose(self) -> None:
        raise OSError("closing fails too")


def test_a_connection_that_cannot_even_be_closed_hides_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(GOOD)
    made: list[httpx.AsyncBaseTransport] = [Stubborn()]
    transport = server.transport
    monkeypatch.setattr(server, "transport", lambda: made.pop() if made else transport())
    assert live(server, get).result == org_id(1)


# -- the body


def body_of(stream: httpx.AsyncByteStream) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "application/json"}, stream=stream)


BODY = json.dumps({"organization": organization(1)}).encode()


@pytest.mark.parametrize("more", [0, 1])
def test_a_body_is_read_to_the_limit_and_no_further(more: int) -> None:
    stream = Slow([BODY[:7], BODY[7:], *[b" "] * (10_000 - len(BODY) + more), *[b" " * 100] * 10_000 * more])
    lived = live(Server(body_of(stream)), get, attempts=1, max_body_bytes=10_000)
    assert stream.closed
    assert stream.given == 10_000 + more
    assert type(lived.error) is (BadAnswer if more else type(None))


def test_a_body_that_drips_is_read_no_longer_than_a_request_may_take() -> None:
    stream = Slow([b" "] * 10_000, pause_s=1.0)
    lived = live(Server(body_of(stream)), get, attempts=1, request_timeout_s=30.0)
    assert type(lived.error) is Uncertain
    assert lived.took_s == pytest.approx(31, abs=0.1)
    assert stream.closed


# -- what may be said and sent


def test_a_fault_is_told_without_control_characters_or_secrets() -> None:
    for kind in (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ProxyError):
        lived = live(Server(kind(f"\x1b[31m{KEY}\n" + "x" * 5_000)), get, attempts=1)
        message = str(lived.error)
        assert KEY not in message
        assert message.isprintable()
        assert len(message) < 450
    lived = live(Server(httpx.LocalProtocolError(f"Illegal header value b'{KEY}'")), get, attempts=1)
    assert str(lived.error) == "GET /v1/organizations/{id}: the request failed (LocalProtocolError)"


@pytest.mark.parametrize(
    "method", ["POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get"]
)
def test_a_read_only_transport_refuses_every_verb_but_get(method: str) -> None:
    server = Server(ok({}))
    request = httpx.Request("GET", URL)
    request.method = method
    with pytest.raises(AssertionError, match=f"a plan never writes, but {method} was asked for"):
        asyncio.run(ReadOnly(server.transport()).handle_async_request(request))
    assert server.sent == []

"""A stand-in for the Management API that is faster than any client here, so that the clients are what is measured.

It speaks the recorded wire format for the requests that a read and a first apply make, from memory and over bare
sockets, and may hold every answer back by a latency, once per request. It knows no key and checks nothing: what
the API refuses is the emulator's business.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from bisect import bisect_left, insort
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.fleet import ENVIRONMENT_ID, Tenant, base36, ids, saved

PAGE = 10
HOST = "127.0.0.1"
LISTS = {b"/v1/saml-connections": "samlConnections", b"/v1/scim-directories": "scimDirectories"}
PREFIXES = {"samlConnections": "saml_conn_", "scimDirectories": "scim_directory_"}
WRAPPERS = {"samlConnections": "samlConnection", "scimDirectories": "scimDirectory"}
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class State:
    """The environment: its objects as JSON texts, ready to be sent."""

    def __init__(self, fleet: Sequence[Tenant] = ()) -> None:
        self._rng = random.Random(7)
        self._order: list[str] = []
        self._organizations: dict[str, bytes] = {}
        self._children: dict[str, dict[bytes, list[tuple[str, bytes]]]] = {kind: {} for kind in PREFIXES}
        for tenant, id_ in zip(fleet, ids("org_", len(fleet), self._rng), strict=True):
            self._plant(tenant, id_)

    def _plant(self, tenant: Tenant, id_: str) -> None:
        body = {"displayName": tenant.display_name, "externalId": tenant.external_id, "domains": tenant.domains}
        self._put_organization(id_, body)
        idp = {
            "idpEntityId": tenant.entity_id,
            "idpRedirectUrl": tenant.redirect_url,
            "idpCertificate": tenant.pem,
        }
        self._put_child("samlConnections", {"organizationId": id_, "primary": True, **idp})
        self._put_child("scimDirectories", {"organizationId": id_, "primary": True})

    def answer(self, method: bytes, target: bytes, body: bytes) -> bytes:
        """The body of a 200."""
        path, _, query = target.partition(b"?")
        if method == b"POST":
            return self._create(path, msgspec.json.decode(body) if body else {})
        asked = dict(pair.split(b"=", 1) for pair in query.split(b"&")) if query else {}
        if path == b"/v1/organizations":
            return self._page(asked.get(b"pageToken", b"").decode())
        kind = LISTS[path]
        items = self._children[kind].get(asked[b"organizationId"], [])
        return b'{"%s":[%s]}' % (kind.encode(), b",".join(text for _, text in items)) if items else b"{}"

    def _page(self, token: str) -> bytes:
        start = bisect_left(self._order, token)
        shown, more = self._order[start : start + PAGE], self._order[start + PAGE : start + PAGE + 1]
        if not shown:
            return b"{}"
        items = b",".join(self._organizations[id_] for id_ in shown)
        following = b',"nextPageToken":"%s"' % more[0].encode() if more else b""
        return b'{"organizations":[%s]%s}' % (items, following)

    def _create(self, path: bytes, body: dict[str, Any]) -> bytes:
        if path == b"/v1/organizations":
            return b'{"organization":%s}' % self._put_organization(
                "org_" + base36(self._rng.getrandbits(128)), body
            )
        kind = LISTS[path]
        return b'{"%s":%s}' % (WRAPPERS[kind].encode(), self._put_child(kind, body))

    def _put_organization(self, id_: str, body: dict[str, Any]) -> bytes:
        insort(self._order, id_)
        text = msgspec.json.encode({"id": id_, "environmentId": ENVIRONMENT_ID} | _shown(body))
        self._organizations[id_] = text
        return text

    def _put_child(self, kind: str, body: dict[str, Any]) -> bytes:
        id_ = PREFIXES[kind] + base36(self._rng.getrandbits(128))
        address = f"https://auth.example/v1/{kind}/{id_}"
        served = (
            {"spEntityId": address, "spAcsUrl": f"{address}/acs"}
            if kind == "samlConnections"
            else {"scimBaseUrl": address}
        )
        text = msgspec.json.encode({"id": id_} | _shown(body) | served)
        insort(self._children[kind].setdefault(body["organizationId"].encode(), []), (id_, text))
        return text


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    """Absent means default: what is empty is left out of answers."""
    return {name: value for name, value in body.items() if value}


class Speaker(asyncio.Protocol):
    """One connection. Reads as much HTTP/1.1 as well-behaved clients on loopback speak."""

    def __init__(self, state: State, latency_s: float) -> None:
        self._state = state
        self._latency_s = latency_s
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the way back."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 a stream server has no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answers each whole request."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end]
            length = _content_length(head)
            if len(self._received) < end + 4 + length:
                return
            body = self._received[end + 4 : end + 4 + length]
            self._received = self._received[end + 4 + length :]
            method, target, _ = head.split(b" ", 2)
            answer = self._state.answer(method, target, body)
            self._send(_HEAD % len(answer) + answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is None:
            return
        if self._latency_s:
            self._loop.call_later(self._latency_s, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _content_length(head: bytes) -> int:
    start = head.lower().find(b"\r\ncontent-length:")
    return 0 if start < 0 else int(head[start + 17 :].split(b"\r\n", 1)[0])


async def serve(state: State, latency_s: float) -> asyncio.Server:
    """Listens on a free port of loopback."""
    return await asyncio.get_running_loop().create_server(lambda: Speaker(state, latency_s), HOST, 0)


def port_of(server: asyncio.Server) -> int:
    """Where it listens."""
    port: int = server.sockets[0].getsockname()[1]
    return port


async def main(fleet: Sequence[Tenant], latency_s: float) -> None:
    """Serves until it is ended; the first line says on which port."""
    server = await serve(State(fleet), latency_s)
    print(port_of(server), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fleet", type=Path, help="customers to begin with, as bench.fleet.save writes them")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    options = parser.parse_args()
    asyncio.run(main(saved(options.fleet) if options.fleet else (), options.latency_ms / 1000))

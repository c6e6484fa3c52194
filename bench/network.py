"""Reading and creating over HTTP, the product and the official SDK in turn against one stand-in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import clients
from bench.clients import Took
from bench.figures import Bound, Figure
from bench.fleet import Tenant, save, write_manifests
from bench.processes import server
from reconciler.engine.load import load
from reconciler.model.state import Desired

SDK_REQUESTS = 300
MIN_CEILING_PER_S = 10_000
_ASKED = b"GET /v1/organizations HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n\r\n"


def desired_of(fleet: Sequence[Tenant], scratch: Path) -> Desired:
    """The manifests of these customers, loaded as the product loads them."""
    folder = scratch / f"manifests-{len(fleet)}"
    if not folder.exists():
        write_manifests(fleet, folder)
    desired = load(str(folder), now=time.time(), allow_empty=False).desired
    if desired is None:
        raise RuntimeError("the bench's own manifests are not valid")
    return desired


def fleet_file(fleet: Sequence[Tenant], scratch: Path) -> Path:
    """The same customers for the stand-in."""
    path = scratch / f"fleet-{len(fleet)}.json"
    if not path.exists():
        save(fleet, path)
    return path


# -- a full read -------------------------------------------------------------------------------------


def read(fleet: Sequence[Tenant], scratch: Path, *, latency_ms: float, rounds: int, bound: Bound) -> list[Figure]:
    """Every organization with both collections, and the plan, which has to be empty; against the SDK's loop."""
    desired = desired_of(fleet, scratch)
    requests = clients.requests_of_read(len(fleet))
    theirs, ours = [], []
    with server(fleet=fleet_file(fleet, scratch), latency_ms=latency_ms) as url:
        sdk = clients.sdk(url)
        for _ in range(rounds):
            theirs.append(clients.sdk_reads(sdk, min(SDK_REQUESTS, requests)))
            with clients.logging():
                plan, took = asyncio.run(clients.plan(url, desired))
            if not clients.unchanged(plan, len(fleet)):
                raise RuntimeError("the plan is not empty: not everything was read as it stands")
            ours.append(took)
    what = f"full read of {len(fleet):,} organizations ({requests:,} requests), {_latency(latency_ms)}"
    return [_against(what, theirs, ours, bound)]


def _latency(latency_ms: float) -> str:
    return f"{latency_ms:g} ms round trip" if latency_ms else "no latency"


def _against(what: str, theirs: Sequence[Took], ours: Sequence[Took], bound: Bound) -> Figure:
    sdk_rate, own_rate = _median_rate(theirs), _median_rate(ours)
    cpu_ms = median(took.cpu_ms for took in ours)
    return Figure(
        what=what,
        baseline=f"SDK in a loop {sdk_rate:,.0f}/s ({median(took.cpu_ms for took in theirs):.2f} ms CPU each)",
        own=f"{own_rate:,.0f}/s ({cpu_ms:.2f} ms CPU each), {median(took.wall_s for took in ours):.2f} s",
        value=own_rate / sdk_rate,
        unit="x",
        bound=bound,
        cause=f"one core serves at most {1000 / cpu_ms:,.0f} requests/s at {cpu_ms:.2f} ms each",
    )


def _median_rate(all_: Sequence[Took]) -> float:
    return median(took.per_second for took in all_)


# -- a first apply -----------------------------------------------------------------------------------


def apply(fleet: Sequence[Tenant], scratch: Path, *, latency_ms: float, rounds: int, bound: Bound) -> list[Figure]:
    """Everything is created, by the product and by the SDK, each in an environment that is empty."""
    desired = desired_of(fleet, scratch)
    theirs, ours = [], []
    for _ in range(rounds):
        with server(latency_ms=latency_ms) as url:
            theirs.append(clients.sdk_creates(clients.sdk(url), fleet[: SDK_REQUESTS // 3]))
        with server(latency_ms=latency_ms) as url:
            with clients.logging():
                report, took = asyncio.run(clients.apply(url, desired))
            if not clients.applied(report, len(fleet)):
                raise RuntimeError(f"not everything was created: {report.halt}")
            ours.append(took)
    what = f"first apply of {len(fleet):,} organizations ({3 * len(fleet):,} creates), {_latency(latency_ms)}"
    return [_against(what, theirs, ours, bound)]


# -- the stand-in itself -----------------------------------------------------------------------------


class _Shooter(asyncio.Protocol):
    """Asks over and over, and looks no further than the length of the answer."""

    def __init__(self, requests: int, done: asyncio.Future[None]) -> None:
        self._left = requests
        self._done = done
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            transport.write(_ASKED)

    def data_received(self, data: bytes) -> None:
        """Asks again once the answer is whole."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or len(self._received) < end + 4 + int(self._received[:end].rsplit(b" ", 1)[1]):
            return
        self._received, self._left = b"", self._left - 1
        if self._transport and self._left > 0:
            self._transport.write(_ASKED)
        elif self._transport:
            self._transport.close()
            self._done.set_result(None)


async def shoot(url: str, *, lanes: int, requests: int) -> float:
    """Requests per second of a client that does nothing else."""
    loop = asyncio.get_running_loop()
    port = int(url.rsplit(":", 1)[1])
    started = time.perf_counter()
    ends = [loop.create_future() for _ in range(lanes)]
    for end in ends:
        await loop.create_connection(lambda end=end: _Shooter(requests // lanes, end), "127.0.0.1", port)
    await asyncio.gather(*ends)
    return requests / (time.perf_counter() - started)


def ceiling(fleet: Sequence[Tenant], scratch: Path, *, requests: int = 20_000) -> list[Figure]:
    """What the stand-in can do, to show that it is not what is measured."""
    with server(fleet=fleet_file(fleet, scratch)) as url:
        rate = asyncio.run(shoot(url, lanes=24, requests=requests))
    return [
        Figure(
            what="the stand-in's ceiling: a page of ten, 24 connections, a bare socket client",
            own=f"{rate:,.0f}/s",
            value=rate,
            unit="/s",
            bound=Bound(at_least=MIN_CEILING_PER_S),
            cause="the stand-in itself is too slow for the other figures to mean anything",
        )
    ]

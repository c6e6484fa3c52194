"""No neighbour stops the daemon by its port: a probe always gets in, and what is read costs a pass nothing."""

from __future__ import annotations

import asyncio
import json
import resource
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.daemon import port, status
from reconciler.daemon.http import serving
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.status import EnvironmentStatus, Status
from reconciler.model.condition import Condition, ConditionType
from reconciler.model.secret import Secret
from reconciler.model.settings import OPEN, Access

TOKEN = "t" * 32
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the authorities take 30 ms to read
PROBES = ["/livez", "/readyz", "/healthz"]


def known(count: int = 0) -> Status:
    found = Status(asyncio.get_running_loop().time())
    ready = (Condition(ConditionType.READY, True, "Reconciled", "as git has it", "r", 1.0),)
    organizations = {f"acme-{number}": ready for number in range(count)}
    found.environments["production"] = EnvironmentStatus(
        configured=True, source_read=True, organizations=organizations
    )
    return found


@asynccontextmanager
async def served(shown: Status, access: Access = OPEN) -> AsyncIterator[str]:
    async with serving("127.0.0.1:0", shown, Metrics([]), access) as url:
        yield url


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(30):
            await work()

    asyncio.run(within())


async def get(url: str, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=10, verify=NO_TLS) as client:
        return await client.get(url + path, headers={name.replace("_", "-"): v for name, v in headers.items()})


def address(url: str) -> tuple[str, int]:
    host, _, number = url.removeprefix("http://").rpartition(":")
    return host, int(number)


# -- connections -----------------------------------------------------------------------------------

SILENT = {
    "nothing": b"",
    "half a line": b"GET /sta",
    "half a head": b"GET /status HTTP/1.1\r\nHost: x\r\n",
    "a body that does not come": b"POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
    "a response that is not read": b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("sent", SILENT.values(), ids=SILENT.keys())
@pytest.mark.parametrize("count", [port.CONNECTIONS_MAX, 150])
def test_however_many_sit_there_a_probe_is_answered(sent: bytes, count: int) -> None:
    """64 idle connections made `/livez` fail for ever."""

    async def work() -> None:
        async with served(known(200)) as url:
            there = []
            for _ in range(count):
                reader, writer = await asyncio.open_connection(*address(url))
                writer.write(sent)
                there.append((reader, writer))
            for path in PROBES:
                assert (await get(url, path)).status_code == 200
            for _, writer in there:
                writer.close()

    run(work)


@pytest.mark.parametrize("sent", list(SILENT.values())[:3], ids=list(SILENT)[:3])
def test_a_head_that_does_not_come_ends_the_connection(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "HEAD_S", 0.1)

    async def work() -> None:
        async with served(known()) as url:
            reader, writer = await asyncio.open_connection(*address(url))
            writer.write(sent)
            assert await _end(reader) == b""
            writer.close()

    run(work)
    assert (port.HEAD_S, port.LIFE_S) == (0.1, 30.0)


def test_bytes_that_come_one_by_one_do_not_keep_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "HEAD_S", 0.3)

    async def work() -> None:
        async with served(known()) as url:
            reader, writer = await asyncio.open_connection(*address(url))
            end = asyncio.create_task(_end(reader))
            while not end.done():
                writer.write(b"x")
                await asyncio.sleep(0.02)
            assert await end == b""
            writer.close()

    run(work)


async def _end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


REFUSED = {
    "an endless header": b"GET /status HTTP/1.1\r\nX: " + b"x" * 100_000,
    "no HTTP": b"\x16\x03\x01\x02\x00" * 100,
    "two lengths": b"POST /status HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length that is none": b"POST /status HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "no host": b"GET /status HTTP/1.1\r\n\r\n",
    "a NUL": b"GET /sta\0tus HTTP/1.1\r\nHost: a\r\n\r\n",
    "another version": b"GET /status HTTP/9.9\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_request_is_refused_and_ends(sent: bytes) -> None:
    async def work() -> None:
        async with served(known()) as url:
            reader, writer = await asyncio.open_connection(*address(url))
            writer.write(sent)
            assert b" 200 " not in await _end(reader)
            writer.close()
            assert (await get(url, "/livez")).status_code == 200

    run(work)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/status", 405), ("DELETE", "/metrics", 405), ("PUT", "/livez", 405), ("TRACE", "/status", 405),
        ("GET", "/", 404), ("GET", "/../../etc/passwd", 404), ("GET", "/%2e%2e/status", 404),
        ("GET", "/status/", 404), ("GET", "/.git/config", 404), ("GET", "//evil.example/status", 404),
    ],
)  # fmt: skip
def test_nothing_else_is_served(method: str, path: str, code: int) -> None:
    async def work() -> None:
        async with served(known()) as url:
            reader, writer = await asyncio.open_connection(*address(url))
            writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            line = (await reader.readline()).decode()
            assert line.split()[1] in {str(code), "307"}
            writer.close()

    run(work)


def test_the_process_keeps_most_of_its_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    for soft, expected in ((1024, 64), (128, 32), (8, 4), (-1, 64)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, 4096))
        assert port.places() == expected


def test_the_places_are_never_exceeded() -> None:
    async def work() -> None:
        async with served(known()) as url:
            writers = [(await asyncio.open_connection(*address(url)))[1] for _ in range(200)]
            await get(url, "/livez")
            opened = [link for link in _descriptors() if link.startswith("socket:")]
            assert len(opened) < 200 + 2 * port.CONNECTIONS_MAX
            for writer in writers:
                writer.close()

    run(work)


def _descriptors() -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except OSError:
            continue
    return found


# -- what it costs ---------------------------------------------------------------------------------


def test_the_status_is_built_once_however_many_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 readers of 5,000 organizations slowed a pass from 0.4 s to 18 s."""
    built: list[int] = []
    condition = status._condition

    def counted(each: Condition) -> dict[str, Any]:
        built.append(1)
        return condition(each)

    monkeypatch.setattr(status, "_condition", counted)

    async def work() -> None:
        shown = known(500)
        async with served(shown) as url:
            found = await asyncio.gather(*(get(url, "/status") for _ in range(40)))
            assert {response.status_code for response in found} == {200}
            assert len(built) == 500 + 40  # the environment's own condition each time
            (one,) = {response.content for response in found}
            assert len(json.loads(one)["environments"]["production"]["organizations"]) == 500
            shown.environments["production"].organizations = {}
            assert (await get(url, "/status")).json()["environments"]["production"]["organizations"] == {}

    run(work)


def test_the_status_hides_nothing_and_holds_no_secret() -> None:
    async def work() -> None:
        shown = known()
        key = "ssoready_sk_" + "a" * 25
        held = Condition(ConditionType.SUSPENDED, True, "Suspended", f"\u202e{key}\x9b", "r", 1.0)
        shown.environments["production"].organizations = {f"a\u200b{key}": (held,)}
        text = shown.body().decode()
        assert text.isprintable()
        assert key not in text
        name = next(iter(json.loads(text)["environments"]["production"]["organizations"]))
        assert name == "a\u200b***"

    run(work)


# -- who may ask -----------------------------------------------------------------------------------

HOSTS = {
    "evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "": 421,
    "evil.example:8080": 421,
    "localhost": 200, "LOCALHOST:8080": 200, "127.0.0.1": 200, "10.1.2.3:8080": 200, "[::1]:8080": 200,
    "reconciler.monitoring.svc": 200, "Reconciler.Monitoring.svc:80": 200,
}  # fmt: skip


@pytest.mark.parametrize(("host", "code"), HOSTS.items())
def test_a_name_that_is_not_ours_is_refused(host: str, code: int) -> None:
    """A page in a browser may lead its own name to this address, and would read the status."""

    async def work() -> None:
        async with served(known(), Access(frozenset({"reconciler.monitoring.svc"}))) as url:
            for path in ("/status", "/metrics"):
                assert (await get(url, path, host=host)).status_code == code
            for path in PROBES:
                assert (await get(url, path, host=host)).status_code == 200

    run(work)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (f"Bearer {TOKEN}", 200), ("", 401), (f"bearer {TOKEN}", 401), (f"Bearer {TOKEN}x", 401), ("Bearer", 401),
        (f"Basic {TOKEN}", 401), (TOKEN, 401),
    ],
)  # fmt: skip
def test_where_there_is_a_token_all_but_probes_need_it(authorization: str, code: int) -> None:
    async def work() -> None:
        async with served(known(), Access(token=Secret(TOKEN))) as url:
            for path in ("/status", "/metrics"):
                response = await get(url, path, authorization=authorization)
                assert response.status_code == code
                assert TOKEN not in response.text
            for path in PROBES:
                assert (await get(url, path)).status_code == 200

    run(work)

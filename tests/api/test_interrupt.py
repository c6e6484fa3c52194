"""Ctrl-C in the middle: everything ends at once, nothing is left pending, and nothing is said about it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.api.client import Client
from reconciler.engine.observe import observe
from reconciler.model.errors import ApiError
from reconciler.model.kinds import CONNECTION
from tests.support.build import desired, org_id, organization
from tests.support.raw_server import (
    KEY,
    ORGANIZATION_1,
    RawServer,
    Talk,
    answer,
    client,
    create,
    full_backlog,
    plain,
    read,
)

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0  # of each request: whoever is interrupted waits for none of them
SOON_S = TIMEOUT_S / 2
PATIENT = {"timeout_s": TIMEOUT_S, "request_timeout_s": TIMEOUT_S}


async def hang(talk: Talk) -> None:
    await talk.asked()
    await talk.hang()


async def hang_below_the_walk(talk: Talk) -> None:
    """The first page is answered, and says that there are more; nothing else is."""
    while True:
        asked = await talk.asked()
        if asked.method != "GET" or "organizations" not in asked.target or "pageToken" in asked.target:
            await talk.hang()
        await talk.say(answer({"organizations": [ORGANIZATION_1], "nextPageToken": "t"}))


async def too_many(talk: Talk) -> None:
    while True:
        await talk.asked()
        await talk.say(plain(b"", status="429 Too Many Requests", retry_after="60"))


async def fan_out(api: Client) -> None:
    await asyncio.gather(*(api.children(CONNECTION, org_id(number)) for number in range(1, 30)))


async def mixed(api: Client) -> None:
    await asyncio.gather(read(api), create(api), fan_out(api))


def interrupted(script: Callable[[Talk], Awaitable[None]], use: Callable[[Client], Awaitable[Any]]) -> float:
    """Cancels the main task as asyncio does at Ctrl-C; returns how long it took to end."""
    complaints: list[dict[str, Any]] = []
    ended_s = 0.0

    async def main() -> None:
        nonlocal ended_s
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        server = RawServer(script, times=10**6)
        async with server.listening():
            task = asyncio.create_task(used(server.url))
            await server.asked_for(1)
            await asyncio.sleep(0.1)
            started = loop.time()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            ended_s = loop.time() - started
            assert task.cancelled()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        _, left = await asyncio.wait(others, timeout=SOON_S) if others else (set(), set())
        assert not left

    async def used(url: str) -> None:
        async with client(url, concurrency=8, read_attempts=5, **PATIENT) as api:
            await use(api)

    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    asyncio.run(main(), debug=True)
    gc.collect()
    assert complaints == []
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    return ended_s


@pytest.mark.parametrize("script", [hang, hang_below_the_walk, too_many])
@pytest.mark.parametrize("use", [read, create, fan_out, mixed])
def test_an_interrupted_client_leaves_nothing_behind(
    script: Any, use: Any, recwarn: pytest.WarningsRecorder
) -> None:
    assert interrupted(script, use) < SOON_S
    assert list(recwarn) == []


def test_an_interrupted_observation_ends_at_once() -> None:
    """The reads below the walk are not waited for: their connections are closed."""

    async def use(api: Client) -> None:
        wanted = desired(organization("acme", id_=org_id(1), connections=[]))
        await observe(wanted, {}, api, lambda _: None, lambda _: True, lambda _: None)

    assert interrupted(hang_below_the_walk, use) < SOON_S


def test_ctrl_c_during_a_plan_says_interrupted_and_nothing_else(tmp_path: Path) -> None:
    """A real process, a server that hangs below the walk, and SIGINT while the collections are read."""
    (tmp_path / "environment.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: test}\nspec: {}\n"
    )
    (tmp_path / "acme.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Organization\nmetadata: {name: acme}\n"
        f"spec: {{id: {org_id(1)}, displayName: Acme, samlConnections: []}}\n"
    )

    async def main() -> tuple[int, str, str, float]:
        server = RawServer(hang_below_the_walk, times=10**6)
        async with server.listening():
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-X", "dev", "-m", "reconciler", "plan", str(tmp_path), cwd=ROOT,
                env=os.environ | {"SSOREADY_API_URL": server.url, "SSOREADY_API_KEY": KEY},
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            await server.asked_for(3)
            started = asyncio.get_running_loop().time()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
            took_s = asyncio.get_running_loop().time() - started
            assert process.returncode is not None
            return process.returncode, out.decode(), err.decode(), took_s

    code, out, err, took_s = asyncio.run(main())
    assert (code, out) == (5, "")
    assert "interrupted" in err.lower()
    for noise in ("Traceback", "never awaited", "was destroyed", "loop is closed", "Warning", "Exception", KEY):
        assert noise not in err
    assert took_s < 10, "the default timeout of a request"


def test_a_connection_that_opens_after_the_end_carries_nothing() -> None:
    """The client ends while the server's queue is full; when there is room again, nobody speaks."""

    async def main() -> tuple[list[Any], float]:
        server = RawServer(hang, times=10**6)
        async with full_backlog() as (port, empty), client(f"http://127.0.0.1:{port}", **PATIENT) as api:
            tasks = [asyncio.create_task(each(api)) for each in (read, create)]
            await asyncio.sleep(0.1)
            await api.close()
            started = asyncio.get_running_loop().time()
            empty()
            async with server.listening(port=port):
                errors = await asyncio.gather(*tasks, return_exceptions=True)
                took_s = asyncio.get_running_loop().time() - started
                await asyncio.sleep(0.05)
            assert server.asked == []
            return errors, took_s

    errors, took_s = asyncio.run(main())
    assert all(isinstance(error, ApiError) for error in errors)
    assert took_s < SOON_S

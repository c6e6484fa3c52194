"""A daemon in the test's own event loop, with an emulator behind a transport that can be cut, held and counted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import structlog

from reconciler.api.keys import parse_key
from reconciler.api.retry import Retry
from reconciler.daemon import loop
from reconciler.daemon.worker import Source, Worker
from reconciler.emulator import Emulator, Request, Store
from reconciler.engine.runtime import Runtime
from reconciler.model.settings import ApiSettings, DaemonSettings, EnvironmentSettings

PATIENCE_S = 30.0  # for what must happen
A_WHILE_S = 0.4  # for what must not


class Api:
    """An emulator that is reached without a socket. Each attribute may be changed at any time."""

    def __init__(self) -> None:
        self.store = Store.fresh(random.Random(1))
        self.emulator = Emulator(self.store)
        self.away = False
        self.on_write: Callable[[httpx.Request], Any] | None = None
        self.requests: list[tuple[str, str]] = []

    def key(self, environment: str = "production") -> str:
        return self.store.environments[environment].key

    def another_key(self, environment: str = "production") -> str:
        key = "ssoready_sk_" + "7" * 25
        self.store.environment_of_key[key] = self.store.environments[environment]
        return key

    def names(self, environment: str = "production") -> set[str]:
        return {each.external_id or "" for each in self.store.organizations(environment)}

    def domains(self, environment: str = "production") -> set[str]:
        return {domain for each in self.store.organizations(environment) for domain in each.domains}

    def put(self, external_id: str, environment: str = "production", **fields: Any) -> str:
        environment_id = self.store.environments[environment].id
        return self.store.put_organization(environment_id, external_id=external_id, **fields).id

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [each for each in self.requests if each[0] != "GET"]

    def transport(self) -> httpx.AsyncBaseTransport:
        return _Transport(self)


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, api: Api) -> None:
        self._api = api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._api.away:
            raise httpx.ConnectError("refused")
        target = request.url.raw_path.decode()
        self._api.requests.append((request.method, target))
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = self._api.emulator.handle(Request.of(request.method, target, headers, request.content))
        if request.method != "GET" and self._api.on_write:
            await self._api.on_write(request)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)


def write(folder: Path, name: str, text: str = "") -> Path:
    """A manifest: an organization of that name with a display name, unless a text is given."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(text or organization(name))
    return path


def organization(name: str, spec: str = "") -> str:
    head = f"apiVersion: reconciler/v1\nkind: Organization\nmetadata: {{name: {name}}}\nspec:\n"
    return f"{head}  displayName: {name.title()}\n{spec}"


def environment(folder: Path, name: str = "production", *organizations: str, pin: str = "") -> Path:
    """A folder of manifests with these organizations in it."""
    pinned = f"spec: {{id: {pin}}}\n" if pin else ""
    write(
        folder,
        "environment",
        f"apiVersion: reconciler/v1\nkind: Environment\nmetadata: {{name: {name}}}\n{pinned}",
    )
    for each in organizations:
        write(folder, each)
    return folder


def source(folder: Path, key: str | Callable[[], str], name: str = "production", **more: Any) -> Source:
    """An environment to serve, read anew at every pass."""

    def read() -> EnvironmentSettings:
        text = key if isinstance(key, str) else key()
        api = ApiSettings("https://api.example", parse_key(text), concurrency=4)
        defaults: dict[str, Any] = {"settle_s": 0.0, "api": api}
        return EnvironmentSettings(name, str(folder), **{**defaults, **more})

    return Source(name, str(folder), read)


def sample(metric: str, environment: str = "production", **labels: str) -> str:
    """A sample's name and labels as /metrics writes them."""
    pairs = sorted({"environment": environment, **labels}.items())
    shown = ",".join(f'{name}="{value}"' for name, value in pairs)
    return f"{metric}{{{shown}}}"


class Daemon:
    """A running daemon as the world sees it."""

    def __init__(self, url: str, task: asyncio.Task[None], lines: list[MutableMapping[str, Any]]) -> None:
        self._client = httpx.AsyncClient(base_url=url, trust_env=False, timeout=5)
        self.task = task
        self.lines = lines  # of the log

    async def get(self, path: str) -> httpx.Response:
        return await self._client.get(path)

    async def status(self, name: str = "production") -> dict[str, Any]:
        found: dict[str, Any] = (await self.get("/status")).json()["environments"][name]
        return found

    async def samples(self) -> dict[str, float]:
        """/metrics by name and labels, as they are written."""
        lines = (await self.get("/metrics")).text.splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    async def passes(self, name: str = "production") -> int:
        samples = await self.samples()
        return int(
            sum(v for k, v in samples.items() if k.startswith(f'reconciler_passes_total{{environment="{name}"'))
        )

    async def becomes(self, holds: Callable[[dict[str, Any]], bool], name: str = "production") -> dict[str, Any]:
        """The status once it is so."""
        end = time.monotonic() + PATIENCE_S
        while True:
            status = await self.status(name)
            if holds(status):
                return status
            assert time.monotonic() < end, status
            await asyncio.sleep(0.02)

    async def ended(self, number: int, name: str = "production") -> dict[str, Any]:
        """The status once so many passes have ended."""
        end = time.monotonic() + PATIENCE_S
        while await self.passes(name) < number:
            assert time.monotonic() < end, await self.status(name)
            await asyncio.sleep(0.02)
        return await self.status(name)

    async def stop(self, number: int = signal.SIGTERM) -> float:
        """Asks it to stop; returns how long that took."""
        started = time.monotonic()
        if not self.task.done():
            os.kill(os.getpid(), number)
        await self.task
        return time.monotonic() - started

    async def close(self) -> None:
        await self._client.aclose()


@contextlib.asynccontextmanager
async def daemon(
    api: Api,
    *sources: Source,
    resync_s: float = 600.0,
    poll_s: float = 60.0,
    retry_s: float = 60.0,
    attempts: int = 1,
    distance_s: float = 0.0,
) -> AsyncIterator[Daemon]:
    """Nothing but the first pass and file events happens by itself, unless the times say otherwise."""
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    surroundings = loop.Surroundings(poll_s, (retry_s, 0.0), distance_s, url.set_result)
    settings = DaemonSettings(resync_s=resync_s, listen="127.0.0.1:0")
    with patch.object(Retry, "attempts", attempts), structlog.testing.capture_logs() as lines:
        running = loop.run(sources, settings, _runtime(api), lambda _: None, surroundings)
        task = asyncio.create_task(running)
        await asyncio.wait([task, url], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        here = Daemon(url.result(), task, lines)
        try:
            yield here
        finally:
            await here.stop()
            await here.close()


def once(api: Api, *sources: Source) -> list[int]:
    """The exit codes of one pass."""
    with patch.object(Retry, "attempts", 1), structlog.testing.capture_logs():
        return asyncio.run(loop.once(sources, _runtime(api), lambda _: None))


def _runtime(api: Api) -> Runtime:
    return Runtime(rng=random.Random(1), transport=api.transport, aside=asyncio.to_thread, look_again_s=0.0)


def worker_group(api: Api, *sources: Source) -> list[Worker]:
    """The workers of one process, without a loop around them. For virtual time: nothing runs in threads."""
    runtime = Runtime(rng=random.Random(1), transport=api.transport, look_again_s=0.0)
    return loop.workers_for(sources, runtime, lambda _: None)[0]


def texts(lines: list[MutableMapping[str, Any]]) -> Iterator[str]:
    return (str(value) for line in lines for value in line.values())

"""The emulator on a loopback port, for `reconciler emulator` and for tests that need a socket."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from reconciler.emulator import snapshot
from reconciler.emulator.emulator import Emulator
from reconciler.emulator.faults import Trouble
from reconciler.emulator.rows import Environment
from reconciler.emulator.seed import plant
from reconciler.emulator.store import Store
from reconciler.model.errors import UsageError

HOST = "127.0.0.1"
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_CALM = Trouble()


class Options(Struct, frozen=True):
    """The options of `reconciler emulator`: port 0 picks a free one, `seed` is a number of organizations."""

    port: int = 0
    data: Path | None = None
    seed: int = 0
    trouble: Trouble = _CALM


class Ready(Struct, frozen=True):
    """Where the emulator listens, and the keys to it."""

    url: str
    environments: dict[str, Environment]

    def document(self) -> dict[str, Any]:
        """Return what the command prints, with the keys, which work only here."""
        environments = {
            name: {"id": one.id, "key": one.key, "unprivilegedKey": one.unprivileged_key}
            for name, one in self.environments.items()
        }
        return {"url": self.url, "environments": environments}


async def serve(options: Options, on_ready: Callable[[Ready], None], rng: random.Random | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Calls `on_ready` once it listens; `rng` decides keys, ids and faults.

    Raises:
        UsageError: The port is taken, or the data file cannot be used.
    """
    rng = rng or random.SystemRandom()
    store = snapshot.load(options.data, rng) if options.data else Store.fresh(rng)
    for name, environment in store.environments.items():
        if not store.organizations(name):
            plant(store, environment.id, options.seed)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        emulator = Emulator(store)
        async with listening(emulator, port=options.port, data=options.data, trouble=options.trouble) as url:
            on_ready(Ready(url, store.environments))
            await stop.wait()
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def listening(
    emulator: Emulator, *, port: int = 0, data: Path | None = None, trouble: Trouble = _CALM
) -> AsyncIterator[str]:
    """Serve this emulator while the context lasts; yields its address.

    Every change is in the data file before its response is sent.

    Raises:
        UsageError: The port is taken, or the data file cannot be written.
    """
    from reconciler.emulator.app import application, server  # noqa: PLC0415 - Starlette and uvicorn: 240 ms

    file = snapshot.StoreFile(data, emulator.store)
    file.refresh()
    with _bound(port) as listener:
        running = server(application(emulator, trouble, file.refresh))
        task = asyncio.create_task(running.serve([listener]))
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            running.stopping.set()
            await task


@contextlib.contextmanager
def background(emulator: Emulator, trouble: Trouble = _CALM) -> Iterator[str]:
    """Serve this emulator from a thread, for tests that are not asynchronous; yields its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="emulator", daemon=True)
    thread.start()
    try:
        context = listening(emulator, trouble=trouble)
        url = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result()
        try:
            yield url
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _bound(port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only for a socket declared as TCP; with it, responses take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        hint = "Name another port with --port; 0 picks a free one."
        raise UsageError(f"cannot listen on {HOST}:{port}: {error.strerror}", hint) from error
    return listener

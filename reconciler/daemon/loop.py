"""Decides when to reconcile: at start, on a change, at a resync, after a failure; one worker per environment."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence

import structlog
from msgspec import Struct, field

from reconciler.api.waiting import sleep_or_stop
from reconciler.core.applying.backoff import delay_s
from reconciler.daemon.claims import Claims
from reconciler.daemon.http import serving
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.status import Status
from reconciler.daemon.triggers import digest_of, happens, watch_folder
from reconciler.daemon.worker import Shared, Source, Worker
from reconciler.engine.runtime import Transport
from reconciler.model.event import Watch
from reconciler.model.settings import DaemonSettings

BUSY_SHARE = 20  # a resync comes never sooner than this many times the length of a pass
BACKOFF_S = 2.0
RETRY_MIN_S = 1.0
BEAT_S = 5.0
log = structlog.get_logger()


def _unheard(_: str) -> None:
    """The address is in the log."""


class Surroundings(Struct, frozen=True):
    """What the loop takes from outside: `now` gives Unix seconds, `transport` is None for real HTTP.

    `listening` is told the address of the endpoints.
    """

    now: Callable[[], float] = time.time
    rng: random.Random = field(default_factory=random.SystemRandom)
    transport: Transport | None = None
    poll_s: float = 5.0
    retry_s: tuple[float, float] = (RETRY_MIN_S, BACKOFF_S)
    listening: Callable[[str], None] = _unheard


async def run(
    sources: Sequence[Source],
    daemon: DaemonSettings,
    watch: Watch,
    *,
    once: bool,
    surroundings: Surroundings | None = None,
) -> list[int]:
    """Runs until SIGTERM or SIGINT; `once`: one pass of every environment, and the exit codes they mean."""
    around = surroundings or Surroundings()
    clock = asyncio.get_running_loop().time
    names = [source.name for source in sources]
    shared = Shared(
        status=Status(clock()),
        metrics=Metrics(names),
        watch=watch,
        claims=Claims(names),
        now=around.now,
        rng=around.rng,
        transport=around.transport,
    )
    workers = [Worker(source, shared) for source in sources]
    stop = asyncio.Event()
    with _signals(stop, workers):
        if once:
            return [ended.code for ended in await asyncio.gather(*(worker.once() for worker in workers))]
        async with serving(daemon.listen, shared.status, shared.metrics) as url:
            log.info("listening", url=url)
            around.listening(url)
            await asyncio.gather(_beat(shared.status, stop), *(_keep(each, daemon, around) for each in workers))
            await stop.wait()
    return []


@contextlib.contextmanager
def _signals(stop: asyncio.Event, workers: Sequence[Worker]) -> Iterator[None]:
    """SIGTERM and SIGINT end the work, SIGHUP begins a pass."""

    def end() -> None:
        stop.set()
        for worker in workers:
            worker.stop.set()

    def wake() -> None:
        for worker in workers:
            worker.wake.set()

    loop = asyncio.get_running_loop()
    handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: wake}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


async def _beat(status: Status, stop: asyncio.Event) -> None:
    while not stop.is_set():
        status.beat = asyncio.get_running_loop().time()
        await sleep_or_stop(BEAT_S, stop)


async def _keep(worker: Worker, daemon: DaemonSettings, around: Surroundings) -> None:
    """Passes until the worker is stopped, whatever becomes of each."""
    known = await digest_of(worker.folder)
    watching = asyncio.create_task(watch_folder(worker.folder, known, worker.wake, worker.stop, around.poll_s))
    clock = asyncio.get_running_loop().time
    failures = 0
    while not worker.stop.is_set():
        worker.wake.clear()
        started = clock()
        ended = await worker.once()
        failures = failures + 1 if ended.retry else 0
        pause_s = next_pass_s(failures, clock() - started, daemon.resync_s, around.rng.random(), around.retry_s)
        worker.will_wait(pause_s)
        await happens(worker.wake, pause_s, worker.stop)
    worker.rests()
    await watching


def next_pass_s(
    failures: int,
    took_s: float,
    resync_s: float,
    jitter: float,
    retry_s: tuple[float, float] = (RETRY_MIN_S, BACKOFF_S),
) -> float:
    """How long to wait after a pass that took so long; `failures` of them in a row, `jitter` in [0, 1).

    Many processes that started together do not come back together, and however long a pass takes, the API is
    left alone for twenty times as long; after a failure sooner, then later and later, up to the same.
    """
    resync = max(resync_s * (0.9 + 0.2 * jitter), BUSY_SHARE * took_s)
    if not failures:
        return resync
    least_s, backoff_s = retry_s
    return min(resync, least_s + delay_s(failures, jitter, base_s=backoff_s, cap_s=resync))

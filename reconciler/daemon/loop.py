"""Decides when to reconcile: at start, on a change, at a resync, after a failure; one worker per environment."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence

import structlog
from msgspec import Struct

from reconciler.api.waiting import sleep_or_stop
from reconciler.core.applying.backoff import delay_s
from reconciler.daemon.claims import Claims
from reconciler.daemon.http import serving
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.status import Status
from reconciler.daemon.supervisor import ALIVE, READY, STOPPING
from reconciler.daemon.triggers import digest_of, happens, watch_folder
from reconciler.daemon.worker import Shared, Source, Worker
from reconciler.engine.runtime import Runtime
from reconciler.model.event import Watch
from reconciler.model.settings import DaemonSettings

BUSY_SHARE = 20  # a resync comes never sooner than this many times as long as a pass worked
BACKOFF_S = 2.0
RETRY_MIN_S = 1.0
BEAT_S = 5.0
log = structlog.get_logger()


def _unheard(_: str) -> None:
    """Does nothing: nobody waits for it."""


class Surroundings(Struct, frozen=True):
    """How often the loop polls and retries, in seconds; `listening` gets the address of the endpoints.

    A pass comes never sooner than `distance_s` after another, whatever asks for it. `dropped` returns how many
    lines of the log were lost so far. `supervisor` gets a message when the daemon is ready, alive, or stops.
    """

    poll_s: float = 5.0
    retry_s: tuple[float, float] = (RETRY_MIN_S, BACKOFF_S)
    distance_s: float = 2.0
    listening: Callable[[str], None] = _unheard
    dropped: Callable[[], int] = int
    supervisor: Callable[[str], None] = _unheard


async def once(sources: Sequence[Source], runtime: Runtime, watch: Watch) -> list[int]:
    """One pass of every environment; returns the exit codes that they mean."""
    workers, _ = workers_for(sources, runtime, watch)
    with _signals(asyncio.Event(), workers):
        return [each.exit_code for each in await asyncio.gather(*(worker.once("asked for") for worker in workers))]


async def run(
    sources: Sequence[Source],
    daemon: DaemonSettings,
    runtime: Runtime,
    watch: Watch,
    surroundings: Surroundings = Surroundings(),  # noqa: B008 it is frozen
) -> None:
    """Makes passes and serves the endpoints until SIGTERM or SIGINT; raises UsageError if it cannot listen."""
    workers, shared = workers_for(sources, runtime, watch, surroundings.dropped)
    stop = asyncio.Event()
    with _signals(stop, workers):
        async with serving(daemon.listen, shared.status, shared.metrics, daemon.access) as url:
            log.info("listening", url=url)
            surroundings.listening(url)
            surroundings.supervisor(READY)
            keeping = (_keep(worker, daemon, runtime, surroundings) for worker in workers)
            await asyncio.gather(_beat(shared.status, stop, surroundings.supervisor), *keeping)
            await stop.wait()


def workers_for(
    sources: Sequence[Source], runtime: Runtime, watch: Watch, dropped: Callable[[], int] = int
) -> tuple[list[Worker], Shared]:
    """A worker for each environment, and what they share."""
    names = [source.name for source in sources]
    now = asyncio.get_running_loop().time()
    shared = Shared(Status(now), Metrics(names, dropped), watch, Claims(names, now), runtime)
    return [Worker(source, shared) for source in sources], shared


@contextlib.contextmanager
def _signals(stop: asyncio.Event, workers: Sequence[Worker]) -> Iterator[None]:
    """SIGTERM and SIGINT end the work, SIGHUP starts a pass."""

    def end() -> None:
        stop.set()
        for worker in workers:
            worker.end()

    def wake() -> None:
        for worker in workers:
            worker.wake.set("SIGHUP")

    loop = asyncio.get_running_loop()
    handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: wake}
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])  # not what the system does, which is to kill


async def _beat(status: Status, stop: asyncio.Event, tell: Callable[[str], None]) -> None:
    while not stop.is_set():
        status.beat = asyncio.get_running_loop().time()
        tell(ALIVE)
        await sleep_or_stop(BEAT_S, stop)
    tell(STOPPING)


async def _keep(worker: Worker, daemon: DaemonSettings, runtime: Runtime, surroundings: Surroundings) -> None:
    """Makes pass after pass until the worker is stopped; a failed pass is retried."""
    known = await digest_of(worker.digest)
    poll_s = surroundings.poll_s
    watching = asyncio.create_task(watch_folder(worker.digest, known, worker.wake, worker.stop, poll_s))
    failures = 0
    cause = "start"
    while not worker.stop.is_set():
        worker.wake.clear()
        verdict = await worker.once(cause)
        failures = failures + 1 if verdict.retry else 0
        worked_s, jitter = worker.effort.total_s, runtime.rng.random()
        distance_s = max(surroundings.distance_s, worked_s)
        pause_s = next_pass_s(failures, worked_s, daemon.resync_s, jitter, surroundings.retry_s)
        worker.will_wait(max(distance_s, pause_s))
        await sleep_or_stop(distance_s, worker.stop)  # what happens meanwhile is one reason for a pass
        await happens(worker.wake.event, pause_s - distance_s, worker.stop)
        cause = worker.wake.cause or ("retry" if failures else "resync")
    await watching


def next_pass_s(
    failures: int,
    worked_s: float,
    resync_s: float,
    jitter: float,
    retry_s: tuple[float, float] = (RETRY_MIN_S, BACKOFF_S),
) -> float:
    """How long to wait after a pass that worked so long; `failures` of them in a row, `jitter` in [0, 1).

    Jitter spreads processes that started together. However long a pass works, the pause is BUSY_SHARE times as
    long, so that the API has rest; after a failure it is shorter, and grows with each up to the same. The time in
    which a pass waited is no work.
    """
    resync = max(resync_s * (0.9 + 0.2 * jitter), BUSY_SHARE * worked_s)
    if not failures:
        return resync
    least_s, backoff_s = retry_s
    return min(resync, least_s + delay_s(failures, jitter, base_s=backoff_s, cap_s=resync))

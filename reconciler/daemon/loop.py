"""Decides when to reconcile: at start, on a change, at a resync, after a failure; one worker per environment."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Callable, Sequence

import structlog

from reconciler.core.backoff import delay_s
from reconciler.core.conclude import conclude
from reconciler.daemon.http import serving
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.status import EnvironmentStatus, Status
from reconciler.daemon.triggers import watch_folder
from reconciler.engine.load import load_partly
from reconciler.engine.reconcile import carry_out, make_plan
from reconciler.engine.world import Memory, World
from reconciler.model.errors import ReconcilerError, SourceError
from reconciler.model.event import Event, Watch
from reconciler.model.outcome import GOOD, Report
from reconciler.model.settings import DaemonSettings, EnvironmentSettings

ReadSettings = Callable[[], tuple[EnvironmentSettings, ...]]
BUSY_SHARE = 20  # a resync comes never sooner than this many times the length of a pass
BACKOFF_S = 2.0
BEAT_S = 5.0
log = structlog.get_logger()


async def run(read: ReadSettings, daemon: DaemonSettings, watch: Watch, *, once: bool) -> int:
    """Runs until SIGTERM or SIGINT, and returns the exit code; `once`: one pass, and its exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    shared = Shared(Status(), Metrics(), watch)
    workers = [Worker(position, read, shared) for position in range(len(read()))]
    if once:
        codes = [await worker.once(stop) for worker in workers]
        return max(codes, default=0)
    loop.add_signal_handler(signal.SIGHUP, _wake, workers)
    async with serving(daemon.listen, shared.status, shared.metrics) as url:
        log.info("listening", url=url)
        await asyncio.gather(_beat(shared.status, stop), *(worker.run(daemon, stop) for worker in workers))
    return 0


def _wake(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.wake.set()


async def _beat(status: Status, stop: asyncio.Event) -> None:
    while not stop.is_set():
        status.beat = asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), BEAT_S)


class Shared:
    """What the workers of one process share; `claims` says which of them sees which live environment."""

    def __init__(self, status: Status, metrics: Metrics, watch: Watch) -> None:
        self.status = status
        self.metrics = metrics
        self.watch = watch
        self.claims: dict[str, Worker] = {}


class Worker:
    """One environment's loop."""

    def __init__(self, position: int, read: ReadSettings, shared: Shared) -> None:
        self._position = position
        self._read = read
        self._settings = read()[position]
        self.name = self._settings.name or self._settings.manifests
        self.wake = asyncio.Event()
        self.claimed_twice = False
        self._status = shared.status.environments.setdefault(self.name, EnvironmentStatus())
        self._metrics = shared.metrics
        self._told = shared.watch
        self._claims = shared.claims
        self._rng = random.SystemRandom()
        self._world = World(time.time, self._rng, Memory(asyncio.get_running_loop().time()))
        self._failures = 0

    async def run(self, daemon: DaemonSettings, stop: asyncio.Event) -> None:
        """Passes until `stop`."""
        watching = asyncio.create_task(watch_folder(self._settings.manifests, self.wake, stop))
        while not stop.is_set():
            self.wake.clear()
            started = asyncio.get_running_loop().time()
            code = await self.once(stop)
            took_s = asyncio.get_running_loop().time() - started
            await self._wait(self._delay_s(code, took_s, daemon), stop)
        await watching

    def _delay_s(self, code: int, took_s: float, daemon: DaemonSettings) -> float:
        resync_s = max(daemon.resync_s, BUSY_SHARE * took_s) * (0.9 + 0.2 * self._rng.random())
        self._failures = self._failures + 1 if code else 0
        if not self._failures:
            return resync_s
        return min(resync_s, 1.0 + delay_s(self._failures, self._rng.random(), base_s=BACKOFF_S, cap_s=resync_s))

    async def _wait(self, seconds: float, stop: asyncio.Event) -> None:
        self._status.next_pass = time.time() + seconds
        waiting = [asyncio.create_task(event.wait()) for event in (self.wake, stop)]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    async def once(self, stop: asyncio.Event) -> int:
        """One pass; returns the exit code it would mean, and never raises for what a pass can meet."""
        self._reread()
        started = asyncio.get_running_loop().time()
        with structlog.contextvars.bound_contextvars(
            environment=self.name, reconcile_id=f"{self._rng.getrandbits(48):012x}"
        ):
            try:
                report = await self._pass(stop)
            except ReconcilerError as error:
                took_s = asyncio.get_running_loop().time() - started
                self._note("error", error.message)
                self._metrics.failed(self.name, took_s)
                log.error("pass failed", code=error.code, error=error.message, hint=error.hint)  # noqa: TRY400 no traceback
                return error.exit_code
            return self._conclude(report, asyncio.get_running_loop().time() - started)

    def _reread(self) -> None:
        """Key files are read at every pass; what cannot be read keeps the old."""
        try:
            self._settings = self._read()[self._position]
        except (ReconcilerError, IndexError) as error:
            message = error.message if isinstance(error, ReconcilerError) else "changed"
            log.error("settings not read", error=message)  # noqa: TRY400 no traceback

    async def _pass(self, stop: asyncio.Event) -> Report:
        settings = self._settings
        loaded = await asyncio.to_thread(
            load_partly, settings.manifests, now=time.time(), allow_empty=settings.allow_empty
        )
        self._status.source_read = True
        for problem in loaded.problems:
            log.warning("problem", rule=problem.rule, place=str(problem.origin), message=problem.message)
        if loaded.desired is None:
            raise SourceError(f"{settings.manifests} cannot be used", "Run `reconciler validate`.")
        plan = await make_plan(settings, loaded.desired, self._world, self._watch)
        self._claim(plan.environment_id)
        if not settings.apply:
            return Report(plan)
        return await carry_out(plan, settings, self._world, self._watch, stop)

    def _claim(self, environment_id: str | None) -> None:
        """Two workers on one live environment would undo each other's work: both stop."""
        self._status.environment_id = environment_id
        if environment_id is None:
            return
        other = self._claims.setdefault(environment_id, self)
        if other is not self:
            other.claimed_twice = self.claimed_twice = True
        if self.claimed_twice:
            raise ReconcilerError(f"two configured environments are {environment_id}", "Correct one of the keys.")

    def _watch(self, event: Event) -> None:
        self._told(event)
        self._metrics.watch(event)

    def _conclude(self, report: Report, took_s: float) -> int:
        code = _code(report)
        result = "success" if code == 0 else "refused" if report.plan.refusals else "partly"
        self._metrics.passed(self.name, report, took_s, result, time.time())
        self._status.conditions = conclude(report, self._status.conditions, time.time())
        self._status.revision = report.plan.revision
        self._note(result, "; ".join(refusal.message for refusal in report.plan.refusals))
        log.info(
            "pass",
            result=result,
            revision=report.plan.revision,
            digest=report.plan.digest,
            changes=len(report.plan.changes),
            blocked=len(report.plan.blocked),
            unchanged=report.plan.unchanged,
            duration_ms=round(took_s * 1000),
        )
        for refusal in report.plan.refusals:
            log.warning("refused", rule=refusal.rule, message=refusal.message)
        return code

    def _note(self, result: str, message: str) -> None:
        self._status.result, self._status.message, self._status.last_pass = result, message, time.time()
        if result == "success":
            self._status.last_success = time.time()


def _code(report: Report) -> int:
    if report.plan.refusals:
        return 6
    bad = any(outcome.result not in GOOD for outcome in report.outcomes)
    return 4 if bad or report.plan.blocked or report.halt else 0

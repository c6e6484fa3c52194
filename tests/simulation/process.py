"""One of the reconcilers: passes as the daemon makes them, killed at any moment and started again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from reconciler.cli import logs
from reconciler.core.applying.backoff import delay_s
from reconciler.engine import apply as engine_apply
from reconciler.engine.pass_state import PassState
from reconciler.engine.reconcile import Decision, Hooks, reconcile
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.model.change import Change, Plan
from reconciler.model.errors import ReconcilerError
from reconciler.model.outcome import GOOD, Outcome, Report
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings, EnvironmentSettings, Limits, Protected
from reconciler.model.state import Desired
from tests.simulation.clock import OWNER, VirtualLoop
from tests.simulation.ledger import Intent, Ledger, Life
from tests.simulation.network import INTENT, TIMEOUT_S, Network, Transport
from tests.simulation.oracle.breach import Breach
from tests.simulation.oracle.judge import Oracle, Pass
from tests.simulation.repository import EPOCH_S, Repository, Revision
from tests.simulation.scenario import SETTLE_S
from tests.support.passes import always, given

RESYNC_S = 600.0
BACKOFF_S = 2.0
APPROVES = 0.7  # how often a person approves a plan that was refused
LOOKS = 0.1  # how often it is asked for a plan alone
MISTAKEN = 0.02  # how often a process is given the key of another environment, where the right one is pinned


class Surroundings:
    """What every process of a world shares."""

    def __init__(
        self,
        repository: Repository,
        network: Network,
        ledger: Ledger,
        oracle: Oracle,
        target: str,
    ) -> None:
        self.repository = repository
        self.oracle = oracle
        self.network = network
        self.ledger = ledger
        self.target = target
        self.per_second: float | None = None
        self.protected = Protected()
        self.limits: Limits = {}
        self.approved: str | None = None  # the digest that a person approved last
        self.publish: Callable[[Plan], None] = lambda _: None


class Reconciler:
    """A slot in which processes follow one another."""

    def __init__(self, slot: int, around: Surroundings, rng: random.Random) -> None:
        self.slot = slot
        self.wake = asyncio.Event()
        self._around = around
        self._rng = rng
        self._lives = 0
        self.life: Life | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._runtime: Runtime | None = None
        self._key = ""

    # -- life and death

    def start(self, *, loop: bool = True) -> None:
        """A new process, which remembers nothing."""
        now_s = asyncio.get_running_loop().time()
        self._lives += 1
        pinned = self._around.repository.environment_id is not None
        mistaken = loop and pinned and self._rng.random() < MISTAKEN
        self._key = self._around.network.keys["development" if mistaken else "production"]
        life = Life(self.slot, self._lives, now_s, elsewhere=mistaken)
        network = self._around.network
        self.life = life
        self._stop = asyncio.Event()
        self._runtime = Runtime(
            now=lambda: EPOCH_S + asyncio.get_event_loop().time(),
            rng=random.Random(self._rng.random()),
            recent_writes=RecentWrites(now_s),
            transport=lambda: Transport(network, life),
        )
        self._around.ledger.note(f"{self.slot}.{self._lives}", "starts")
        if loop:
            self._task = self._owned(life, self._passes(life))

    def kill(self) -> None:
        """SIGKILL: nothing of it runs on; what it sent stays on its way."""
        life, loop = self.life, asyncio.get_running_loop()
        if life is None or not isinstance(loop, VirtualLoop):
            return
        self._around.ledger.note(f"{life.slot}.{life.number}", "is killed")
        self._around.ledger.counts["kills"] += 1
        life.dead = True
        self.life = None
        for task in loop.tasks_of(life):
            task.cancel()

    def ask_to_stop(self) -> None:
        """SIGTERM: no new write starts."""
        if self.life:
            self._around.ledger.note(f"{self.slot}.{self.life.number}", "is asked to stop")
            self._around.ledger.counts["asked to stop"] += 1
            self.life.process.asked_to_stop = True
            self._stop.set()
            self.wake.set()

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._task is not None and not self._task.done()

    def raise_failure(self) -> None:
        """Whatever ended the process other than a signal ends the simulation."""
        if self._task and self._task.done() and not self._task.cancelled():
            self._task.result()

    def _owned(self, life: Life, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        token = OWNER.set(life)
        try:
            return asyncio.get_running_loop().create_task(work)
        finally:
            OWNER.reset(token)

    # -- passes

    async def _passes(self, life: Life) -> None:
        failures = 0
        while not self._stop.is_set():
            self.wake.clear()
            good = await (self._look(life) if self._rng.random() < LOOKS else self.one_pass(life))
            failures = 0 if good else failures + 1
            wait_s = RESYNC_S * self._rng.uniform(0.9, 1.1)
            if failures:
                wait_s = min(wait_s, 1.0 + delay_s(failures, self._rng.random(), base_s=BACKOFF_S, cap_s=RESYNC_S))
            try:
                await asyncio.wait_for(self.wake.wait(), wait_s)
            except TimeoutError:
                continue

    async def _look(self, life: Life) -> bool:
        """Somebody asks for a plan alone."""
        try:
            await self.plan(life, self._around.repository.head)
        except (ReconcilerError, LookupError):
            return False
        return True

    async def one_pass(self, life: Life) -> bool:
        """Whether everything went well."""
        around, revision = self._around, self._around.repository.head
        if revision.desired is None:
            return False
        life.pass_started_s = asyncio.get_running_loop().time()
        around.ledger.counts["passes"] += 1
        before = len(around.ledger.movers)
        try:
            report = await self._reconcile(life, revision, revision.desired, may_apply=always)
        except ReconcilerError as error:
            around.ledger.note(f"{life.slot}.{life.number}", f"pass failed: {error.code}")
            self._ended(life, before)
            return False
        self._ended(life, before)
        around.publish(report.plan)
        if report.plan.refusals and self._rng.random() < APPROVES and life.of is not None:
            around.approved = report.plan.digest
            around.oracle.approve(life.of)
        self._count(report)
        return (
            not report.plan.refusals
            and all(outcome.result in GOOD for outcome in report.outcomes)
            and not report.halt
        )

    def _ended(self, life: Life, before: int) -> None:
        if life.of is None:
            raise LookupError("a pass that was never begun")
        life.of.disturbed |= any(who is not life.of for who in self._around.ledger.movers[before:])
        self._around.oracle.ended(life.of)

    async def plan(self, life: Life, revision: Revision) -> Plan:
        """What apply would do now; anything but a GET on the way ends the simulation."""
        if revision.desired is None:
            raise LookupError("nothing to plan")
        return (await self._reconcile(life, revision, revision.desired)).plan

    async def _reconcile(
        self,
        life: Life,
        revision: Revision,
        desired: Desired,
        may_apply: Callable[[Plan], Awaitable[Decision]] | None = None,
    ) -> Report:
        if self._runtime is None:
            raise LookupError("a process that was never started")

        ledger = self._around.ledger
        there = ledger.organizations()
        of = life.of = Pass(life.process, revision.declared, self._around.oracle.approved)

        def planned(plan: Plan) -> None:
            life.planning = may_apply is None
            ledger.planned(plan.live, there)
            self._around.oracle.planned(of, plan, asyncio.get_running_loop().time())

        life.planning = True
        hooks = Hooks(watch=logs.watch, planned=planned, may_apply=may_apply or Hooks().may_apply)
        try:
            with _for(revision):
                finished = await reconcile(self._settings(), given(desired), self._runtime, hooks, self._stop)
        finally:
            life.planning = False
        if finished.report is None:
            raise LookupError("manifests that are given are always usable")
        return finished.report

    def _settings(self) -> EnvironmentSettings:
        key = Secret(self._key)
        api = ApiSettings(
            url="https://api.example",
            key=key,
            timeout_s=TIMEOUT_S,
            concurrency=8,
            max_requests_per_second=self._around.per_second,
        )
        return EnvironmentSettings(
            name=None,
            manifests="",
            api=api,
            settle_s=SETTLE_S,
            deliver_path=self._around.target,
            protected=self._around.protected,
            limits=self._around.limits,
            approve=self._around.approved,
        )

    def _count(self, report: Report) -> None:
        counts = self._around.ledger.counts
        if report.halt and report.halt.message.startswith("internal error"):
            self._around.ledger.violated(Breach.CRASH, f" {report.halt.message}")
        for outcome in report.outcomes:
            counts[f"outcome: {outcome.result}"] += 1
        for blocked in report.plan.blocked:
            counts[f"blocked: {blocked.reason}"] += 1


@contextmanager
def _for(revision: Revision) -> Iterator[None]:
    token = REVISION.set(revision)
    try:
        yield
    finally:
        REVISION.reset(token)


REVISION: ContextVar[Revision | None] = ContextVar("REVISION", default=None)


@contextmanager
def intents_known() -> Iterator[None]:
    """While it lasts, every write carries what it is for, so that the ledger can judge it."""
    write = engine_apply._write

    async def with_intent(change: Change, state: PassState) -> Outcome:
        revision = REVISION.get()
        token = INTENT.set(Intent(change, revision) if revision else None)
        try:
            return await write(change, state)
        finally:
            INTENT.reset(token)

    engine_apply._write = with_intent
    try:
        yield
    finally:
        engine_apply._write = write

"""One environment's pass: reads the settings, calls `reconcile`, tells status, metrics and log how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from msgspec import Struct, structs

from reconciler.api.known import Known
from reconciler.core.applying.conditions import conclude
from reconciler.core.applying.verdict import PassResult, Verdict, judge, judge_error
from reconciler.daemon.claims import Claims, Turn
from reconciler.daemon.declared import Declared
from reconciler.daemon.effort import Effort
from reconciler.daemon.journal import Journal, ended
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.status import EnvironmentStatus, Status
from reconciler.daemon.steady import steady
from reconciler.engine.connect import api_settings
from reconciler.engine.reconcile import Decision, Hooks, reconcile
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.engine.selection import selecting
from reconciler.model.change import Plan
from reconciler.model.errors import Interrupted, ReconcilerError, WrongEnvironment, internal
from reconciler.model.event import Crashed, Event, Watch
from reconciler.model.outcome import Pass
from reconciler.model.settings import ApiSettings, EnvironmentSettings
from reconciler.model.state import Loaded
from reconciler.source.snapshot import FolderDigest

log = structlog.get_logger()


class Source(Struct, frozen=True):
    """An environment to serve: its name and folder are known before its key can be read."""

    name: str
    folder: str
    read: Callable[[], EnvironmentSettings]


class Shared(Struct, frozen=True):
    """What the workers of one process have in common."""

    status: Status
    metrics: Metrics
    watch: Watch
    claims: Claims
    runtime: Runtime


class Worker:
    """One environment. `stop` set: no further pass comes; `wake` set: the next pass is due."""

    def __init__(self, source: Source, shared: Shared) -> None:
        self.name, self.digest = source.name, FolderDigest(source.folder)
        self.stop = asyncio.Event()
        self._claim = shared.claims.claims[source.name]
        self.wake = self._claim.wake
        self._read = source.read
        self._shared = shared
        # what is remembered is of its own environment only
        memory = RecentWrites(asyncio.get_running_loop().time())
        self._runtime = structs.replace(shared.runtime, recent_writes=memory, known=Known())
        self.effort = Effort(asyncio.get_running_loop().time)  # of the last pass
        self._status = shared.status.environments.setdefault(source.name, EnvironmentStatus())
        self._journal = Journal(source.folder)
        self._declared = Declared()
        self._settings: EnvironmentSettings | None = None

    async def once(self, cause: str) -> Verdict:
        """Makes one pass and returns the verdict on it; never raises. `cause` is for the log."""
        clock = asyncio.get_running_loop().time
        started, self.effort = clock(), Effort(clock)
        if not self.stop.is_set():
            self._claim.stop.clear()
        id_ = f"{self._runtime.rng.getrandbits(48):012x}"
        known = {"environment": self.name, "reconcile_id": id_, "revision": self._status.revision}
        with structlog.contextvars.bound_contextvars(**known):
            log.debug("pass starts", cause=cause)
            try:
                finished = await self._pass()
            except Interrupted as error:
                contested = self._contested()
                if contested:
                    return self._ended(contested, None, clock() - started)
                log.info("pass stopped")
                return judge_error(error)
            except ReconcilerError as error:
                return self._ended(judge_error(error), None, clock() - started)
            except Exception as error:  # noqa: BLE001 a bug in one environment's pass must not stop the others
                self._watch(Crashed(error))
                return self._ended(judge_error(internal(error)), None, clock() - started)
            finally:
                self._claim.looked()
            return self._ended(self._contested() or judge(finished), finished, clock() - started)

    def will_wait(self, pause_s: float) -> None:
        """The next pass is due after that time, if nothing happens before."""
        self._status.next_pass = None if self.stop.is_set() else self._runtime.now() + pause_s

    def end(self) -> None:
        """The process was asked to stop: no further write starts."""
        self.stop.set()
        self._claim.stop.set()

    async def _pass(self) -> Pass:
        runtime = structs.replace(self._runtime, aside=self.effort.measured(self._runtime.aside))
        settings = await self._fresh_settings()
        api = api_settings(settings)
        self._claim.opens(api)
        with self._claim.turn() as turn:
            hooks = Hooks(
                watch=self._watch,
                loaded=self._loaded,
                seen=lambda live: self._seen(live, api, turn),
                planned=lambda plan: self._planned(plan, api),
                may_apply=lambda plan: self._may_apply(plan, settings, turn),
            )
            load = await steady(self.digest, runtime, self._claim.stop)
            finished = await reconcile(settings, load, runtime, hooks, self._claim.stop)
            self._note_organizations(settings, finished)
        return finished

    async def _fresh_settings(self) -> EnvironmentSettings:
        """Address and key are read before every pass; all else stays as it was before the first."""
        first = self._settings
        try:
            fresh = await self._runtime.aside(self._read)
        except ReconcilerError as error:
            if first is None:
                raise
            self._status.notice = f"the settings cannot be read, the key read before is used: {error.message}"
            log.warning("settings not read", error=error.message, hint=error.hint)
            return first
        self._status.notice = ""
        if first is None:
            self._status.mode = "apply" if fresh.apply else "plan"
            self._status.configured = True
        self._settings = structs.replace(first or fresh, api=fresh.api)
        return self._settings

    # -- what the pass asks and tells

    def _watch(self, event: Event) -> None:
        self._shared.watch(event)
        self._shared.metrics.watch(self.name, event)
        self.effort.watch(event)

    def _loaded(self, loaded: Loaded) -> None:
        self._status.source_read = True
        self._status.revision = loaded.revision
        structlog.contextvars.bind_contextvars(revision=loaded.revision)
        self._status.problems = self._journal.problems(loaded.problems)
        if loaded.desired:
            self._declared.note(loaded.desired)
            self._journal.vanished(self._declared.vanished)
            self._status.lose(self._declared.vanished, self._runtime.now())
            self._shared.metrics.vanished(self.name, self._declared.vanished)

    def _seen(self, live: str, api: ApiSettings, turn: Turn) -> None:
        self._claim.sees(live, api.key)
        self._claim.looked()
        turn.end()  # whoever waits for it plans again, and sees whose the environment is

    def _planned(self, plan: Plan, api: ApiSettings) -> None:
        self._claim.sees(plan.environment_id, api.key)
        self._journal.plan(plan)

    async def _may_apply(self, plan: Plan, settings: EnvironmentSettings, turn: Turn) -> Decision:
        if not settings.apply:
            return Decision.LEAVE
        if plan.environment_id is None or plan.environment_id != plan.pin:
            await self._claim.all_looked()
        if plan.environment_id is None and not turn.taken:
            await turn.take(self._claim.stop)
            return Decision.PLAN_AGAIN  # another worker may have written to it during the wait
        return Decision.APPLY

    # -- telling the world

    def _ended(self, verdict: Verdict, finished: Pass | None, took_s: float) -> Verdict:
        self._status.note(verdict, self._runtime.now())
        self._status.environment_id = self._claim.environment_id
        self._shared.metrics.passed(self.name, verdict.result, took_s)
        self._shared.metrics.standing(self.name, writes=self._status.writes, stopped=self._status.stopped)
        ended(verdict, finished.report if finished else None, took_s)
        return verdict

    def _contested(self) -> Verdict | None:
        """The verdict on a pass that was stopped because another worker sees the same environment."""
        try:
            if self._claim.contested:
                self._claim.check_rivals()
        except WrongEnvironment as error:
            return judge_error(error)
        return None

    def _note_organizations(self, settings: EnvironmentSettings, finished: Pass) -> None:
        """Sets the conditions and metrics of what is declared now; what is no longer declared is dropped.

        What a file declared that cannot be parsed any more stays, as blocked.
        """
        report, desired, now = finished.report, finished.loaded.desired, self._runtime.now()
        if report is None or desired is None:
            return
        unparsed = self._declared.unparsed
        plan = structs.replace(report.plan, blocked=(*report.plan.blocked, *unparsed))
        report = structs.replace(report, plan=plan)
        wanted = [each for each in desired.organizations if selecting(settings.selection)(each)]
        names = {*(each.name for each in wanted), *(each.organization for each in unparsed)}
        before = self._status.organizations
        self._status.organizations = conclude(report, {name: before.get(name, ()) for name in names}, now)
        success = judge(finished).result is PassResult.SUCCESS
        self._shared.metrics.reported(self.name, report, wanted, now if success else None)

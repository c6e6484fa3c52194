"""One environment's passes: settings, manifests, plan, whose environment it is, apply, and what to tell of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

import structlog
from msgspec import Struct, structs

from reconciler.core.applying.conditions import conclude
from reconciler.daemon.claims import Claims
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.status import EnvironmentStatus, Status
from reconciler.engine.load import Loaded, load_partly
from reconciler.engine.reconcile import api_settings, carry_out, make_plan, selecting
from reconciler.engine.runtime import RecentWrites, Runtime, Transport
from reconciler.engine.selection import check_selection
from reconciler.model.change import Blocked, BlockReason, Plan
from reconciler.model.errors import Interrupted, ReconcilerError, SourceError, WrongEnvironment, internal
from reconciler.model.event import Event, Watch
from reconciler.model.manifest import Problem, Severity
from reconciler.model.outcome import GOOD, Report
from reconciler.model.secret import Secret
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Desired

LINES_MAX = 100  # of one kind in one pass's log
PASSING = frozenset({BlockReason.UNREADABLE})  # what another look may mend by itself
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
    now: Callable[[], float]
    rng: random.Random
    transport: Transport | None


class Ended(Struct, frozen=True):
    """How a pass ended: the exit code it would mean, and whether another may do better by itself."""

    code: int
    retry: bool


class Worker:
    """One environment. `stop` set: no further write starts; `wake` set: the next pass is due."""

    def __init__(self, source: Source, shared: Shared) -> None:
        self.name, self.folder = source.name, source.folder
        self.wake = asyncio.Event()
        self.stop = shared.claims.stop_of(source.name)
        self._read = source.read
        self._shared = shared
        self._claims = shared.claims
        self._now = shared.now
        self._status = shared.status.environments.setdefault(source.name, EnvironmentStatus())
        memory = RecentWrites(asyncio.get_running_loop().time())
        self._runtime = Runtime(shared.now, shared.rng, memory, shared.transport, asyncio.to_thread)
        self._first: EnvironmentSettings | None = None
        self._settings: EnvironmentSettings | None = None
        self._known_by: Secret | None = None  # the key with which the environment was seen
        self._problems: tuple[Problem, ...] = ()
        self._blocked: tuple[Blocked, ...] = ()

    async def once(self) -> Ended:
        """One pass; never raises, whatever it meets."""
        clock = asyncio.get_running_loop().time
        started = clock()
        id_ = f"{self._shared.rng.getrandbits(48):012x}"
        known = {"environment": self.name, "reconcile_id": id_, "revision": self._status.revision}
        with structlog.contextvars.bound_contextvars(**known):
            try:
                loaded, report = await self._pass()
                self._check_rivals()
                return self._conclude(loaded, report, clock() - started)
            except Interrupted as error:
                log.info("pass stopped")
                return self._rivalled(clock() - started) or Ended(error.exit_code, retry=False)
            except ReconcilerError as error:
                return self._failed(error, clock() - started)
            except Exception as error:  # noqa: BLE001 one environment's bug must not end the others' work
                return self._failed(internal(error), clock() - started)
            finally:
                self._claims.looked(self.name)

    def will_wait(self, pause_s: float) -> None:
        """The next pass is due after that time, if nothing happens before."""
        self._status.next_pass = None if self.stop.is_set() else self._now() + pause_s

    def rests(self) -> None:
        """No further pass comes: the process was asked to stop, or another worker claims the same environment."""
        self._status.next_pass = None
        if not self._status.stopped:
            self._rivalled(0.0)

    # -- the pass

    async def _pass(self) -> tuple[Loaded, Report]:
        settings = await self._settings_now()
        loaded = await asyncio.to_thread(
            load_partly, settings.manifests, now=self._now(), allow_empty=settings.allow_empty
        )
        self._status.source_read = True
        self._status.revision = loaded.revision
        structlog.contextvars.bind_contextvars(revision=loaded.revision)
        self._tell_problems(loaded.problems)
        desired = _usable(loaded, settings.manifests)
        check_selection(settings, desired)
        plan = await self._plan(settings, desired)
        self._tell_plan(plan)
        report = Report(plan)
        if settings.apply and plan.changes and not plan.refusals:
            report = await self._apply(settings, desired, plan)
        self._note_organizations(settings, desired, report)
        return loaded, report

    async def _settings_now(self) -> EnvironmentSettings:
        """Address and key are read at every pass; all else stays as it was at the first."""
        try:
            fresh = await asyncio.to_thread(self._read)
        except ReconcilerError as error:
            if self._settings is None:
                raise
            self._status.notice = f"the settings cannot be read, and the key read before is used: {error.message}"
            log.warning("settings not read", error=error.message, hint=error.hint)
            return self._settings
        self._status.notice = ""
        if self._first is None:
            self._first = fresh
            self._status.mode = "apply" if fresh.apply else "plan"
            api = api_settings(fresh)
            self._claims.claim(self.name, (api.url, api.key))
        self._status.configured = True
        self._settings = structs.replace(self._first, api=fresh.api)
        return self._settings

    async def _plan(self, settings: EnvironmentSettings, desired: Desired) -> Plan:
        key = api_settings(settings).key
        try:
            plan = await make_plan(settings, desired, self._runtime, self._watch, self.stop)
        except WrongEnvironment:
            if self._known_by not in {None, key}:
                self._stop_for_good()
            raise
        self._recognize(plan.environment_id, key)
        return plan

    async def _apply(self, settings: EnvironmentSettings, desired: Desired, plan: Plan) -> Report:
        self._claims.looked(self.name)
        await self._claims.all_looked(self.stop)
        if plan.environment_id is not None:
            return await carry_out(plan, settings, self._runtime, self._watch, self.stop)
        async with self._claims.unknown:
            plan = await self._plan(settings, desired)  # meanwhile it may have become another worker's
            report = await carry_out(plan, settings, self._runtime, self._watch, self.stop)
            if report.environment_id is not None:
                self._recognize(report.environment_id, api_settings(settings).key)
            return report

    def _recognize(self, live: str | None, key: Secret) -> None:
        """Whose environment the key opens; raises if it is not this worker's, or also another's."""
        known = self._status.environment_id
        emptied = live is None and key == self._known_by  # one key opens one environment
        if known is not None and live != known and not emptied:
            self._stop_for_good()
            raise WrongEnvironment(
                f"the key now opens {live or 'an empty environment'}, and before it was {known}",
                "Nothing was written, and nothing will be until a restart. Correct the key.",
            )
        if live is not None:
            self._status.environment_id, self._known_by = live, key
            self._claims.claim(self.name, live)
        self._check_rivals()

    def _check_rivals(self) -> None:
        rivals = self._claims.rivals(self.name)
        if not rivals:
            return
        self._stop_for_good()
        what = self._status.environment_id or "one environment"
        raise WrongEnvironment(
            f"{' and '.join(sorted([self.name, *rivals]))} have keys to {what}: none of them is written to",
            "Give each environment its own key, then restart.",
        )

    def _stop_for_good(self) -> None:
        self._status.stopped = True
        self.stop.set()

    # -- telling

    def _watch(self, event: Event) -> None:
        self._shared.watch(event)
        self._shared.metrics.watch(event)

    def _rivalled(self, took_s: float) -> Ended | None:
        try:
            self._check_rivals()
        except WrongEnvironment as error:
            return self._failed(error, took_s)
        return None

    def _failed(self, error: ReconcilerError, took_s: float) -> Ended:
        self._status.failed(error, self._now())
        self._shared.metrics.passed(self.name, "error", took_s)
        log.error("pass failed", code=error.code, error=error.message, hint=error.hint)
        return Ended(error.exit_code, retry=True)

    def _conclude(self, loaded: Loaded, report: Report, took_s: float) -> Ended:
        ended = _ended(loaded, report)
        plan = report.plan
        complete = loaded.desired is not None and loaded.desired.complete
        result = "refused" if plan.refusals else "partly" if _short(report, complete=complete) else "success"
        self._shared.metrics.passed(self.name, result, took_s)
        if result == "success":
            self._status.succeeded(self._now())
        else:
            self._status.fell_short(result, *_short_of(report), self._now())
        log.info(
            "pass",
            result=result,
            digest=plan.digest,
            changes=len(plan.changes),
            done=sum(outcome.result in GOOD for outcome in report.outcomes),
            blocked=len(plan.blocked),
            unmanaged=len(plan.unmanaged),
            duration_ms=round(took_s * 1000),
        )
        return ended

    def _note_organizations(self, settings: EnvironmentSettings, desired: Desired, report: Report) -> None:
        """Conditions of all that is declared now; what is no longer declared is forgotten."""
        now = self._now()
        wanted = [each for each in desired.organizations if selecting(settings.selection)(each)]
        before = self._status.organizations
        self._status.organizations = conclude(report, {w.name: before.get(w.name, ()) for w in wanted}, now)
        done = not report.plan.refusals and not _short(report, complete=desired.complete)
        self._shared.metrics.reported(self.name, report, wanted, now if done else None)

    def _tell_problems(self, problems: Sequence[Problem]) -> None:
        """Every problem, when they are others than at the pass before."""
        ordered = tuple(sorted(problems, key=lambda p: (p.severity is not Severity.ERROR, p.origin, p.rule)))
        if ordered == self._problems:
            return
        self._problems = self._status.problems = ordered
        for problem in ordered[:LINES_MAX]:
            write = log.error if problem.severity is Severity.ERROR else log.warning
            place = str(problem.origin)
            write("problem", rule=problem.rule, place=place, message=problem.message, hint=problem.hint)
        if len(ordered) > LINES_MAX:
            log.error("more problems", number=len(ordered) - LINES_MAX, hint=f"reconciler validate {self.folder}")

    def _tell_plan(self, plan: Plan) -> None:
        for refusal in plan.refusals:
            log.warning("refused", rule=refusal.rule, message=refusal.message, digest=plan.digest)
        if plan.blocked == self._blocked:
            return
        self._blocked = plan.blocked
        for block in plan.blocked[:LINES_MAX]:
            log.warning(
                "blocked",
                organization=block.organization,
                kind=block.kind,
                name=block.name,
                reason=block.reason,
                message=block.message,
                place=str(block.origin),
            )


def _usable(loaded: Loaded, folder: str) -> Desired:
    if loaded.desired is not None:
        return loaded.desired
    first = loaded.fatal[0] if loaded.fatal else None
    words = f"{first.origin}: {first.message}" if first else "it has no usable Environment"
    more = f" (and {len(loaded.fatal) - 1} more)" if len(loaded.fatal) > 1 else ""
    raise SourceError(f"{folder} cannot be used: {words}{more}", f"Run `reconciler validate {folder}`.")


def _short(report: Report, *, complete: bool) -> bool:
    """Whether the live environment is not, or not known to be, as git has it; `complete`: all could be parsed."""
    good = sum(outcome.result in GOOD for outcome in report.outcomes)
    return bool(report.halt or report.plan.blocked) or not complete or good < len(report.plan.changes)


def _short_of(report: Report) -> tuple[str, str]:
    """In one word and one sentence what is left to do."""
    plan = report.plan
    if plan.refusals:
        return "Refused", "; ".join(refusal.message for refusal in plan.refusals)
    if report.halt:
        return report.halt.code, report.halt.message
    failed = [outcome for outcome in report.outcomes if outcome.result not in GOOD]
    if failed or plan.blocked:
        return "Partly", f"{len(failed)} changes did not succeed, {len(plan.blocked)} resources are blocked"
    if len(report.outcomes) < len(plan.changes):
        return "Pending", f"{len(plan.changes)} changes are pending, and this process only reports"
    return str(BlockReason.INCOMPLETE_SOURCE), "a file cannot be parsed, so nobody knows what it wants"


def _ended(loaded: Loaded, report: Report) -> Ended:
    """The exit code: the first that holds of a halt's, 8, 6, 4, 0."""
    bad = [outcome for outcome in report.outcomes if outcome.result not in GOOD]
    passing = any(block.reason in PASSING for block in report.plan.blocked)
    retry = bool(bad or report.halt or passing)
    if report.halt:
        return Ended(report.halt.exit_code, retry)
    if any(problem.severity is Severity.ERROR for problem in loaded.problems):
        return Ended(8, retry)
    if report.plan.refusals:
        return Ended(6, retry)
    return Ended(4 if bad or report.plan.blocked else 0, retry)

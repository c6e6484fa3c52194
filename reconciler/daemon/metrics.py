"""Turns reports into Prometheus metrics; no label holds a customer's name."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from reconciler.core.applying.verdict import PassResult
from reconciler.core.planning.guard import GUARDS
from reconciler.core.values.redaction import masked
from reconciler.model.change import Action, Create, Key
from reconciler.model.event import Event, RequestDone, Retrying
from reconciler.model.kinds import CHILD_KINDS, DIRECTORY, KINDS, KindName
from reconciler.model.outcome import GOOD, Report, Result
from reconciler.model.state import DesiredOrganization

STATUSES = ("ready", "pending", "failed", "unknown", "stale", "blocked", "suspended", "unmanaged")
SECRETS = (KindName.SETUP_LINK, KindName.BEARER_TOKEN)
ROUTES = (
    *((method, kind.route) for kind in KINDS.values() for method in ("GET", "POST")),
    *((method, f"{kind.route}/{{id}}") for kind in KINDS.values() for method in ("GET", "PATCH")),
    ("POST", f"{DIRECTORY.route}/{{id}}/rotate-bearer-token"),
    ("POST", "/v1/setup-urls"),
)
Status = tuple[KindName, str]


class Metrics:
    """One process's metrics, in a registry of their own. Every counter is there from the start, at 0.

    `dropped` returns how many lines of the log were lost so far.
    """

    def __init__(self, environments: Iterable[str], dropped: Callable[[], int] = int) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a switch of the library's, for the process
        of = self.registry = CollectorRegistry()
        self.passes = Counter("reconciler_passes", "Passes by result.", ["environment", "result"], registry=of)
        self.duration = Histogram("reconciler_pass_duration_seconds", "How long passes took.", registry=of)
        self.success = Gauge(
            "reconciler_last_success_timestamp_seconds",
            "Time of the last successful pass: of the environment whose is oldest; 0 before the first.",
            registry=of,
        )
        self.resources = Gauge("reconciler_resources", "Resources by status.", ["kind", "status"], registry=of)
        self.changes = Counter(
            "reconciler_changes", "Changes by result.", ["kind", "action", "result"], registry=of
        )
        self.requests = Counter(
            "reconciler_api_requests", "Requests by response.", ["method", "route", "code"], registry=of
        )
        self.seconds = Histogram("reconciler_api_request_duration_seconds", "How long requests took.", registry=of)
        self.retries = Counter("reconciler_api_retries", "Requests sent again.", registry=of)
        self.uncertain = Gauge("reconciler_creates_uncertain", "Creates without a response.", registry=of)
        self.duplicates = Gauge(
            "reconciler_duplicates", "Resources live more than once.", ["environment"], registry=of
        )
        self.refusals = Counter("reconciler_guard_refusals", "Plans refused by a guard.", ["rule"], registry=of)
        self.source = Gauge("reconciler_source_info", "The revisions in use.", ["revision"], registry=of)
        self.leader = Gauge("reconciler_leader", "Whether this process may write.", registry=of)
        self.suspended = Gauge("reconciler_suspended", "Suspended organizations.", registry=of)
        self.lines = Gauge("reconciler_log_lines_dropped", "Lines that stderr did not take so far.", registry=of)
        self.lines.set_function(dropped)
        self._environments = tuple(environments)
        self._last: dict[str, _Last] = {name: _Last() for name in self._environments}
        self._begin()

    def _begin(self) -> None:
        self.leader.set(1)
        for name in self._environments:
            self.duplicates.labels(name)
            for result in PassResult:
                self.passes.labels(name, result)
        for end in Result:
            for kind in KINDS:
                for action in (Action.CREATE, Action.UPDATE):
                    self.changes.labels(kind, action, end)
            for kind in SECRETS:
                self.changes.labels(kind, Action.ISSUE, end)
        for method, route in ROUTES:
            self.requests.labels(method, route, "200")
        for guard in GUARDS:
            self.refusals.labels(guard.name)
        self._sum()

    def watch(self, event: Event) -> None:
        """Counts requests and retries."""
        if isinstance(event, RequestDone):
            self.requests.labels(event.method, event.route, event.status or "none").inc()
            self.seconds.observe(event.duration_s)
        elif isinstance(event, Retrying):
            self.retries.inc()

    def passed(self, environment: str, result: PassResult, duration_s: float) -> None:
        """Counts a pass."""
        self.passes.labels(environment, result).inc()
        self.duration.observe(duration_s)

    def reported(
        self, environment: str, report: Report, wanted: Iterable[DesiredOrganization], success_at: float | None
    ) -> None:
        """Counts the outcomes of a pass; `success_at` is in Unix seconds, None if something is left to do."""
        for outcome in report.outcomes:
            self.changes.labels(outcome.change.key.kind, outcome.change.action, outcome.result).inc()
        for refusal in report.plan.refusals:
            self.refusals.labels(refusal.rule).inc()
        self.duplicates.labels(environment).set(len(report.plan.duplicates))
        last = self._last[environment]
        last.resources = tally(report, wanted)
        last.uncertain = sum(o.result is Result.UNKNOWN and isinstance(o.change, Create) for o in report.outcomes)
        last.suspended = len(report.plan.suspended)
        last.revision = report.plan.revision
        last.success = last.success if success_at is None else success_at
        self._sum()

    def _sum(self) -> None:
        """Sums the gauges over all environments: only `passes` has a label for them."""
        every = self._last.values()
        for kind in KINDS:
            for status in STATUSES:
                self.resources.labels(kind, status).set(sum(each.resources[kind, status] for each in every))
        self.uncertain.set(sum(each.uncertain for each in every))
        self.suspended.set(sum(each.suspended for each in every))
        self.success.set(min((each.success for each in every), default=0.0))
        self.source.clear()
        for revision in {each.revision for each in every} - {""}:
            self.source.labels(revision).set(1)

    def text(self) -> bytes:
        """The body of /metrics; names in labels come from outside, so they are masked like all else."""
        shown: str = masked(generate_latest(self.registry).decode())
        return shown.encode()


class _Last:
    """The numbers of an environment's last report."""

    def __init__(self) -> None:
        self.resources: Tally[Status] = Tally()
        self.uncertain = 0
        self.suspended = 0
        self.revision = ""
        self.success = 0.0


def tally(report: Report, wanted: Iterable[DesiredOrganization]) -> Tally[Status]:
    """How many resources of each kind have which status after a pass, declared and unmanaged ones."""
    standing = _Standing(report)
    counts: Tally[Status] = Tally((each.kind, "unmanaged") for each in report.plan.unmanaged)
    names = set()
    for organization in wanted:
        names.add(organization.name)
        counts.update((key.kind, standing.of(key)) for key in _keys(organization))
    invalid = {block.origin for block in report.plan.blocked if block.organization not in names}
    counts[KindName.ORGANIZATION, "blocked"] += len(invalid)
    return counts


class _Standing:
    """Gives the status of a declared resource after a pass."""

    def __init__(self, report: Report) -> None:
        self._suspended = report.plan.suspended
        self._blocked = {(block.organization, block.kind, block.name) for block in report.plan.blocked}
        self._changes = {change.key for change in report.plan.changes}
        self._ends = {outcome.change.key: outcome.result for outcome in report.outcomes}

    def of(self, key: Key) -> str:
        if key.organization in self._suspended:
            return "suspended"
        whole = (key.organization, KindName.ORGANIZATION, None)
        if whole in self._blocked or (key.organization, key.kind, key.name) in self._blocked:
            return "blocked"
        if key in self._ends:
            return "ready" if self._ends[key] in GOOD else self._ends[key].value
        return "pending" if key in self._changes else "ready"


def _keys(organization: DesiredOrganization) -> Iterable[Key]:
    yield Key(organization.name, KindName.ORGANIZATION, organization.name)
    for kind in CHILD_KINDS:
        for child in organization.collections.get(kind.name, ()):
            yield Key(organization.name, kind.name, child.name)

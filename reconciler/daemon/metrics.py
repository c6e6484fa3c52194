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
from reconciler.daemon.declared import Vanished
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
        own = "environment"
        self.passes = Counter("reconciler_passes", "Passes by result.", [own, "result"], registry=of)
        self.duration = Histogram("reconciler_pass_duration_seconds", "How long passes took.", [own], registry=of)
        self.success = Gauge(
            "reconciler_last_success_timestamp_seconds",
            "Time of the last successful pass; 0 before the first.",
            [own],
            registry=of,
        )
        self.resources = Gauge(
            "reconciler_resources", "Resources by status.", [own, "kind", "status"], registry=of
        )
        self.changes = Counter(
            "reconciler_changes", "Changes by result.", [own, "kind", "action", "result"], registry=of
        )
        self.requests = Counter(
            "reconciler_api_requests", "Requests by response.", [own, "method", "route", "code"], registry=of
        )
        self.seconds = Histogram(
            "reconciler_api_request_duration_seconds", "How long requests took.", [own], registry=of
        )
        self.retries = Counter("reconciler_api_retries", "Requests sent again.", [own], registry=of)
        self.uncertain = Gauge("reconciler_creates_uncertain", "Creates without a response.", [own], registry=of)
        self.duplicates = Gauge("reconciler_duplicates", "Resources live more than once.", [own], registry=of)
        self.refusals = Counter(
            "reconciler_guard_refusals", "Plans refused by a guard.", [own, "rule"], registry=of
        )
        self.source = Gauge("reconciler_source_info", "The revisions in use.", [own, "revision"], registry=of)
        self.leader = Gauge("reconciler_leader", "Whether this process writes.", [own], registry=of)
        self.stopped = Gauge("reconciler_stopped", "Whether its key is of another one.", [own], registry=of)
        self.suspended = Gauge("reconciler_suspended", "Suspended organizations.", [own], registry=of)
        self.lines = Gauge("reconciler_log_lines_dropped", "Lines that stderr did not take so far.", registry=of)
        self.lines.set_function(dropped)
        self.gone = Gauge(
            "reconciler_manifests_vanished", "Organizations gone, if unusually many.", [own], registry=of
        )
        self._revisions: dict[str, str] = {}
        for name in environments:
            self._begin(name)

    def _begin(self, environment: str) -> None:
        for result in PassResult:
            self.passes.labels(environment, result)
        for end in Result:
            for kind in KINDS:
                for action in (Action.CREATE, Action.UPDATE):
                    self.changes.labels(environment, kind, action, end)
            for kind in SECRETS:
                self.changes.labels(environment, kind, Action.ISSUE, end)
        for method, route in ROUTES:
            self.requests.labels(environment, method, route, "200")
        for guard in GUARDS:
            self.refusals.labels(environment, guard.name)
        for kind in KINDS:
            for status in STATUSES:
                self.resources.labels(environment, kind, status)
        alone = (self.duration, self.success, self.seconds, self.retries, self.uncertain, self.duplicates)
        for metric in (*alone, self.leader, self.stopped, self.suspended, self.gone):
            metric.labels(environment)

    def watch(self, environment: str, event: Event) -> None:
        """Counts requests and retries."""
        if isinstance(event, RequestDone):
            self.requests.labels(environment, event.method, event.route, event.status or "none").inc()
            self.seconds.labels(environment).observe(event.duration_s)
        elif isinstance(event, Retrying):
            self.retries.labels(environment).inc()

    def passed(self, environment: str, result: PassResult, duration_s: float) -> None:
        """Counts a pass."""
        self.passes.labels(environment, result).inc()
        self.duration.labels(environment).observe(duration_s)

    def vanished(self, environment: str, gone: Vanished | None) -> None:
        """How many organizations are no longer declared, where that is an unusual share."""
        self.gone.labels(environment).set(len(gone.names) if gone else 0)

    def standing(self, environment: str, *, writes: bool, stopped: bool) -> None:
        """Whether a pass of the environment may write, and whether its key keeps it from that."""
        self.leader.labels(environment).set(writes)
        self.stopped.labels(environment).set(stopped)

    def reported(
        self, environment: str, report: Report, wanted: Iterable[DesiredOrganization], success_at: float | None
    ) -> None:
        """Counts the outcomes of a pass; `success_at` is in Unix seconds, None if something is left to do."""
        for outcome in report.outcomes:
            key = outcome.change.key
            self.changes.labels(environment, key.kind, outcome.change.action, outcome.result).inc()
        for refusal in report.plan.refusals:
            self.refusals.labels(environment, refusal.rule).inc()
        self.duplicates.labels(environment).set(len(report.plan.duplicates))
        counted = tally(report, wanted)
        for kind in KINDS:
            for status in STATUSES:
                self.resources.labels(environment, kind, status).set(counted[kind, status])
        uncertain = sum(o.result is Result.UNKNOWN and isinstance(o.change, Create) for o in report.outcomes)
        self.uncertain.labels(environment).set(uncertain)
        self.suspended.labels(environment).set(len(report.plan.suspended))
        self._revision(environment, report.plan.revision)
        if success_at is not None:
            self.success.labels(environment).set(success_at)

    def _revision(self, environment: str, revision: str) -> None:
        before = self._revisions.get(environment)
        if before is not None and before != revision:
            self.source.remove(environment, before)
        self._revisions[environment] = revision
        self.source.labels(environment, revision).set(1)

    def text(self) -> bytes:
        """The body of /metrics; names in labels come from outside, so they are masked like all else."""
        shown: str = masked(generate_latest(self.registry).decode())
        return shown.encode()


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

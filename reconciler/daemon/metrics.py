"""Reports become Prometheus metrics, without customers' names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from reconciler.model.change import Action, Plan
from reconciler.model.event import Event, RequestDone, Retrying
from reconciler.model.outcome import Report, Result


class Metrics:
    """One process's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of = self.registry
        environment = ["environment"]
        self.passes = Counter("reconciler_passes", "Passes by result.", [*environment, "result"], registry=of)
        self.duration = Histogram(
            "reconciler_pass_duration_seconds", "How long passes took.", environment, registry=of
        )
        self.success = Gauge(
            "reconciler_last_success_timestamp_seconds",
            "When a pass last left nothing to do.",
            environment,
            registry=of,
        )
        self.resources = Gauge(
            "reconciler_resources", "Resources by status.", [*environment, "status"], registry=of
        )
        self.changes = Counter("reconciler_changes", "Changes by end.", ["kind", "action", "result"], registry=of)
        self.requests = Counter(
            "reconciler_api_requests", "Requests by answer.", ["method", "route", "code"], registry=of
        )
        self.seconds = Histogram("reconciler_api_request_duration_seconds", "How long requests took.", registry=of)
        self.retries = Counter("reconciler_api_retries", "Requests sent again.", registry=of)
        self.uncertain = Gauge(
            "reconciler_creates_uncertain", "Creates without an answer.", environment, registry=of
        )
        self.refusals = Counter("reconciler_guard_refusals", "Plans refused by a guard.", ["rule"], registry=of)
        self.source = Gauge(
            "reconciler_source_info", "The revision in use.", [*environment, "revision"], registry=of
        )
        self.suspended = Gauge("reconciler_suspended", "Suspended organizations.", environment, registry=of)

    def watch(self, event: Event) -> None:
        """Counts requests and retries."""
        if isinstance(event, RequestDone):
            self.requests.labels(event.method, event.route, event.status or "none").inc()
            self.seconds.observe(event.duration_s)
        elif isinstance(event, Retrying):
            self.retries.inc()

    def passed(self, environment: str, report: Report, duration_s: float, result: str, now: float) -> None:
        """Counts a pass that came to a report."""
        self.passes.labels(environment, result).inc()
        self.duration.labels(environment).observe(duration_s)
        if result == "success":
            self.success.labels(environment).set(now)
        for outcome in report.outcomes:
            key, action = outcome.change.key, outcome.change.action
            self.changes.labels(key.kind, action, outcome.result).inc()
        uncertain = [o for o in report.outcomes if o.result is Result.UNKNOWN and o.change.action is Action.CREATE]
        self.uncertain.labels(environment).set(len(uncertain))
        self._planned(environment, report.plan)

    def _planned(self, environment: str, plan: Plan) -> None:
        counts = {
            "unchanged": plan.unchanged,
            "unmanaged": len(plan.unmanaged),
            "blocked": len(plan.blocked),
            "changed": len(plan.changes),
        }
        for status, number in counts.items():
            self.resources.labels(environment, status).set(number)
        for refusal in plan.refusals:
            self.refusals.labels(refusal.rule).inc()
        self.suspended.labels(environment).set(len(plan.suspended))
        self.source.clear()
        self.source.labels(environment, plan.revision).set(1)

    def failed(self, environment: str, duration_s: float) -> None:
        """Counts a pass that came to nothing."""
        self.passes.labels(environment, "error").inc()
        self.duration.labels(environment).observe(duration_s)

    def text(self) -> bytes:
        """What /metrics answers."""
        return generate_latest(self.registry)

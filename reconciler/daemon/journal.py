"""Logs what a pass found and how it ended; what has not changed since the last pass is not logged again."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from reconciler.core.applying.verdict import PassResult, Verdict
from reconciler.core.values.problems import worst_first
from reconciler.daemon.declared import Vanished
from reconciler.model.change import Blocked, Duplicate, Plan
from reconciler.model.manifest import Problem, Severity
from reconciler.model.outcome import GOOD, Report

LINES_MAX = 100  # of one kind in one pass
log = structlog.get_logger()


class Journal:
    """The journal of one environment."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._problems: tuple[Problem, ...] = ()
        self._vanished: Vanished | None = None
        self._blocked: tuple[Blocked, ...] = ()
        self._duplicates: tuple[Duplicate, ...] = ()

    def problems(self, found: Sequence[Problem]) -> tuple[Problem, ...]:
        """Logs the problems of the manifests, if they are news; returns them, errors first."""
        ordered = tuple(worst_first(found))
        if ordered == self._problems:
            return ordered
        self._problems = ordered
        for problem in ordered[:LINES_MAX]:
            write = log.error if problem.severity is Severity.ERROR else log.warning
            place = str(problem.origin)
            write("problem", rule=problem.rule, place=place, message=problem.message, hint=problem.hint)
        if len(ordered) > LINES_MAX:
            hint = f"Run `reconciler validate {self._folder}`."
            log.error("more problems", number=len(ordered) - LINES_MAX, hint=hint)
        return ordered

    def vanished(self, gone: Vanished | None) -> None:
        """Logs that many organizations are no longer declared, if that is news."""
        if gone and gone is not self._vanished:
            log.warning("manifests vanished", message=gone.message, organizations=gone.names[:LINES_MAX])
        self._vanished = gone

    def plan(self, plan: Plan) -> None:
        """Logs the guards' refusals, and what is blocked or a duplicate if that is news."""
        for refusal in plan.refusals:
            log.warning("refused", rule=refusal.rule, message=refusal.message, digest=plan.digest)
        if plan.blocked != self._blocked:
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
        if plan.duplicates != self._duplicates:
            self._duplicates = plan.duplicates
            for twin in plan.duplicates[:LINES_MAX]:
                log.warning(
                    "duplicate",
                    organization=twin.organization,
                    kind=twin.kind,
                    name=twin.name,
                    message=twin.message,
                )


def ended(verdict: Verdict, report: Report | None, took_s: float) -> None:
    """Logs one line for the whole pass."""
    if verdict.result is PassResult.ERROR or report is None:
        log.error("pass failed", code=verdict.reason, error=verdict.message, hint=verdict.hint)
        return
    plan = report.plan
    log.info(
        "pass",
        result=verdict.result,
        digest=plan.digest,
        changes=len(plan.changes),
        done=sum(outcome.result in GOOD for outcome in report.outcomes),
        blocked=len(plan.blocked),
        duplicates=len(plan.duplicates),
        unmanaged=len(plan.unmanaged),
        duration_ms=round(took_s * 1000),
    )

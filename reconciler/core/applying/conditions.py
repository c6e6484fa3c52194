"""Makes the conditions of a pass from its report and the conditions before."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reconciler.model.change import BlockReason, Create, HintReason
from reconciler.model.condition import Condition, ConditionType
from reconciler.model.outcome import GOOD, Report, Result

Conditions = Mapping[str, tuple[Condition, ...]]  # by organization's handle


class _Finding(Struct, frozen=True):
    type: ConditionType
    reason: str
    message: str


def conclude(report: Report, previous: Conditions, now: float) -> dict[str, tuple[Condition, ...]]:
    """Return the conditions of every organization that the report or `previous` names; all others are Ready.

    A condition keeps its `since` while its status stays the same; `now` is in Unix seconds.
    """
    findings: dict[str, list[_Finding]] = {}
    for name, reason in report.plan.suspended.items():
        findings.setdefault(name, []).append(_Finding(ConditionType.SUSPENDED, "Suspended", reason))
    for block in report.plan.blocked:
        lost = block.reason is BlockReason.TOKEN_LOST
        kind = ConditionType.TOKEN_LOST if lost else ConditionType.BLOCKED
        findings.setdefault(block.organization, []).append(_Finding(kind, block.reason, block.message))
    for twin in report.plan.duplicates:
        found = _Finding(ConditionType.DUPLICATE, "Duplicate", twin.message)
        findings.setdefault(twin.organization, []).append(found)
    for hint in report.plan.hints:
        if hint.reason is HintReason.NO_PRIMARY:
            found = _Finding(ConditionType.NO_PRIMARY, hint.reason, hint.message)
            findings.setdefault(hint.organization, []).append(found)
    for outcome in report.outcomes:
        of_organization = findings.setdefault(outcome.change.key.organization, [])
        if outcome.result in GOOD:
            continue
        uncertain = outcome.result is Result.UNKNOWN and isinstance(outcome.change, Create)
        kind = ConditionType.CREATE_UNCERTAIN if uncertain else ConditionType.BLOCKED
        of_organization.append(_Finding(kind, outcome.result.capitalize(), outcome.error or ""))
    pending = _pending(report)
    for name in pending:
        findings.setdefault(name, [])
    names = set(findings) | set(previous)
    return {
        name: _conditions(findings.get(name, []), pending.get(name), previous.get(name, ()), report, now)
        for name in sorted(names)
    }


def _pending(report: Report) -> dict[str, _Finding]:
    """Return the organizations with a change that was not started, and why."""
    started = {outcome.change.key for outcome in report.outcomes}
    if report.plan.refusals:
        reason, message = "Guarded", report.plan.refusals[0].message
    elif report.halt:
        reason, message = "Halted", report.halt.message
    else:
        reason, message = "Pending", "it differs from git; this environment is in plan-only mode"
    finding = _Finding(ConditionType.READY, reason, message)
    return {c.key.organization: finding for c in report.plan.changes if c.key not in started}


def _conditions(
    findings: list[_Finding],
    pending: _Finding | None,
    previous: tuple[Condition, ...],
    report: Report,
    now: float,
) -> tuple[Condition, ...]:
    first: dict[ConditionType, _Finding] = {}
    for finding in findings:
        first.setdefault(finding.type, finding)
    bad = next((each for each in first.values() if each.type is not ConditionType.NO_PRIMARY), pending)
    ready = _Finding(ConditionType.READY, bad.reason if bad else "Reconciled", bad.message if bad else "")
    return tuple(
        Condition(
            type=finding.type,
            status=status,
            reason=finding.reason,
            message=finding.message,
            revision=report.plan.revision,
            since=_since(finding.type, status, previous, now),
        )
        for finding, status in ((ready, bad is None), *((each, True) for each in first.values()))
    )


def _since(type_: ConditionType, status: bool, previous: tuple[Condition, ...], now: float) -> float:
    known = next((each for each in previous if each.type is type_), None)
    return known.since if known and known.status is status else now

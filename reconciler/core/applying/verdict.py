"""Decides what a finished pass comes to: exit code, result, the reason of `Ready`, and whether to retry."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from reconciler.model.change import NOT_APPROVED, BlockReason, Refusal
from reconciler.model.errors import ReconcilerError, SourceError
from reconciler.model.manifest import Severity
from reconciler.model.outcome import GOOD, Outcome, Pass

WORST_FIRST = (64, 5, 3, 1, 8, 7, 6, 4, 2, 0)


def exit_code(*codes: int) -> int:
    """The one exit code where several hold; 0 where none does."""
    return next(code for code in WORST_FIRST if code in codes or code == 0)


class PassResult(StrEnum):
    """A pass in one word, as metrics, status and log have it."""

    SUCCESS = "success"  # the live environment is as git has it
    PARTLY = "partly"  # something is left to do
    REFUSED = "refused"  # by a guard
    ERROR = "error"  # no plan was made


class Verdict(Struct, frozen=True):
    """What every sink is told of a pass. `retry`: another pass may do better by itself, so it comes soon."""

    result: PassResult
    reason: str
    message: str
    hint: str
    exit_code: int
    retry: bool


def judge_error(error: ReconcilerError) -> Verdict:
    """The verdict on a pass that an error ended."""
    return Verdict(PassResult.ERROR, error.code, error.message, error.hint, error.exit_code, retry=True)


def judge(finished: Pass) -> Verdict:
    """The verdict on a pass: of all findings, the first gives the words, the worst the exit code."""
    held = [(row, message) for row in FINDINGS if (message := row.message(finished)) is not None]
    first, message = held[0]
    halt = finished.report.halt if finished.report else None
    codes = [row.exit_code for row, _ in held]
    return Verdict(
        result=first.result,
        reason=halt.code if halt else first.reason,
        message=message,
        hint=first.hint.format(folder=finished.loaded.folder),
        exit_code=exit_code(*codes, halt.exit_code if halt else 0),
        retry=any(row.retry for row, _ in held),
    )


# -- what can be found -----------------------------------------------------------------------------


class Finding(Struct, frozen=True):
    """Something that can hold of a pass, and what follows. `message` gives None where it does not hold."""

    message: Callable[[Pass], str | None]
    reason: str
    result: PassResult
    exit_code: int = 0
    retry: bool = False
    hint: str = ""


def _unusable(finished: Pass) -> str | None:
    loaded = finished.loaded
    if loaded.desired is not None:
        return None
    first = loaded.fatal[0] if loaded.fatal else None
    words = f"{first.origin}: {first.message}" if first else "some manifest has errors"
    more = f" (and {len(loaded.fatal) - 1} more)" if len(loaded.fatal) > 1 else ""
    return f"{loaded.folder} cannot be used: {words}{more}"


def _halted(finished: Pass) -> str | None:
    report = finished.report
    return report.halt.message if report and report.halt else None


def _refused(finished: Pass) -> str | None:
    return "; ".join(each.message for each in _refusals(finished) if each.rule != NOT_APPROVED) or None


def _not_approved(finished: Pass) -> str | None:
    return "; ".join(each.message for each in _refusals(finished) if each.rule == NOT_APPROVED) or None


def _refusals(finished: Pass) -> tuple[Refusal, ...]:
    return finished.report.plan.refusals if finished.report else ()


def _not_done(finished: Pass) -> str | None:
    return _left(finished) if _bad(finished) else None


def _unreadable(finished: Pass) -> str | None:
    blocked = finished.report.plan.blocked if finished.report else ()
    return _left(finished) if any(block.reason is BlockReason.UNREADABLE for block in blocked) else None


def _blocked(finished: Pass) -> str | None:
    return _left(finished) if finished.report and finished.report.plan.blocked else None


def _pending(finished: Pass) -> str | None:
    report = finished.report
    if report is None or len(report.outcomes) >= len(report.plan.changes):
        return None
    return f"{_count(len(report.plan.changes), 'change')} pending; this environment is in plan-only mode"


def _duplicated(finished: Pass) -> str | None:
    twins = finished.report.plan.duplicates if finished.report else ()
    return (
        f"{_count(len(twins), 'resource')} {'is' if len(twins) == 1 else 'are'} live more than once"
        if twins
        else None
    )


def _unparsed(finished: Pass) -> str | None:
    desired = finished.loaded.desired
    if desired is None or desired.complete:
        return None
    return "a file cannot be parsed, so nothing is created and its organizations are unknown"


def _invalid(finished: Pass) -> str | None:
    return "" if any(p.severity is Severity.ERROR for p in finished.loaded.problems) else None


def _bad(finished: Pass) -> list[Outcome]:
    outcomes = finished.report.outcomes if finished.report else ()
    return [outcome for outcome in outcomes if outcome.result not in GOOD]


def _left(finished: Pass) -> str:
    bad, blocked = len(_bad(finished)), len(finished.report.plan.blocked) if finished.report else 0
    parts = [
        f"{_count(bad, 'change')} did not succeed" if bad else "",
        f"{_count(blocked, 'resource')} {'is' if blocked == 1 else 'are'} blocked" if blocked else "",
    ]
    return ", ".join(part for part in parts if part)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


VALIDATE = "Run `reconciler validate {folder}`."
# In order of what a person should read first. A halt brings its own reason and exit code.
FINDINGS = (
    Finding(_unusable, SourceError.__name__, PassResult.ERROR, 8, retry=True, hint=VALIDATE),
    Finding(_halted, "Halted", PassResult.PARTLY, retry=True),
    Finding(_not_approved, "NotApproved", PassResult.REFUSED, 7),
    Finding(_refused, "Guarded", PassResult.REFUSED, 6),
    Finding(_not_done, "Partly", PassResult.PARTLY, 4, retry=True),
    Finding(_unreadable, "Partly", PassResult.PARTLY, 4, retry=True),
    Finding(_blocked, "Partly", PassResult.PARTLY, 4),
    Finding(_pending, "Pending", PassResult.PARTLY),
    Finding(_duplicated, "Duplicate", PassResult.PARTLY),
    Finding(_unparsed, BlockReason.INCOMPLETE_SOURCE, PassResult.PARTLY, 8),
    Finding(_invalid, "Reconciled", PassResult.SUCCESS, 8),
    Finding(lambda _: "", "Reconciled", PassResult.SUCCESS),
)

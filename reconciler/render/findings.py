"""Lists what a plan, a report, a check or an error has to say, with places, for every platform's format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import groupby

from msgspec import Struct, structs

from reconciler.core.values.problems import worst_first
from reconciler.core.values.redaction import cut, escaped
from reconciler.model.change import Action, Change, Plan
from reconciler.model.errors import ReconcilerError
from reconciler.model.manifest import Origin, Severity, Validation
from reconciler.model.outcome import GOOD, Outcome, Report, Result
from reconciler.render.alike import NAMED_MAX, alike, named, told
from reconciler.render.words import NOTHING, count, release, resource, value

MAX_MESSAGE = 1000
RISK = "risk"


class Level(StrEnum):
    """How bad a finding is, the worst first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(Struct, frozen=True):
    """One thing to show at its place. `rule` is a stable id; `subject` says whose it is; texts are escaped.

    `origin` is None where there is no place for it, relative to the folder of manifests otherwise.
    """

    level: Level
    rule: str
    subject: str
    message: str
    origin: Origin | None = None


class Findings(Struct, frozen=True):
    """All findings, worst first, and one line that sums them up.

    `creates` and `updates` count changes, None where no plan was made. `failed`: there is no result at all.
    """

    title: str
    verdict: str
    items: tuple[Finding, ...]
    creates: int | None = None
    updates: int | None = None
    failed: bool = False


def of_plan(plan: Plan) -> Findings:
    """What the plan would do, what it would not, and why."""
    wrong = (*_refused(plan), *_blocked(plan), *_duplicates(plan))
    found = [*wrong, *_adopted(plan), *_released(plan), *_shared(plan), *_changes(plan.changes)]
    return _sorted(f"Plan for {where(plan)}", counts(plan), found, plan)


def of_report(report: Report) -> Findings:
    """How every change ended."""
    plan = report.plan
    found = [*_refused(plan), *_blocked(plan), *_duplicates(plan)]
    found += (_outcome(each) for each in report.outcomes if not _done(each))
    if report.halt:
        subject, message = escaped(plan.environment), _text(report.halt.message)
        found.append(Finding(Level.ERROR, f"halt/{report.halt.code}", subject, message))
    for each in _changes([each.change for each in report.outcomes if _done(each)]):
        rule = f"done/{each.rule.rpartition('/')[2]}"
        found.append(structs.replace(each, level=Level.NOTE, rule=rule))
    return _sorted(f"Apply to {where(plan)}", results(report), found, plan)


def of_validation(validation: Validation) -> Findings:
    """Every problem of the manifests."""
    found = tuple(
        Finding(
            Level.ERROR if each.severity is Severity.ERROR else Level.WARNING,
            each.rule,
            escaped(each.origin.file),
            _text(". ".join(part.rstrip(".") for part in (each.message, each.hint) if part)),
            each.origin,
        )
        for each in worst_first(validation.problems)
    )
    return Findings("Validation", checked(validation), found, failed=False)


def of_error(error: ReconcilerError) -> Findings:
    """What kept a command from its result."""
    message = _text(error.whole)
    return Findings(
        "Error", message, (Finding(Level.ERROR, f"error/{error.code}", "reconciler", message),), failed=True
    )


# -- one line about all ----------------------------------------------------------------------------


def where(plan: Plan) -> str:
    """`production (env_…)`."""
    id_ = plan.environment_id or plan.pin
    return f"{escaped(plan.environment)} ({id_})" if id_ else escaped(plan.environment)


def counts(plan: Plan) -> str:
    """What the plan comes to; only one that saw everything says that there is nothing to do."""
    acting = {action: sum(change.action is action for change in plan.changes) for action in Action}
    risks = sum(bool(change.risks) for change in plan.changes)
    parts = [
        *(f"{number:,} to {action}" for action, number in acting.items() if number),
        f"{risks:,} at risk" if risks else "",
        f"{len(plan.blocked):,} blocked" if plan.blocked else "",
        count(len(plan.duplicates), "duplicate") if plan.duplicates else "",
        f"{len(plan.suspended):,} suspended" if plan.suspended else "",
        f"{plan.unchanged:,} unchanged",
        f"{len(plan.unmanaged):,} unmanaged" if plan.unmanaged else "",
    ]
    nothing = "" if plan.changes or plan.blocked else "nothing to write, " if plan.scope else "no changes, "
    refused = "refused by a guard: " if plan.refusals else ""
    words = refused + nothing + ", ".join(part for part in parts if part)
    return words[:1].upper() + words[1:]


def results(report: Report) -> str:
    """How many changes ended how."""
    ended = {result: sum(each.result is result for each in report.outcomes) for result in Result}
    left = len(report.plan.changes) - len(report.outcomes)
    parts = [f"{number:,} {result}" for result, number in ended.items() if number]
    parts += [f"{left:,} not started"] if left else []
    parts += [f"{len(report.plan.blocked):,} blocked in the plan"] if report.plan.blocked else []
    return ", ".join(parts) or "Nothing to do"


def checked(validation: Validation) -> str:
    """How many files and manifests have how many problems."""
    errors = validation.errors
    words = (
        count(validation.manifests, "manifest"),
        "in",
        f"{count(validation.files, 'file')}:",
        f"{count(errors, 'error')},",
        count(len(validation.problems) - errors, "warning"),
    )
    return " ".join(words)


# -- the findings ----------------------------------------------------------------------------------


def _refused(plan: Plan) -> Iterator[Finding]:
    place = plan.changes[0].origin if plan.changes else None
    for each in plan.refusals:
        yield Finding(Level.ERROR, f"guard/{each.rule}", escaped(plan.environment), _text(each.message), place)


def _blocked(plan: Plan) -> Iterator[Finding]:
    for each in plan.blocked:
        subject = resource(each.kind, each.organization, each.name or "")
        yield Finding(Level.ERROR, f"blocked/{each.reason}", subject, _text(each.message), each.origin)


def _duplicates(plan: Plan) -> Iterator[Finding]:
    for each in plan.duplicates:
        subject = resource(each.kind, each.organization, each.name)
        yield Finding(Level.ERROR, f"duplicate/{each.kind}", subject, _text(each.message))


def _adopted(plan: Plan) -> Iterator[Finding]:
    for name, changes in groupby(plan.changes, key=lambda change: change.key.organization):
        live = plan.targets.get(name)
        if live and live.adopted:
            whose = f"{value(live.display_name)} ({', '.join(live.domains) or NOTHING})"
            message = _text(f"adopts {live.id} {whose}: look who it is before you approve")
            yield Finding(Level.WARNING, f"{RISK}/adopts", escaped(name), message, next(changes).origin)


def _released(plan: Plan) -> Iterator[Finding]:
    for each in plan.released:
        yield Finding(Level.WARNING, f"{RISK}/releases", escaped(each.organization), _text(release(each)))


def _shared(plan: Plan) -> Iterator[Finding]:
    for each in plan.shared_domains:
        message = _text(f"{each.name} is a domain of several live organizations: {', '.join(each.ids)}")
        yield Finding(Level.WARNING, f"{RISK}/sharedDomain", escaped(each.name), message)


def _changes(changes: Iterable[Change]) -> Iterator[Finding]:
    for group in alike(changes):
        first = group[0]
        level = Level.WARNING if first.risks else Level.NOTE
        rule = f"{RISK if first.risks else 'change'}/{first.action}"
        subject = named(first) if len(group) == 1 else f"{count(len(group), 'change')} alike"
        yield Finding(level, rule, subject, _text(_told(group)), first.origin)


def _told(group: tuple[Change, ...]) -> str:
    first = group[0]
    risk = f"; sign-in risk: {', '.join(sorted(set(first.risks)))}" if first.risks else ""
    if len(group) == 1:
        fields = ", ".join(map(told, first.fields))
        return f"{first.action} {named(first)}{f': {fields}' if fields else ''}{risk}"
    fields = ", ".join(field.path for field in first.fields)
    names = ", ".join(named(change) for change in group[:NAMED_MAX])
    more = f" and {len(group) - NAMED_MAX:,} more" if len(group) > NAMED_MAX else ""
    return f"{len(group):,} alike: {first.action} {fields or first.key.kind} of {names}{more}{risk}"


def _outcome(outcome: Outcome) -> Finding:
    change = outcome.change
    message = _text(f"{change.action} {named(change)} {outcome.result}: {outcome.error or ''}".rstrip(": "))
    return Finding(Level.ERROR, f"outcome/{outcome.result}", named(change), message, change.origin)


def _done(outcome: Outcome) -> bool:
    return outcome.result in GOOD


def _sorted(title: str, verdict: str, found: list[Finding], plan: Plan) -> Findings:
    levels = list(Level)
    return Findings(
        title=title,
        verdict=verdict,
        items=tuple(sorted(found, key=lambda each: levels.index(each.level))),
        creates=sum(change.action is not Action.UPDATE for change in plan.changes),
        updates=sum(change.action is Action.UPDATE for change in plan.changes),
    )


def _text(message: str) -> str:
    return cut(escaped(message), MAX_MESSAGE)

"""Plans, reports and problems as Markdown: a comment of a pull request, or a job's summary.

All that comes from outside stands in code spans, in fences or in escaped HTML, so that no name can be a mention, a
link or a tag.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec import Struct

from reconciler.core.values.problems import worst_first
from reconciler.model.change import Action, Change, Create, Plan
from reconciler.model.errors import ReconcilerError
from reconciler.model.manifest import Origin, Validation
from reconciler.model.outcome import Report
from reconciler.model.state import Certificate
from reconciler.render.alike import ALIKE_MAX, moved, signature, told
from reconciler.render.findings import Finding, Level, checked, counts, of_error, of_plan, of_report, results
from reconciler.render.spans import code, fold, html_code, marker, some
from reconciler.render.style import Style
from reconciler.render.words import MARKS, age, count, scope, title, value

COMMENT_BYTES = 60_000  # GitHub takes 65,536 characters
SUMMARY_BYTES = 1024 * 1024 - 4096  # GitHub takes 1 MiB
_MAX_LINES, _MAX_LISTED = 60, 25
_TAIL_BYTES = 300
_MARKS = {Level.ERROR: "🛑", Level.WARNING: "⚠️", Level.NOTE: "✓"}


class Size(Struct, frozen=True):
    """How much a platform takes, in bytes of UTF-8."""

    bytes_max: int

    def plan(self, plan: Plan, style: Style) -> bytes:
        """One verdict, what needs attention, then a fold for each organization, the worst first."""
        attention = [each for each in of_plan(plan).items if each.level is not Level.NOTE]
        parts = [
            *_head(plan, style, f"Plan: {counts(plan)}."),
            *_table(plan),
            *_list("Needs attention", attention, style),
            *_folds(plan, style),
            *_notes(plan),
        ]
        return self._fitted(parts, f"Digest {code(plan.digest)}, revision {code(plan.revision)}.\n")

    def report(self, report: Report, style: Style) -> bytes:
        """How every change ended, the worst first."""
        parts = [
            *_head(report.plan, style, f"Apply: {results(report)}."),
            *_list("What became of it", of_report(report).items, style),
        ]
        return self._fitted(parts, f"Digest {code(report.plan.digest)}, revision {code(report.plan.revision)}.\n")

    def validation(self, validation: Validation, style: Style) -> bytes:
        """Every problem with its place, errors first."""
        verdict = "Invalid" if validation.errors else "Valid"
        parts = [f"{marker(style.located(''))}### Manifests\n\n**{verdict}: {checked(validation)}.**\n\n"]
        for problem in worst_first(validation.problems):
            mark = _MARKS[Level(problem.severity)]
            hint = f"<br>{code(problem.hint)}" if problem.hint else ""
            place = code(f"{_place(problem.origin, style)}:{problem.origin.column}")
            parts.append(f"- {mark} {place} {code(problem.message)} [{code(problem.rule)}]{hint}\n")
        return self._fitted(parts, "")

    def error(self, error: ReconcilerError, style: Style) -> bytes:
        """What kept a command from its result; never that there is nothing to do."""
        found = of_error(error).items[0]
        head = f"{marker(style.located(''))}### Failed\n\n"
        return self._fitted([f"{head}**No result.** {code(found.message)} [{code(found.rule)}]\n"], "")

    def _fitted(self, parts: Iterable[str], tail: str) -> bytes:
        """As many parts as fit, in their order, then how many are left out."""
        shown, size, left = [], len(_utf8(tail)) + _TAIL_BYTES, 0
        for part in parts:
            size += len(_utf8(part))
            if size > self.bytes_max or left:
                left += 1
            else:
                shown.append(part)
        more = f"\n**… and {left:,} more entries.** The plan as JSON has all.\n\n" if left else ""
        return _utf8("".join([*shown, more, f"\n{tail}" if tail else ""]))


COMMENT, SUMMARY = Size(COMMENT_BYTES), Size(SUMMARY_BYTES)


# -- what a plan says ------------------------------------------------------------------------------


def _head(plan: Plan, style: Style, verdict: str) -> Iterator[str]:
    id_ = plan.environment_id or plan.pin
    where = f"{code(plan.environment)} {code(id_)}" if id_ else f"{code(plan.environment)}, still empty"
    pinned = "" if plan.pin else "\nThe manifests do not pin this environment: `reconciler pin` shows the line.\n"
    folder = f" from {code(style.located(''))}" if style.repository else ""
    only = "" if plan.age_s is None else f"\n{age(plan.age_s)}\n"
    only += f"\n{scope(plan.scope)}\n" if plan.scope else ""
    yield f"{marker(plan.environment)}### {where}{folder}\n\n**{verdict}**\n{only}{pinned}\n"


def _table(plan: Plan) -> Iterator[str]:
    acting = {action: sum(change.action is action for change in plan.changes) for action in Action}
    cells = {
        **{str(action): number for action, number in acting.items()},
        "at risk": sum(bool(change.risks) for change in plan.changes),
        "blocked": len(plan.blocked),
        "unchanged": plan.unchanged,
        "unmanaged": len(plan.unmanaged),
    }
    rows = (cells, ["--:"] * len(cells), [f"{number:,}" for number in cells.values()])
    yield "".join(f"| {' | '.join(row)} |\n" for row in rows) + "\n"


def _list(heading: str, items: Iterable[Finding], style: Style) -> Iterator[str]:
    for position, each in enumerate(items):
        place = f" {code(_place(each.origin, style))}" if each.origin else ""
        head = f"#### {heading}\n\n" if position == 0 else ""
        what = f"{_MARKS[each.level]} {code(each.subject)} [{code(each.rule)}]{place}"
        yield f"{head}- {what}<br>{code(each.message)}\n"


def _notes(plan: Plan) -> Iterator[str]:
    """What asks for nothing now, folded, and not all of it."""
    lines = [f"i {each.organization} {each.name or ''} {each.reason}: {each.message}" for each in plan.hints]
    lines += [f"= {name} suspended: {reason}" for name, reason in plan.suspended.items()]
    lines += [f"? {each.id} {each.display_name} live, not in git" for each in plan.unmanaged]
    lines += [f"the process lets manifests loosen {rule}" for rule in plan.loosened]
    lines += [f"{count(len(plan.pins), 'pin')} missing: reconciler pin --write inserts them"] if plan.pins else []
    if lines:
        yield fold(count(len(lines), "note"), "text", some(lines, _MAX_LISTED))


# -- a fold for each organization ------------------------------------------------------------------


def _folds(plan: Plan, style: Style) -> Iterator[str]:
    """The worst first; of many that change alike, one fold."""
    groups: dict[object, list[list[Change]]] = {}
    for name, changes in groupby(plan.changes, key=lambda change: change.key.organization):
        own = list(changes)
        live = plan.targets.get(name)
        kind = (live is not None and live.adopted, tuple(map(signature, own)))
        groups.setdefault(kind, []).append(own)
    many = [group for group in groups.values() if len(group) > ALIKE_MAX]
    folds = many + [[own] for group in groups.values() if len(group) <= ALIKE_MAX for own in group]
    for position, same in enumerate(sorted(folds, key=lambda each: _badness(each[0], plan))):
        head = "\n#### Changes\n\n" if position == 0 else ""
        yield head + (_one(same[0], plan, style) if len(same) == 1 else _many(same))


def _badness(changes: list[Change], plan: Plan) -> tuple[bool, bool, bool]:
    live = plan.targets.get(changes[0].key.organization)
    creates = isinstance(changes[0], Create) and changes[0].collection is None
    return not (live and live.adopted), not any(change.risks for change in changes), creates


def _one(changes: list[Change], plan: Plan, style: Style) -> str:
    first = changes[0]
    live = plan.targets.get(first.key.organization)
    domains = ", ".join(live.domains) if live else ""
    whose = f" {html_code(f'{value(live.display_name)} ({domains})')}" if live else ""
    adopts = " <b>adopts</b>" if live and live.adopted else ""
    risk = " ⚠️" if any(change.risks for change in changes) else ""
    summary = f"{html_code(first.key.organization)}{adopts}{risk}{whose}"
    return fold(summary, "diff", some([_place(first.origin, style), *_diff(changes)], _MAX_LINES))


def _many(same: list[list[Change]]) -> str:
    first = same[0]
    kinds = ", ".join(f"{change.action} {change.key.kind}" for change in first)
    risk = " ⚠️" if any(change.risks for change in first) else ""
    lines = [
        f"{MARKS[change.action]} {change.key.organization}: {' '.join(map(told, change.fields))}"
        for changes in same
        for change in changes
    ]
    summary = f"<b>{len(same):,} organizations alike</b>{risk} {html.escape(kinds)}"
    return fold(summary, "diff", some(lines, _MAX_LISTED))


def _diff(changes: list[Change]) -> Iterator[str]:
    for change in changes:
        yield f"@@ {MARKS[change.action]} {title(change)} {change.live_id or ''} @@"
        yield from (f"! sign-in risk: {risk}" for risk in sorted(set(change.risks)))
        for field in change.fields:
            name = field.path.rpartition(".")[2]
            gone, new = moved(field)
            if gone or new:
                yield from (f"- {name} {each}" for each in gone)
                yield from (f"+ {name} {each}" for each in new)
                continue
            if field.before is not None:
                yield f"- {name} {value(field.before)}"
            yield f"+ {name} {value(field.after)}"
            if isinstance(field.after, Certificate) and field.after.not_after:
                yield f"# expires {field.after.not_after}"
        yield from (f"- {each.name or each.id} primary" for each in change.implied)


def _place(origin: Origin, style: Style) -> str:
    return f"{style.located(origin.file)}:{origin.line}"


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")

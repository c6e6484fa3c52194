"""Plans, reports and problems for people: text that may change, unlike the JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from msgspec import Struct

from reconciler.model.change import Action, Change, FieldChange, Implied, Plan
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Problem, Severity
from reconciler.model.outcome import GOOD, Outcome, Report, Result
from reconciler.render.words import MARKS, child, count, escaped, title, value

RISK = "! sign-in risk"


class Style(Struct, frozen=True):
    """`colour` says whether to colour; `folder` stands before file names."""

    colour: bool = False
    folder: str = ""

    def paint(self, code: str, text: str) -> str:
        """The text in a colour (31 red, 32 green, 33 yellow, 1 bold, 2 dim), if colours are wanted."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def place(self, file: str, line: int) -> str:
        """`manifests/acme.yaml:4`."""
        return f"{self.folder}/{escaped(file)}:{line}" if self.folder else f"{escaped(file)}:{line}"


PLAIN = Style()
_COLOURS = {"+": "32", "~": "33", "*": "36"}


# -- plan ------------------------------------------------------------------------------------------


def plan(plan: Plan, style: Style = PLAIN) -> str:
    """The whole plan; without changes it is one line, above whatever else is worth knowing."""
    lines = [line for group in _by_organization(plan.changes) for line in _organization(group, style)]
    if not plan.changes:
        lines.append(f"No changes. {_counts(plan)}")
    lines += _attention(plan, style)
    if plan.changes:
        lines += ["", f"Plan: {_counts(plan)}  Digest {plan.digest}."]
    lines += [style.paint("31", f"Refused ({refusal.rule}): {refusal.message}") for refusal in plan.refusals]
    return "\n".join(lines).lstrip("\n") + "\n"


def _counts(plan: Plan) -> str:
    acting = {action: sum(change.action is action for change in plan.changes) for action in Action}
    parts = [
        f"{acting[Action.CREATE]} to create" if plan.changes else "",
        f"{acting[Action.UPDATE]} to update" if plan.changes else "",
        f"{acting[Action.ISSUE]} to issue" if acting[Action.ISSUE] else "",
        f"{plan.unchanged} unchanged",
        f"{len(plan.unmanaged)} unmanaged" if plan.unmanaged else "",
        f"{len(plan.blocked)} blocked" if plan.blocked else "",
        f"{len(plan.suspended)} suspended" if plan.suspended else "",
    ]
    return ", ".join(part for part in parts if part) + "."


def _by_organization(changes: Sequence[Change]) -> Iterator[list[Change]]:
    for _, group in groupby(changes, key=lambda change: change.key.organization):
        yield list(group)


def _organization(changes: list[Change], style: Style) -> Iterator[str]:
    first = changes[0]
    if first.key.kind is not KindName.ORGANIZATION:
        id_ = first.parent if isinstance(first.parent, str) else ""
        yield f"  {escaped(first.key.organization)}  {id_}".rstrip()
    for change in changes:
        yield from _change(change, style)


def _change(change: Change, style: Style) -> Iterator[str]:
    mark = MARKS[change.action]
    own = change.key.kind is KindName.ORGANIZATION
    indent = "" if own else "  "
    id_ = change.id if isinstance(change.id, str) and change.action is Action.UPDATE else ""
    place = style.place(change.origin.file, change.origin.line) if own else ""
    parts = [part for part in (f"{mark} {title(change)}", id_, place) if part]
    risk = f"  {style.paint('31', RISK)}" if change.risks else ""
    yield indent + style.paint(_COLOURS[mark], "  ".join(parts)) + risk
    width = max((len(field.path.rpartition(".")[2]) for field in change.fields), default=0)
    for field in change.fields:
        name = field.path.rpartition(".")[2].ljust(width)
        for text in _field(field, change.implied):
            yield f"{indent}    {name}  {text}"
            name = " " * width


def _field(field: FieldChange, implied: Sequence[Implied]) -> Iterator[str]:
    if isinstance(field.after, tuple):
        before = field.before if isinstance(field.before, tuple) else ()
        for gone in sorted(set(before) - set(field.after)):
            yield f"- {escaped(gone)}"
        for new in sorted(set(field.after) - set(before)):
            yield f"+ {escaped(new)}"
        return
    loses = "".join(f"   ({escaped(each.name or each.id)} loses primary)" for each in implied)
    if field.before is None:
        yield value(field.after)
    else:
        yield f"{value(field.before)} → {value(field.after)}{loses if field.wire == 'primary' else ''}"


def _attention(plan: Plan, style: Style) -> Iterator[str]:
    for block in plan.blocked:
        name = escaped(block.organization) + (f"/{escaped(block.name)}" if block.name else "")
        place = style.place(block.origin.file, block.origin.line)
        yield style.paint("31", f"x {name}  {block.reason}  {place}")
        yield f"    {escaped(block.message)}"
    for name, reason in plan.suspended.items():
        yield style.paint("33", f"= {escaped(name)}  suspended: {escaped(reason)}")
    for hint in plan.hints:
        name = escaped(hint.organization) + (f"/{escaped(hint.name)}" if hint.name else "")
        yield f"i {name}  {hint.reason}: {escaped(hint.message)}"
    for each in plan.unmanaged:
        shown = f'"{escaped(each.display_name)}"  ' if each.display_name else ""
        where = f"in {escaped(each.organization)}, " if each.organization else ""
        yield f"? {each.id}  {shown}{where}live, not in git; the API cannot delete it"


def pins(plan: Plan, style: Style = PLAIN) -> str:
    """The `id:` line of every match that has none in git, ready to paste."""
    lines = [
        f"  id: {pin.id}  # {style.place(pin.origin.file, pin.origin.line)}  {_pinned(pin.kind, pin.name)}"
        for pin in plan.pins
    ]
    return "\n".join(["Matches without a pin:", *lines]) + "\n" if lines else ""


def _pinned(kind: KindName, name: str) -> str:
    return escaped(name) if kind is KindName.ORGANIZATION else child(kind, name)


# -- report ----------------------------------------------------------------------------------------

_RESULTS = {
    Result.APPLIED: ("32", "applied"),
    Result.SATISFIED: ("32", "was so already"),
    Result.FAILED: ("31", "failed"),
    Result.UNKNOWN: ("33", "unknown"),
    Result.STALE: ("33", "stale"),
    Result.BLOCKED: ("31", "blocked"),
}


def report(report: Report, style: Style = PLAIN) -> str:
    """What became of the plan, one line per change."""
    lines = [_outcome(outcome, style) for outcome in report.outcomes]
    left = len(report.plan.changes) - len(report.outcomes)
    if report.halt:
        lines.append(style.paint("31", f"Stopped: {escaped(report.halt.message)} ({left} not started)"))
    lines += [style.paint("31", f"Refused ({each.rule}): {each.message}") for each in report.plan.refusals]
    counts = {result: sum(o.result is result for o in report.outcomes) for result in Result}
    shown = ", ".join(f"{number} {result}" for result, number in counts.items() if number) or "nothing to do"
    blocked = f" {len(report.plan.blocked)} blocked in the plan." if report.plan.blocked else ""
    lines.append(f"Done: {shown}.{blocked}")
    return "\n".join(lines) + "\n"


def _outcome(outcome: Outcome, style: Style) -> str:
    colour, word = _RESULTS[outcome.result]
    change = outcome.change
    name = escaped(change.key.organization)
    if change.key.kind is not KindName.ORGANIZATION:
        name += f" {child(change.key.kind, change.key.name)}"
    why = "" if outcome.result in GOOD or not outcome.error else f": {escaped(outcome.error)}"
    return style.paint(colour, f"{word:8} {change.action} {name}  {outcome.id or ''}".rstrip()) + why


# -- problems --------------------------------------------------------------------------------------


def validation(problems: Sequence[Problem], files: int, manifests: int, style: Style = PLAIN) -> str:
    """Every problem with its place, worst first, and one line that sums up."""
    lines = [line for problem in worst_first(problems) for line in _problem(problem, style)]
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    found = f"{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}"
    lines.append(
        f"{'Invalid' if errors else 'Valid'}: {count(manifests, 'manifest')} in {count(files, 'file')}, {found}."
    )
    return "\n".join(lines) + "\n"


def worst_first(problems: Iterable[Problem]) -> list[Problem]:
    """Errors before warnings, then by place."""
    return sorted(
        problems, key=lambda problem: (problem.severity is not Severity.ERROR, problem.origin, problem.rule)
    )


def _problem(problem: Problem, style: Style) -> Iterator[str]:
    colour = "31" if problem.severity is Severity.ERROR else "33"
    place = f"{style.place(problem.origin.file, problem.origin.line)}:{problem.origin.column}"
    yield f"{place}: {style.paint(colour, problem.severity)}: {escaped(problem.message)} [{problem.rule}]"
    if problem.hint:
        yield f"    {escaped(problem.hint)}"

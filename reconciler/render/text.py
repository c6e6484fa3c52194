"""Plans, reports and problems for people: text that may change, unlike the JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from msgspec import Struct

from reconciler.model.change import Action, Blocked, Change, Create, FieldChange, Hint, Plan, Unmanaged, Update
from reconciler.model.errors import ReconcilerError
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Problem, Severity
from reconciler.model.outcome import GOOD, Outcome, Report, Result
from reconciler.model.state import Certificate, Organization, SAMLConnection, SCIMDirectory, Value
from reconciler.render.words import MARKS, NOTHING, child, count, escaped, fitted, settings, spoken, title, value

T = TypeVar("T")
RISK = "! sign-in risk"
TIED = "\u00a0"  # a blank where no line is broken; no text from outside has one, since it is not printable
MAX_LISTED = 10  # of what needs no action; the JSON has all


class Style(Struct, frozen=True):
    """`colour` says whether to colour; `folder` stands before file names; `columns` is a terminal's width."""

    colour: bool = False
    folder: str = ""
    columns: int | None = None

    def paint(self, code: str, text: str) -> str:
        """The text in a colour (31 red, 32 green, 33 yellow, 1 bold, 2 dim), if colours are wanted."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def place(self, file: str, line: int) -> str:
        """`manifests/acme.yaml:4`."""
        return escaped(f"{self.folder}/{file}:{line}" if self.folder else f"{file}:{line}")

    def joined(self, lines: Iterable[str]) -> str:
        """The lines as one text, none wider than the terminal where that can be helped."""
        return "".join(f"{fitted(line, self.columns)}\n" for line in lines).replace(TIED, " ")


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
    return style.joined(lines)


def _counts(plan: Plan) -> str:
    acting = {action: sum(change.action is action for change in plan.changes) for action in Action}
    parts = [
        f"{acting[Action.CREATE]:,} to create" if plan.changes else "",
        f"{acting[Action.UPDATE]:,} to update" if plan.changes else "",
        f"{acting[Action.ISSUE]:,} to issue" if acting[Action.ISSUE] else "",
        f"{plan.unchanged:,} unchanged",
        f"{len(plan.unmanaged):,} unmanaged" if plan.unmanaged else "",
        f"{len(plan.blocked):,} blocked" if plan.blocked else "",
        f"{len(plan.suspended):,} suspended" if plan.suspended else "",
    ]
    return ", ".join(part for part in parts if part) + "."


def _by_organization(changes: Sequence[Change]) -> Iterator[list[Change]]:
    for _, group in groupby(changes, key=lambda change: change.key.organization):
        yield list(group)


def _organization(changes: list[Change], style: Style) -> Iterator[str]:
    first = changes[0]
    if first.key.kind is not KindName.ORGANIZATION:
        id_ = first.parent if isinstance(first.parent, str) else ""
        place = style.place(first.origin.file, first.origin.line)
        yield "  " + "  ".join(part for part in (escaped(first.key.organization), id_, place) if part)
    for change in changes:
        yield from _change(change, style)


def _change(change: Change, style: Style) -> Iterator[str]:
    mark = MARKS[change.action]
    own = change.key.kind is KindName.ORGANIZATION
    indent = "" if own else "  "
    id_ = change.id if isinstance(change, Update) else ""
    place = style.place(change.origin.file, change.origin.line) if own else ""
    parts = [part for part in (f"{mark} {title(change)}", id_, place) if part]
    risk = f"  {style.paint('31', RISK)}" if change.risks else ""
    yield indent + style.paint(_COLOURS[mark], "  ".join(parts)) + risk
    width = max((len(field.path.rpartition(".")[2]) for field in change.fields), default=0)
    for field in change.fields:
        name = field.path.rpartition(".")[2].ljust(width)
        for text in _field(field, change):
            yield f"{indent}    {name}  {text}"
            name = " " * width


def _field(field: FieldChange, change: Change) -> Iterator[str]:
    if isinstance(field.after, tuple):
        before = field.before if isinstance(field.before, tuple) else ()
        for gone in sorted(set(before) - set(field.after)):
            yield f"- {escaped(gone)}"
        for new in sorted(set(field.after) - set(before)):
            yield f"+ {escaped(new)}"
        if set(before) == set(field.after):  # only its spelling differs, such as one that stands twice
            yield f"{value(before)} → {value(field.after)}"
        return
    losers = (child(change.key.kind, each.name) if each.name else each.id for each in change.implied)
    loses = "".join(f"   ({loser} loses primary)" for loser in losers)
    if field.before is None:
        yield value(field.after)
    else:
        yield f"{value(field.before)} → {value(field.after)}{loses if field.wire == 'primary' else ''}"


def _attention(plan: Plan, style: Style) -> Iterator[str]:
    for _, blocks in groupby(plan.blocked, key=lambda block: (block.reason, block.organization, block.message)):
        yield from _blocked(list(blocks), style)
    for name, reason in plan.suspended.items():
        yield style.paint("33", f"= {escaped(name)}  suspended: {escaped(reason)}")
    for _, hints in groupby(sorted(plan.hints, key=lambda hint: hint.reason), key=lambda hint: hint.reason):
        yield from _some(list(hints), _hint, "hints of this kind")
    yield from _some(plan.unmanaged, _unmanaged, "that are live, not in git")


def _blocked(same: Sequence[Blocked], style: Style) -> Iterator[str]:
    """Those of one organization that one message is about."""
    for block in same:
        name = escaped(block.organization)
        if block.name and block.kind is not KindName.ORGANIZATION:
            name += f" {child(block.kind, block.name)}"
        place = style.place(block.origin.file, block.origin.line)
        yield style.paint("31", f"x {name}  {block.reason}  {place}")
    yield f"    {escaped(same[0].message)}"


def _some(all_: Sequence[T], line: Callable[[T], str], what: str) -> Iterator[str]:
    """The first few, and how many more there are."""
    yield from map(line, all_[:MAX_LISTED])
    more = len(all_) - MAX_LISTED
    if more > 0:
        yield f"  … and {more:,} more {what}; `--output{TIED}json` lists them all"


def _hint(hint: Hint) -> str:
    name = escaped(hint.organization) + (f"/{escaped(hint.name)}" if hint.name else "")
    return f"i {name}  {hint.reason}: {escaped(hint.message)}"


def _unmanaged(each: Unmanaged) -> str:
    shown = f'"{escaped(each.display_name)}"  ' if each.display_name else ""
    where = f"in {escaped(each.organization)}, " if each.organization else ""
    return f"? {each.id}  {shown}{where}live, not in git; the API cannot delete it"


def pins(plan: Plan, style: Style = PLAIN) -> str:
    """The `id:` line of every match that has none in git, ready to paste, under what to do with them."""
    if not plan.pins:
        return ""
    some = "matches have" if len(plan.pins) > 1 else "match has"
    lines = [
        "",
        f"{len(plan.pins):,} {some} no `id:` in git. Paste it there, and nothing else is ever taken for it:",
    ]
    for pin in plan.pins[:MAX_LISTED]:
        lines.append(f"    id:{TIED}{pin.id}  #{TIED}{_pinned(pin.kind, pin.organization, pin.name)}")
        lines[-1] += f"  {style.place(pin.origin.file, pin.origin.line)}"
    if len(plan.pins) > MAX_LISTED:
        more = len(plan.pins) - MAX_LISTED
        lines.append(
            f"  … and {more:,} more; `--target{TIED}NAME` shows one organization's, `--output{TIED}json` all"
        )
    return style.joined(lines)


def _pinned(kind: KindName, organization: str, name: str) -> str:
    own = kind is KindName.ORGANIZATION
    return escaped(organization) if own else f"{escaped(organization)} {child(kind, name)}"


# -- report ----------------------------------------------------------------------------------------

_COLOUR_OF = {Result.FAILED: "31", Result.UNKNOWN: "33", Result.STALE: "33", Result.BLOCKED: "31"}
_NEXT = {
    Result.UNKNOWN: "Unknown: it may have been done. Run `reconciler plan`, which looks; nothing is made twice.",
    Result.STALE: "Stale: the live object moved after it was planned, so nothing was written to it. Plan again.",
}


def report(report: Report, style: Style = PLAIN) -> str:
    """What became of the plan, one line per change, and what to do about what is left."""
    lines = [_outcome(outcome, style) for outcome in report.outcomes]
    lines += [style.paint("31", f"Refused ({each.rule}): {each.message}") for each in report.plan.refusals]
    if report.halt:
        left = len(report.plan.changes) - len(report.outcomes)
        lines.append(style.paint("31", f"Stopped: {escaped(report.halt.message)} ({left:,} not started)."))
    counts = Counter(outcome.result for outcome in report.outcomes)
    shown = ", ".join(f"{counts[result]:,} {result}" for result in Result if counts[result]) or "nothing"
    blocked = f" {len(report.plan.blocked):,} blocked in the plan." if report.plan.blocked else ""
    lines.append(f"Done: {shown}.{blocked}")
    lines += [text for result, text in _NEXT.items() if counts[result]]
    if any(_made(outcome) for outcome in report.outcomes):
        lines.append(
            "Paste the `id:` lines into their manifests, and nothing else is ever taken for what was made."
        )
    return style.joined(lines)


def _made(outcome: Outcome) -> bool:
    return isinstance(outcome.change, Create) and outcome.result in GOOD and outcome.id is not None


def _outcome(outcome: Outcome, style: Style) -> str:
    """A created one's id is written as the line that pins it, with its place."""
    change = outcome.change
    name = escaped(change.key.organization)
    if change.key.kind is not KindName.ORGANIZATION:
        name += f" {child(change.key.kind, change.key.name)}"
    id_ = outcome.id or ""
    if _made(outcome):
        id_ = f"id:{TIED}{id_}  #{TIED}{style.place(change.origin.file, change.origin.line)}"
    why = "" if outcome.result in GOOD or not outcome.error else f": {escaped(outcome.error)}"
    colour = _COLOUR_OF.get(outcome.result, "32")
    return style.paint(colour, f"{outcome.result:9} {change.action} {name}  {id_}".rstrip()) + why


# -- problems --------------------------------------------------------------------------------------


def validation(problems: Sequence[Problem], files: int, manifests: int, style: Style = PLAIN) -> str:
    """Every problem with its place, worst first, and one line that sums up."""
    lines = [line for problem in worst_first(problems) for line in _problem(problem, style)]
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    found = f"{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}"
    lines.append(
        f"{'Invalid' if errors else 'Valid'}: {count(manifests, 'manifest')} in {count(files, 'file')}, {found}."
    )
    return style.joined(lines)


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


# -- one organization, errors ----------------------------------------------------------------------


def customer(
    organization: Organization,
    connections: Sequence[SAMLConnection],
    directories: Sequence[SCIMDirectory],
    certificates: Mapping[str, Certificate],
    style: Style = PLAIN,
) -> str:
    """What a customer's administrator needs; `certificates` by the connection's id."""
    name = style.paint("1", value(organization.display_name))
    lines = [f"{name}  {organization.id}  in {organization.environment_id}"]
    lines += _table("  ", {"external id": organization.external_id, "domains": organization.domains})
    for connection in connections:
        idp = settings(connection, certificates.get(connection.id))
        lines += ["", f"saml  {connection.id}{'  primary' if connection.primary else ''}"]
        lines += _table(
            "  ",
            {
                "SP entity id": connection.sp_entity_id,
                "ACS URL": connection.sp_acs_url,
                **{spoken(field): shown or "" for field, shown in idp},
            },
        )
    for directory in directories:
        lines += ["", f"scim  {directory.id}{'  primary' if directory.primary else ''}"]
        token = directory.has_client_bearer_token
        lines += _table("  ", {"SCIM base URL": directory.scim_base_url, "has a bearer token": token})
    return style.joined(lines)


def _table(indent: str, rows: Mapping[str, Value]) -> Iterator[str]:
    """Addresses and ids stand bare, ready to be copied."""
    width = max(map(len, rows))
    for label, shown in rows.items():
        words = (escaped(shown) or NOTHING) if isinstance(shown, str) else value(shown)
        yield f"{indent}{label.ljust(width)}  {words}"


def failure(error: ReconcilerError, style: Style = PLAIN) -> str:
    """What went wrong, and what to do next."""
    lines = [f"{style.paint('31', 'error')}: {escaped(error.message)}"]
    return style.joined([*lines, f"  {escaped(error.hint)}"] if error.hint else lines)

"""Plans, reports and problems for people: text that may change, unlike the JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from reconciler.core.values.problems import worst_first
from reconciler.core.values.redaction import escaped, quoted
from reconciler.model.change import (
    Action,
    Blocked,
    BlockReason,
    Change,
    FieldChange,
    Hint,
    Plan,
    Target,
    Unmanaged,
)
from reconciler.model.customer import Customer, TokenRotation
from reconciler.model.errors import Interrupted, ReconcilerError
from reconciler.model.kinds import WIDENS, KindName
from reconciler.model.manifest import Problem, Severity, Validation
from reconciler.model.outcome import GOOD, Outcome, Report, Result
from reconciler.model.secret import Secret
from reconciler.model.state import Certificate, Value
from reconciler.render.style import PLAIN, TIED, Style
from reconciler.render.words import (
    MARKS,
    NOTHING,
    age,
    child,
    count,
    item,
    release,
    resource,
    scope,
    settings,
    spoken,
    title,
    value,
)

T = TypeVar("T")
RISK = "! sign-in risk"
UNSEEN = {BlockReason.UNREADABLE, BlockReason.INVALID_MANIFEST, BlockReason.INCOMPLETE_SOURCE}
MAX_LISTED = 10  # of what needs no action; the JSON has all
_COLOURS = {Action.CREATE: "32", Action.UPDATE: "33", Action.ISSUE: "36"}


# -- plan ------------------------------------------------------------------------------------------


def plan(plan: Plan, style: Style = PLAIN) -> str:
    """Which environment it is for, the whole plan, whatever else is worth knowing, and last why it is refused."""
    return style.joined([*_shown(plan, style), *_summed(plan, style)])


def plan_with_pins(plan: Plan, style: Style = PLAIN) -> str:
    """The same, and how many `id:` lines are missing, and what inserts them."""
    missing = f"{count(len(plan.pins), 'pin')} missing: `reconciler{TIED}pin{TIED}--write` inserts them."
    return style.joined([*_shown(plan, style), *_summed(plan, style, missing if plan.pins else "")])


def _shown(plan: Plan, style: Style) -> Iterator[str]:
    yield _environment(plan, style)
    if plan.age_s is not None:
        yield style.paint("2", age(plan.age_s))
    if plan.scope:
        yield style.paint("2", scope(plan.scope))
    if plan.loosened:
        yield style.paint("33", f"! the process lets manifests loosen {' and '.join(plan.loosened)}")
    for name, changes in groupby(plan.changes, key=lambda change: change.key.organization):
        yield from _organization(list(changes), plan.targets.get(name), style)
    if not plan.changes:
        yield f"{_nothing(plan)}. {_counts(plan)}"
    yield from _attention(plan, style)


def _summed(plan: Plan, style: Style, first: str = "") -> Iterator[str]:
    summary = f"Plan: {_counts(plan)}  Digest {plan.digest}." if plan.changes else ""
    if last := [line for line in (first, summary) if line]:
        yield from ("", *last)
    for refusal in plan.refusals:
        yield style.paint("31", f"Refused ({refusal.rule}): {refusal.message}")


def _nothing(plan: Plan) -> str:
    """What is blocked, or could not be looked at, may well differ."""
    if plan.scope or any(block.reason in UNSEEN for block in plan.blocked):
        return "Nothing to write, as far as can be seen"
    return "Nothing to write" if plan.blocked else "No changes"


def _environment(plan: Plan, style: Style) -> str:
    """`production  env_…`, and whether anything says that it is the right one."""
    name = style.paint("1", escaped(plan.environment))
    pinned = "" if plan.pin else "not pinned, see `reconciler pin`"
    if plan.environment_id is None:
        return _spaced(f"Environment {name}", plan.pin or "", "nothing is live in it yet")
    return _spaced(f"Environment {name}", plan.environment_id, pinned)


def _counts(plan: Plan) -> str:
    risks = sum(bool(change.risks) for change in plan.changes)
    acting = Counter(change.action for change in plan.changes)
    parts = [
        f"{acting[Action.CREATE]:,} to create" if plan.changes else "",
        f"{acting[Action.UPDATE]:,} to update" if plan.changes else "",
        f"{acting[Action.ISSUE]:,} to issue" if acting[Action.ISSUE] else "",
        f"{plan.unchanged:,} unchanged",
        f"{len(plan.unmanaged):,} unmanaged" if plan.unmanaged else "",
        f"{len(plan.blocked):,} blocked" if plan.blocked else "",
        count(len(plan.duplicates), "duplicate") if plan.duplicates else "",
        f"{len(plan.suspended):,} suspended" if plan.suspended else "",
        f"{risks:,} at risk" if risks else "",
    ]
    return ", ".join(part for part in parts if part) + "."


def _organization(changes: list[Change], live: Target | None, style: Style) -> Iterator[str]:
    """Whose it is stands above all that is written to a live one."""
    first = changes[0]
    if live:
        whose = f"{value(live.display_name)} ({', '.join(map(item, live.domains)) or NOTHING})"
        yield style.paint("31", f"adopts {live.id} {whose}") if live.adopted else f"live as {whose}"
    if first.key.kind is not KindName.ORGANIZATION:
        id_ = first.parent if isinstance(first.parent, str) else None
        place = style.place(first.origin.file, first.origin.line)
        yield f"  {_spaced(escaped(first.key.organization), id_, place)}"
    for change in changes:
        yield from _change(change, style)


def _change(change: Change, style: Style) -> Iterator[str]:
    own = change.key.kind is KindName.ORGANIZATION
    indent = "" if own else "  "
    id_ = change.live_id if change.action is Action.UPDATE else None
    place = style.place(change.origin.file, change.origin.line) if own else ""
    head = _spaced(f"{MARKS[change.action]} {title(change)}", id_, place)
    widens = any(WIDENS in risk for risk in change.risks)
    risk = style.paint("31", f"{RISK} (widens)" if widens else RISK) if change.risks else ""
    yield indent + _spaced(style.paint(_COLOURS[change.action], head), risk)
    width = max((len(_name(field)) for field in change.fields), default=0)
    for field in change.fields:
        label = _name(field).ljust(width)
        for line in _field(field, change):
            yield f"{indent}    {label}  {line}"
            label = " " * width


def _spaced(*parts: str | None) -> str:
    return "  ".join(part for part in parts if part)


def _name(field: FieldChange) -> str:
    return field.path.rpartition(".")[2]


def _field(field: FieldChange, change: Change) -> Iterator[str]:
    if isinstance(field.after, tuple):
        yield from _set(field.before if isinstance(field.before, tuple) else (), field.after)
    elif isinstance(field.before, Certificate) or isinstance(field.after, Certificate):
        # one below the other: they are to be compared
        if field.before is not None:
            yield from _certificate("- ", field.before)
        yield from _certificate("" if field.before is None else "+ ", field.after)
    elif field.before is None:
        yield value(field.after)
    else:
        implied = change.implied if field.wire == "primary" else ()
        losers = (child(change.key.kind, each.name) if each.name else each.id for each in implied)
        loses = "".join(f"   ({loser} loses primary)" for loser in losers)
        yield f"{value(field.before)} → {value(field.after)}{loses}"


def _certificate(mark: str, shown: Value) -> Iterator[str]:
    whole, _, end = value(shown).partition(" expires ")
    yield f"{mark}{whole}"
    if end:
        yield f"{' ' * len(mark)}expires {end}"


def _set(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
    yield from (f"- {item(gone)}" for gone in sorted(set(before) - set(after)))
    yield from (f"+ {item(new)}" for new in sorted(set(after) - set(before)))
    if set(before) == set(after):  # only the spelling differs, such as an item that is there twice
        yield f"{value(before)} → {value(after)}"


def _attention(plan: Plan, style: Style) -> Iterator[str]:
    for each in plan.released:
        yield style.paint("33", f"! {escaped(each.organization)}  {release(each)}")
    for _, blocks in groupby(plan.blocked, key=lambda block: (block.reason, block.organization, block.message)):
        yield from _blocked(list(blocks), style)
    for shared in plan.shared_domains:
        holders = ", ".join(shared.ids)
        yield style.paint("33", f"! {item(shared.name)}  is a domain of several live organizations: {holders}")
    for twin in plan.duplicates:
        name = resource(twin.kind, twin.organization, twin.name)
        yield style.paint("33", f"! {name}  Duplicate: {escaped(twin.message)}")
    for name, reason in plan.suspended.items():
        yield style.paint("33", f"= {escaped(name)}  suspended: {escaped(reason)}")
    for _, hints in groupby(sorted(plan.hints, key=lambda hint: hint.reason), key=lambda hint: hint.reason):
        yield from _some(list(hints), _hint, "hints of this kind")
    yield from _some(plan.unmanaged, _unmanaged, "unmanaged")


def _blocked(same: Sequence[Blocked], style: Style) -> Iterator[str]:
    """The resources of one organization that share one message."""
    for block in same:
        name = resource(block.kind, block.organization, block.name or "")
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
    shown = f"{quoted(each.display_name)}  " if each.display_name else ""
    where = f"in {escaped(each.organization)}, " if each.organization else ""
    return f"? {each.id}  {shown}{where}live, not in git; the API cannot delete it"


# -- report ----------------------------------------------------------------------------------------

_COLOUR_OF = {Result.FAILED: "31", Result.UNKNOWN: "33", Result.STALE: "33", Result.BLOCKED: "31"}
_NEXT = {
    Result.UNKNOWN: "Unknown: it may have been written. Run `reconciler plan` to see; nothing is created twice.",
    Result.STALE: "Stale: the live object changed after the plan was made, so nothing was written. Plan again.",
}


def report(report: Report, style: Style = PLAIN) -> str:
    """What became of the plan above it, and what to do about what is left; "" where the plan has said all."""
    if not report.plan.changes or report.plan.refusals:
        return ""
    halt = report.halt
    if halt and halt.code == Interrupted.__name__ and not report.outcomes:
        return "\nCancelled. Nothing was written.\n"
    lines = ["", *(_outcome(outcome, style) for outcome in report.outcomes)]
    if halt:
        left = len(report.plan.changes) - len(report.outcomes)
        lines.append(style.paint("31", f"Stopped: {escaped(halt.message)} ({left:,} not started)."))
    counts = Counter(outcome.result for outcome in report.outcomes)
    done = ", ".join(f"{counts[result]:,} {result}" for result in Result if counts[result]) or "nothing"
    blocked = f" {len(report.plan.blocked):,} blocked in the plan." if report.plan.blocked else ""
    twins = f" {count(len(report.plan.duplicates), 'duplicate')}." if report.plan.duplicates else ""
    lines.append(f"Done: {done}.{blocked}{twins}")
    lines += [text for result, text in _NEXT.items() if counts[result]]
    if any(map(_created, report.outcomes)) and not report.pinned:
        lines.append(f"`reconciler{TIED}pin{TIED}--write` inserts the ids of what was created.")
    return style.joined(lines)


def _created(outcome: Outcome) -> bool:
    return outcome.change.action is Action.CREATE and outcome.result in GOOD and outcome.id is not None


def _outcome(outcome: Outcome, style: Style) -> str:
    """One line; the id of a created resource is written as the line that pins it, with its place."""
    change, id_ = outcome.change, outcome.id or ""
    if _created(outcome):
        id_ = f"id:{TIED}{id_}  #{TIED}{style.place(change.origin.file, change.origin.line)}"
    name = resource(change.key.kind, change.key.organization, change.key.name)
    why = f": {escaped(outcome.error)}" if outcome.error and outcome.result not in GOOD else ""
    colour = _COLOUR_OF.get(outcome.result, "32")
    return style.paint(colour, f"{outcome.result:9} {change.action} {name}  {id_}".rstrip()) + why


# -- problems, errors ------------------------------------------------------------------------------


def validation(validation: Validation, style: Style = PLAIN) -> str:
    """Every problem with its place, worst first, and one line that sums up."""
    lines = [line for problem in worst_first(validation.problems) for line in _problem(problem, style)]
    errors, warnings = validation.errors, len(validation.problems) - validation.errors
    checked = f"{count(validation.manifests, 'manifest')} in {count(validation.files, 'file')}"
    found = f"{count(errors, 'error')}, {count(warnings, 'warning')}"
    return style.joined([*lines, f"{'Invalid' if errors else 'Valid'}: {checked}, {found}."])


def _problem(problem: Problem, style: Style) -> Iterator[str]:
    colour = "31" if problem.severity is Severity.ERROR else "33"
    place = f"{style.place(problem.origin.file, problem.origin.line)}:{problem.origin.column}"
    yield f"{place}: {style.paint(colour, problem.severity)}: {escaped(problem.message)} [{problem.rule}]"
    if problem.hint:
        yield f"    {escaped(problem.hint)}"


def error(error: ReconcilerError, style: Style = PLAIN) -> str:
    """What went wrong, and what to do next."""
    lines = [f"{style.paint('31', 'error')}: {escaped(error.message)}"]
    return style.joined([*lines, f"  {escaped(error.hint)}"] if error.hint else lines)


# -- one customer ----------------------------------------------------------------------------------


def customer(customer: Customer, style: Style = PLAIN) -> str:
    """What a customer's administrator needs."""
    organization = customer.organization
    name = style.paint("1", value(organization.display_name))
    lines = [f"{name}  {organization.id}  in {organization.environment_id}"]
    lines += _table({"external id": organization.external_id, "domains": organization.domains})
    for connection in customer.connections:
        idp = settings(connection, customer.certificates.get(connection.id))
        lines += ["", f"saml  {connection.id}{'  primary' if connection.primary else ''}"]
        lines += _table(
            {
                "SP entity id": connection.sp_entity_id,
                "ACS URL": connection.sp_acs_url,
                **{spoken(field): shown or "" for field, shown in idp},
            }
        )
    for directory in customer.directories:
        lines += ["", f"scim  {directory.id}{'  primary' if directory.primary else ''}"]
        token = directory.has_client_bearer_token
        lines += _table({"SCIM base URL": directory.scim_base_url, "has a bearer token": token})
    return style.joined(lines)


def _table(rows: Mapping[str, Value]) -> Iterator[str]:
    """Addresses and ids stand bare, ready to be copied."""
    width = max(map(len, rows))
    for label, shown in rows.items():
        words = (escaped(shown) or NOTHING) if isinstance(shown, str) else value(shown)
        yield f"  {label.ljust(width)}  {words}"


def pem_of(certificate: tuple[str, Certificate]) -> str:
    """A connection's certificate below a line with its id, which every reader of PEM passes over."""
    return "".join(f"{escaped(line)}\n" for line in (f"# {certificate[0]}", *certificate[1].pem.splitlines()))


def setup_link(link: Secret, _: Style = PLAIN) -> str:
    """The link itself, alone on its line: the one text that holds a secret."""
    return f"{link.reveal()}\n"


def token_rotation(rotation: TokenRotation, _: Style = PLAIN) -> str:
    """Whether there is a new token; never the token itself."""
    done = f"Rotated the token of {rotation.directory_id} and delivered it."
    return f"{done if rotation.delivered else 'Cancelled. Nothing was rotated.'}\n"

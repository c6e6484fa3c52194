"""Guards: they refuse a whole plan that changes too much at once, or that is for another environment.

Each guard with a bound is a row of GUARDS. The `limits` of an Environment and of the configuration file, and the
metric of refusals, follow from it; tests compare the schema and the documentation with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator

from msgspec import Struct

from reconciler.model.change import NOT_APPROVED, Change, Create, FieldChange, Plan, Refusal, Update
from reconciler.model.settings import Limits

MATCHED_MIN = 10  # with fewer organizations, a percentage means nothing, and neither does it that none matches
NOTHING_MATCHES = "nothingMatches"


class Unit(Struct, frozen=True):
    """The unit of a bound: a number of that type from 0 to `most`; `words` say so, `form` shows it."""

    type: type[int | float]
    most: float
    words: str
    form: str

    def fits(self, bound: float) -> bool:
        """Return whether the number can be a bound; nan cannot."""
        return 0 <= bound <= self.most

    def shown(self, bound: float) -> str:
        """Return the bound as text."""
        return self.form.format(bound)


COUNT = Unit(int, math.inf, "a whole number from 0", "{:.0f}")
PERCENT = Unit(float, 100, "a number from 0 to 100", "{:g} %")


class Guard(Struct, frozen=True):
    """Refuses a plan whose `measure` is above the bound; `finding` says in words what was measured."""

    name: str
    unit: Unit
    default: float
    measure: Callable[[Plan], float]
    finding: Callable[[Plan], str]

    @property
    def limit(self) -> str:
        """The bound's name in the configuration file: `max_creates` for maxCreates."""
        return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", self.name)


def _at_risk(plan: Plan) -> str:
    count = len(risked_organizations(plan))
    return f"{_organizations(count)} {'has' if count == 1 else 'have'} a sign-in risk"


def _changed_percent(plan: Plan) -> float:
    return 100 * len(changed_organizations(plan)) / plan.matched if plan.matched >= MATCHED_MIN else 0


def _changed(plan: Plan) -> str:
    count, percent = len(changed_organizations(plan)), _changed_percent(plan)
    return f"{count} of {plan.matched} organizations would lose or replace a live value ({percent:.0f} %)"


def _created(plan: Plan) -> str:
    count = len(created_organizations(plan))
    return f"{_organizations(count)} would be created or get a first child, and that cannot be undone"


def _organizations(count: int) -> str:
    return "1 organization" if count == 1 else f"{count} organizations"


GUARDS = (
    Guard("maxAtRisk", COUNT, 10, lambda plan: len(risked_organizations(plan)), _at_risk),
    Guard("maxChangedPercent", PERCENT, 30, _changed_percent, _changed),
    Guard("maxCreates", COUNT, 100, lambda plan: len(created_organizations(plan)), _created),
)


def tightened(process: Limits, repository: Limits) -> Limits:
    """Return the bound of every guard: the process's, or the repository's if that is smaller."""
    return {
        guard.name: min(process.get(guard.name, guard.default), repository.get(guard.name, math.inf))
        for guard in GUARDS
    }


def refusals(plan: Plan, limits: Limits, approved: str | None, only: str | None = None) -> tuple[Refusal, ...]:
    """Return the refusals of a plan.

    If `approved` is its digest, those that an approval can lift are left out. `only` is the digest of the one plan
    that may be applied; None if any may.
    """
    found = (*_not_approved(plan, only), *_nothing_matches(plan), *_beyond(plan, limits))
    return tuple(each for each in found if not each.approvable or approved != plan.digest)


def _not_approved(plan: Plan, only: str | None) -> Iterator[Refusal]:
    if only is not None and only != plan.digest:
        message = f"{only} was approved, and this plan is {plan.digest}. Read it, and pass --approve {plan.digest}"
        yield Refusal(NOT_APPROVED, message, approvable=False)


def _nothing_matches(plan: Plan) -> Iterator[Refusal]:
    """A folder for another environment; a pinned environment is certainly the right one."""
    many = min(plan.live, plan.unpinned) >= MATCHED_MIN
    if many and plan.claimed == 0 and plan.pin is None:
        yield Refusal(
            NOTHING_MATCHES,
            f"none of {plan.unpinned} declared organizations is one of the {plan.live} live ones. It looks like "
            "the wrong environment, and no approval lifts this. If it is the right one, state "
            f"`id: {plan.environment_id}` in the Environment",
            approvable=False,
        )


def _beyond(plan: Plan, limits: Limits) -> Iterator[Refusal]:
    for guard in GUARDS:
        bound = limits.get(guard.name, guard.default)
        if guard.measure(plan) > bound:
            yield _refusal(guard, plan, bound)


def _refusal(guard: Guard, plan: Plan, bound: float) -> Refusal:
    return Refusal(
        guard.name,
        f"{guard.finding(plan)}; the limit is {guard.unit.shown(bound)}. To apply exactly this plan, pass "
        f"--approve {plan.digest}",
    )


# -- what is counted: handles of organizations -----------------------------------------------------
# What an interrupted rollout left undone counts as what it was from the start, so that it goes on by itself.


def risked_organizations(plan: Plan) -> set[str]:
    """Return those with a sign-in risk; one that is only created to its end has none yet."""
    adopted = {name for name, each in plan.targets.items() if each.adopted}
    return {
        change.key.organization
        for change in plan.changes
        if change.risks and (change.key.organization in adopted or not _is_first(change))
    }


def changed_organizations(plan: Plan) -> set[str]:
    """Return those in which a live value is replaced or removed, or a child is added beside live ones."""
    return {change.key.organization for change in plan.changes if _changes(change)}


def created_organizations(plan: Plan) -> set[str]:
    """Return those that are created, or that get a child which is not beside what a customer already uses."""
    return {change.key.organization for change in plan.changes if _is_first(change)}


def _is_first(change: Change) -> bool:
    return isinstance(change, Create) and not (change.collection and change.collection.beside)


def _changes(change: Change) -> bool:
    if isinstance(change, Update):
        return bool(change.implied) or any(map(_replaces, change.fields))
    return isinstance(change, Create) and not _is_first(change)


def _replaces(field: FieldChange) -> bool:
    if isinstance(field.before, tuple) and isinstance(field.after, tuple):
        return not set(field.before) <= set(field.after)
    return bool(field.before)


def foreign_environment(live: str | None, pins: tuple[str | None, ...]) -> str | None:
    """Return what is wrong if the live environment is not the pinned one, or if the pins disagree; else None."""
    stated = sorted({pin for pin in pins if pin is not None})
    if len(stated) > 1:
        return f"the manifests and the configuration pin different environments: {', '.join(stated)}"
    if stated and live is not None and live != stated[0]:
        return f"the key belongs to {live}, but {stated[0]} is pinned"
    return None

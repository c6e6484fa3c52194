"""Refuses a plan as a whole: it writes too much at once, or belongs to another environment.

Each guard is a row of GUARDS. The `limits` of an Environment and of the configuration file, the metric and the
documented table have a guard's name and bound from there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from msgspec import Struct

from reconciler.model.change import Create, Issue, Plan, Refusal
from reconciler.model.kinds import KindName
from reconciler.model.settings import Limits

MATCHED_MIN = 10  # below this many, a percentage says nothing


class Unit(Struct, frozen=True):
    """What a bound is: a number of this type from 0 to `most`, and how it is shown."""

    type: type[int | float]
    most: float
    words: str
    form: str

    def fits(self, bound: float) -> bool:
        """Whether it can be a bound; nan cannot."""
        return 0 <= bound <= self.most

    def shown(self, bound: float) -> str:
        """The bound as messages and the documentation show it."""
        return self.form.format(bound)


COUNT = Unit(int, math.inf, "a whole number from 0", "{:.0f}")
PERCENT = Unit(float, 100, "a number from 0 to 100", "{:g} %")


class Guard(Struct, frozen=True):
    """A guard refuses a plan of which `measure` is more than the bound; `finding` says what was measured."""

    name: str
    unit: Unit
    default: float
    measure: Callable[[Plan], float]
    finding: Callable[[Plan], str]

    @property
    def limit(self) -> str:
        """The bound's name in the configuration file: maxCreates is `max_creates` there."""
        return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", self.name)


def _changed_percent(plan: Plan) -> float:
    return 100 * len(changed_organizations(plan)) / plan.matched if plan.matched >= MATCHED_MIN else 0


def _changed(plan: Plan) -> str:
    count, percent = len(changed_organizations(plan)), _changed_percent(plan)
    return f"{count} of {plan.matched} organizations would be updated ({percent:.0f} %)"


def _created(plan: Plan) -> str:
    count = len(created_organizations(plan))
    what = "1 organization" if count == 1 else f"{count} organizations"
    return f"{what} would be created, and that cannot be undone"


GUARDS = (
    Guard("maxChangedPercent", PERCENT, 30, _changed_percent, _changed),
    Guard("maxCreates", COUNT, 100, lambda plan: len(created_organizations(plan)), _created),
)


def tightened(process: Limits, repository: Limits) -> Limits:
    """The bound of every guard: the process's, which the repository may only make smaller."""
    return {
        guard.name: min(process.get(guard.name, guard.default), repository.get(guard.name, math.inf))
        for guard in GUARDS
    }


def refusals(plan: Plan, limits: Limits, approved: str | None) -> tuple[Refusal, ...]:
    """Why this plan may not be carried out; `approved` is a digest, and that of this plan lifts every refusal."""
    if approved == plan.digest:
        return ()
    bounds = ((guard, limits.get(guard.name, guard.default)) for guard in GUARDS)
    return tuple(_refusal(guard, plan, bound) for guard, bound in bounds if guard.measure(plan) > bound)


def _refusal(guard: Guard, plan: Plan, bound: float) -> Refusal:
    return Refusal(
        guard.name,
        f"{guard.finding(plan)}; the limit is {guard.unit.shown(bound)}. If this plan is what you mean, approve "
        f"exactly it: --approve {plan.digest}",
    )


def changed_organizations(plan: Plan) -> set[str]:
    """The handles of the live organizations that the plan writes to, also by creating a child."""
    written = {change.key.organization for change in plan.changes if not isinstance(change, Issue)}
    return written - created_organizations(plan)


def created_organizations(plan: Plan) -> set[str]:
    """The handles of the organizations that the plan creates."""
    return {
        change.key.organization
        for change in plan.changes
        if isinstance(change, Create) and change.key.kind is KindName.ORGANIZATION
    }


def foreign_environment(live: str | None, pins: tuple[str | None, ...]) -> str | None:
    """What is wrong if the live environment is not the pinned one, or the pins disagree; None if all is well."""
    stated = sorted({pin for pin in pins if pin is not None})
    if len(stated) > 1:
        return f"the manifests and the configuration pin different environments: {', '.join(stated)}"
    if stated and live is not None and live != stated[0]:
        return f"the key belongs to {live}, but {stated[0]} is pinned"
    return None

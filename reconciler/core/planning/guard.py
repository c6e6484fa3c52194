"""Refuses a plan as a whole: too much at once, or the wrong environment."""

from __future__ import annotations

from typing import TypeVar

from reconciler.model.change import Create, Issue, Plan, Refusal
from reconciler.model.kinds import KindName
from reconciler.model.settings import Limits

Bound = TypeVar("Bound", int, float)
MATCHED_MIN = 10  # below this many, a percentage says nothing


def tightened(process: Limits, repository: Limits) -> Limits:
    """The process's bounds, which the repository may only make smaller."""
    return Limits(
        max_changed_percent=_smaller(process.max_changed_percent, repository.max_changed_percent),
        max_creates=_smaller(process.max_creates, repository.max_creates),
    )


def _smaller(one: Bound | None, other: Bound | None) -> Bound | None:
    stated = [bound for bound in (one, other) if bound is not None]
    return min(stated) if stated else None


def refusals(plan: Plan, limits: Limits, approved: str | None) -> tuple[Refusal, ...]:
    """Why this plan may not be carried out; approving its digest lifts them all."""
    if approved == plan.digest:
        return ()
    found = [_too_many_changed(plan, limits.max_changed_percent), _too_many_created(plan, limits.max_creates)]
    return tuple(refusal for refusal in found if refusal)


def _too_many_changed(plan: Plan, percent_max: float | None) -> Refusal | None:
    """A created child counts as an update of its organization; a created organization does not."""
    changed = plan_organizations(plan) - created_organizations(plan)
    if percent_max is None or plan.matched < MATCHED_MIN:
        return None
    percent = 100 * len(changed) / plan.matched
    if percent <= percent_max:
        return None
    return Refusal(
        "maxChangedPercent",
        f"{len(changed)} of {plan.matched} organizations would be updated ({percent:.0f} %); the limit is "
        f"{percent_max:g} %. {_how_to_approve(plan)}",
    )


def _too_many_created(plan: Plan, creates_max: int | None) -> Refusal | None:
    created = len(created_organizations(plan))
    if creates_max is None or created <= creates_max:
        return None
    return Refusal(
        "maxCreates",
        f"{created} {'organization' if created == 1 else 'organizations'} would be created, and that cannot be "
        f"undone; the limit is {creates_max}. "
        f"{_how_to_approve(plan)}",
    )


def _how_to_approve(plan: Plan) -> str:
    return f"If this plan is what you mean, approve exactly it: --approve {plan.digest}"


def plan_organizations(plan: Plan) -> set[str]:
    """The handles of the organizations that the plan writes to."""
    return {change.key.organization for change in plan.changes if not isinstance(change, Issue)}


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

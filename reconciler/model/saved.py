"""A plan that was saved to be reviewed, and applied later exactly as it was reviewed."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reconciler.model.change import Change, Plan, Target
from reconciler.model.outcome import Outcome
from reconciler.model.state import Desired


class SavedPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """What was planned, and what it rests on.

    `manifests` is a fingerprint of all that the manifests declared. `desired` is as much of it as it takes to plan
    the same changes again: of organizations that the plan does not touch, no children. `targets` are the live
    organizations as they were.
    """

    version: str
    environment: str
    environment_id: str | None
    pin: str | None
    digest: str
    manifests: str
    changes: tuple[Change, ...]
    targets: Mapping[str, Target]
    desired: Desired


class Narrowed(Struct, frozen=True):
    """A plan with fewer changes: `left` is what may still be applied, `outcomes` are the ends of the others.

    `shown` is the whole plan, as it was reviewed.
    """

    left: Plan
    shown: Plan
    outcomes: tuple[Outcome, ...] = ()

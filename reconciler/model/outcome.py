"""What became of a pass: one outcome per change, the report on a plan, and all of it for every sink to read."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from reconciler.model.change import Change, Plan
from reconciler.model.state import Loaded


class Result(StrEnum):
    """How a change ended. `unknown` is not `failed`: it may have worked, so it is observed, never repeated."""

    APPLIED = "applied"
    SATISFIED = "satisfied"  # somebody else had already done it
    FAILED = "failed"  # certainly not done
    UNKNOWN = "unknown"
    STALE = "stale"  # the live object moved since it was planned: nothing written
    BLOCKED = "blocked"  # something it needs did not succeed


GOOD = frozenset({Result.APPLIED, Result.SATISFIED})


class Outcome(Struct, frozen=True):
    """One change's end. `id` is the live object's where known; `error` says what went wrong and what to do."""

    change: Change
    result: Result
    id: str | None = None
    error: str | None = None


class Halt(Struct, frozen=True):
    """Why no further write was started: the error's code, its message, and the exit code it means."""

    code: str
    message: str
    exit_code: int


class Report(Struct, frozen=True):
    """What became of a plan. One that was not applied (refused by a guard, or nobody may) has no outcomes.

    `requests` and `retries` count what was sent; `halt` says why changes were not started (the process was asked
    to stop, or the key was revoked meanwhile). `environment_id` is the live environment's, also where it was empty
    when the plan was made and the first create showed it. `pinned` tells that the manifests have the ids of
    what was created.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...] = ()
    halt: Halt | None = None
    requests: int = 0
    retries: int = 0
    duration_s: float = 0.0
    environment_id: str | None = None
    pinned: bool = False


class Pass(Struct, frozen=True):
    """One finished pass: what was loaded, and the report, None when the manifests may not be used."""

    loaded: Loaded
    report: Report | None = None

"""What became of a plan: one outcome per change, and the report that every sink reads."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from reconciler.model.change import Change, Plan


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
    """A whole pass. Refused by a guard, it has the plan's refusals and no outcomes.

    `requests` and `retries` count what was sent; `halt` says why changes were left (the process was asked
    to stop, or the key was revoked in the middle). `environment_id` is the live environment's, also where the
    plan did not know it yet because it was empty.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...] = ()
    halt: Halt | None = None
    requests: int = 0
    retries: int = 0
    duration_s: float = 0.0
    environment_id: str | None = None

"""What happens during a pass, as values that logs, metrics and the progress bar read."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from reconciler.model.outcome import Outcome


class RequestDone(Struct, frozen=True, gc=False):
    """One request ended. `route` is its path pattern, without ids; `status` is None if no response came.

    `attempt` counts from 1: how often this request has been sent in a row.
    """

    method: str
    route: str
    status: int | None
    duration_s: float
    attempt: int = 1


class Retrying(Struct, frozen=True, gc=False):
    """Attempt number `attempt` failed and another follows after `delay_s`; `reason` is the error's message."""

    method: str
    route: str
    attempt: int
    delay_s: float
    reason: str


class Listed(Struct, frozen=True, gc=False):
    """How many organizations are known so far, how many of their collections were read, of how many known."""

    organizations: int
    collections_read: int
    collections_known: int


class ChangeDone(Struct, frozen=True, gc=False):
    """A change ended."""

    outcome: Outcome
    duration_s: float


Event = RequestDone | Retrying | Listed | ChangeDone
Watch = Callable[[Event], None]

"""Events of a pass, which logs, metrics and the progress bar read."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from reconciler.model.outcome import Outcome


class RequestDone(Struct, frozen=True, gc=False):
    """A request ended. `route` has no ids in it; `status` is None if no response came.

    `attempt` counts from 1: how often this request has been sent in a row.
    """

    method: str
    route: str
    status: int | None
    duration_s: float
    attempt: int = 1


class Retrying(Struct, frozen=True, gc=False):
    """A request is sent again after `delay_s`; `reason` is the error's message, safe to show."""

    method: str
    route: str
    attempt: int
    delay_s: float
    reason: str


class Listed(Struct, frozen=True, gc=False):
    """Progress of reading: organizations found so far, and how many of the collections to read were read."""

    organizations: int
    collections_read: int
    collections_known: int


class ChangeDone(Struct, frozen=True, gc=False):
    """A change ended, after `duration_s`."""

    outcome: Outcome
    duration_s: float


class Crashed(Struct, frozen=True, gc=False):
    """A fault of our own came up. What it says may hold anything: only a person who asks for it may see it."""

    error: Exception


Event = RequestDone | Retrying | Listed | ChangeDone | Crashed
Watch = Callable[[Event], None]

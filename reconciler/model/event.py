"""What happens during a pass, as values: logs, metrics and the progress bar are sinks that read them."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from reconciler.model.outcome import Outcome


class RequestDone(Struct, frozen=True, gc=False):
    """One request ended. `route` has no ids in it; `status` is None where no answer came."""

    method: str
    route: str
    status: int | None
    duration_s: float


class Retrying(Struct, frozen=True, gc=False):
    """A request will be sent again; `reason` is the error's message, safe to show."""

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

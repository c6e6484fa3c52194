"""Bundles what a pass takes from outside: clock, randomness, transport, blocking calls; tests replace them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import httpx
from msgspec import Struct, field

from reconciler.api.known import Known
from reconciler.api.waiting import sleep_or_stop
from reconciler.core.planning.digest import writes
from reconciler.model.change import Plan

T = TypeVar("T")
Transport = Callable[[], httpx.AsyncBaseTransport]


class Aside(Protocol):
    """Runs work that takes long or waits for a disk, away from the event loop."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Returns what the work returns."""


async def here(work: Callable[[], T], /) -> T:
    """Runs it on the event loop: for commands, which do nothing else, and simulations, which have no threads."""
    return work()


class RecentWrites:
    """What one process remembers of its own writes, so that none is repeated before its effect could show.

    It also remembers the plan that it was told to carry out. Times are of the event loop's clock, in seconds.
    """

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._uncertain_at = float("-inf")
        self._own: set[str] = set()
        self._approved: frozenset[str] = frozenset()

    def created(self, organization_id: str) -> None:
        """This process made that organization: no create of an earlier process can be on its way into it."""
        self._own.add(organization_id)

    def uncertain(self, at: float) -> None:
        """A write got no response."""
        self._uncertain_at = at

    def observable_at(self, settle_s: float) -> float:
        """When the effect of a write without a response would show."""
        return self._uncertain_at + settle_s

    def creatable_at(self, organization_id: str, settle_s: float) -> float:
        """When a create of an earlier process would show in that organization's lists."""
        return float("-inf") if organization_id in self._own else self._started_at + settle_s

    def approves(self, plan: Plan, digest: str | None) -> bool:
        """Whether the digest approves the plan, or approved one that was begun and of which this is the rest."""
        if digest is None:
            return False
        left = writes(plan.changes)
        if plan.digest == digest:
            self._approved = left
        elif not left <= self._approved or not (left or plan.blocked):
            self._approved = frozenset()
        return plan.digest == digest or (bool(left) and left <= self._approved)


class Runtime(Struct, frozen=True):
    """By default the real world: its clock, system randomness, real HTTP, a process that knows of nothing yet.

    `now` gives Unix seconds; `transport` makes one lane's transport. `aside` keeps the event loop free of work
    that blocks: `asyncio.to_thread` where something else runs on it. Two looks at a folder are `look_again_s`
    apart.
    """

    now: Callable[[], float] = time.time
    rng: random.Random = field(default_factory=random.SystemRandom)
    recent_writes: RecentWrites = field(default_factory=lambda: RecentWrites(time.monotonic()))
    transport: Transport | None = None
    aside: Aside = here
    look_again_s: float = 1.0  # a file's time may be no finer than a second
    known: Known = field(default_factory=Known)


async def wait_until(loop_time: float, stop: asyncio.Event) -> None:
    """Sleeps until the event loop's clock shows that time or `stop` is set; at once if either is so."""
    await sleep_or_stop(loop_time - asyncio.get_running_loop().time(), stop)

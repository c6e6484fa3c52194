"""What a pass takes from outside besides the network's answers, so that a simulation can replace it all."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import httpx
from msgspec import Struct, field

from reconciler.api.waiting import sleep_or_stop

T = TypeVar("T")
Transport = Callable[[], httpx.AsyncBaseTransport]


class Aside(Protocol):
    """Runs work that takes long or waits for a disk."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """What the work returns."""


async def here(work: Callable[[], T], /) -> T:
    """Right here: for commands, and for a simulation, whose clock knows no threads."""
    return work()


class RecentWrites:
    """What one process remembers of its own writes, so that none is repeated before it could have appeared.

    Times are of the event loop's clock, in seconds.
    """

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._uncertain_at = float("-inf")
        self._own: set[str] = set()

    def created(self, organization_id: str) -> None:
        """This process made that organization: nobody else's create can be on its way into it."""
        self._own.add(organization_id)

    def uncertain(self, at: float) -> None:
        """A write ended without an answer."""
        self._uncertain_at = at

    def observable_at(self, settle_s: float) -> float:
        """When a write of this process that was lost on the way would show, so that it may be looked for."""
        return self._uncertain_at + settle_s

    def creatable_at(self, organization_id: str, settle_s: float) -> float:
        """When a create of the process before this one would show in that organization's lists."""
        return float("-inf") if organization_id in self._own else self._started_at + settle_s


class Runtime(Struct, frozen=True):
    """By default the real world: its clock, system randomness, real HTTP, a process that has written nothing yet.

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


async def wait_until(loop_time: float, stop: asyncio.Event) -> None:
    """Sleeps until the event loop's clock shows that time or `stop` is set; at once if either is so."""
    await sleep_or_stop(loop_time - asyncio.get_running_loop().time(), stop)

"""What a pass takes from outside besides the network's answers, so that a simulation can replace it all."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import httpx
from msgspec import Struct

from reconciler.api.stop import rest

T = TypeVar("T")
Transport = Callable[[], httpx.AsyncBaseTransport]


class Aside(Protocol):
    """Runs work that takes long or waits for a disk."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """What the work returns."""


async def here(work: Callable[[], T], /) -> T:
    """Right here: for commands, and for a simulation, whose clock knows no threads."""
    return work()


class Memory:
    """What one process remembers of its own creates, so that none is repeated before it could have appeared.

    Times are of the event loop's clock, in seconds.
    """

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self._own: set[str] = set()
        self._uncertain: dict[str, float] = {}

    def created(self, organization_id: str) -> None:
        """This process made that organization: nobody else's create can be on its way into it."""
        self._own.add(organization_id)

    def uncertain(self, organization_id: str, at: float) -> None:
        """A create in that organization ended without an answer."""
        self._uncertain[organization_id] = at

    def settled_at(self, organization_id: str, settle_s: float) -> float:
        """When a create that was lost on the way would have appeared in that organization's lists."""
        times = [self._uncertain[organization_id]] if organization_id in self._uncertain else []
        if organization_id not in self._own:
            times.append(self.started_at)
        return max(times, default=float("-inf")) + settle_s


class World(Struct, frozen=True):
    """`now` gives Unix seconds; `transport` makes one lane's transport, None for real HTTP.

    `aside` keeps the event loop free of work that blocks: `asyncio.to_thread` where something else runs on it.
    """

    now: Callable[[], float]
    rng: random.Random
    memory: Memory
    transport: Transport | None = None
    aside: Aside = here


async def wait_until(loop_time: float, stop: asyncio.Event) -> None:
    """Sleeps until the event loop's clock shows that time or `stop` is set; at once if either is so."""
    await rest(loop_time - asyncio.get_running_loop().time(), stop)

"""What a pass takes from outside besides the network's answers, so that a simulation can replace it all."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import httpx
from msgspec import Struct

Transport = Callable[[], httpx.AsyncBaseTransport]


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
    """`now` gives Unix seconds; `transport` makes one lane's transport, None for real HTTP."""

    now: Callable[[], float]
    rng: random.Random
    memory: Memory
    transport: Transport | None = None


async def wait_until(loop_time: float) -> None:
    """Sleeps until the event loop's clock shows that time; returns at once if it has passed."""
    delay_s = loop_time - asyncio.get_running_loop().time()
    if delay_s > 0:
        await asyncio.sleep(delay_s)

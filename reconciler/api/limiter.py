"""Limits what a server has to bear: how many requests are under way at once, and how many start per second."""

from __future__ import annotations

import asyncio
from collections import deque

from reconciler.api.waiting import sleep_or_stop

SLOW_FACTOR = 4.0  # a server that much slower than its best is busy
SLOW_FLOOR_S = 0.2  # below this nothing is called slow
WINDOW = 32  # responses per judgement of slowness
SLOWEST_PART = 64  # of the rate that was asked for, this part always remains
CREEP_PARTS = 100  # so many good responses bring the whole rate back


class Limiter:
    """At most `at_once` requests under way, at most `per_second` started. For one event loop.

    An overload halves both; good responses raise them again, little by little.
    """

    def __init__(self, at_once: int, per_second: float | None = None) -> None:
        self._size = at_once
        self._allowed = float(at_once)
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._rate = Rate(per_second) if per_second else None
        self._gate = asyncio.Lock()
        self._overloaded_at = float("-inf")
        self._seen = 0
        self._total_s = 0.0
        self._best_s = float("inf")
        self._slow = False

    @property
    def allowed(self) -> int:
        """How many requests may be under way now."""
        return max(1, int(self._allowed))

    async def enter(self) -> None:
        """Returns when the caller may be busy, first come, first served; `leave` has to follow."""
        if self._busy < self.allowed and not self._waiting:
            self._busy += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except BaseException:
            if place.done() and not place.cancelled():
                self.leave()  # cancelled in the moment of its turn: the next one goes on
            raise

    def leave(self) -> None:
        """The caller is no longer busy."""
        self._busy -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._busy < self.allowed:
            place = self._waiting.popleft()
            if not place.done():
                self._busy += 1
                place.set_result(None)

    async def turn(self, *stops: asyncio.Event, count: int = 1) -> None:
        """Returns when the rate lets so many more requests start, or when an event is set.

        One caller waits for its turn and the others behind it, so that all of them feel a lower rate at once.
        """
        if self._rate and count:
            async with self._gate:
                await sleep_or_stop(self._rate.wait_s(asyncio.get_running_loop().time(), count), *stops)

    def overloaded(self, started: float, now: float) -> None:
        """A request that began at `started` met an overloaded server: both limits are halved.

        Concurrent failures from the same overload count once.
        """
        if started < self._overloaded_at:
            return
        self._overloaded_at = now
        self._allowed = max(1.0, self._allowed / 2)
        if self._rate:
            self._rate.halve()

    def answered(self, duration_s: float) -> None:
        """A good response came: both limits rise, but not the requests under way while responses are slow."""
        if self._rate:
            self._rate.creep()
        self._judge(duration_s)
        if not self._slow:
            self._allowed = min(float(self._size), self._allowed + 1.0 / self._allowed)
            self._wake()

    def _judge(self, duration_s: float) -> None:
        """Slowness alone leaves a quarter of the requests: the network may be slow, and not the server."""
        self._seen += 1
        self._total_s += duration_s
        if self._seen < WINDOW:
            return
        mean_s, self._seen, self._total_s = self._total_s / self._seen, 0, 0.0
        self._best_s = min(self._best_s, mean_s)
        self._slow = mean_s > max(SLOW_FLOOR_S, SLOW_FACTOR * self._best_s)
        fewest = max(1.0, self._size / 4)
        if self._slow and self._allowed > fewest:
            self._allowed = max(fewest, self._allowed * 0.75)


class Rate:
    """So many requests per second, evenly spaced, in the order in which they ask. Times are in seconds."""

    def __init__(self, per_second: float) -> None:
        self._full = self.per_second = per_second
        self._next_at = float("-inf")

    def wait_s(self, now: float, count: int = 1) -> float:
        """How long to wait until so many requests may start, one after another; their turns are taken."""
        at = max(self._next_at, now) + (count - 1) / self.per_second
        self._next_at = at + 1.0 / self.per_second
        return at - now

    def halve(self) -> None:
        """Half as many, down to a small part."""
        self.per_second = max(self._full / SLOWEST_PART, self.per_second / 2)

    def creep(self) -> None:
        """A little faster, up to the whole rate."""
        self.per_second = min(self._full, self.per_second + self._full / CREEP_PARTS)

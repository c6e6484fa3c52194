"""How many requests are under way at once: lanes handed out in turn, fewer of them when the server suffers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

L = TypeVar("L")
SLOW_FACTOR = 4.0  # this much slower than its best, and the server has enough to do
SLOW_FLOOR_S = 0.2  # below this nothing is called slow
WINDOW = 32  # answers per judgement


class Lanes(Generic[L]):
    """At most `size` lanes, made when first needed. One event loop."""

    def __init__(self, size: int, make: Callable[[], L]) -> None:
        self._make = make
        self._idle: list[L] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._size = size
        self._allowed = float(size)
        self._busy = 0
        self._seen = 0
        self._total_s = 0.0
        self._best_s = float("inf")
        self._slow = False
        self.all: list[L] = []

    @property
    def allowed(self) -> int:
        """How many may be busy now."""
        return max(1, int(self._allowed))

    async def take(self) -> L:
        """The next lane, first come, first served."""
        await self._turn()
        try:
            lane = self._idle.pop() if self._idle else self._new()
        except BaseException:
            self._end()
            raise
        return lane

    def give(self, lane: L) -> None:
        """A lane comes back."""
        self._idle.append(lane)
        self._end()

    async def _turn(self) -> None:
        """Counts as busy when it returns; one that is cancelled while it waits hands its turn on."""
        if self._busy < self.allowed and not self._waiting:
            self._busy += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._end()
            raise

    def _new(self) -> L:
        lane = self._make()
        self.all.append(lane)
        return lane

    def _end(self) -> None:
        self._busy -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._busy < self.allowed:
            turn = self._waiting.popleft()
            if not turn.done():
                self._busy += 1
                turn.set_result(None)

    def overloaded(self) -> None:
        """A 429, a timeout, a gateway's error: half as many."""
        self._allowed = max(1.0, self._allowed / 2)

    def answered(self, duration_s: float) -> None:
        """A good answer: creep up again, unless answers have become slow."""
        self._judge(duration_s)
        if not self._slow:
            self._allowed = min(float(self._size), self._allowed + 1.0 / self._allowed)
            self._wake()

    def _judge(self, duration_s: float) -> None:
        """Slowness alone takes away at most three lanes of four: the way may be long, and not the server busy."""
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

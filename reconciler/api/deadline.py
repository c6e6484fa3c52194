"""Gives a whole exchange one end: httpx bounds each pause alone, and a server that drips makes no long one."""

from __future__ import annotations

import asyncio


class Deadline:
    """When the exchange under way ends, on the event loop's clock."""

    def __init__(self) -> None:
        self._end = float("inf")

    def start(self, total_s: float) -> None:
        """An exchange begins."""
        self._end = asyncio.get_running_loop().time() + total_s

    def stop(self) -> None:
        """The exchange under way ends at its next step."""
        self._end = float("-inf")

    @property
    def passed(self) -> bool:
        """Whether nothing is left, which somebody who never pauses does not notice by waiting."""
        return asyncio.get_running_loop().time() > self._end

    def within(self, timeout_s: float | None) -> float:
        """A pause's bound, cut to what is left; 0 when nothing is."""
        left_s = max(0.0, self._end - asyncio.get_running_loop().time())
        return left_s if timeout_s is None else min(timeout_s, left_s)

"""Keeps requests apart in time, for --max-requests-per-second: half as fast when told so, then creeping up."""

from __future__ import annotations

SLOWEST_PART = 64
CREEP_PARTS = 100  # so many good answers bring the whole rate back


class Rate:
    """At most so many requests per second, one by one, in the order in which they ask. Times are in seconds."""

    def __init__(self, per_second: float) -> None:
        self._full = self._now = per_second
        self._next_at = float("-inf")

    @property
    def per_second(self) -> float:
        """How many are allowed now."""
        return self._now

    def wait_s(self, now: float) -> float:
        """How long the request that asks has to wait; its turn is taken."""
        at = max(self._next_at, now)
        self._next_at = at + 1.0 / self._now
        return at - now

    def refused(self) -> None:
        """Too many requests: half as many."""
        self._now = max(self._full / SLOWEST_PART, self._now / 2)

    def answered(self) -> None:
        """A good answer: creep up again."""
        self._now = min(self._full, self._now + self._full / CREEP_PARTS)

"""Measures how long a pass worked, so that one that mostly waited for a server delays no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reconciler.engine.runtime import Aside
from reconciler.model.event import Event, RequestDone

T = TypeVar("T")
Span = tuple[float, float]


class Effort:
    """The time in which a request was under way or something was computed; backoff and other waits are none.

    What went on at the same time counts once. Times are of `clock`, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spans: list[Span] = []  # apart from each other, in order

    @property
    def total_s(self) -> float:
        """The length of the work so far."""
        return sum(end - start for start, end in self._spans)

    def ended(self, start: float) -> None:
        """A piece of work that began then ends now."""
        span = start, self._clock()
        while self._spans and self._spans[-1][1] >= span[0]:
            earlier = self._spans.pop()
            span = min(earlier[0], span[0]), span[1]
        self._spans.append(span)

    def watch(self, event: Event) -> None:
        """Counts requests."""
        if isinstance(event, RequestDone):
            self.ended(self._clock() - event.duration_s)

    def measured(self, aside: Aside) -> Aside:
        """An `aside` whose work counts."""

        async def counted(work: Callable[[], T], /) -> T:
            start = self._clock()
            try:
                return await aside(work)
            finally:
                self.ended(start)

        return counted

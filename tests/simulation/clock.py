"""An event loop whose clock jumps to the next thing that is due, so that hours pass in milliseconds."""

from __future__ import annotations

import asyncio
import contextvars
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """Looks at the real descriptors without waiting, and passes the time that was to be waited on the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events:
            if timeout is None:
                raise RuntimeError("everybody waits, and nothing is due: the simulation stands still")
            self.now_s += max(0.0, timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time that knows which context made each task, so that one's tasks can be killed."""

    def __init__(self) -> None:
        self._clock = _Jumping()
        super().__init__(self._clock)
        self.slow_callback_duration = float("inf")
        self.set_task_factory(self._made)  # type: ignore[arg-type] # the stub is narrower than asyncio
        self.made: dict[asyncio.Task[Any], object] = {}

    def time(self) -> float:
        return self._clock.now_s

    def _made(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], **more: Any
    ) -> asyncio.Task[T]:
        task: asyncio.Task[T] = asyncio.Task(coroutine, loop=loop, **more)
        owner = OWNER.get()
        if owner is not None:
            self.made[task] = owner
            task.add_done_callback(lambda done: self.made.pop(done, None))
        return task

    def tasks_of(self, owner: object) -> list[asyncio.Task[Any]]:
        """The tasks that are under way and were made on behalf of this one."""
        return [task for task, made_for in self.made.items() if made_for is owner]


OWNER: contextvars.ContextVar[object | None] = contextvars.ContextVar("OWNER", default=None)


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine on a loop of its own, from second 0 on."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())

"""Waits that end early once an event is set, so that stopping takes no longer than the requests under way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any


async def sooner(waiting: Coroutine[Any, Any, Any], *stops: asyncio.Event) -> None:
    """Returns when `waiting` is done or an event is set; the rest is cancelled, so never pass a request."""
    tasks = [asyncio.create_task(waiting), *(asyncio.create_task(stop.wait()) for stop in stops)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def at_most(within_s: float, waiting: Coroutine[Any, Any, Any], *stops: asyncio.Event) -> None:
    """Returns when `waiting` is done, the seconds are over, or an event is set; the rest is cancelled."""

    async def bounded() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await waiting

    await sooner(bounded(), *stops)


async def sleep_or_stop(delay_s: float, *stops: asyncio.Event) -> None:
    """Sleeps so many seconds; returns as soon as an event is set."""
    if delay_s > 0 and not any(stop.is_set() for stop in stops):
        await sooner(asyncio.sleep(delay_s), *stops)

"""Waits that end early when there is nothing left to wait for: a drain lasts no longer than its requests."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def sooner(waiting: Coroutine[Any, Any, Any], *stops: asyncio.Event) -> None:
    """Returns when the wait is over or an event is set. Never for a request: those are not cancelled."""
    tasks = [asyncio.create_task(waiting), *(asyncio.create_task(stop.wait()) for stop in stops)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def sleep_or_stop(delay_s: float, *stops: asyncio.Event) -> None:
    """Sleeps, unless an event is or becomes set."""
    if delay_s > 0 and not any(stop.is_set() for stop in stops):
        await sooner(asyncio.sleep(delay_s), *stops)

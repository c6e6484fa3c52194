"""Waits that end early when the process is asked to stop: a drain lasts no longer than the running requests."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def sooner(waiting: Coroutine[Any, Any, Any], stop: asyncio.Event) -> None:
    """Returns when the wait is over or `stop` is set. Never for a request: those are not cancelled."""
    tasks = [asyncio.create_task(waiting), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def rest(delay_s: float, stop: asyncio.Event) -> None:
    """Sleeps, unless `stop` is or becomes set."""
    if delay_s > 0 and not stop.is_set():
        await sooner(asyncio.sleep(delay_s), stop)

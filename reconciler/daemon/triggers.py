"""Wakes a worker up when its folder may have changed; a wake-up carries nothing, since each pass reads all."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from reconciler.model.errors import SourceError
from reconciler.source.snapshot import digest

POLL_S = 5.0  # file events are hints: a swap of a link in a place nobody watches shows in the digest alone


async def watch_folder(folder: str, wake: asyncio.Event, stop: asyncio.Event) -> None:
    """Sets `wake` after each change of the folder, until `stop`."""
    await asyncio.gather(_events(folder, wake, stop), _poll(folder, wake, stop))


async def _events(folder: str, wake: asyncio.Event, stop: asyncio.Event) -> None:
    """The parent is watched, since a link that is swapped there would be lost below it."""
    from watchfiles import awatch  # noqa: PLC0415 loaded only by the daemon

    with contextlib.suppress(OSError, RuntimeError):  # the poll goes on without events
        async for _ in awatch(*_places(folder), stop_event=stop, recursive=False):
            wake.set()


def _places(folder: str) -> list[Path]:
    absolute = Path(folder).absolute()
    return [place for place in (absolute.parent, absolute) if place.is_dir()]


async def _poll(folder: str, wake: asyncio.Event, stop: asyncio.Event) -> None:
    known = await _digest(folder)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), POLL_S)
        seen = await _digest(folder)
        if seen != known:
            known = seen
            wake.set()


async def _digest(folder: str) -> str:
    try:
        return await asyncio.to_thread(digest, folder)
    except SourceError:
        return ""

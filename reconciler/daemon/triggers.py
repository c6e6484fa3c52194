"""Wakes a worker up when its folder has changed; a wake-up carries nothing, since each pass reads all.

File events are hints: they say when to look, and the digest of the folder says whether anything is different. So
nothing is lost where no event comes (a folder made anew, a link swapped out of sight), and a file that somebody
writes beside the folder wakes nobody.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import structlog

from reconciler.api.waiting import at_most, sleep_or_stop
from reconciler.model.errors import SourceError
from reconciler.source.snapshot import FolderDigest

REST_SHARE = 10  # after each look, so many times as long: file events may come without end
log = structlog.get_logger()


class Wake:
    """Says that a pass is due. `cause` is only for the log: every pass reads everything."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.cause = ""

    def set(self, cause: str) -> None:
        """A pass is due; of several causes the first is named."""
        self.cause = self.cause or cause
        self.event.set()

    def clear(self) -> None:
        """A pass begins, which sees everything that happened before."""
        self.cause = ""
        self.event.clear()


async def watch_folder(digest: FolderDigest, known: str, wake: Wake, stop: asyncio.Event, poll_s: float) -> None:
    """Sets `wake` after each change of what is read, until `stop`; `known` is the digest before the first pass."""
    hint, moved = asyncio.Event(), asyncio.Event()
    events = asyncio.create_task(_events(digest.folder, hint, moved, stop))
    clock = asyncio.get_running_loop().time
    while not stop.is_set():
        await happens(hint, poll_s, stop)
        hint.clear()
        started = clock()
        seen = await digest_of(digest)
        if seen != known:
            known = seen
            wake.set("change")
            moved.set()
        await sleep_or_stop(REST_SHARE * (clock() - started), stop)
    moved.set()
    await events


async def happens(event: asyncio.Event, within_s: float, stop: asyncio.Event) -> None:
    """Returns when the event is set, the time is over, or `stop` is set."""
    if not stop.is_set():
        await at_most(within_s, event.wait(), stop)


async def digest_of(digest: FolderDigest) -> str:
    """The digest as it is now; "" while there is no such folder."""
    try:
        return await asyncio.to_thread(digest.now)
    except (SourceError, OSError):
        return ""


async def _events(folder: str, hint: asyncio.Event, moved: asyncio.Event, stop: asyncio.Event) -> None:
    """Starts a new watch whenever the folder has changed, since the path may lead to another one by now."""
    while not stop.is_set():
        moved.clear()
        watching = asyncio.create_task(_watch(await asyncio.to_thread(_places, folder), hint, moved))
        await asyncio.sleep(0)
        hint.set()  # it watches by now; what happened before it did shows in the digest
        await moved.wait()
        await watching


async def _watch(places: list[Path], hint: asyncio.Event, moved: asyncio.Event) -> None:
    from watchfiles import awatch  # noqa: PLC0415 loaded only by the daemon

    try:
        async for _ in awatch(*places, stop_event=moved, recursive=False):
            hint.set()
    except (OSError, RuntimeError) as error:  # a place is gone, or the system has no watches left
        log.debug("no file events", error=type(error).__name__)


def _places(folder: str) -> list[Path]:
    """The folder, its parent, and the parents of the links that lead there: a swap renames something in them."""
    path = Path(folder).absolute()
    links = [part for part in (path, *path.parents) if os.path.islink(part)]  # noqa: PTH114 never raises
    places = {path.parent, Path(os.path.realpath(path)), *(link.parent for link in links)}
    return sorted(place for place in places if os.path.isdir(place))  # noqa: PTH112 never raises

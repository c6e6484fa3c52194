"""Waits until a folder stops changing, so that half a checkout is never applied unattended."""

from __future__ import annotations

import asyncio

from reconciler.api.waiting import sleep_or_stop
from reconciler.engine.load import Load, load_partly
from reconciler.engine.runtime import Runtime
from reconciler.model.errors import Interrupted, SourceError
from reconciler.model.settings import STRICT, DomainRules
from reconciler.model.state import Loaded
from reconciler.source.snapshot import FolderDigest
from reconciler.source.steady import Look, behind_a_link, look

MAX_LOOKS = 60


async def steady(digest: FolderDigest, runtime: Runtime, stop: asyncio.Event) -> Load:
    """Waits until the folder stops changing, and returns a loader that refuses it if it changes again.

    A folder behind a link that is swapped as a whole is always whole; any other has to stand still for a second.

    Raises:
        SourceError: the folder is not there, or does not stop changing.
        Interrupted: `stop` was set while waiting.
    """
    folder = digest.folder
    if await runtime.aside(lambda: behind_a_link(folder)):
        return load_partly
    seen = await runtime.aside(lambda: look(digest))
    for _ in range(MAX_LOOKS):
        await sleep_or_stop(runtime.look_again_s, stop)
        if stop.is_set():
            raise Interrupted("asked to stop; the folder was not read")
        again = await runtime.aside(lambda: look(digest))
        if again.steady_since(seen):
            return _believing(digest, again)
        seen = again
    raise SourceError(f"{folder} does not stop changing", "Find what writes to it, or remove a stale index.lock.")


def _believing(digest: FolderDigest, seen: Look) -> Load:
    """A loader that raises SourceError if the folder has changed since that look."""

    def load_as_seen(folder: str, /, *, now: float, allow_empty: bool, rules: DomainRules = STRICT) -> Loaded:
        loaded = load_partly(folder, now=now, allow_empty=allow_empty, rules=rules)
        if not look(digest).steady_since(seen):
            raise SourceError(f"{folder} changed while it was read", "The next pass reads it again.")
        return loaded

    return load_as_seen

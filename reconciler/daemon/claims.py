"""Which worker sees which live environment: two on one would undo each other's work, so both stop for good.

No worker writes before every worker has looked once, since only a look shows whose environment a key opens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable

from reconciler.api.waiting import sooner


class Claims:
    """Shared by the workers of one process, named by their environments."""

    def __init__(self, names: Iterable[str]) -> None:
        self.unknown = asyncio.Lock()  # held by who writes to an empty environment: nobody knows whose it is
        self._unseen = set(names)
        self._all_looked = asyncio.Event()
        self._owners: dict[Hashable, set[str]] = {}
        self._stops: dict[str, asyncio.Event] = {name: asyncio.Event() for name in self._unseen}

    def stop_of(self, name: str) -> asyncio.Event:
        """Set once that worker may write no more."""
        return self._stops[name]

    def claim(self, name: str, what: Hashable) -> None:
        """That worker sees this environment (its id), or opens it in this way (address and key)."""
        owners = self._owners.setdefault(what, set())
        owners.add(name)
        if len(owners) > 1:
            for owner in owners:
                self._stops[owner].set()

    def rivals(self, name: str) -> list[str]:
        """The other workers that see what this one sees."""
        shared = [owners for owners in self._owners.values() if name in owners]
        return sorted(set().union(*shared) - {name})

    def looked(self, name: str) -> None:
        """That worker has looked once, with whatever success."""
        self._unseen.discard(name)
        if not self._unseen:
            self._all_looked.set()

    async def all_looked(self, stop: asyncio.Event) -> None:
        """Waits until every worker has, or `stop`."""
        if not self._all_looked.is_set():
            await sooner(self._all_looked.wait(), stop)

"""Which worker writes to which live environment: two on one would undo each other's work, so both stop for good.

No worker writes before every worker has tried to read once: only that shows which environment a key opens. One
that hangs holds the others up for WAIT_S at most, and nobody whose environment is the pinned one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable
from typing import Self

from reconciler.api.waiting import at_most
from reconciler.model.errors import Interrupted, ReconcilerError, WrongEnvironment
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings

WAIT_S = 30.0  # as long as a request may take


class Claims:
    """Shared by the workers of one process, named by their environments. `now` is of the event loop's clock."""

    def __init__(self, names: Iterable[str], now: float) -> None:
        self.claims = {name: Claim(name, self) for name in names}
        self.empty = asyncio.Lock()  # held by who writes to an empty environment: nothing shows yet whose it is
        self._unseen = set(self.claims)
        self._all_looked = asyncio.Event()
        self._wait_until = now + WAIT_S
        self._owners: dict[Hashable, set[str]] = {}

    def add(self, name: str, what: Hashable) -> None:
        """That worker sees this environment (its id), or opens it in this way (address and key)."""
        owners = self._owners.setdefault(what, set())
        owners.add(name)
        if len(owners) > 1:
            for owner in owners:
                self.claims[owner].stop.set()

    def rivals(self, name: str) -> list[str]:
        """The other workers that see what this one sees."""
        shared = [owners for owners in self._owners.values() if name in owners]
        return sorted(set().union(*shared) - {name})

    def looked(self, name: str) -> None:
        """That worker has made its first attempt to read, successful or not."""
        self._unseen.discard(name)
        if not self._unseen:
            self._all_looked.set()

    async def all_looked(self, stop: asyncio.Event) -> None:
        """Waits until every worker has looked, the process is WAIT_S old, or `stop` is set."""
        remaining_s = self._wait_until - asyncio.get_running_loop().time()
        if not self._all_looked.is_set() and remaining_s > 0:
            await at_most(remaining_s, self._all_looked.wait(), stop)


class Claim:
    """One worker's part: `stop` is set once it may write no more, `lost` if that is for good."""

    def __init__(self, name: str, claims: Claims) -> None:
        self.stop = asyncio.Event()
        self.lost = False
        self.environment_id: str | None = None
        self._name = name
        self._claims = claims
        self._seen_with: Secret | None = None  # the key with which the environment was seen

    def opens(self, api: ApiSettings) -> None:
        """The worker opens its environment with this address and key."""
        self._claims.add(self._name, (api.url, api.key))

    def sees(self, live: str | None, key: Secret) -> None:
        """The key opens this live environment, None while it is empty.

        Raises WrongEnvironment if it is not this worker's, or also another's; the worker is stopped for good then.
        """
        known = self.environment_id
        emptied = live is None and key == self._seen_with  # a key opens one environment for ever
        if known is not None and live != known and not emptied:
            self.lose()
            raise WrongEnvironment(
                f"the key belongs to {live or 'an empty environment'}, another one than before (was {known})",
                "Nothing was written, and nothing will be until a restart. Correct the key.",
            )
        if live is not None:
            self.environment_id, self._seen_with = live, key
            self._claims.add(self._name, live)
        self.check_rivals()

    def refused(self, key: Secret) -> None:
        """The key opens another environment than the pinned one: a key that was changed stops the worker."""
        if self._seen_with not in {None, key}:
            self.lose()

    def check_rivals(self) -> None:
        """Raises WrongEnvironment, and stops for good, if another worker sees the same environment."""
        rivals = self._claims.rivals(self._name)
        if not rivals:
            return
        self.lose()
        what = self.environment_id or "one environment"
        raise WrongEnvironment(
            f"{' and '.join(sorted([self._name, *rivals]))} have keys to {what}: none of them is written to",
            "Give each environment its own key, then restart.",
        )

    def lose(self) -> None:
        """Stops the worker until the process is restarted."""
        self.lost = True
        self.stop.set()

    def looked(self) -> None:
        """The worker has made its first attempt to read, successful or not."""
        self._claims.looked(self._name)

    async def all_looked(self) -> None:
        """Waits until every worker has looked, but not for long, or this one is stopped; this one has by now."""
        self.looked()
        await self._claims.all_looked(self.stop)

    def turn(self) -> Turn:
        """The worker's turn to write to an empty environment: not taken yet."""
        return Turn(self._claims.empty)


class Turn:
    """One worker at a time writes to an empty environment, until a response shows which one that is."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self.taken = False
        self._lock = lock

    async def take(self, stop: asyncio.Event) -> None:
        """Waits until no other worker has the turn; raises ReconcilerError after WAIT_S, Interrupted at `stop`."""
        await at_most(WAIT_S, self._take(), stop)
        if not self.taken and stop.is_set():
            raise Interrupted("asked to stop; nothing was written")
        if not self.taken:
            raise ReconcilerError(
                "this environment is empty, and so is another one, which a worker of this process writes to",
                "The next pass tries again. To make it independent, create one organization in it by hand.",
            )

    async def _take(self) -> None:
        await self._lock.acquire()
        self.taken = True

    def end(self) -> None:
        """Another worker may have the turn."""
        if self.taken:
            self.taken = False
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

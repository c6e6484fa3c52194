"""Which worker writes to which live environment: two on one would undo each other's work, so both stop.

They go on once their keys open different ones. No worker writes before every worker has tried to read once: only
that shows which environment a key opens. One that hangs holds the others up for WAIT_S at most, and nobody whose
environment is the pinned one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Self

from reconciler.api.waiting import at_most
from reconciler.daemon.triggers import Wake
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

    def rivals(self, claim: Claim) -> list[Claim]:
        """The others that see what this one sees, or open it with the same address and key."""
        return [other for other in self.claims.values() if other is not claim and claim.meets(other)]

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
    """One worker's part. `stop`: its pass may write no more. `contested`: another worker sees its environment."""

    def __init__(self, name: str, claims: Claims) -> None:
        self.name = name
        self.stop = asyncio.Event()
        self.wake = Wake()
        self.contested = False
        self.environment_id: str | None = None  # which no later key may change
        self._claims = claims
        self._opened: tuple[str, Secret] | None = None  # the address and the key in use
        self._shown: str | None = None  # the live environment that they have shown
        self._seen_with: Secret | None = None  # the key with which `environment_id` was seen

    def meets(self, other: Claim) -> bool:
        """Whether both open one environment, as far as is known."""
        same_key = self._opened is not None and self._opened == other._opened
        return same_key or (self._shown is not None and self._shown == other._shown)

    def opens(self, api: ApiSettings) -> None:
        """A pass begins, with this address and key; raises WrongEnvironment as `check_rivals` does."""
        if self._opened != (api.url, api.key):
            before = self._claims.rivals(self)
            self._opened, self._shown = (api.url, api.key), None
            for other in before:
                other.wake.set("rival")  # it may go on now
        self.check_rivals()

    def sees(self, live: str | None, key: Secret) -> None:
        """The key opens this live environment, None while it is empty.

        Raises WrongEnvironment if it is not this worker's, or also another's.
        """
        known = self.environment_id
        emptied = live is None and key == self._seen_with  # a key opens one environment for ever
        if known is not None and live != known and not emptied:
            raise WrongEnvironment(
                f"the key belongs to {live or 'an empty environment'}, another one than before (was {known})",
                "Nothing is written until the key is right again. Correct it: the next pass reads it.",
            )
        self._shown = live or self._shown
        self.check_rivals()
        if live is not None:
            self.environment_id, self._seen_with = live, key

    def check_rivals(self) -> None:
        """Raises WrongEnvironment, and stops the others, too, if another worker sees the same environment."""
        rivals = self._claims.rivals(self)
        self.contested = bool(rivals)
        if not rivals:
            return
        what = self._shown or "one environment"
        self.environment_id = None  # it was perhaps never this worker's
        for other in rivals:
            other.lose()
        names = " and ".join(sorted([self.name, *(other.name for other in rivals)]))
        raise WrongEnvironment(
            f"{names} have keys to {what}: none of them is written to",
            "Give each environment its own key: the next pass reads it.",
        )

    def lose(self) -> None:
        """Another worker sees the same environment: the pass under way ends, the next one says why."""
        if not self.contested:
            self.contested = True
            self.stop.set()
            self.wake.set("rival")

    def looked(self) -> None:
        """The worker has made its first attempt to read, successful or not."""
        self._claims.looked(self.name)

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

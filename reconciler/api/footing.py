"""What a write rests on: the turns of a rate limit that it shares with its reads, and how old these are."""

from __future__ import annotations

MAX_AGE_S = 0.5  # the API cannot refuse a write that rests on something older, so we do


class Footing:
    """Of one write, over all its attempts. `reads` is how many requests read what it rests on, as far as known.

    Their turns and the write's are taken together, before the first request leaves, so that nothing waits in
    between. Times are of the event loop's clock, in seconds.
    """

    def __init__(self, reads: int = 1) -> None:
        self._reads = reads
        self._asked = 0
        self._turns = 0  # taken, and not used yet
        self._read_at: float | None = None

    def again(self) -> None:
        """Another attempt begins, with as many turns as the one before could have used."""
        self._reads = max(self._reads, self._asked)
        self._asked = self._turns = 0
        self._read_at = None

    def reads_anew(self) -> None:
        """What is read from here on is what the write rests on."""
        self._read_at = None

    def turns_to_read(self) -> int:
        """How many turns the next read has to wait for; one is left for the write."""
        wanted = 2 if self._asked else self._reads + 1
        missing = max(0, wanted - self._turns)
        self._turns += missing - 1
        self._asked += 1
        return missing

    def turns_to_write(self) -> int:
        """How many turns the write has to wait for: none, unless it rests on nothing."""
        missing = 0 if self._turns else 1
        self._turns = 0
        return missing

    def answered(self, started: float, now: float) -> None:
        """A read that began at `started` was answered. The pages of a list age only while none is under way."""
        self._read_at = now if self._read_at is None else self._read_at + now - started

    def age_s(self, now: float) -> float:
        """How old what was read is; 0 where nothing was."""
        return 0.0 if self._read_at is None else now - self._read_at

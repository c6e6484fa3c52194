"""What decides a simulated world: one seed, how long it lasts, and which of its parts are left out."""

from __future__ import annotations

import random

from msgspec import Struct

PARTS = (
    "edits",  # people change, rename and remove manifests
    "customers",  # administrators use their setup page
    "operators",  # people click in the web application
    "meddling",  # both of them right between two requests of a pass
    "kills",  # the process is killed and started again
    "second",  # another reconciler runs at the same time
    "protected",  # the process names a domain that manifests may not write to
    "guarded",  # the process lets few organizations be created at a time
    "crowd",  # there is more than a page of organizations that are not in git
    "lost",  # requests or answers are lost
    "errors",  # gateways and the server itself answer nonsense, before or after the effect
    "late",  # the effect of a request comes long after its sender gave up
    "twice",  # a proxy sends a request again
    "emptied",  # for a while a list is answered with nothing in it
    "limited",  # the process keeps to so many requests per second
    "outages",  # the database is away, or the key revoked, for a while
)
SETTLE_S = 5.0
REST_PASSES = 6  # within so many passes after the faults stop, everything converges or stands blocked


class Scenario(Struct, frozen=True):
    """One world. Each source of chance has its own stream, so that leaving one out moves the others little."""

    seed: int
    hours: float = 6.0
    without: frozenset[str] = frozenset()
    sure: frozenset[str] = frozenset()  # parts that take place for certain

    def rng(self, purpose: str) -> random.Random:
        """That purpose's own chance."""
        return random.Random(f"{self.seed}/{purpose}")

    def has(self, part: str) -> bool:
        """Whether that part takes place; a seed may leave some out by itself."""
        if part in self.without or part in self.sure:
            return part in self.sure
        return part not in SELDOM or self.rng(part).random() < SELDOM[part]

    def command(self) -> str:
        """What replays exactly this world."""
        words = ["python -m tests.simulation", f"--seed {self.seed}"]
        words += [f"--hours {self.hours:g}"] if self.hours != 6.0 else []
        words += [f"--without {','.join(sorted(self.without))}"] if self.without else []
        return " ".join(words)


SELDOM = {
    "second": 0.25,
    "protected": 0.3,
    "guarded": 0.15,
    "crowd": 0.4,
    "late": 0.8,
    "twice": 0.5,
    "emptied": 0.5,
    "limited": 0.4,
    "outages": 0.7,
}

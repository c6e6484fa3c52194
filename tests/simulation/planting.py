"""What a planted fault is: which rule it breaks, which violation it must cause, and within how many worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from enum import StrEnum
from typing import Any
from unittest.mock import patch

from msgspec import Struct

from tests.simulation.oracle.breach import Breach
from tests.simulation.oracle.judge import Oracle
from tests.simulation.scenario import Scenario
from tests.simulation.world import simulate

Grow = Callable[[], AbstractContextManager[Any]]
MOST_SEEDS = 100
HOURS = 2.0  # a world is busiest in its first hours


class Promise(StrEnum):
    """What docs/safety.md promises, in its words."""

    PLAN = "A plan never writes"
    ABSENT = "What a manifest leaves out is never touched"
    MOVED = "A change made for a world that has moved is not made"
    WAITING = "Nothing waits between a read and its write"
    ONCE = "Nothing is created twice"
    OBJECT = "The right object is written to"
    LIST = "A list is whole or an error"
    RESPONSE = "A response is accepted only if it is one"
    PRIMARY = "A collection keeps a primary"
    DOMAIN = "A domain has one organization"
    TIGHTEN = "A repository can only tighten"
    ENVIRONMENT = "The wrong environment is impossible"
    SIZE = "A change of unusual size stops, and only that"
    STOP = "Stopping is safe at any instruction"
    SECRET = "Secrets surface nowhere but where they are delivered"
    TOKEN = "A token that cannot be kept is not made"
    HANDS_OFF = "What is suspended or observed is never written to"
    ALONE = "One bad organization never blocks the others"
    DONE = "What is due is done"


class Plant(Struct, frozen=True):
    """A fault. `rule` is the promise that it breaks.

    It counts as found by this violation alone: a crash, or another check that happens to fail, does not count.
    """

    name: str
    rule: Promise
    violation: Breach
    seeds: int
    grow: Grow
    sure: frozenset[str]  # parts of a world that it needs

    def found_by(self, seeds: Iterable[int]) -> int | None:
        """The first of these seeds in whose world it causes its violation."""
        with self.grow(), self._unheard():
            for seed in seeds:
                result = simulate(Scenario(seed, HOURS, sure=self.sure))
                if result.violation and result.violation.startswith(f"{self.violation}: "):
                    return seed
        return None

    def _unheard(self) -> AbstractContextManager[Any]:
        """A fault that must show in a write is not betrayed by the words of the plan."""
        if self.violation is Breach.MISJUDGED:
            return nullcontext()
        return patch.object(Oracle, "says_so", lambda *_: None)


PLANTS: dict[str, Plant] = {}


def plant(
    rule: Promise, violation: Breach, seeds: int = MOST_SEEDS, *, sure: Iterable[str] = ()
) -> Callable[[Grow], Grow]:
    """Makes a function that plants a fault, for as long as its block lasts, one of the `PLANTS`."""

    def of(grow: Grow) -> Grow:
        name = getattr(grow, "__name__", "")
        PLANTS[name] = Plant(name, rule, violation, seeds, grow, frozenset(sure))
        return grow

    return of


def swap(owner: Any, name: str, make: Callable[[Any], Any]) -> AbstractContextManager[Any]:
    """Puts what `make` makes of the original in its place."""
    return patch.object(owner, name, make(getattr(owner, name)))


def together(*swaps: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    """All of them as one."""
    stack = ExitStack()
    for each in swaps:
        stack.enter_context(each)
    return stack

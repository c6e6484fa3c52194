"""Runs many seeds side by side, shrinks what fails, and prints the one command that shows it again."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.excuses import too_often, too_quiet
from tests.simulation.scenario import PARTS, Scenario
from tests.simulation.world import Result, simulate

CHUNK = 20
MANY = 50
SHOWN = ("passes", "requests", "faults", "kills", "asked to stop", "commits", "customer", "operator")


def campaign(scenarios: Iterable[Scenario], jobs: int) -> Iterator[Result]:
    """Their results, without their traces, in order."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_without_trace, scenarios, chunksize=CHUNK)


def _without_trace(scenario: Scenario) -> Result:
    result = simulate(scenario)
    return Result(scenario, result.violation, result.digest, (), result.counts)


def shrink(scenario: Scenario, fails: Callable[[Scenario], bool]) -> Scenario:
    """A smaller scenario that still fails: fewer hours, then fewer parts, until nothing more can be left out."""
    before = None
    while before != scenario:
        before = scenario = _shorter(scenario, fails)
        for part in sorted(set(PARTS) - scenario.without):
            smaller = Scenario(scenario.seed, scenario.hours, scenario.without | {part})
            if fails(smaller):
                scenario = smaller
    return scenario


def _shorter(scenario: Scenario, fails: Callable[[Scenario], bool]) -> Scenario:
    for hours in (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0):
        shorter = Scenario(scenario.seed, hours, scenario.without)
        if hours < scenario.hours and fails(shorter):
            return shorter
    return scenario


def failure(result: Result) -> str:
    """What a person needs to see it again, and in as small a world as can be had."""
    small = shrink(result.scenario, lambda each: simulate(each).violation is not None)
    again = simulate(small)
    return (
        f"{result.violation}\n  seen with: {result.scenario.command()}\n  smallest:  {small.command()} --trace\n"
        f"  there:     {again.violation}"
    )


def figures(counts: Counter[str], seeds: int, hours: float, took_s: float) -> str:
    """The campaign in a few lines."""
    excuses = [f"{number:,} {name}" for name, number in sorted(counts.items()) if name.startswith("excused")]
    lines = [
        f"{seeds:,} seeds, {hours:,.0f} simulated hours in {took_s:,.0f} s",
        ", ".join(f"{counts[name]:,} {name}" for name in SHOWN),
        f"{counts['created']:,} created, {counts['updated']:,} updated, {counts['at rest']:,} resources at rest",
        f"{counts['due']:,} writes due, {counts['done']:,} done, {counts['quiet passes']:,} quiet passes",
        *excuses,
    ]
    return "\n".join(f"  {line}" for line in lines)


def say(line: str) -> None:
    """A line for whoever waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many worlds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--seed", type=int, help="one world alone")
    parser.add_argument("--hours", type=float, default=6.0, help="how long a world lasts")
    parser.add_argument("--without", default="", metavar="PARTS", help=f"leave out some of {', '.join(PARTS)}")
    parser.add_argument("--trace", action="store_true", help="print every line of that world")
    given = parser.parse_args()
    without = frozenset(part for part in given.without.split(",") if part)
    if without - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(without - set(PARTS)))}")
    if given.seed is not None:
        sys.exit(_one(Scenario(given.seed, given.hours, without), trace=given.trace))
    seeds = range(given.first, given.first + given.seeds)
    sys.exit(_many([Scenario(seed, given.hours, without) for seed in seeds], given.jobs))


def _one(scenario: Scenario, *, trace: bool) -> int:
    result = simulate(scenario)
    if trace:
        say("\n".join(result.trace))
    say(f"trace {result.digest}")
    say(result.violation or "nothing was violated")
    return 1 if result.violation else 0


def _many(scenarios: list[Scenario], jobs: int) -> int:
    started_s, counts, bad = time.monotonic(), Counter[str](), []
    for number, result in enumerate(campaign(scenarios, jobs), start=1):
        counts += result.counts
        if result.violation:
            bad.append(result)
            say(f"seed {result.scenario.seed}: {result.violation}")
        if number % 1000 == 0:
            say(f"  … {number:,} seeds, {len(bad)} bad")
    hours = sum(scenario.hours for scenario in scenarios)
    say(f"simulated worlds: {len(scenarios) - len(bad)} passed, {len(bad)} failed")
    say(figures(counts, len(scenarios), hours, time.monotonic() - started_s))
    for result in bad[:5]:
        say(failure(result))
    strange = (
        [*too_often(counts, len(scenarios)), *too_quiet(counts, len(scenarios))] if _lively(scenarios) else []
    )
    for line in strange:
        say(f"  ! {line}")
    return 1 if bad or strange else 0


def _lively(scenarios: list[Scenario]) -> bool:
    """Whether these worlds are long, full and many enough to say what is usual."""
    return len(scenarios) >= MANY and all(each.hours >= 6 and not each.without for each in scenarios)

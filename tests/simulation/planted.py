"""`python -m tests.simulation.planted`: plants every fault, one at a time, and says what found it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context

from tests.simulation.planting import PLANTS, Plant
from tests.simulation.plants import deciding, keeping, matching, sending, writing

GROWN = (deciding, keeping, matching, sending, writing)  # importing one makes its faults known


def slice_of_the_day(count: int, day: int) -> list[Plant]:
    """So many faults, others every day, until all have had their turn."""
    plants = list(PLANTS.values())
    return [plants[(day * count + offset) % len(plants)] for offset in range(min(count, len(plants)))]


def found(names: list[str], jobs: int) -> Iterator[tuple[Plant, int | None, float]]:
    """Each fault with the seed that found it, and how long that took."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for name, (seed, took_s) in zip(names, pool.map(_one, names), strict=True):
            yield PLANTS[name], seed, took_s


def _one(name: str) -> tuple[int | None, float]:
    started_s = time.monotonic()
    return PLANTS[name].found_by(range(PLANTS[name].seeds)), time.monotonic() - started_s


def table(results: Mapping[str, int | None]) -> list[str]:
    """By rule: which fault causes which violation, and after how many worlds."""
    lines = []
    for rule in sorted({plant.rule for plant in PLANTS.values()}):
        lines.append(rule)
        for name, seed in results.items():
            plant = PLANTS[name]
            if plant.rule == rule:
                said = f"{seed + 1} worlds" if seed is not None else f"NOT FOUND in {plant.seeds} worlds"
                lines.append(f"  {name} → {plant.violation}: {said}")
    return lines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted", description=__doc__)
    parser.add_argument("--slice", type=int, metavar="N", help="so many of them, others every day")
    parser.add_argument("--only", metavar="WORD", help="those whose name has this in it")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    given = parser.parse_args()
    plants = list(PLANTS.values())
    if given.slice is not None:
        plants = slice_of_the_day(given.slice, datetime.now(UTC).toordinal())
    if given.only is not None:
        plants = [plant for plant in plants if given.only in plant.name]
    started_s, results = time.monotonic(), {}
    for plant, seed, took_s in found([plant.name for plant in plants], given.jobs):
        results[plant.name] = seed
        where = f"seed {seed}" if seed is not None else "NOT FOUND"
        sys.stdout.write(f"{plant.name}: {where} ({took_s:.0f} s)\n")
        sys.stdout.flush()
    missed = sum(seed is None for seed in results.values())
    sys.stdout.write("\n".join(table(results)) + "\n")
    took = time.monotonic() - started_s
    sys.stdout.write(f"planted faults: {len(results) - missed} found, {missed} not, in {took:.0f} s\n")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

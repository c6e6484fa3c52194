"""`python bench/run.py`: every figure beside its baseline in one run; leaves with 1 where a bound is missed."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import figures, growth, network, offline
from bench.figures import Bound, Figure
from bench.fleet import Tenant, tenants
from bench.processes import busy_percent

Part = Callable[[Path], list[Figure]]
LARGE, MEDIUM = 10_000, 1_000
BUSY_PERCENT = 10.0


def parts(fleet: Sequence[Tenant], rounds: int) -> dict[str, Part]:
    """What can be measured, by name; the bounds stand here."""
    some = fleet[:MEDIUM]
    near, far = {"latency_ms": 0, "rounds": 3 * rounds}, {"latency_ms": 20, "rounds": rounds}
    faster, within = Bound(at_least=8), Bound(at_most=3)
    memory, planning = Bound(at_most=250), Bound(at_most=2)
    return {
        "startup": lambda into: offline.startup(fleet, into, rounds=3 * rounds),
        "validate": lambda into: offline.validate(fleet, into, rounds=rounds, faster=faster, within=within),
        "ceiling": lambda into: network.ceiling(some, into),
        "read": lambda into: network.read(some, into, **near, bound=Bound(at_least=1.5, goal=1.8)),
        "read-20ms": lambda into: network.read(some, into, **far, bound=Bound(at_least=12, goal=15)),
        "apply-20ms": lambda into: network.apply(some, into, **far, bound=Bound(at_least=5)),
        "growth": lambda into: growth.growth(fleet, into, rounds=rounds, memory=memory, planning=planning),
    }


def measured(chosen: Iterable[tuple[str, Part]]) -> list[Figure]:
    """The figures of these parts, each shown as it comes."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        for name, part in chosen:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            fresh = part(Path(scratch))
            for figure in fresh:
                print(f"  {figure.what}: {figure.own} {figure.verdict}".rstrip(), file=sys.stderr, flush=True)
            found += fresh
    return found


def main(arguments: Sequence[str]) -> int:
    """Measures, shows, judges."""
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="measure this part alone")
    parser.add_argument("--rounds", type=int, default=3, help="rounds whose medians count (default 3)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="replace the marked block of a document")
    options = parser.parse_args(arguments)
    before_percent = busy_percent()
    known = parts(tenants(LARGE), options.rounds)
    if unknown := sorted(set(options.only) - set(known)):
        parser.error(f"no part is called {unknown[0]!r}: there are {', '.join(known)}")
    found = measured((name, part) for name, part in known.items() if not options.only or name in options.only)
    print(figures.text(found))
    machine = _machine(options.rounds, before_percent)
    print(f"\n{machine}.")
    if options.write:
        block = figures.markdown(found, f"{machine}.")
        options.write.write_text(figures.written_into(options.write.read_text(), block))
    missed = [figure for figure in found if not figure.kept]
    for figure in missed:
        print(f"missed: {figure.complaint}", file=sys.stderr)
    return 1 if missed else 0


def _machine(rounds: int, before_percent: float) -> str:
    """Where it was measured, and whether others were at work there."""
    said = f"{os.cpu_count()} cores, Python {platform.python_version()}, medians of {rounds} or more rounds"
    busy = before_percent > BUSY_PERCENT
    return f"{said}; not idle: {before_percent:.0f} % of the cores were busy before it began" if busy else said


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Mutation testing of the decisions: plants every small fault, one at a time, and counts those that tests notice.

    python -m tests.mutation                     all of them; minutes
    python -m tests.mutation --slice 60 --seed 7 a random part of them, bounded in time, for every change

It fails if fewer than 90 of 100 are killed, if one survives that `survivors.toml` does not explain, or if one
is killed that it does explain.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import random
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.trial import LIBRARIES, Verdict, ended, started

SURVIVORS = Path(__file__).parent / "survivors.toml"
MIN_KILLED_PERCENT = 90
SLICE_S = 45  # after which a slice starts no further mutant

PROPERTIES = "tests/core/planning/test_plan_properties.py"
# The quick ones first: most mutants need no more.
TESTS: Mapping[str, tuple[str, ...]] = {
    "reconciler.core.planning.match": (
        "tests/core/planning/test_match.py",
        "tests/core/planning/test_children.py",
        "tests/core/planning/test_plan.py",
        PROPERTIES,
    ),
    "reconciler.core.planning.diff": ("tests/core/planning/test_diff.py", "tests/core/planning/test_children.py"),
    "reconciler.core.planning.plan": ("tests/core/planning/test_plan.py", PROPERTIES),
    "reconciler.core.planning.children": (
        "tests/core/planning/test_children.py",
        "tests/core/planning/test_plan.py",
        PROPERTIES,
    ),
    "reconciler.core.planning.guard": ("tests/core/planning/test_guard.py",),
    "reconciler.core.applying.merge": ("tests/core/applying/test_merge.py", PROPERTIES),
    "reconciler.core.planning.domain_transfer": ("tests/core/planning/test_domain_transfer.py",),
    "reconciler.api.responses": ("tests/api/test_responses.py",),
    "reconciler.api.retry": ("tests/api/test_retry.py",),
}


def main() -> int:
    """Zero if the tests notice what they should."""
    options = _options()
    known = {mutant.name: mutant for module in TESTS for mutant in mutants_of(module)}
    chosen, until = list(known.values()), float("inf")
    if options.slice is not None:
        chosen = random.Random(options.seed).sample(chosen, min(options.slice, len(chosen)))
        until = time.monotonic() + SLICE_S
    if options.only:
        chosen = [mutant for mutant in chosen if options.only in mutant.name]
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # what every process shares need not be looked through by each

    begun = time.monotonic()
    if not _sound_without_mutants(chosen, options.jobs):
        return _say("Without any mutant the tests fail, or cannot be run: nothing was tried.", 1)
    verdicts = _tried(chosen, options.jobs, until)
    explained = explanations()
    faults = list(_faults(verdicts, explained))
    for fault in faults:
        _say(fault)
    survived = [name for name, verdict in verdicts.items() if verdict is Verdict.SURVIVED]
    percent = 100 * (1 - len(survived) / len(verdicts)) if verdicts else 100.0
    _say(
        f"{len(verdicts)} of {len(known)} mutants tried in {time.monotonic() - begun:.0f} s: {percent:.1f} % "
        f"killed, {len(survived)} survived, {len(explained.keys() & set(survived))} of them explained; "
        f"{len(faults)} faults"
        + ("" if options.slice is None else f" (--slice {options.slice} --seed {options.seed})")
    )
    too_few = len(verdicts) == len(known) and percent < MIN_KILLED_PERCENT
    return 1 if faults or too_few else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation", description="Mutation testing of the decisions."
    )
    parser.add_argument(
        "--slice", type=int, metavar="N", help="only N mutants, picked at random, in under a minute"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="which N; printed at the end")
    parser.add_argument("--only", metavar="TEXT", help="only mutants with this text in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="tried at a time")
    return parser.parse_args()


def explanations() -> dict[str, str]:
    """Why each known survivor cannot, or need not, be noticed, by its name."""
    return {each["mutant"]: each["why"] for each in tomllib.loads(SURVIVORS.read_text())["survivor"]}


def _sound_without_mutants(chosen: Iterable[Mutant], jobs: int) -> bool:
    files = sorted({file for mutant in chosen for file in TESTS[mutant.module]})
    verdicts = _run_all([(file, None, (file,)) for file in files], jobs, float("inf"))
    return set(verdicts.values()) <= {Verdict.SURVIVED}


def _tried(chosen: Iterable[Mutant], jobs: int, until: float) -> dict[str, Verdict]:
    return _run_all([(mutant.name, mutant, TESTS[mutant.module]) for mutant in chosen], jobs, until)


def _run_all(
    trials: Iterable[tuple[str, Mutant | None, Sequence[str]]], jobs: int, until: float
) -> dict[str, Verdict]:
    """The verdict of every trial that could be started in time, by name."""
    verdicts: dict[str, Verdict] = {}
    running: dict[int, str] = {}
    waiting = iter(trials)
    while True:
        while len(running) < jobs and time.monotonic() < until and (trial := next(waiting, None)):
            name, mutant, tests = trial
            running[started(mutant, tests)] = name
        if not running:
            return verdicts
        process, verdict = ended()
        verdicts[running.pop(process)] = verdict


def _faults(verdicts: Mapping[str, Verdict], explained: Mapping[str, str]) -> Iterable[str]:
    for name, verdict in sorted(verdicts.items()):
        if verdict is Verdict.UNTRIED:
            yield f"not tried, its tests did not run to an end: {name}"
        elif verdict is Verdict.SURVIVED and name not in explained:
            yield f"survived, and {SURVIVORS.name} does not explain it: {name}"
        elif verdict is Verdict.KILLED and name in explained:
            yield f"killed now, so {SURVIVORS.name} must not explain it: {name}"


def _say(line: str, code: int = 0) -> int:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main())

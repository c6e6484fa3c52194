"""Mutation testing: plants small faults in the code, one at a time, and counts those that the tests notice.

    python -m tests.mutation                          all decisions; minutes
    python -m tests.mutation --only guard             the mutants with this text in their name
    python -m tests.mutation --package engine source.snapshot
    python -m tests.mutation --slice 60 --seed 7      60 picked at random, in about a minute

It fails if a mutant survives that `survivors.toml` does not explain, if one is killed that it does explain, or if
fewer than 90 in 100 are killed.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.mutation.mutants import ROOT, mutants_of
from tests.mutation.trial import Trial, Verdict, run_all

SURVIVORS = Path(__file__).parent / "survivors.toml"
MIN_KILLED_PERCENT = 90
SLICE_S = 45  # after which a slice starts no mutant

DECISIONS = ("core.planning", "core.applying", "api.responses", "api.retry")
# More tests that decide about a module, after its own: X.Y is tests/X/test_Y.py.
ALSO: Mapping[str, tuple[str, ...]] = {
    "core.planning.match": ("core.planning.children", "core.planning.plan", "core.planning.plan_properties"),
    "core.planning.diff": ("core.planning.children",),
    "core.planning.plan": ("core.planning.plan_properties",),
    "core.planning.children": ("core.planning.plan", "core.planning.plan_properties"),
    "core.applying.merge": ("core.planning.plan_properties",),
}


def main() -> int:
    """Zero if the tests notice what they should."""
    options, begun = _options(), time.monotonic()
    known = [mutant for module in modules_in(options.package) for mutant in mutants_of(module)]
    chosen = [mutant for mutant in known if options.only in mutant.name]
    if options.slice is not None:
        chosen = random.Random(options.seed).sample(chosen, min(options.slice, len(chosen)))
    tests = {module: deciding_tests(module) for module in {mutant.module for mutant in chosen}}
    if missing := sorted({file for files in tests.values() for file in files if not (ROOT / file).is_file()}):
        return _say(f"Nothing was tried, these tests are missing: {', '.join(missing)}", 1)

    every_file = sorted({file for files in tests.values() for file in files})
    sound = run_all([Trial(file, None, (file,), limit_s=600) for file in every_file], options.jobs)
    if failing := [file for file, (verdict, _) in sound.items() if verdict is not Verdict.SURVIVED]:
        return _say(f"Nothing was tried, these tests fail without a mutant: {', '.join(failing)}", 1)

    # Tests that take far longer with a mutant than without wait for ever.
    limits_s = {module: 20 + 5 * sum(sound[file][1] for file in files) for module, files in tests.items()}
    trials = [Trial(each.name, each, tests[each.module], limits_s[each.module]) for each in chosen]
    tried = run_all(trials, options.jobs, float("inf") if options.slice is None else SLICE_S)
    verdicts = {name: verdict for name, (verdict, _) in tried.items()}
    faults = list(_faults(verdicts, explanations()))
    for fault in faults:
        _say(fault)

    survived = sum(verdict is Verdict.SURVIVED for verdict in verdicts.values())
    percent = 100 * (1 - survived / len(verdicts)) if verdicts else 100.0
    _say(
        f"{len(verdicts)} of {len(known)} mutants tried in {time.monotonic() - begun:.0f} s: "
        f"{percent:.1f} % killed, {survived} survived, {len(faults)} faults"
        + ("" if options.slice is None else f" (--slice {options.slice} --seed {options.seed})")
    )
    too_few = len(verdicts) == len(known) and percent < MIN_KILLED_PERCENT
    return 1 if faults or too_few else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Mutation testing.")
    parser.add_argument("--package", nargs="+", default=DECISIONS, help="packages or modules below reconciler")
    parser.add_argument("--only", metavar="TEXT", default="", help="only mutants with this text in their name")
    parser.add_argument("--slice", type=int, metavar="N", help="only N mutants, picked at random")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="which N; printed at the end")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many are tried at a time")
    return parser.parse_args()


def modules_in(packages: Iterable[str]) -> list[str]:
    """The names of all modules in these packages; a module's name stands for itself."""
    found = []
    for package in packages:
        place = ROOT / "reconciler" / package.replace(".", "/")
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        found += [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return found


def deciding_tests(module: str) -> tuple[str, ...]:
    """The files of the tests that decide about a module. Its own come first: they are the most likely to fail."""
    own = module.removeprefix("reconciler.")
    parts = [name.rpartition(".") for name in (own, *ALSO.get(own, ()))]
    return tuple(f"tests/{package.replace('.', '/')}/test_{name}.py" for package, _, name in parts)


def explanations() -> dict[str, str]:
    """Why each known survivor cannot, or need not, be noticed, by its name."""
    return {each["mutant"]: each["why"] for each in tomllib.loads(SURVIVORS.read_text())["survivor"]}


def _faults(verdicts: Mapping[str, Verdict], explained: Mapping[str, str]) -> Iterator[str]:
    for name, verdict in sorted(verdicts.items()):
        if verdict is Verdict.UNTRIED:
            yield f"its tests did not run to their end: {name}"
        elif verdict is Verdict.SURVIVED and name not in explained:
            yield f"survived, and {SURVIVORS.name} does not explain it: {name}"
        elif verdict is Verdict.KILLED and name in explained:
            yield f"killed, so {SURVIVORS.name} must not explain it: {name}"


def _say(line: str, code: int = 0) -> int:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main())

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

from tests.mutation.mutants import ROOT, module_of, mutants_of
from tests.mutation.trial import KILLED, SURVIVED, UNTRIED, Trial, run_all

TESTS = ROOT / "tests"
SURVIVORS = TESTS / "mutation/survivors.toml"
MIN_KILLED_PERCENT = 90
SLICE_S = 45  # after which a slice starts no mutant

DECISIONS = ("core.planning", "core.applying", "api.responses", "api.retry")
# Whose tests decide about a module, besides its own: those of x.y stand in tests/x/test_y.py.
UNTESTED = "a test is missing"
ALSO: Mapping[str, tuple[str, ...]] = {
    "core.planning.match": (
        *(
            "core.planning.children",
            "core.planning.plan",
            "core.planning.plan_properties",
            "core.planning.duplicates",
        ),
    ),
    "core.planning.diff": ("core.planning.children",),
    "core.planning.plan": ("core.planning.plan_properties", "core.planning.duplicates", "core.planning.lone"),
    "core.planning.children": (
        *("core.planning.plan", "core.planning.plan_properties", "core.planning.duplicates", "core.planning.lone"),
    ),
    "core.planning.domain_transfer": ("core.planning.plan",),
    "core.planning.moves": ("core.planning.plan",),
    "core.planning.part": ("core.planning.plan",),
    "core.planning.adoption": ("core.planning.plan",),
    "core.planning.guard": ("core.planning.plan",),
    "core.applying.merge": ("core.planning.plan_properties",),
}


def main() -> int:
    """Zero if the tests notice what they should."""
    options, begun = _options(), time.monotonic()
    known = [mutant for module in modules_in(options.package) for mutant in mutants_of(module)]
    chosen = [mutant for mutant in known if options.only in mutant]
    if options.slice is not None:
        chosen = random.Random(options.seed).sample(chosen, min(options.slice, len(chosen)))
    tests = {module: deciding_tests(module) for module in {module_of(mutant) for mutant in chosen}}
    if untested := sorted(module for module, files in tests.items() if not files):
        sys.stdout.write(
            f"Nothing was tried: these modules have no tests, nor a row in ALSO: {', '.join(untested)}\n"
        )
        return 1

    every_file = sorted({file for files in tests.values() for file in files})
    sound = run_all([Trial(file, None, (file,), limit_s=600) for file in every_file], options.jobs)
    if failing := [file for file, (verdict, _) in sound.items() if verdict is not SURVIVED]:
        sys.stdout.write(f"Nothing was tried: without a mutant, these tests fail: {', '.join(failing)}\n")
        return 1
    # Tests that take far longer with a mutant than without wait for ever.
    limits_s = {module: 20 + 5 * sum(sound[file][1] for file in files) for module, files in tests.items()}
    trials = [Trial(each, each, tests[module_of(each)], limits_s[module_of(each)]) for each in chosen]
    tried = run_all(trials, options.jobs, float("inf") if options.slice is None else SLICE_S)

    verdicts = {name: verdict for name, (verdict, _) in tried.items()}
    survived = sum(verdict is SURVIVED for verdict in verdicts.values())
    percent = 100 * (1 - survived / len(verdicts)) if verdicts else 100.0
    faults = list(_faults(verdicts, explanations()))
    if len(verdicts) == len(known) and percent < MIN_KILLED_PERCENT:
        faults.append(f"fewer than {MIN_KILLED_PERCENT} % are killed")
    seconds, again = time.monotonic() - begun, f" (--slice {options.slice} --seed {options.seed})"
    summary = (
        f"{len(verdicts)} of {len(known)} mutants tried in {seconds:.0f} s: {percent:.1f} % killed, "
        f"{survived} survived, {len(faults)} faults{again if options.slice is not None else ''}"
    )
    sys.stdout.write("\n".join([*faults, summary, ""]))
    return 1 if faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Mutation testing.")
    parser.add_argument("--package", nargs="+", default=DECISIONS, help="packages or modules below reconciler")
    parser.add_argument("--only", metavar="TEXT", default="", help="only mutants with this text in their name")
    parser.add_argument("--slice", type=int, metavar="N", help="only N mutants, picked at random")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="which N; printed at the end")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many are tried at a time")
    return parser.parse_args()


def modules_in(packages: Iterable[str]) -> list[str]:
    """The names of all modules in these packages, or of these modules themselves."""
    found = []
    for package in packages:
        place = ROOT / "reconciler" / package.replace(".", "/")
        files = sorted(place.rglob("[a-z]*.py")) if place.is_dir() else [place.with_suffix(".py")]
        found += [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return found


def deciding_tests(module: str) -> tuple[str, ...]:
    """The test files that decide about a module: its own and those in ALSO, or all tests of its package."""
    own = module.removeprefix("reconciler.")
    places = [name.rpartition(".") for name in (own, *ALSO.get(own, ()))]
    files = [TESTS / package.replace(".", "/") / f"test_{name}.py" for package, _, name in places]
    if not files[0].exists():
        files += sorted(files.pop(0).parent.glob("test_*.py"))
    return tuple(str(file.relative_to(ROOT)) for file in files)


def explanations() -> dict[str, str]:
    """Why each known survivor cannot, or need not, be noticed, or that a test is missing, by its name."""
    listed = tomllib.loads(SURVIVORS.read_text())
    return {each["mutant"]: each["why"] for each in listed["survivor"]} | dict.fromkeys(
        listed["untested"], UNTESTED
    )


def _faults(verdicts: Mapping[str, str], explained: Mapping[str, str]) -> Iterator[str]:
    for name, verdict in sorted(verdicts.items()):
        if verdict is UNTRIED:
            yield f"its tests did not run to their end: {name}"
        elif verdict is SURVIVED and name not in explained:
            yield f"survived, and {SURVIVORS.name} does not explain it: {name}"
        elif verdict is KILLED and name in explained:
            yield f"killed, so {SURVIVORS.name} must not explain it: {name}"


if __name__ == "__main__":
    sys.exit(main())

"""Nothing is duplicated, lost or overwritten in simulated worlds, and a world is decided by its seed alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

from tests.simulation.campaign import failure, shrink
from tests.simulation.excuses import STIR, Excuse, too_often, too_quiet
from tests.simulation.plants.writing import patch_without_merging
from tests.simulation.scenario import PARTS, Scenario
from tests.simulation.world import simulate

SEEDS = 6  # the campaign of .ci/run begins with the same ones, and goes on
LIFE = ("passes", "faults", "kills", "commits", "customer", "operator", "created", "updated", "at rest")


def test_nothing_is_duplicated_lost_or_overwritten_in_worlds_full_of_life() -> None:
    counts: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = simulate(Scenario(seed))
        assert result.violation is None, failure(result)
        counts += result.counts
    assert [what for what in LIFE if counts[what] < SEEDS] == [], counts


ALONE = frozenset(PARTS) & {"edits", "customers", "operators", "meddling", "second", "late", "twice"}


def test_without_people_and_doubled_or_late_requests_nothing_is_excused() -> None:
    """Lost requests, nonsense for a response and kills at every boundary are never an excuse."""
    assert len(ALONE) == 7
    for seed in range(300, 306):
        result = simulate(Scenario(seed, hours=1, without=ALONE))
        assert result.violation is None, failure(result)
        assert [name for name in result.counts if name.startswith("excused")] == []
        assert result.counts["done"] > 0 or result.counts["due"] == 0


def test_an_excuse_that_is_used_too_often_is_named() -> None:
    """Chance may double a rare one in a few worlds, and not in many."""
    name = f"excused rotation: {Excuse.LATE}"
    assert too_often(Counter({name: 9}), worlds=50) == []
    assert too_often(Counter({name: 400}), worlds=2000) != []
    assert str(Excuse.LATE) in too_often(Counter({name: 400}), worlds=2000)[0]


def test_worlds_in_which_little_happens_are_named() -> None:
    assert len(too_quiet(Counter(), worlds=50)) == len(STIR)
    assert too_quiet(Counter(dict.fromkeys(STIR, 500) | {"quiet passes": 5000}), worlds=50) == []


def test_the_same_seed_gives_the_same_trace_in_another_process_too() -> None:
    def trace(hash_seed: str) -> str:
        command = [sys.executable, "-m", "tests.simulation", "--seed", "7", "--hours", "2"]
        return subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert trace("1") == trace("2")
    assert f"trace {simulate(Scenario(7, hours=2)).digest}\n" in trace("1")


def test_another_seed_gives_another_trace() -> None:
    assert simulate(Scenario(7, hours=1)).digest != simulate(Scenario(8, hours=1)).digest


def test_a_failing_seed_is_shrunk_to_a_world_that_still_fails() -> None:
    with patch_without_merging():
        failing = next(
            scenario for scenario in map(Scenario, range(20)) if simulate(scenario).violation is not None
        )
        small = shrink(failing, lambda each: simulate(each).violation is not None)
        assert simulate(small).violation is not None
    assert len(small.without) > len(PARTS) / 2
    assert small.hours < failing.hours
    assert f"--seed {small.seed}" in small.command()
    assert "--without" in small.command()

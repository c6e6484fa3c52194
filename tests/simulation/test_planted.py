"""The simulation can fail: planted faults are found, each by the violation that it must cause and no other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.planted import slice_of_the_day
from tests.simulation.planting import MOST_SEEDS, PLANTS, Promise

SAFETY = Path(__file__).parents[2] / "docs/safety.md"
# One or two of the grave ones, which show soon; `make plants` has them all.
HERE = (
    "patch_without_merging",
    "rotate_every_token_twice",
    "make_a_secret_without_a_record",
    "call_everything_ambiguous",
    "open_another_organization_with_a_link",
)


@pytest.mark.parametrize("name", HERE)
def test_a_planted_fault_is_found_by_its_own_violation(name: str) -> None:
    assert PLANTS[name].found_by(range(PLANTS[name].seeds)) is not None


def test_every_promise_that_a_world_can_show_has_faults_of_its_own() -> None:
    counts = Counter(plant.rule for plant in PLANTS.values())
    assert set(counts) == set(Promise)
    assert sum(counts.values()) >= 60
    assert all(plant.seeds <= MOST_SEEDS for plant in PLANTS.values())


@pytest.mark.parametrize("promise", Promise)
def test_a_promise_stands_in_the_documentation(promise: Promise) -> None:
    assert f"| {promise} |" in SAFETY.read_text()


def test_the_slices_of_consecutive_days_have_every_fault() -> None:
    days = -(-len(PLANTS) // 7)
    seen = {plant.name for day in range(100, 100 + days) for plant in slice_of_the_day(7, day)}
    assert seen == set(PLANTS)

"""The simulation can fail: each planted mistake is found within its stated number of seeds."""

from __future__ import annotations

import pytest

from tests.simulation.planted import PLANTS
from tests.simulation.scenario import Scenario
from tests.simulation.world import simulate


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_mistake_is_found(name: str) -> None:
    plant, seeds = PLANTS[name]
    with plant():
        found = next((s for s in range(seeds) if simulate(Scenario(s)).violation is not None), None)
    assert found is not None, f"{name} was not found within {seeds} seeds"

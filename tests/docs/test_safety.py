"""Every promise of the safety page names tests that exist, and its figures are figures."""

from __future__ import annotations

import re

import pytest

from reconciler.api.footing import MAX_AGE_S
from tests.docs.pages import ROOT
from tests.simulation.planted import PLANTS
from tests.simulation.scenario import REST_PASSES, SETTLE_S

PAGE = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
PROMISES = [
    line.strip("| ").split(" | ")
    for line in PAGE.partition("## Promises")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| promise")
]
NUMBERS = {6: "six"}


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w/.]+)`", PAGE))))
def test_what_it_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: row[0])
def test_each_promise_has_a_rule_and_something_that_holds_it(row: list[str]) -> None:
    promise, rule, held_by = row
    assert promise
    assert rule
    assert "tests/" in held_by or "emulator" in held_by


def test_its_bounds_are_those_of_the_code() -> None:
    assert f"the settle time ({SETTLE_S:g} s)" in PAGE
    assert f"older than {MAX_AGE_S:g} s" in PAGE
    assert f"within {NUMBERS[REST_PASSES]} passes" in PAGE
    assert f"All {len(PLANTS)} are found" in PAGE


def test_the_figures_are_there() -> None:
    block = re.search(r"<!-- figures -->\n(.*)<!-- /figures -->", PAGE, re.DOTALL)
    assert block
    assert re.search(r"\d[\d,]* seeds, \d[\d,]* simulated hours", block[1])

"""The grammar of `--fault`, and how often a fault strikes."""

from __future__ import annotations

import random

import pytest

from reconciler.emulator.faults import RESPONSES, Fault, parse, strike
from reconciler.model.errors import UsageError


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("500:0.1", (Fault("500", 0.1),)),
        ("reset", (Fault("reset"),)),
        ("reset:after", (Fault("reset", after=True),)),
        ("timeout:0.5:after, 429:1", (Fault("timeout", 0.5, after=True), Fault("429"))),
        ("empty-200:0", (Fault("empty-200", 0.0),)),
        ("", ()),
    ],
)
def test_the_grammar(text: str, faults: tuple[Fault, ...]) -> None:
    assert parse(text) == faults


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("boom", "'boom' is not one of reset, timeout, 429"),
        ("500:2", "'2' is not a number from 0 to 1"),
        ("500:x", "'x' is not a number"),
        ("500:nan", "'nan' is not a number"),
        ("500:-0.1", "'-0.1' is not a number"),
        ("500:", "'' is not a number"),
        ("500:after:0.1", "at most a probability"),
        ("500:0.1:before", "at most a probability"),
        (":0.5", "'' is not one of"),
    ],
)
def test_an_error_says_what_is_wrong_and_how_to_write_it(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        parse(text)
    assert "KIND[:PROBABILITY][:after]" in caught.value.hint


@pytest.mark.parametrize("kind", RESPONSES)
def test_every_kind_can_be_asked_for(kind: str) -> None:
    assert parse(kind) == (Fault(kind),)


def test_a_fault_strikes_as_often_as_it_says() -> None:
    rng = random.Random(1)
    faults = parse("500:0.1,reset:0.5")
    struck = [strike(faults, rng) for _ in range(10_000)]
    counts = [struck.count(fault) for fault in (*faults, None)]
    assert counts == pytest.approx([1000, 4500, 4500], abs=150)


def test_without_faults_nothing_strikes() -> None:
    assert strike((), random.Random(1)) is None

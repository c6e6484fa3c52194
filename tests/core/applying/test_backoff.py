"""How long to wait before the next try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.applying.backoff import delay_s

JITTER = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("failures", "longest_s"), [(1, 0.25), (2, 0.5), (3, 1.0), (7, 16.0), (8, 20.0), (9, 20.0)]
)
def test_the_longest_wait_doubles_up_to_the_cap(failures: int, longest_s: float) -> None:
    assert delay_s(failures, 1.0) == longest_s
    assert delay_s(failures, 0.5) == longest_s / 2
    assert delay_s(failures, 0.0) == 0.0


def test_base_and_cap_are_the_callers() -> None:
    assert [delay_s(n, 1.0, base_s=5, cap_s=12) for n in (1, 2, 3)] == [5, 10, 12]


@given(st.integers(1, 10**9), JITTER, st.floats(0, 300))
def test_a_wait_is_never_shorter_than_asked_for_nor_longer_than_that_and_the_cap(
    failures: int, jitter: float, at_least_s: float
) -> None:
    assert at_least_s <= delay_s(failures, jitter, at_least_s=at_least_s) <= at_least_s + 20.0


@given(st.integers(1, 10**9), JITTER)
def test_a_failure_more_never_shortens_the_wait(failures: int, jitter: float) -> None:
    assert delay_s(failures, jitter) <= delay_s(failures + 1, jitter)

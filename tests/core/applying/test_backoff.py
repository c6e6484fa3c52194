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
    for jitter in (1.0, 0.5, 0.0):
        assert delay_s(failures, jitter, base_s=0.25, cap_s=20.0) == jitter * longest_s


@given(st.integers(1, 10**9), JITTER, st.floats(0, 100), st.floats(0, 100))
def test_a_failure_more_never_shortens_the_wait_nor_lengthens_it_beyond_the_cap(
    failures: int, jitter: float, base_s: float, cap_s: float
) -> None:
    first, second = (delay_s(n, jitter, base_s=base_s, cap_s=cap_s) for n in (failures, failures + 1))
    assert 0.0 <= first <= second <= cap_s

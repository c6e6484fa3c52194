"""How long to wait before trying again, so that many who failed together do not come back together."""

from __future__ import annotations


def delay_s(
    failures: int, jitter: float, *, base_s: float = 0.25, cap_s: float = 20.0, at_least_s: float = 0.0
) -> float:
    """Exponential backoff with full jitter: a part of base, 2 x base, 4 x base … up to the cap.

    `failures` counts from 1, `jitter` is in [0, 1). `at_least_s` is what somebody asked for: the jittered
    wait comes on top of it, so that those who were told the same do not act at once.
    """
    doublings = min(failures - 1, 62)  # beyond that, any cap is reached
    return at_least_s + jitter * min(cap_s, base_s * 2.0**doublings)

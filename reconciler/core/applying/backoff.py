"""How long to wait before trying again, so that clients that failed together do not all return at once."""

from __future__ import annotations


def delay_s(failures: int, jitter: float, *, base_s: float, cap_s: float) -> float:
    """Exponential backoff with full jitter: a part of base, 2 x base, 4 x base … up to the cap.

    `failures` counts from 1, `jitter` is in [0, 1).
    """
    doublings = min(failures - 1, 62)  # beyond that, any cap is reached
    return jitter * min(cap_s, base_s * 2.0**doublings)

"""Backoff: how long to wait before a retry, so that clients that failed together do not retry together."""

from __future__ import annotations


def delay_s(failures: int, jitter: float, *, base_s: float, cap_s: float) -> float:
    """Return an exponential backoff in seconds: a random share of base, 2 x base, 4 x base … up to the cap.

    `failures` counts from 1; `jitter`, the share, is in [0, 1).
    """
    doublings = min(failures - 1, 62)  # beyond that, any cap is reached
    return jitter * min(cap_s, base_s * 2.0**doublings)

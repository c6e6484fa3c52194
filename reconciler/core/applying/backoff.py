"""Backoff: how long to wait before a retry, so that clients that failed together do not retry together."""

from __future__ import annotations


def delay_s(
    failures: int, jitter: float, *, base_s: float = 0.25, cap_s: float = 20.0, at_least_s: float = 0.0
) -> float:
    """Return an exponential backoff in seconds: a random share of base, 2 x base, 4 x base … up to the cap.

    `failures` counts from 1; `jitter`, the share, is in [0, 1). `at_least_s` is what the server asked for; the
    backoff is added to it, so that clients that were told the same do not retry together.
    """
    doublings = min(failures - 1, 62)  # beyond that, any cap is reached
    return at_least_s + jitter * min(cap_s, base_s * 2.0**doublings)

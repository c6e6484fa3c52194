"""Another retry policy: three attempts instead of what there are."""

from __future__ import annotations

import os

from tests.additions.stage import Addition, Stage
from tests.support.quiet import ended


def check(stage: Stage) -> None:
    """Where nobody listens, a plan tries three times."""
    os.environ["SSOREADY_API_URL"] = "http://127.0.0.1:9"
    done = ended("plan", str(stage.folder), "--allow-empty")
    assert (done.code, done.err.count('"event": "retry"')) == (1, 2), done


ADDITION = Addition(
    change="the retry policy",
    inserts={"reconciler/api/retry.py": (("    def __init__(self, rng", "    attempts = 3\n\n"),)},
    check=check,
)

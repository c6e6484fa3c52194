"""One pass in a process of its own, part by part: load, observe, plan, and the memory that they took."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bench.clients import Took, Watch, environment, requests_of_read, unchanged, world
from reconciler.api.client import Client
from reconciler.cli.logs import watch
from reconciler.core.planning.plan import everything, plan
from reconciler.engine.connect import api_settings
from reconciler.engine.load import load
from reconciler.engine.observe import observe
from reconciler.model.state import Desired, Observed


class Parts(Struct, frozen=True):
    """What each part took, and megabytes: resident with everything in memory and planned, and at the most."""

    load: Took
    observe: Took
    plan: Took
    resident_mb: float
    peak_mb: float


def measure(folder: str, url: str) -> Parts:
    """A pass over these manifests against that server, which has to find everything as declared."""
    started = Watch()
    desired = load(folder, now=time.time(), allow_empty=False).desired
    if desired is None:
        raise RuntimeError("the bench's own manifests are not valid")
    requests = requests_of_read(len(desired.organizations))
    loaded, started = started.took(0), Watch()
    observed = asyncio.run(_observed(desired, url))
    seen, started = started.took(requests), Watch()
    made = plan(desired, observed, time.time())
    planned = started.took(0)
    resident_mb, peak_mb = _resident_mb(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if not unchanged(made, len(desired.organizations)):
        raise RuntimeError("the plan is not empty: not everything was read as it stands")
    return Parts(loaded, seen, planned, resident_mb, peak_mb)


async def _observed(desired: Desired, url: str) -> Observed:
    surroundings = world()
    settings = api_settings(environment(url))
    kept: dict[str, Any] = {"now": surroundings.now, "rng": surroundings.rng, "watch": watch}
    async with Client(settings, read_only=True, **kept) as client:
        return await observe(desired, {}, client, watch, everything, lambda _: None)


def _resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    print(msgspec.json.encode(measure(sys.argv[1], sys.argv[2])).decode())

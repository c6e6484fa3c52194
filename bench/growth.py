"""Ten times as many organizations: what a pass over them takes in time and memory, part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import msgspec

from bench.clients import Took
from bench.figures import Bound, Figure
from bench.fleet import Tenant
from bench.network import fleet_file
from bench.offline import folder_of
from bench.one_pass import Parts
from bench.processes import run, server, share_of_a_core

IN_STEP = Bound(at_most=13.0)  # for ten times as many; what is not in step would be far beyond


def growth(fleet: Sequence[Tenant], scratch: Path, *, rounds: int, memory: Bound, planning: Bound) -> list[Figure]:
    """A tenth of the customers and all of them, in turn."""
    few, many = fleet[: len(fleet) // 10], fleet
    small, large = [], []
    for _ in range(rounds):
        small.append(_pass(few, scratch))
        large.append(_pass(many, scratch))
    resident, peak = median(each.resident_mb for each in large), median(each.peak_mb for each in large)
    plan_s, plan_cpu_s = median(each.plan.wall_s for each in large), median(each.plan.cpu_s for each in large)
    return [
        *(_grown(part, (few, many), (small, large)) for part in _PARTS),
        Figure(
            what=f"{len(many):,} organizations with children in memory and planned",
            own=f"{resident:.0f} MB, {peak:.0f} MB at the most",
            value=resident,
            unit=" MB",
            bound=memory,
        ),
        Figure(
            what=f"diff and plan of {len(many):,} organizations",
            own=f"{plan_s:.2f} s ({plan_cpu_s:.2f} s CPU)",
            value=plan_s,
            unit=" s",
            bound=planning,
            cause=share_of_a_core(plan_s, plan_cpu_s),
        ),
    ]


Part = tuple[str, Callable[[Parts], Took]]

_PARTS: tuple[Part, ...] = (
    ("load and check", lambda parts: parts.load),
    ("observe", lambda parts: parts.observe),
    ("plan", lambda parts: parts.plan),
)


def _pass(fleet: Sequence[Tenant], scratch: Path) -> Parts:
    with server(fleet=fleet_file(fleet, scratch)) as url:
        ran = run("-m", "bench.one_pass", str(folder_of(fleet, scratch)), url)
    return msgspec.json.decode(ran.said, type=Parts)


def _grown(
    part: Part, fleets: tuple[Sequence[Tenant], Sequence[Tenant]], took: tuple[Sequence[Parts], Sequence[Parts]]
) -> Figure:
    name, of = part
    small_s, large_s = (median(of(each).cpu_s for each in all_) for all_ in took)
    return Figure(
        what=f"{name}, {len(fleets[0]):,} → {len(fleets[1]):,} organizations",
        baseline=f"{small_s:.2f} s CPU",
        own=f"{large_s:.2f} s CPU",
        value=large_s / small_s,
        unit="x",
        bound=IN_STEP,
        cause="ten times as many take more than ten times as long",
    )

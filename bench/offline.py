"""What needs no network: checking manifests, against check-jsonschema, and how soon a command is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.figures import Bound, Figure
from bench.fleet import Tenant, write_manifests
from bench.processes import Ran, run, share_of_a_core

BASELINE_FILES = 1_000
SCHEMA = "schemas/organization.schema.json"


def folder_of(fleet: Sequence[Tenant], scratch: Path) -> Path:
    """These customers as a folder of manifests."""
    folder = scratch / f"manifests-{len(fleet)}"
    return folder if folder.exists() else write_manifests(fleet, folder)


def validate(fleet: Sequence[Tenant], scratch: Path, *, rounds: int, faster: Bound, within: Bound) -> list[Figure]:
    """All checks on all manifests, as a whole process; check-jsonschema has a tenth of them and no other check.

    Its time is scaled up from there, without its start, which it would have once.
    """
    folder = folder_of(fleet, scratch)
    some = [str(path) for path in sorted(folder.glob("customer-*.yaml"))[:BASELINE_FILES]]
    theirs: list[float] = []
    ours: list[Ran] = []
    for _ in range(rounds):
        start_s = _check_jsonschema(some[:1])
        theirs.append(start_s + (_check_jsonschema(some) - start_s) / (len(some) - 1) * (len(fleet) - 1))
        ours.append(run("-m", "reconciler", "validate", str(folder)))
    wall_s, cpu_s = median(ran.wall_s for ran in ours), median(ran.cpu_s for ran in ours)
    what = f"validate {len(fleet):,} manifests, every check"
    own = f"{wall_s:.2f} s ({cpu_s:.2f} s CPU)"
    cause = share_of_a_core(wall_s, cpu_s)
    return [
        Figure(
            what=f"{what}, against the schema alone",
            baseline=f"check-jsonschema {median(theirs):.1f} s, scaled from {len(some):,}",
            own=own,
            value=median(theirs) / wall_s,
            unit="x",
            bound=faster,
            cause=cause,
        ),
        Figure(what=what, own=own, value=wall_s, unit=" s", bound=within, cause=cause),
    ]


def _check_jsonschema(files: Sequence[str]) -> float:
    return run("-m", "check_jsonschema", "--schemafile", SCHEMA, *files).wall_s


def startup(fleet: Sequence[Tenant], scratch: Path, *, rounds: int) -> list[Figure]:
    """Whole processes, from nothing to the last byte."""
    folder = scratch / "manifests-one"
    if not folder.exists():
        write_manifests(fleet[:1], folder)
    helps, ones = [], []
    for _ in range(rounds):
        helps.append(run("-m", "reconciler", "--help"))
        ones.append(run("-m", "reconciler", "validate", str(folder)))
    return [
        _process("--help, whole process", helps, Bound(at_most=150)),
        _process("validate of one file, whole process", ones, Bound(at_most=300)),
    ]


def _process(what: str, all_: Sequence[Ran], bound: Bound) -> Figure:
    wall_ms, cpu_ms = 1000 * median(ran.wall_s for ran in all_), 1000 * median(ran.cpu_s for ran in all_)
    return Figure(
        what=what,
        own=f"{wall_ms:.0f} ms ({cpu_ms:.0f} ms CPU)",
        value=wall_ms,
        unit=" ms",
        bound=bound,
        cause=f"{share_of_a_core(wall_ms / 1000, cpu_ms / 1000)}, nearly all of it to import",
    )

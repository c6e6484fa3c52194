"""Inserts the `id:` lines that a plan misses into the manifests, a whole file at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.engine.load import uncollected
from reconciler.model.change import Action, Pin
from reconciler.model.kinds import CHILD_KINDS, KINDS, KindName
from reconciler.model.manifest import Path as Place
from reconciler.model.outcome import GOOD, Report
from reconciler.model.pinning import Pinned
from reconciler.model.state import Desired, DesiredOrganization
from reconciler.source import files
from reconciler.source.pins import Insertion, NotInserted, insert

Versions = Mapping[str, tuple[int, int, int]]
_CHILDREN = frozenset(kind.name for kind in CHILD_KINDS)
CHANGED = "the file changed while this ran: run it again"


def versions(folder: str) -> Versions:
    """Tells later whether a file was changed since; by path below the folder, {} if there is none."""
    base = f"{folder.rstrip('/')}/"
    found = {}
    for parent, _, names in os.walk(folder):
        for path in (f"{parent.rstrip('/')}/{name}" for name in names if name.endswith((".yaml", ".yml"))):
            with contextlib.suppress(FileNotFoundError):
                found[path.removeprefix(base)] = _version(path)
    return found


def _version(path: str) -> tuple[int, int, int]:
    seen = os.stat(path)  # noqa: PTH116 a Path of each of 10,000 files costs more than the question
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def missing(report: Report, desired: Desired) -> tuple[Pin, ...]:
    """Every pin that the manifests miss, also of what was just created; that of the Environment first."""
    created = tuple(
        Pin(each.change.key.kind, each.change.key.organization, each.change.key.name, each.id, each.change.origin)
        for each in report.outcomes
        if each.change.action is Action.CREATE and each.result in GOOD and each.id
    )
    environment, id_ = desired.environment, report.environment_id
    own = Pin(KindName.ENVIRONMENT, environment.name, environment.name, id_ or "", environment.origin)
    return (*((own,) if id_ and environment.id is None else ()), *report.plan.pins, *created)


def write(folder: str, desired: Desired, pins: tuple[Pin, ...], known: Versions) -> tuple[Pinned, ...]:
    """Inserts the pins; a file that differs from its known version, or in which a place is uncertain, stays.

    Raises ReconcilerError if a file cannot be written; those before it are whole, and the next run goes on.
    """
    organizations = {each.name: each for each in desired.organizations}
    by_file: dict[str, list[Insertion]] = {}
    for pin in pins:
        by_file.setdefault(pin.origin.file, []).append(_insertion(pin, organizations))
    with uncollected():
        whys = files.side_by_side(
            lambda each: _write(Path(folder, each[0]), *each, known.get(each[0])), by_file.items()
        )
    why = dict(zip(by_file, whys, strict=True))
    return tuple(Pinned(pin, not why[pin.origin.file], why[pin.origin.file]) for pin in pins)


def _write(path: Path, file: str, insertions: list[Insertion], known: tuple[int, int, int] | None) -> str:
    """Why the file was left alone; "" if the pins are in it."""

    def unchanged() -> bool:
        try:
            return _version(str(path)) == known
        except FileNotFoundError:
            return False

    if not unchanged():
        return CHANGED
    try:
        data = insert(path.read_bytes(), file, insertions)
    except NotInserted as error:
        return error.reason
    return "" if files.replace(path, data, still_as_read=unchanged) else CHANGED


def _insertion(pin: Pin, organizations: Mapping[str, DesiredOrganization]) -> Insertion:
    if pin.kind not in _CHILDREN:
        return Insertion(pin.origin, ("spec",), pin.id)
    wanted = organizations[pin.organization]
    names = [child.name for child in wanted.collections[pin.kind]]
    place: Place = ("spec", KINDS[pin.kind].collection, names.index(pin.name))
    return Insertion(wanted.origin, place, pin.id)

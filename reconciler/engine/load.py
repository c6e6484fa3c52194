"""Files become Desired, with every problem on the way; needs no network and loads none of its libraries."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from reconciler.core.manifests.resolve import resolve
from reconciler.core.manifests.validate import validate
from reconciler.model.manifest import Problem, Severity
from reconciler.model.state import Desired
from reconciler.source import schemas, snapshot


class Loaded(Struct, frozen=True):
    """A folder that was read. `desired` is None when it may not be used; `fatal` says why."""

    desired: Desired | None
    problems: tuple[Problem, ...]
    files: int
    manifests: int
    revision: str
    fatal: tuple[Problem, ...] = ()


def load(folder: str, *, now: float, allow_empty: bool) -> Loaded:
    """Reads and checks a folder; any error refuses it whole. Raises SourceError if it cannot be read at all."""
    loaded = load_partly(folder, now=now, allow_empty=allow_empty)
    if any(problem.severity is Severity.ERROR for problem in loaded.problems):
        return Loaded(None, loaded.problems, loaded.files, loaded.manifests, loaded.revision)
    return loaded


def load_partly(folder: str, *, now: float, allow_empty: bool) -> Loaded:
    """The same, but a broken organization blocks itself alone: it stands among `desired.invalid`."""
    with _uncollected():
        manifests = snapshot.read(folder)
        problems = (*manifests.problems, *validate(manifests, schemas.check))
        resolution = resolve(manifests, problems, now=now, allow_empty=allow_empty)
    return Loaded(
        desired=resolution.desired,
        problems=resolution.problems,
        files=manifests.files,
        manifests=len(manifests.documents),
        revision=manifests.revision,
        fatal=resolution.fatal,
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: it would look through all that is loaded, again and again, for nothing."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()

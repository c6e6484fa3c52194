"""Reads the manifests of an environment, with every problem on the way; needs no network, nor its libraries."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from msgspec import structs

from reconciler.core.manifests.identity import identify
from reconciler.core.manifests.resolve import resolve
from reconciler.core.manifests.validate import validate
from reconciler.core.values.problems import Budget, limited
from reconciler.model.manifest import Document, Severity, attachment
from reconciler.model.settings import STRICT, DomainRules
from reconciler.model.state import Loaded
from reconciler.source import schemas, snapshot
from reconciler.source.references import references


class Load(Protocol):
    """Reads the manifests of a folder, at a time in Unix seconds, under the process's rules."""

    def __call__(self, folder: str, /, *, now: float, allow_empty: bool, rules: DomainRules) -> Loaded:
        """Raises SourceError if the folder cannot be read at all."""


def load(folder: str, *, now: float, allow_empty: bool, rules: DomainRules = STRICT) -> Loaded:
    """For a person: any error refuses the whole folder. Raises SourceError if it cannot be read at all."""
    loaded = load_partly(folder, now=now, allow_empty=allow_empty, rules=rules)
    if any(problem.severity is Severity.ERROR for problem in loaded.problems):
        return structs.replace(loaded, desired=None, fatal=())
    return loaded


def load_partly(folder: str, *, now: float, allow_empty: bool, rules: DomainRules = STRICT) -> Loaded:
    """For the daemon: a broken organization blocks itself alone; it stands among `desired.invalid`.

    Raises SourceError if the folder cannot be read at all.
    """
    with uncollected():
        manifests = snapshot.read(folder)
        problems = (*manifests.problems, *validate(manifests, schemas.check, Budget()))
        resolution = resolve(manifests, problems, now=now, allow_empty=allow_empty, rules=rules)
    return Loaded(
        folder=folder,
        desired=resolution.desired,
        problems=limited(resolution.problems),
        files=manifests.files,
        manifests=len(manifests.documents),
        revision=manifests.revision,
        fatal=resolution.fatal,
        references=_references(manifests.documents),
    )


def _references(documents: Iterable[Document]) -> dict[str, tuple[str, ...]]:
    """The organizations that refer to each file, by handle."""
    found: dict[str, list[str]] = {}
    for document in documents:
        for _, reference in references(document.value):
            name = identify(document.value).name
            if name:
                found.setdefault(attachment(document.origin, reference), []).append(name)
    return {file: tuple(names) for file, names in found.items()}


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector, which would walk everything loaded again and again, and free nothing."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()

"""What `import` makes of what is live, as values that every output format reads."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from reconciler.model.change import Key


class File(Struct, frozen=True):
    """A file to make; its path is relative to the folder of manifests."""

    path: str
    text: str


class Oddity(Struct, frozen=True):
    """A live value that cannot stand in a manifest, with its place in one; a comment there says the same.

    `plans` is the change that a sound value plans; with None the field is left out.
    """

    path: str
    message: str
    plans: Key | None = None


class Adopted(Struct, frozen=True):
    """A live organization and its manifest: the last of its files, behind those that it refers to.

    `why` says why its files are not there; "" if they are, or if nothing was to be written.
    """

    id: str
    name: str
    display_name: str
    children: int
    files: tuple[File, ...]
    oddities: tuple[Oddity, ...]
    why: str = ""


class Skipped(Struct, frozen=True):
    """A live organization that gets no manifest now, and why."""

    id: str
    why: str


class Verdict(StrEnum):
    """What the plan of the imported manifests was seen to be."""

    UNKNOWN = "unknown"  # nothing was written
    EMPTY = "empty"
    NORMALISATIONS = "normalisations"
    OTHER = "other"  # a fault: `Imported.surprises` says what else it has


class Imported(Struct, frozen=True):
    """All of one import; `left` organizations are live and in no manifest still, `in_git` are in one."""

    environment: str
    environment_id: str | None
    adopted: tuple[Adopted, ...]
    skipped: tuple[Skipped, ...]
    in_git: int
    left: int
    dry_run: bool
    verdict: Verdict = Verdict.UNKNOWN
    surprises: tuple[str, ...] = ()

"""What was read from the repository, before it is known to be right: documents, places, problems."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

Path = tuple[str | int, ...]


class Origin(Struct, frozen=True, gc=False, order=True):
    """A place in a file. `file` is relative to the folder that was read; lines and columns start at 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    """An error refuses the manifest, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Problem(Struct, frozen=True):
    """Something wrong in the manifests: a stable rule id, where, what, and what to do about it."""

    rule: str
    severity: Severity
    origin: Origin
    message: str
    hint: str = ""


class Validation(Struct, frozen=True):
    """What a check of a folder found, in how many files and manifests."""

    problems: tuple[Problem, ...]
    files: int
    manifests: int

    @property
    def errors(self) -> int:
        """The number of errors; all other problems are warnings."""
        return sum(problem.severity is Severity.ERROR for problem in self.problems)


class Document(Struct, frozen=True):
    """One YAML document: plain values, and how to find the place of a path inside it.

    A mapping's member stands where its key does, a list's item where it begins; for what is not there, the
    nearest value around it is located. `written` gives a scalar as the file spells it, "" where unknown.
    """

    value: Any
    origin: Origin
    locate: Callable[[Path], Origin]
    written: Callable[[Path], str] = lambda _: ""


class Manifests(Struct, frozen=True):
    """One immutable reading of a folder.

    `attachments` holds the files that documents refer to (certificates, metadata), by the path relative
    to the folder; one that could not be read is absent here and stands among the problems. `unparsed` are
    the files of which nothing can be known, because they could not be read or parsed.
    """

    revision: str
    documents: tuple[Document, ...]
    attachments: Mapping[str, bytes]
    problems: tuple[Problem, ...]
    unparsed: frozenset[str]
    files: int


def attachment(document: Origin, reference: str) -> str:
    """Where a manifest's `{file: reference}` points: the key among the attachments, relative to the folder.

    It begins with ".." or "/" if it leaves the folder.
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(document.file), reference))

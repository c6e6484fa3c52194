"""What was read from the repository, not validated yet: documents, places and problems."""

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
    """A manifest with an error is not applied; one with a warning is."""

    ERROR = "error"
    WARNING = "warning"


class Problem(Struct, frozen=True):
    """A problem in the manifests: a stable rule id, its place, what is wrong, and what to do about it."""

    rule: str
    severity: Severity
    origin: Origin
    message: str
    hint: str = ""


class Document(Struct, frozen=True):
    """One YAML document.

    `locate` returns the place of a path in it: of a key, of the start of a list's item, and for a path that does
    not exist, of the nearest value around it. `written` returns a scalar as the file spells it, "" if unknown.
    """

    value: Any
    origin: Origin
    locate: Callable[[Path], Origin]
    written: Callable[[Path], str] = lambda _: ""


class Manifests(Struct, frozen=True):
    """All that was read from a folder in one go.

    `attachments` are the files that documents refer to (certificates, metadata), by their path relative to the
    folder; a file that could not be read is a problem instead. `unparsed` are the documents' files that could not
    be read or parsed.
    """

    revision: str
    documents: tuple[Document, ...]
    attachments: Mapping[str, bytes]
    problems: tuple[Problem, ...]
    unparsed: frozenset[str]
    files: int


def attachment(document: Origin, reference: str) -> str:
    """Return the path that a manifest's `{file: reference}` means, relative to the folder.

    It begins with ".." or "/" if it leaves the folder.
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(document.file), reference))

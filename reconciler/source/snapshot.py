"""Reads a folder of manifests as one immutable value, however the folder is being changed meanwhile.

A git-sync link or a ConfigMap's `..data` is resolved once, so that one reading never mixes two commits; what
vanishes in the middle restarts it. Nothing is opened that could block, and nothing outside the folder is read.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler.model.errors import SourceError
from reconciler.model.manifest import Document, Manifests, Origin, Problem, Severity
from reconciler.source.yaml import parse

MAX_FILES = 50_000
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_ATTEMPTS = 5
_ENDINGS = (".yaml", ".yml")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class _Moved(Exception):
    """The folder was swapped while it was being read."""


def read(folder: str) -> Manifests:
    """Every manifest below a folder and every file they refer to; SourceError if there is nothing to read."""
    for _ in range(MAX_ATTEMPTS):
        root = _resolved(folder)
        try:
            manifests = _Reading(root).read()
        except _Moved:
            continue
        if _resolved(folder) == root:
            return manifests
    raise SourceError(f"{folder} kept changing while it was being read", "Try again once the checkout is quiet.")


def digest(folder: str) -> str:
    """Changes whenever the folder's manifests do: its target, and every file's name, size and time."""
    root = _resolved(folder)
    known = hashlib.sha256(os.fsencode(root))
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            try:
                seen = (Path(parent) / name).stat()
            except OSError:
                continue
            known.update(
                f"{parent}/{name} {seen.st_size} {seen.st_mtime_ns} {seen.st_ino}\n".encode(errors="replace")
            )
    return known.hexdigest()


def _resolved(folder: str) -> Path:
    try:
        root = Path(folder).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = "it does not exist" if isinstance(error, FileNotFoundError) else str(error)
        raise SourceError(f"cannot read {folder}: {reason}", "Name the folder of one environment.") from None
    if not root.is_dir():
        raise SourceError(f"cannot read {folder}: it is not a folder", "Name the folder of one environment.")
    return root


class _Reading:
    """One attempt."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._documents: list[Document] = []
        self._problems: list[Problem] = []
        self._unparsed: set[str] = set()
        self._attachments: dict[str, bytes] = {}
        self._content = hashlib.sha256()

    def read(self) -> Manifests:
        files = 0
        for path in self._manifests():
            files += 1
            if files > MAX_FILES:
                raise SourceError(f"{self._root} has more than {MAX_FILES:,} manifests", "Split the environment.")
            self._manifest(path)
        if not files:
            raise SourceError(f"{self._root} has no *.yaml or *.yml files", "Name the folder of one environment.")
        return Manifests(
            revision=_commit(self._root) or f"sha256:{self._content.hexdigest()[:16]}",
            documents=tuple(self._documents),
            attachments=self._attachments,
            problems=tuple(self._problems),
            unparsed=frozenset(self._unparsed),
            files=files,
        )

    def _manifests(self) -> Iterator[Path]:
        def refuse(error: OSError) -> None:
            if isinstance(error, FileNotFoundError):
                raise _Moved from error
            raise SourceError(f"cannot read {error.filename}: {error.strerror}", "Make it readable.") from None

        for parent, folders, names in os.walk(self._root, onerror=refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if name.endswith(_ENDINGS) and not name.startswith("."):
                    yield Path(parent) / name
            for name in [name for name in folders if name.endswith(_ENDINGS)]:
                self._refuse("file/not-regular", Origin(self._name(Path(parent) / name)), "it is a folder")

    def _manifest(self, path: Path) -> None:
        name = self._name(path)
        data = self._bytes(path, Origin(name), "file")
        if data is None:
            self._unparsed.add(name)
            return
        self._content.update(name.encode(errors="replace") + b"\0" + data)
        parsed = parse(data, name)
        self._documents += parsed.documents
        self._problems += parsed.problems
        if not parsed.complete:
            self._unparsed.add(name)
        for document in parsed.documents:
            for place, reference in references(document.value):
                self._attach(document.locate(place), Path(parsed_folder(name)) / reference)

    def _attach(self, origin: Origin, reference: Path) -> None:
        name = os.path.normpath(reference)
        if name in self._attachments:
            return
        if reference.is_absolute() or name.startswith(".."):
            self._refuse("reference/outside", origin, f"{reference} lies outside of the environment's folder")
            return
        data = self._bytes(self._root / name, origin, "reference")
        if data is not None:
            self._attachments[name] = data
            self._content.update(name.encode(errors="replace") + b"\0" + data)

    def _bytes(self, path: Path, origin: Origin, rule: str) -> bytes | None:
        """The content of a regular file inside the folder, or None and a problem."""
        try:
            if not path.resolve(strict=True).is_relative_to(self._root):
                self._refuse(f"{rule}/outside", origin, f"{self._name(path)} is a link out of the folder")
                return None
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            if rule == "file" and not path.is_symlink():
                raise _Moved from None
            self._refuse(f"{rule}/missing", origin, f"{self._name(path)} does not exist")
            return None
        except (OSError, RuntimeError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "a loop of links"
            self._refuse(f"{rule}/unreadable", origin, f"{self._name(path)} cannot be read: {reason}")
            return None
        with os.fdopen(handle, "rb") as file:
            seen = os.fstat(file.fileno())
            if not stat.S_ISREG(seen.st_mode):
                self._refuse(f"{rule}/not-regular", origin, f"{self._name(path)} is not a regular file")
                return None
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            self._refuse(f"{rule}/too-large", origin, f"{self._name(path)} has more than {MAX_FILE_BYTES:,} bytes")
            return None
        return data

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self._root)

    def _refuse(self, rule: str, origin: Origin, message: str) -> None:
        hint = "only regular files inside the environment's folder are read"
        self._problems.append(Problem(rule, Severity.ERROR, origin, message, hint))


def parsed_folder(name: str) -> str:
    """The folder of a manifest, relative to the root."""
    return os.path.dirname(name)  # noqa: PTH120 names are plain text here


def references(value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where a document refers to files, and to which; whatever the document is."""
    spec = value.get("spec") if isinstance(value, dict) else None
    connections = spec.get("samlConnections") if isinstance(spec, dict) else None
    for index, connection in enumerate(connections if isinstance(connections, list) else ()):
        idp = connection.get("idp") if isinstance(connection, dict) else None
        for key in ("certificate", "metadata"):
            part = idp.get(key) if isinstance(idp, dict) else None
            file = part.get("file") if isinstance(part, dict) else None
            if isinstance(file, str) and file and "\0" not in file:
                yield ("spec", "samlConnections", index, "idp", key, "file"), file


def _commit(root: Path) -> str | None:
    """The commit that a folder is at: a git-sync worktree's name, or the HEAD of the checkout around it."""
    for folder in (root, *root.parents):
        if _COMMIT.fullmatch(folder.name):
            return folder.name
        git = folder / ".git"
        if git.exists():
            return _head(git)
    return None


def _head(git: Path) -> str | None:
    try:
        if git.is_file():
            git = (git.parent / git.read_text().removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head if _COMMIT.fullmatch(head) else None
        reference = head.removeprefix("ref:").strip()
        common = git / "commondir"
        shared = (git / common.read_text().strip()) if common.is_file() else git
        for base in (git, shared):
            if (base / reference).is_file():
                return (base / reference).read_text().strip()
        packed = (shared / "packed-refs").read_text().splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {reference}")), None)
    except (OSError, UnicodeDecodeError, IndexError):
        return None

"""Reads a folder of manifests as one immutable value, even while the folder is being changed.

Links (git-sync's, a ConfigMap's `..data`) are resolved once, so that one reading never mixes two commits; a change
in the middle restarts it. Nothing is opened that could block, and nothing outside the folder is read.
"""

# names stay text: making a Path of each of 20,000 costs as much as reading them
# ruff: noqa: PTH114, PTH116, PTH118, PTH119, PTH120

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from reconciler.core.values.problems import Fault, shown, warning
from reconciler.model.errors import SourceError
from reconciler.model.manifest import Document, Manifests, Origin, Problem, attachment
from reconciler.source.beneath import Beneath, Swapped
from reconciler.source.references import references
from reconciler.source.revision import commit
from reconciler.source.version import Version, differ
from reconciler.source.yaml import parse

MAX_FILES = 50_000
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_DOCUMENTS = 50_000
MAX_VALUES = 1_000_000
MAX_TOTAL_BYTES = 256 * 1024 * 1024
MAX_ATTEMPTS = 5
_ENDINGS = (".yaml", ".yml")
CONFIG_MAP = "..data"
_NAME_IT = "Name the folder of one environment."
_SPLIT = "Split the environment."
_REGULAR = "only regular files inside the environment's folder are read"
_RELATIVE = "write the path relative to the folder of this manifest"
_BAD_NAME = Fault("file/name", "the path has a character that is not printable or not UTF-8", "rename it")
_NAMED_LIKE_A_FILE = Fault("file/not-regular", "this folder is named like a manifest", "rename the folder")
_LINKED_FOLDER = warning(
    "file/linked-folder",
    "this is a link to a folder; manifests behind it are not read",
    "put the folder itself here; ignore this if it has no manifests",
)


def _twice(first: str) -> Fault:
    message = f"this is the same file as {shown(first)}"
    return Fault("file/twice", message, "keep one of them: a manifest is read once")


Place = Callable[[], Origin]  # called only if there is a problem: finding a place is slow


class _Moved(Exception):
    """The folder was changed while it was being read."""


class _Unfit(Exception):
    """A file that is not read; `rule` is the part after the slash."""

    def __init__(self, rule: str, message: str, hint: str = _REGULAR) -> None:
        super().__init__(message)
        self.rule, self.message, self.hint = rule, message, hint


Identity = tuple[int, int]  # device and inode


class _Content(NamedTuple):
    """What a file holds; `fresh` is empty where it was read before by another name."""

    identity: Identity
    data: bytes
    fresh: bytes


def read(folder: str) -> Manifests:
    """Every manifest below a folder and every file that they refer to.

    Raises:
        SourceError: the folder cannot be read, has no manifests, is too large, or does not stop changing.
    """
    for _ in range(MAX_ATTEMPTS):
        root = _resolved(folder)
        try:
            with contextlib.closing(_Reading(root)) as reading:
                manifests = reading.read()
        except (_Moved, Swapped, FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise SourceError(f"cannot read {error.filename}: {error.strerror}", "Make it readable.") from None
        if _resolved(folder) != root:
            continue  # an empty folder may be the old worktree, half removed
        if not manifests.files:
            raise SourceError(f"{root} has no *.yaml or *.yml files", _NAME_IT)
        return manifests
    raise SourceError(f"{folder} kept changing while it was being read", "Try again when nothing writes to it.")


class FolderDigest:
    """Hashes what a reading of the folder would see, by name, size and time: manifests, and what they refer to.

    What they refer to is known from reading those that are new or changed since the last time.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._known: dict[str, tuple[Version, tuple[str, ...]]] = {}

    def now(self) -> str:
        """A hash that differs from the one before if something that is read has changed.

        Raises:
            SourceError: the folder cannot be read.
        """
        root = _resolved(self.folder)
        before = self._known
        known: dict[str, tuple[Version, tuple[str, ...]]] = {}
        hashed = hashlib.sha256(os.fsencode(root))
        with contextlib.closing(_Reading(root)) as reading:
            for name in islice(_manifests_in(root), MAX_FILES):
                version = _version(root, name)
                if version is None:
                    continue
                earlier = before.get(name)
                known[name] = earlier if earlier and earlier[0] == version else (version, reading.referred(name))
                hashed.update(os.fsencode(f"{name} {version}\n"))
        self._known = known
        for name in sorted({each for _, referred in known.values() for each in referred}):
            hashed.update(os.fsencode(f"{name} {_version(root, name)}\n"))
        return hashed.hexdigest()


def _manifests_in(root: str) -> Iterator[str]:
    """As a reading lists them, except that a folder that cannot be listed is passed over."""
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        prefix = parent[len(root.rstrip("/")) + 1 :]
        yield from (os.path.join(prefix, name) for name in sorted(names) if is_manifest(name))


def is_manifest(name: str) -> bool:
    """Whether a file of that name, without its folder, is read as a manifest."""
    return name.endswith(_ENDINGS) and not name.startswith(".")


def _version(root: str, name: str) -> Version | None:
    """None if there is no such file."""
    try:
        return Version.of(os.stat(os.path.join(root, name)))
    except (OSError, ValueError):
        return None


def _resolved(folder: str) -> str:
    """The real folder that a name leads to; inside a ConfigMap's mount, the one that `..data` leads to."""
    if not folder:
        raise SourceError("the name of the folder is empty", _NAME_IT)
    reason = ""
    for _ in range(MAX_ATTEMPTS):
        try:
            root = _config_map(os.path.realpath(folder, strict=True))
            os.stat(f"{root}/.")
        except FileNotFoundError:
            reason = "it does not exist"  # or git-sync removed the old worktree between two steps: look again
        except NotADirectoryError:
            reason = "it is not a folder"
            break
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "this is not a valid path"
            break
        else:
            return root
    raise SourceError(f"cannot read {folder}: {reason}", _NAME_IT)


def _config_map(mount: str) -> str:
    """The sibling that `..data` leads to; the mount itself if there is no such link, or it leads elsewhere."""
    link = os.path.join(mount, CONFIG_MAP)
    if not os.path.islink(link):
        return mount
    target = os.path.realpath(link, strict=True)
    sibling = os.path.dirname(target) == mount and os.path.basename(target).startswith("..")
    return target if sibling else mount


class _Reading:
    """One attempt to read a folder that is resolved already."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._base = f"{root.rstrip('/')}/"
        self._documents: list[Document] = []
        self._problems: list[Problem] = []
        self._unparsed: set[str] = set()
        self._attachments: dict[str, bytes] = {}
        self._content = hashlib.sha256()
        self._bytes = 0
        self._values = 0
        self._folders: dict[str, str] = {}  # the real path of each
        self._versions: dict[str, Version] = {}  # of files
        self._listings: dict[str, Version] = {}  # of folders
        self._read: dict[Identity, bytes] = {}
        self._parsed: dict[Identity, str] = {}  # the name that a manifest was first met by
        self._beneath = Beneath(root)

    def close(self) -> None:
        """Lets go of what is open."""
        self._beneath.close()

    def read(self) -> Manifests:
        """What the folder holds; _Moved or an OSError if it changed meanwhile."""
        names = []
        for name in self._manifests():
            names.append(name)
            if len(names) > MAX_FILES:
                raise SourceError(f"{self._root} has more than {MAX_FILES:,} manifests", _SPLIT)
            self._manifest(name)
        revision = commit(self._root)  # before the comparison: git moves HEAD after it has written the files
        # what is not read may come and go: only then the folders have to be listed again
        if differ(self._versions) or (differ(self._listings) and [*_manifests_in(self._root)] != names):
            raise _Moved
        return Manifests(
            revision=revision or f"sha256:{self._content.hexdigest()[:16]}",
            documents=tuple(self._documents),
            attachments=self._attachments,
            problems=tuple(self._problems),
            unparsed=frozenset(self._unparsed),
            files=len(names),
        )

    def _manifests(self) -> Iterator[str]:
        """The paths of all manifests, relative to the root, in a stable order."""

        def refuse(error: OSError) -> None:
            raise error

        self._listings[self._root] = Version.of(os.lstat(self._root))
        for parent, folders, names in os.walk(self._root, onerror=refuse):
            prefix = "" if parent == self._root else f"{parent[len(self._base) :]}/"
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in folders:
                self._subfolder(prefix + name)
            for name in sorted(names):
                if is_manifest(name):
                    yield prefix + name

    def _subfolder(self, name: str) -> None:
        """Notes a folder before it is listed, and warns if its manifests would be missed silently."""
        path, origin = self._base + name, Origin(_printable(name))
        self._listings[path] = Version.of(os.lstat(path))
        if os.path.islink(path):
            self._problems.append(_LINKED_FOLDER.at(origin))
        elif name.endswith(_ENDINGS):
            self._problems.append(_NAMED_LIKE_A_FILE.at(origin))

    def _manifest(self, name: str) -> None:
        printable = _printable(name)
        origin = Origin(printable)
        if printable != name:
            self._problems.append(_BAD_NAME.at(origin))
            self._unparsed.add(printable)
            return
        found = self._file(name, "file", lambda: origin)
        first = self._parsed.setdefault(found.identity, name) if found else name
        if first != name:  # a link: to read a file once more says nothing more, and many would take for ever
            self._problems.append(_twice(first).at(origin))
        if found is None or first != name:
            self._unparsed.add(name)
            return
        parsed = parse(found.data, name)
        self._values += parsed.values
        self._documents += parsed.documents
        for limit, count, what in (
            (MAX_DOCUMENTS, len(self._documents), "documents"),
            (MAX_VALUES, self._values, "values"),
        ):
            if count > limit:
                raise SourceError(f"{self._root} has more than {limit:,} {what}, up to {name}", _SPLIT)
        self._problems += parsed.problems
        if not parsed.complete:
            self._unparsed.add(name)
        for document in parsed.documents:
            for path, reference in references(document.value):
                self._attach(attachment(document.origin, reference), partial(document.locate, path))

    def referred(self, name: str) -> tuple[str, ...]:
        """The files inside the folder that a manifest refers to; none if it cannot be read."""
        if _printable(name) != name or self._values > MAX_VALUES:
            return ()
        try:
            data = self._content_of(name).data
        except (OSError, _Unfit, _Moved, Swapped):
            return ()
        parsed = parse(data, name)
        self._values += parsed.values
        found = (
            attachment(document.origin, reference)
            for document in parsed.documents
            for _, reference in references(document.value)
        )
        return tuple(name for name in found if not _leaves(name))

    def _attach(self, name: str, place: Place) -> None:
        if name in self._attachments:
            return
        found = self._file(name, "reference", place)
        if found:
            self._attachments[name] = found.data

    def _file(self, name: str, rule: str, place: Place) -> _Content | None:
        """The content of a regular file inside the folder; None, and a problem at `place`, if it has none."""
        try:
            found = self._content_of(name)
        except FileNotFoundError:
            if rule == "file":
                raise
            reason = _Unfit("missing", f"{shown(name)} does not exist", _RELATIVE)
        except OSError as error:
            reason = _Unfit("unreadable", f"{shown(name)} cannot be read: {error.strerror}", "make it readable")
        except _Unfit as unfit:
            reason = unfit
        else:
            self._content.update(f"{name}\0{len(found.data)}\0".encode() + found.fresh)
            return found
        self._problems.append(Fault(f"{rule}/{reason.rule}", reason.message, reason.hint).at(place()))
        return None

    def _content_of(self, name: str) -> _Content:
        path = self._real(name)
        # checked before it is opened: opening a device or a pipe can have effects
        _require_file(self._beneath.look(path), name)
        with os.fdopen(self._beneath.open(path), "rb", buffering=0) as file:
            seen = os.fstat(file.fileno())
            _require_file(seen, name)
            identity = seen.st_dev, seen.st_ino
            if identity in self._read:
                return _Content(identity, self._read[identity], b"")
            data = file.read(seen.st_size + 1)
        if len(data) != seen.st_size:
            raise _Moved
        self._versions[path] = Version.of(seen)
        self._read[identity] = data
        self._bytes += len(data)
        if self._bytes > MAX_TOTAL_BYTES:
            message = f"{self._root} and the files its manifests refer to have more than {MAX_TOTAL_BYTES:,} bytes"
            raise SourceError(message, _SPLIT)
        return _Content(identity, data, data)

    def _real(self, name: str) -> str:
        """The path of a file with all links followed; _Unfit if it is outside the folder."""
        if _leaves(name):
            raise _Unfit("outside", f"{shown(name)} is outside the environment's folder")
        folder, _, base = name.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(self._base + folder, strict=True)
        path = os.path.join(self._folders[folder], base)
        if os.path.islink(path):
            path = self._target(path, name)
        if not path.startswith(self._base):
            raise _Unfit("outside", f"{shown(name)} is a link to outside the environment's folder")
        return path

    def _target(self, link: str, name: str) -> str:
        try:
            return os.path.realpath(link, strict=True)
        except FileNotFoundError:
            raise _Unfit("missing", f"{shown(name)} is a broken link", "correct the link") from None


def _leaves(name: str) -> bool:
    """Whether a path relative to the folder leads out of it."""
    return name.startswith(("/", "../")) or name == ".."


def _require_file(seen: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise _Unfit("not-regular", f"{shown(name)} is not a regular file")
    if seen.st_size > MAX_FILE_BYTES:
        message = f"{shown(name)} has more than {MAX_FILE_BYTES:,} bytes"
        raise _Unfit("too-large", message, "split it, or correct the name")


def _printable(name: str) -> str:
    """A name with every unprintable character, and every byte that is not UTF-8, written as an escape."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name)

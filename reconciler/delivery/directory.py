"""Delivers secrets to a directory: one file each, complete or absent, readable by its owner alone.

Every file is opened by its name inside a folder that is already open, so that nobody who swaps a folder or a
link meanwhile can turn a write elsewhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.delivery.target import Delivery, RecordName
from reconciler.model.errors import DeliveryError, DeliveryLost
from reconciler.model.secret import Secret
from reconciler.model.state import Record, RecordState

MAX_RECORD_BYTES = 64 * 1024
RESERVED_BYTES = 16 * 1024  # more than any token, link and address together
_HANDLE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LEFTOVER = re.compile(r"\.(setup-link|scim-.*)\.json\.(new|reserved)")
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class _File(Struct, rename="camel", omit_defaults=True):
    """What stands in a file. Times are Unix seconds."""

    state: RecordState
    organization_id: str
    issued_at: float
    directory_id: str | None = None
    saml: bool = False
    scim: bool = False
    bearer_token: str | None = None
    scim_base_url: str | None = None
    url: str | None = None
    expires_at: float | None = None

    @property
    def record(self) -> Record:
        """The same without the secret."""
        return Record(
            state=self.state,
            organization_id=self.organization_id,
            directory_id=self.directory_id,
            saml=self.saml,
            scim=self.scim,
            issued_at=self.issued_at,
            expires_at=self.expires_at,
        )


class Directory:
    """A delivery target: `<path>/<organization>/scim-<directory>.json` and `…/setup-link.json`."""

    def __init__(self, path: str) -> None:
        self._root = Path(path)

    def read(self, name: RecordName) -> Record | None:
        """What is known of a secret, without it; None if nothing is. Raises DeliveryError."""
        path = self._path(name)
        try:
            with self._opened() as root, _opened_below(root, path.parent) as folder:
                data = _bytes(folder, path.name)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DeliveryError(
                f"cannot read {path}: {_reason(error)}", "Make the delivery target readable."
            ) from None
        return _parsed(data, path).record

    def begin(self, name: RecordName, pending: Record) -> Delivery:
        """Writes the pending record durably and takes the space of the final one. Raises DeliveryError."""
        path = self._path(name)
        with contextlib.ExitStack() as opened:
            try:
                _make_folder(self._root)
                root = opened.enter_context(self._opened())
                _make_folder(path.parent)
                folder = opened.enter_context(_opened_below(root, path.parent))
                opened.enter_context(_locked(folder, path.parent))
                delivery = _Delivery(path, folder, opened)
                delivery.prepare(pending)
            except (OSError, ValueError) as error:
                raise DeliveryError(
                    f"cannot write {path}: {_reason(error)}", "Make the delivery target writable."
                ) from None
            delivery.opened = opened.pop_all()
        return delivery

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The target itself, which may be a link, as mounted volumes are."""
        handle = os.open(self._root, _FOLDER)
        try:
            found = os.fstat(handle)
            if found.st_uid not in {os.geteuid(), 0} or found.st_mode & _WRITABLE_BY_OTHERS:
                raise DeliveryError(
                    f"{self._root} belongs to somebody else, or others may write to it",
                    "Deliver to a folder that only this user can write to (mode 0700); one that does not exist "
                    "is made so.",
                )
            yield handle
        finally:
            os.close(handle)

    def _path(self, name: RecordName) -> Path:
        for handle in (name.organization, name.directory or "setup-link"):
            if not _HANDLE.fullmatch(handle):
                raise DeliveryError(f"{handle!r} is not a handle", "It is what a manifest may have as a name.")
        file = "setup-link.json" if name.directory is None else f"scim-{name.directory}.json"
        return self._root / name.organization / file


class _Delivery:
    """One secret on its way to its file; the folder stays open, locked and with space for it until closed."""

    def __init__(self, path: Path, folder: int, opened: contextlib.ExitStack) -> None:
        self.opened = opened
        self._path = path
        self._folder = folder
        self._earlier: bytes | None = None

    def prepare(self, pending: Record) -> None:
        """The record is pending, and the file of the final one is there with its space taken."""
        with contextlib.suppress(FileNotFoundError):
            self._earlier = _bytes(self._folder, self._path.name)
        if self._earlier is not None:
            _check_owner(_parsed(self._earlier, self._path), pending, self._path)
        self._remove_leftovers()
        try:
            self._reserve()
            self._write(_encoded(pending, None, ""))
        except BaseException:
            with contextlib.suppress(OSError):
                self._restore()
            with contextlib.suppress(OSError):
                self._remove_leftovers()
            raise

    def keep(self, record: Record, secret: Secret, scim_base_url: str) -> None:
        """Replaces the pending record; DeliveryLost if that fails, since the secret exists already."""
        self._or_lost(lambda: self._write_reserved(_encoded(record, secret, scim_base_url)))

    def take_back(self) -> None:
        """Puts the earlier record back."""
        self._or_lost(self._restore)

    def close(self) -> None:
        """Ends the delivery and removes what was reserved."""
        with contextlib.suppress(OSError):
            self._remove_leftovers()
        self.opened.close()

    def _or_lost(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (OSError, ValueError) as error:
            raise DeliveryLost(
                f"cannot write {self._path}: {_reason(error)}",
                "The record says that a secret may have been issued. Make the delivery target writable.",
            ) from None

    def _restore(self) -> None:
        if self._earlier is not None:
            self._write(self._earlier)
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path.name, dir_fd=self._folder)
        os.fsync(self._folder)

    @property
    def _beside(self) -> str:
        return f".{self._path.name}.new"

    @property
    def _reserved(self) -> str:
        return f".{self._path.name}.reserved"

    def _remove_leftovers(self) -> None:
        """Only who holds the folder's lock writes these: what is there was left by a process that is dead."""
        for name in filter(_LEFTOVER.fullmatch, os.listdir(self._folder)):  # noqa: PTH208 an open folder
            os.unlink(name, dir_fd=self._folder)

    def _reserve(self) -> None:
        handle = _created(self._folder, self._reserved)
        try:
            os.posix_fallocate(handle, 0, RESERVED_BYTES)
            os.fsync(handle)
        finally:
            os.close(handle)

    def _write(self, data: bytes) -> None:
        """Writes a new file and renames it."""
        self._replace(_created(self._folder, self._beside), self._beside, data)

    def _write_reserved(self, data: bytes) -> None:
        """Writes into the space that was taken, and renames it."""
        handle = os.open(self._reserved, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
        self._replace(handle, self._reserved, data)

    def _replace(self, handle: int, beside: str, data: bytes) -> None:
        """Whoever looks sees the old file or the new one, whole; after this returns, so does a crashed machine."""
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.truncate()
            file.flush()
            os.fsync(handle)
        os.rename(beside, self._path.name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.fsync(self._folder)


# -- what stands in a file -------------------------------------------------------------------------


def _encoded(record: Record, secret: Secret | None, scim_base_url: str) -> bytes:
    text = None if secret is None else secret.reveal()
    link = record.directory_id is None
    content: Any = _File(
        state=record.state,
        organization_id=record.organization_id,
        issued_at=record.issued_at,
        directory_id=record.directory_id,
        saml=record.saml,
        scim=record.scim,
        bearer_token=None if link else text,
        scim_base_url=scim_base_url or None,
        url=text if link else None,
        expires_at=record.expires_at,
    )
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _parsed(data: bytes, path: Path) -> _File:
    try:
        return msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise DeliveryError(
            f"{path} is not a delivery record", "Move it away; no secret was issued over it."
        ) from None


def _check_owner(earlier: _File, pending: Record, path: Path) -> None:
    """A record of another live object may hold the only copy of its secret: it is never overwritten."""
    theirs = earlier.directory_id or earlier.organization_id
    ours = pending.directory_id or pending.organization_id
    if theirs != ours:
        raise DeliveryError(
            f"{path} holds the secret of {theirs}, not of {ours}",
            "Move it away if that secret is no longer needed; it is not overwritten.",
        )


# -- files and folders -----------------------------------------------------------------------------


def _bytes(folder: int, name: str) -> bytes:
    """A regular file's bytes, never through a link; nothing if it is no such file or larger than a record."""
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        found = os.fstat(handle)
        small = stat.S_ISREG(found.st_mode) and found.st_size <= MAX_RECORD_BYTES
        return os.read(handle, MAX_RECORD_BYTES) if small else b""
    finally:
        os.close(handle)


def _created(folder: int, name: str) -> int:
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)


@contextmanager
def _opened_below(root: int, folder: Path) -> Iterator[int]:
    """An organization's folder inside the open target, never through a link."""
    try:
        handle = os.open(folder.name, _FOLDER | os.O_NOFOLLOW, dir_fd=root)
    except NotADirectoryError:  # also what a link is called here
        raise DeliveryError(
            f"{folder} is a link or a file", "A delivery target holds folders and files alone."
        ) from None
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _locked(folder: int, path: Path) -> Iterator[None]:
    """Held while a secret of this organization is delivered; the system lets go of it when the process dies."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DeliveryError(f"another process is delivering to {path} now", "Try again once it is done.") from None
    yield


def _make_folder(folder: Path) -> None:
    """Makes it and what is above it; after this returns, a crashed machine has them too."""
    if folder.is_dir() or folder.is_symlink():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(folder.parent, _FOLDER)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: Exception) -> str:
    """Without the path, which stands beside it."""
    return (error.strerror if isinstance(error, OSError) else None) or "this cannot be a path"

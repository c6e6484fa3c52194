"""Delivers secrets to a directory: one file each, complete or absent, readable by its owner alone."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.model.errors import DeliveryError
from reconciler.model.secret import Secret
from reconciler.model.state import Record, RecordState

_HANDLE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
MAX_RECORD_BYTES = 64 * 1024


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


class Directory:
    """A delivery target: `<path>/<organization>/scim-<directory>.json` and `…/setup-link.json`."""

    def __init__(self, path: str) -> None:
        self._root = Path(path)

    def read(self, organization: str, directory: str | None) -> Record | None:
        """What is known of a secret, without it; None if nothing is. Raises DeliveryError."""
        path = self._path(organization, directory)
        try:
            data = _bytes(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DeliveryError(
                f"cannot read {path}: {_why(error)}", "Make the delivery target readable."
            ) from None
        try:
            found = msgspec.json.decode(data or b"", type=_File)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise DeliveryError(
                f"{path} is not a delivery record", "Move it away; nothing was issued over it."
            ) from None
        return Record(
            found.state,
            found.organization_id,
            found.directory_id,
            found.saml,
            found.scim,
            found.issued_at,
            found.expires_at,
        )

    def write(
        self,
        organization: str,
        directory: str | None,
        record: Record,
        secret: Secret | None = None,
        scim_base_url: str = "",
    ) -> None:
        """Replaces a record, and nothing else, durably: written beside, flushed, renamed. Raises DeliveryError."""
        self.read(organization, directory)
        text = None if secret is None else secret.reveal()
        link = directory is None
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
        path = self._path(organization, directory)
        try:
            _make_folder(path.parent)
            _replace(path, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        except (OSError, ValueError) as error:
            raise DeliveryError(
                f"cannot write {path}: {_why(error)}", "Make the delivery target writable."
            ) from None

    def _path(self, organization: str, directory: str | None) -> Path:
        for handle in (organization, directory or "setup-link"):
            if not _HANDLE.fullmatch(handle):
                raise DeliveryError(f"{handle!r} is not a handle", "It is what a manifest may have as a name.")
        folder = self._root / organization
        try:
            linked = folder.is_symlink()
        except OSError as error:
            raise DeliveryError(
                f"cannot look at {folder}: {_why(error)}", "Correct the delivery target."
            ) from None
        if linked:
            raise DeliveryError(f"{folder} is a link", "A delivery target holds folders and files alone.")
        return folder / ("setup-link.json" if directory is None else f"scim-{directory}.json")


def _bytes(path: Path) -> bytes | None:
    """A regular file's bytes, never through a link; None if it is no such file or larger than a record."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        small = stat.S_ISREG(found.st_mode) and found.st_size <= MAX_RECORD_BYTES
        return os.read(handle, MAX_RECORD_BYTES) if small else None
    finally:
        os.close(handle)


def _why(error: Exception) -> str:
    """Without the path, which stands beside it."""
    return (error.strerror if isinstance(error, OSError) else None) or "this cannot be a path"


def _make_folder(folder: Path) -> None:
    """Makes it and what is above it; after this returns, a crashed machine has them too."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _flush(folder.parent)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(path: Path, data: bytes) -> None:
    """Whoever looks sees the old file or the new one, whole; after this returns, so does a crashed machine."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)  # noqa: PTH105 both are plain names here
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)  # noqa: PTH108
        raise
    _flush(path.parent)

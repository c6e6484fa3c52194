"""Writes a file whole or not at all, so that a full disk or an interruption never leaves half a file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from reconciler.model.errors import ReconcilerError


def replace(path: Path, data: bytes, *, still_as_read: Callable[[], bool] = lambda: True) -> bool:
    """Puts the data in the file's place and keeps an earlier file's mode; False, and nothing done, if not as read.

    Raises ReconcilerError if it cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        with _beside(target, data) as made:
            if not still_as_read():
                return False
            mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask()
            made.chmod(mode)
            made.replace(target)
    except OSError as error:
        raise _unwritable(path, error) from None
    return True


def write(path: Path, data: bytes) -> None:
    """The same for a result, which may also go to a device or a pipe."""
    if path.is_file() or not path.exists():
        replace(path, data)
        return
    try:
        path.write_bytes(data)
    except OSError as error:
        raise _unwritable(path, error) from None


@contextlib.contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    """A hidden file in the same folder, complete and on the disk; gone at the end."""
    handle, name = tempfile.mkstemp(prefix=".reconciler-", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield made
    finally:
        with contextlib.suppress(OSError):
            made.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(path: Path, error: OSError) -> ReconcilerError:
    return ReconcilerError(
        f"cannot write {path}: {error.strerror}", "Make room or make it writable, and run again."
    )

"""Writes files whole or not at all, so that a full disk or an interruption never leaves half a file."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from reconciler.model.errors import ReconcilerError

T = TypeVar("T")
R = TypeVar("R")
_AT_ONCE = 16  # a disk makes many files safe in the time of a few


def side_by_side(write: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """What writing each item returns; after an exception no further one is begun."""
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        return list(pool.map(write, items))
    finally:
        pool.shutdown(cancel_futures=True)


def replace(path: Path, data: bytes, *, still_as_read: Callable[[], bool] = lambda: True) -> bool:
    """Puts the data in the file's place and keeps an earlier file's mode; False, and nothing done, if not as read.

    Raises ReconcilerError if it cannot be written.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    try:
        with _beside(target, data) as made:
            if not still_as_read():
                return False
            made.chmod(_mode(target))
            made.replace(target)
    except OSError as error:
        raise _unwritable(path, error) from None
    return True


def _mode(target: Path) -> int:
    try:
        return target.stat().st_mode & 0o7777
    except FileNotFoundError:
        return _MODE


def write(path: Path, data: bytes) -> None:
    """The same for a result, which may also go to a device or a pipe."""
    if path.is_file() or not path.exists():
        replace(path, data)
        return
    try:
        path.write_bytes(data)
    except OSError as error:
        raise _unwritable(path, error) from None


def create(path: Path, data: bytes) -> bool:
    """Makes a file that is not there yet, and the folders above it; False if one is there, whatever it is.

    Raises ReconcilerError if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _beside(path, data) as made:
            made.chmod(_MODE)
            _link(made, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise _unwritable(path, error) from None
    return True


def _link(made: Path, path: Path) -> None:
    """Gives the file its name; FileExistsError if that is taken."""
    try:
        path.hardlink_to(made)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EMLINK}:
            raise
        if os.path.lexists(path):  # a file system without hard links
            raise FileExistsError from None
        made.replace(path)


@contextlib.contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    """A hidden file in the same folder, complete and on the disk; gone at the end."""
    handle, name = tempfile.mkstemp(prefix=".reconciler-", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        yield made
    finally:
        with contextlib.suppress(OSError):
            made.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_MODE = 0o666 & ~_umask()  # once: asking sets it for a moment, for all threads


def _unwritable(path: Path, error: OSError) -> ReconcilerError:
    return ReconcilerError(
        f"cannot write {path}: {error.strerror}", "Make room or make it writable, and run again."
    )

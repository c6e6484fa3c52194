"""A store in a file that only its owner may read, so that an emulator can be stopped and started again."""

from __future__ import annotations

import errno
import os
import random
import stat
from pathlib import Path

import msgspec

from reconciler.emulator.rows import Contents
from reconciler.emulator.store import Store
from reconciler.model.errors import UsageError

_HINT = "Name another file with --data."


def load(path: Path, rng: random.Random) -> Store:
    """Return the store in the file, or a fresh one if there is no such file.

    Raises:
        UsageError: The file cannot be read, is a link or no regular file, or holds something else.
    """
    try:
        with open(path, "rb", opener=_open_to_read) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{path}: this is not a regular file", _HINT)
            return Store(msgspec.json.decode(file.read(), type=Contents), rng)
    except FileNotFoundError:
        return Store.fresh(rng)
    except OSError as error:
        reason = "this is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise UsageError(f"{path}: {reason}", _HINT) from error
    except msgspec.MsgspecError as error:
        message = f"{path}: this is not a state of the emulator: {error}"
        raise UsageError(message, "Name another file with --data, or remove this one.") from error


class StoreFile:
    """The file of a store, if it has one. A reader sees the state before a change or after it, nothing between."""

    def __init__(self, path: Path | None, store: Store) -> None:
        self._path = path
        self._store = store
        self._revision = -1

    def refresh(self) -> None:
        """Bring the file up to date: write a new one beside it, then rename that.

        Raises:
            UsageError: It cannot be written.
        """
        if self._path is None or self._revision == self._store.revision:
            return
        beside = self._path.with_name(f".{self._path.name}.new")
        try:
            beside.unlink(missing_ok=True)  # left by a process that was killed
            with open(beside, "xb", opener=_open_to_write) as file:
                file.write(msgspec.json.encode(self._store.contents()))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise UsageError(f"{self._path}: {error.strerror}", _HINT) from error
        self._revision = self._store.revision


def _open_to_read(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would block for ever


def _open_to_write(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)  # the file holds keys

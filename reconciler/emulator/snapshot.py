"""A store in a file, so that an emulator can be stopped and started again: one JSON document, always whole."""

from __future__ import annotations

import os
import random
from pathlib import Path

import msgspec

from reconciler.emulator.rows import Contents
from reconciler.emulator.store import Store
from reconciler.model.errors import UsageError


def load(path: Path, rng: random.Random) -> Store:
    """The store in the file, or a fresh one if there is no such file.

    Raises:
        UsageError: the file cannot be read, or holds something else.
    """
    try:
        return Store(msgspec.json.decode(path.read_bytes(), type=Contents), rng)
    except FileNotFoundError:
        return Store.fresh(rng)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name another file with --data") from error
    except msgspec.MsgspecError as error:
        message = f"{path}: this is no state of the emulator: {error}"
        raise UsageError(message, "name another file with --data, or remove this one") from error


class StoreFile:
    """The file of a store, or none at all. Whoever reads it sees the state before a change or the one after.

    It holds keys, so only its owner may read it.
    """

    def __init__(self, path: Path | None, store: Store) -> None:
        self._path = path
        self._store = store
        self._revision = -1

    def refresh(self) -> None:
        """Bring the file up to date: it is written beside, then put in its place.

        Raises:
            UsageError: it cannot be written.
        """
        if self._path is None or self._revision == self._store.revision:
            return
        beside = self._path.with_name(f".{self._path.name}.new")
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(self._store.contents()))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise UsageError(f"{self._path}: {error.strerror}", "name another file with --data") from error
        self._revision = self._store.revision

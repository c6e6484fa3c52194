"""Reads a file that `reconciler plan --out` wrote."""

from __future__ import annotations

from pathlib import Path

import msgspec

from reconciler.core.planning.saved import AGAIN, decode
from reconciler.model.errors import SourceError, WrongPlan
from reconciler.model.saved import SavedPlan

MAX_FILE_BYTES = 512 * 1024 * 1024


def read(path: str, version: str) -> SavedPlan:
    """The plan that was saved. Raises SourceError if the file cannot be read, WrongPlan if it may not be used."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is not a valid path"
        raise SourceError(f"cannot read {path}: {reason}", "Name a file of `reconciler plan --out`.") from None
    try:
        return decode(msgspec.json.decode(data), version)
    except (msgspec.DecodeError, UnicodeDecodeError):
        most = f"{MAX_FILE_BYTES // 1024**2:,} MiB"
        raise WrongPlan(f"{path} is no JSON document of at most {most}", AGAIN) from None
    except WrongPlan as error:
        raise WrongPlan(f"{path}: {error.message}", error.hint) from None

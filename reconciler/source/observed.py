"""Reads a file that `reconciler observe` wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from reconciler.core.adopting.observation import NotAnObservation, decode
from reconciler.model.errors import SourceError
from reconciler.model.state import Observed

_AGAIN = "Write it again with `reconciler observe --out FILE`."


def read(path: str, *, now: float, max_age_s: float | None) -> Observed:
    """The live environment as it was; `now` is in Unix seconds. Raises SourceError if the file cannot be used."""
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is not a valid path"
        raise SourceError(f"cannot read {path}: {reason}", _AGAIN) from None
    try:
        observation = decode(data)
    except NotAnObservation as error:
        raise SourceError(f"{path} is not what `reconciler observe` wrote: {error}", _AGAIN) from None
    if max_age_s is not None and now - observation.at > max_age_s:
        read_at = datetime.fromtimestamp(observation.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        raise SourceError(f"{path} was read at {read_at}, longer ago than --max-age allows", _AGAIN)
    return structs.replace(observation.observed, age_s=max(0.0, now - observation.at))

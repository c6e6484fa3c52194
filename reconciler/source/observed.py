"""Reads a file that `reconciler observe` wrote."""

from __future__ import annotations

from pathlib import Path

from reconciler.core.adopting.observation import NotAnObservation, decode
from reconciler.model.errors import SourceError
from reconciler.model.state import Observed

MAX_BYTES = 1024 * 1024 * 1024
_AGAIN = "Write it again with `reconciler observe --out FILE`."


def read(path: str, *, now: float, max_age_s: float | None) -> Observed:
    """The live environment as it was; `now` is in Unix seconds. Raises SourceError if the file cannot be used."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is not a valid path"
        raise SourceError(f"cannot read {path}: {reason}", _AGAIN) from None
    if len(data) > MAX_BYTES:
        raise SourceError(f"{path} has more than {MAX_BYTES:,} bytes", _AGAIN)
    try:
        observation = decode(data)
    except NotAnObservation as error:
        raise SourceError(f"{path} is not what `reconciler observe` wrote: {error}", _AGAIN) from None
    age_s = now - observation.at
    if max_age_s is not None and age_s > max_age_s:
        raise SourceError(
            f"{path} is {age_s / 60:,.0f} minutes old, and --max-age allows {max_age_s / 60:g}", _AGAIN
        )
    return observation.observed

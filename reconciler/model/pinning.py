"""What `pin` found and wrote, as values that every output format reads."""

from __future__ import annotations

from msgspec import Struct

from reconciler.model.change import Pin


class Pinned(Struct, frozen=True):
    """A missing `id:` line: `written` into its file, or not, and then `why` if it was tried."""

    pin: Pin
    written: bool = False
    why: str = ""


class Pinning(Struct, frozen=True):
    """All missing pins of an environment, also its own; `blocked` resources have no certain match."""

    environment: str
    pins: tuple[Pinned, ...]
    blocked: int

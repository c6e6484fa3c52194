"""Which organization a manifest is about, as far as it can be read: also from one that may not be applied.

A broken manifest still claims its organization, so that nothing else takes it for unmanaged or new.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Identity(Struct, frozen=True):
    """A manifest's handle, pin and key. Unless `certain`, some of it stands there, but cannot be read."""

    name: str | None
    id: str | None
    external_id: str | None
    certain: bool


def identify(value: Any) -> Identity:
    """The identity in a document of whatever shape; of a sound one it is always certain."""
    metadata, spec = _mapping(value, "metadata"), _mapping(value, "spec")
    name, id_ = metadata.get("name"), spec.get("id")
    external_id = spec.get("externalId", name if id_ is None else None)
    readable = all(part is None or _text(part) for part in (id_, external_id))
    return Identity(
        name=_text(name),
        id=_text(id_),
        external_id=_text(external_id),
        certain=readable and bool(_text(name)) and isinstance(value.get("spec", {}), dict),
    )


def _mapping(value: Any, key: str) -> dict[str, Any]:
    member = value.get(key) if isinstance(value, dict) else None
    return member if isinstance(member, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

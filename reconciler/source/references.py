"""Finds the files that a document refers to, whatever its shape: they are read along with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.model.manifest import Path


def references(value: Any) -> Iterator[tuple[Path, str]]:
    """The path and the text of each reference to a file, in a document of any shape."""
    connections = _member(_member(value, "spec"), "samlConnections")
    for index, connection in enumerate(connections if isinstance(connections, list) else ()):
        for key in ("certificate", "metadata"):
            file = _member(_member(_member(connection, "idp"), key), "file")
            if isinstance(file, str) and file and "\0" not in file and "-----BEGIN" not in file:
                yield ("spec", "samlConnections", index, "idp", key, "file"), file


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None

"""What changed in a folder of manifests since an earlier commit, as far as a plan has to know."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Declared(Struct, frozen=True):
    """A manifest of an organization as one commit has it; `attachments` are the files that it refers to."""

    name: str
    id: str | None
    external_id: str | None
    file: str
    content: Any
    attachments: tuple[str, ...] = ()


class Since(Struct, frozen=True):
    """`touched` are the organizations that the change is about, by handle.

    `before` are those that the changed manifests declared at the commit `base`, `files` those manifests.
    """

    base: str
    touched: frozenset[str]
    before: tuple[Declared, ...]
    files: frozenset[str]

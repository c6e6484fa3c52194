"""The digest: a hash of what a plan writes, so that an approval is for exactly that plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from reconciler.model.change import Change, IssueLink
from reconciler.model.state import Certificate, Value

DIGEST_CHARACTERS = 32  # 128 bits: short enough to paste, long enough that no other plan has it


def digest(environment: str, changes: Iterable[Change]) -> str:
    """Return the digest as hex: a SHA-256 of the environment and the sorted writes.

    The environment is the live one's id, else its pin, else its name. A write counts with its kind, handles, live
    id (of an update) and fields before and after, a secret to issue with what it is for. Parent ids, revisions,
    line numbers and unmanaged objects do not count.
    """
    return _hash([environment, sorted(_write(change) for change in changes)])


def writes(changes: Iterable[Change]) -> frozenset[str]:
    """Return what stands for each write, so that a plan can be seen to be the rest of another one."""
    return frozenset(_hash(_write(change)) for change in changes)


def _hash(content: list[Any]) -> str:
    text = json.dumps(content, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]


def _write(change: Change) -> list[Any]:
    fields: list[Any] = [[field.path, plain(field.before), plain(field.after)] for field in change.fields]
    if isinstance(change, IssueLink):
        fields = [change.extent.saml, change.extent.scim]
    id_ = change.live_id or ""
    return [str(change.key.kind), change.key.organization, change.key.name, str(change.action), id_, fields]


def plain(value: Value | None) -> Any:
    """Return what counts of a value: of a certificate, its hash."""
    if isinstance(value, Certificate):
        return {"sha256": value.sha256}
    return value

"""The digest: a hash of what a plan writes, so that an approval is for exactly that plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from reconciler.model.change import Change, Create, Issue, Update
from reconciler.model.state import Certificate, Value

DIGEST_CHARACTERS = 32  # 128 bits: short enough to paste, long enough that no other plan has it


def digest(environment: str, changes: Iterable[Change]) -> str:
    """Return the digest as hex: a SHA-256 of the environment (its pin, else its name) and the sorted writes.

    A write counts with its kind, handles, live id (of an update) and fields before and after. Parent ids,
    revisions, line numbers, unmanaged objects and secrets to issue do not count.
    """
    writes = sorted(_write(change) for change in changes if not isinstance(change, Issue))
    text = json.dumps([environment, writes], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]


def _write(change: Create | Update) -> list[Any]:
    fields = [[field.path, _plain(field.before), _plain(field.after)] for field in change.fields]
    id_ = change.live_id or ""
    return [str(change.key.kind), change.key.organization, change.key.name, str(change.action), id_, fields]


def _plain(value: Value | None) -> Any:
    if isinstance(value, Certificate):
        return {"sha256": value.sha256}
    return value

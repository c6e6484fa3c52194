"""Which links and tokens are due, by what is live and by what stands in the delivery folder."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from reconciler.model.change import BlockReason
from reconciler.model.kinds import IDP_FIELDS, KindName
from tests.simulation.oracle.children import shown
from tests.simulation.oracle.declared import Child, Organization

Record = Mapping[str, Any]


class Folder:
    """The delivery folder, as anybody would read it."""

    def __init__(self, path: str) -> None:
        self._root = Path(path)

    def record(self, organization: str, directory: str | None) -> Record | None:
        """What stands there about one secret; None if nothing does."""
        path = self._path(organization, directory)
        return json.loads(path.read_bytes()) if path.exists() else None

    def is_private(self, organization: str, directory: str | None) -> bool:
        """Whether nobody but its owner may read it."""
        return stat.S_IMODE(self._path(organization, directory).stat().st_mode) == 0o600

    def _path(self, organization: str, directory: str | None) -> Path:
        return self._root / organization / (f"scim-{directory}.json" if directory else "setup-link.json")


class Standing(Struct, frozen=True):
    """How one secret stands: whether it is due, and for which parts; or why it is not made."""

    due: bool = False
    parts: frozenset[str] = frozenset()
    blocked: BlockReason | None = None


def token(child: Child, live: str, row: Any, record: Record | None) -> Standing:
    """The token of a directory; a second one would cut its customer off."""
    if not child.token:
        return Standing()
    if row.has_client_bearer_token:
        lost = record is not None and record["state"] == "pending" and record.get("directoryId") == live
        return Standing(blocked=BlockReason.TOKEN_LOST if lost else None)
    if record is not None and record.get("directoryId") != live:
        return Standing(blocked=BlockReason.UNUSABLE_RECORD)
    return Standing(due=True)


def link(
    wanted: Organization,
    live: str | None,
    collections: Mapping[KindName, Mapping[str, Any]],
    record: Record | None,
    now: float,
) -> Standing:
    """The link of an organization for what is not configured yet, unless one that can be used is there."""
    done = set()
    if any(len(shown(row)) == len(IDP_FIELDS) for row in collections[KindName.CONNECTION].values()):
        done.add("saml")
    if any(row.has_client_bearer_token for row in collections[KindName.DIRECTORY].values()):
        done.add("scim")
    parts = wanted.link - done
    if not parts:
        return Standing()
    if record is not None and record["organizationId"] != live:
        return Standing(blocked=BlockReason.UNUSABLE_RECORD)
    usable = record is not None and record["state"] == "issued" and record["expiresAt"] > now
    if record is not None and usable and all(record.get(part, False) for part in parts):
        return Standing()
    return Standing(due=True, parts=parts)

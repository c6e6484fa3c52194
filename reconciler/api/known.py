"""Remembers what a process has seen: over this API nothing vanishes, so a list that lacks it is not whole."""

from __future__ import annotations

from reconciler.model.kinds import KindName
from reconciler.model.state import LIVE_TYPES, Live, Organization

_NAMES = {live_type: name for name, live_type in LIVE_TYPES.items()}


class Known:
    """The ids of the live objects that one process has seen, by kind and organization ("" for organizations)."""

    def __init__(self) -> None:
        self._ids: dict[tuple[KindName, str], set[str]] = {}

    def see(self, *lives: Live) -> None:
        """These are live."""
        for live in lives:
            owner = "" if isinstance(live, Organization) else live.organization_id
            self._ids.setdefault((_NAMES[type(live)], owner), set()).add(live.id)

    def ids(self, kind: KindName, organization_id: str = "") -> frozenset[str]:
        """What a list of that kind has to hold."""
        return frozenset(self._ids.get((kind, organization_id), ()))

    def forget(self, kind: KindName, id_: str, organization_id: str = "") -> None:
        """The API says that it is gone."""
        self._ids.get((kind, organization_id), set()).discard(id_)

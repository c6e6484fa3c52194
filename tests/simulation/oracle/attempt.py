"""One request as the oracle sees it: what it asks for, and what its sender can know of how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from reconciler.model.kinds import KINDS, KindName

_OF_ROUTE = {kind.route: kind.name for kind in KINDS.values()} | {"/v1/setup-urls": KindName.SETUP_LINK}


class Ending(StrEnum):
    """What a sender can know of its write."""

    UNDER_WAY = "under way"
    DONE = "done"
    UNDONE = "certainly not done"
    UNKNOWN = "perhaps done"


class Attempt:
    """A request that leaves; `place` is what it turns out to be for."""

    def __init__(self, slot: int, at_s: float, method: str, target: str, body: Mapping[str, Any]) -> None:
        self.slot = slot
        self.at_s = at_s
        self.method = method
        self.target = target
        self.body = body
        path = target.partition("?")[0].split("/")
        self.kind = _OF_ROUTE["/".join(path[:3])]
        self.id = path[3] if len(path) > 3 else None
        if target.endswith("/rotate-bearer-token"):
            self.kind = KindName.BEARER_TOKEN
        self.organization_id: str | None = body.get("organizationId")
        self.place: Any = None
        self.organization: str | None = None  # its handle
        self.ending = Ending.UNDER_WAY
        self.ended_s = float("inf")
        self.secret: str | None = None

    @property
    def verb(self) -> str:
        """What it does, in two words."""
        return f"{self.method} {self.kind}"

    def __str__(self) -> str:
        return f"{self.method} {self.target}"

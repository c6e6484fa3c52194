"""Remembers which organizations the manifests declared, so that what goes from them is seen."""

from __future__ import annotations

from msgspec import Struct

from reconciler.model.change import Blocked, BlockReason
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin
from reconciler.model.state import Desired

VANISHED_PERCENT = 30  # of the declared organizations, gone between two passes


class Vanished(Struct, frozen=True):
    """The organizations that went, of so many that were declared before."""

    names: tuple[str, ...]
    declared: int

    @property
    def message(self) -> str:
        """What happened, and what to do."""
        return (
            f"{len(self.names):,} of {self.declared:,} organizations are no longer declared. Nothing is written "
            "to them; if they should not have gone, bring their manifests back"
        )


class Declared:
    """What the passes of one process have read so far.

    `unparsed` are the organizations of files that cannot be parsed now, as they were last read. `vanished` is set
    for as long as the revision is in use with which more than VANISHED_PERCENT of all went.
    """

    def __init__(self) -> None:
        self.unparsed: tuple[Blocked, ...] = ()
        self.vanished: Vanished | None = None
        self._files: dict[str, str] = {}  # by organization's handle
        self._revision = ""

    def note(self, desired: Desired) -> None:
        """A pass has read this."""
        found = {each.name: each.origin.file for each in desired.organizations}
        found |= {each.name: each.origin.file for each in desired.invalid if each.name}
        before = self._files
        kept = {name: file for name, file in before.items() if name not in found and file in desired.unparsed}
        self.unparsed = tuple(_unparsed(name, file) for name, file in kept.items())
        self._files = kept | found
        if desired.revision != self._revision:
            self._revision = desired.revision
            gone = tuple(sorted(before.keys() - self._files.keys()))
            many = 100 * len(gone) > VANISHED_PERCENT * len(before)
            self.vanished = Vanished(gone, len(before)) if many else None


def _unparsed(name: str, file: str) -> Blocked:
    message = f"{file} cannot be parsed, so it is left as it is; correct the file"
    return Blocked(BlockReason.INVALID_MANIFEST, message, name, KindName.ORGANIZATION, None, Origin(file))

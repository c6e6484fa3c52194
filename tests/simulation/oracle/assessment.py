"""Everything that one revision makes due at one moment, and everything that it blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from reconciler.model.change import BlockReason
from reconciler.model.kinds import KindName
from tests.simulation.oracle import children, organizations, secrets
from tests.simulation.oracle.breach import Breach
from tests.simulation.oracle.declared import OBSERVE, Child, Declared, Organization
from tests.simulation.oracle.secrets import Folder
from tests.simulation.oracle.shown import Moment

Place = tuple[str, KindName, str]  # organization's handle, kind, handle


class Write(Struct, frozen=True):
    """One write. `live` is what it changes, None for a create; `parent` the organization that it is in.

    `values` are all of the object's afterwards; of a link, its parts. `waits`: another's comes first.
    """

    place: Place
    live: str | None
    parent: str | None
    values: Any
    waits: bool = False


class Assessment(Struct, frozen=True):
    """What is what (`means`, by place), what is due, what is blocked and why, what nobody may write to and why."""

    means: Mapping[Place, str]
    due: tuple[Write, ...]
    blocked: Mapping[Place, BlockReason]
    closed: Mapping[str, tuple[Breach, str]]
    blank: frozenset[Place]  # known by having no identity provider yet

    @property
    def ready(self) -> tuple[Write, ...]:
        """What is due and waits for nothing."""
        return tuple(each for each in self.due if not each.waits)

    @property
    def all_due(self) -> frozenset[tuple[Place, str | None]]:
        """What an approval is for: these objects, whatever is written to them."""
        return frozenset((each.place, each.live) for each in self.due)

    @property
    def created(self) -> tuple[int, int]:
        """How many organizations are created, and how many of them all get anything that is new."""
        creates = [each for each in self.due if each.live is None and _has_fields(each)]
        new = {each.place[0] for each in creates if each.place[1] is KindName.ORGANIZATION}
        return len(new), len({each.place[0] for each in creates})


def _has_fields(write: Write) -> bool:
    return write.place[1] not in {KindName.SETUP_LINK, KindName.BEARER_TOKEN}


class Known(Struct, frozen=True):
    """What is known besides the live objects.

    `records` are those of the delivery folder, `own` the ids of what this pass created, `now` is in Unix seconds.
    """

    now: float
    records: Mapping[tuple[str, str | None], Any] = {}
    own: Mapping[Place, str] = {}
    protected: frozenset[str] = frozenset()


def assess(declared: Declared, moment: Moment, known: Known) -> Assessment:
    """The whole of it."""
    lives = moment.organizations or {}
    standing = organizations.stand(declared, lives, moment.collections, known.protected)
    sheet = _Sheet(moment, known)
    for each in declared.invalid:
        sheet.blocked[each.name, KindName.ORGANIZATION, each.name] = BlockReason.INVALID_MANIFEST
    for name, wanted in declared.organizations.items():
        sheet.organization(wanted, standing[name])
    return Assessment(sheet.means, tuple(sheet.due), sheet.blocked, sheet.closed, frozenset(sheet.blank))


def records_of(declared: Declared, folder: Folder) -> dict[tuple[str, str | None], Any]:
    """What the delivery folder holds about the secrets that are wanted."""
    found: dict[tuple[str, str | None], Any] = {}
    for wanted in declared.organizations.values():
        if wanted.link:
            found[wanted.name, None] = folder.record(wanted.name, None)
        for child in wanted.collections.get(KindName.DIRECTORY, ()):
            if child.token:
                found[wanted.name, child.name] = folder.record(wanted.name, child.name)
    return found


class _Sheet:
    """Filled in organization by organization."""

    def __init__(self, moment: Moment, known: Known) -> None:
        self.means: dict[Place, str] = {}
        self.due: list[Write] = []
        self.blocked: dict[Place, BlockReason] = {}
        self.closed: dict[str, tuple[Breach, str]] = {}
        self.blank: set[Place] = set()
        self._moment = moment
        self._known = known

    def organization(self, wanted: Organization, standing: organizations.Standing) -> None:
        place = wanted.name, KindName.ORGANIZATION, wanted.name
        closed = organizations.closed(wanted, standing)
        if closed:
            self.closed[wanted.name] = closed
        if standing.live:
            self.means[place] = standing.live
        if wanted.suspended:
            return
        if standing.blocked:
            self.blocked[place] = standing.blocked
            return
        if standing.due is not None:
            self.due.append(Write(place, standing.live, None, standing.due, standing.waits))
        if standing.live is None and standing.due is None:
            return
        first = standing.due is not None  # its own write comes before all that is below it
        for kind in wanted.collections:
            self._collection(wanted, kind, standing.live, self._rows(standing.live, kind), waits=first)
        if wanted.ownership != OBSERVE and wanted.link:
            self._link(wanted, standing.live, waits=first)

    def _rows(self, live: str | None, kind: KindName) -> Mapping[str, Any]:
        return self._moment.collections.get((live, kind), {}) if live else {}

    def _collection(
        self, wanted: Organization, kind: KindName, live: str | None, rows: Any, *, waits: bool
    ) -> None:
        declared = wanted.collections[kind]
        own = {child.name: self._known.own.get((wanted.name, kind, child.name)) for child in declared}
        found = children.match(declared, rows, wanted.distinct, own)
        self.means |= {(wanted.name, kind, name): id_ for name, id_ in found.found.items()}
        if found.blank:
            self.blank.add((wanted.name, kind, found.blank))
        if wanted.ownership == OBSERVE:
            self.blocked |= {(wanted.name, kind, name): why for name, why in found.doubts.items()}
            return
        standing = children.stand(wanted, kind, rows, found)
        for child in declared:
            name, each = child.name, standing[child.name]
            place = wanted.name, kind, name
            if each.blocked:
                self.blocked[place] = each.blocked
            elif each.due is not None:
                self.due.append(Write(place, each.live, live, each.due, waits or each.waits))
                if each.live is None and child.token:
                    self._first_token(wanted, name, live)
        if kind is KindName.DIRECTORY:
            for child, id_ in _found(declared, found.found):
                self._token(wanted, child, id_, live, rows[id_], waits=waits)

    def _first_token(self, wanted: Organization, name: str, live: str | None) -> None:
        """The token of a directory that is yet to be created: any record is that of another."""
        if self._known.records.get((wanted.name, name)):
            self.blocked[wanted.name, KindName.DIRECTORY, name] = BlockReason.UNUSABLE_RECORD
        else:
            self.due.append(Write((wanted.name, KindName.BEARER_TOKEN, name), None, live, None, waits=True))

    def _token(
        self, wanted: Organization, child: Child, id_: str, live: str | None, row: Any, *, waits: bool
    ) -> None:
        place = wanted.name, KindName.BEARER_TOKEN, child.name
        standing = secrets.token(child, id_, row, self._known.records.get((wanted.name, child.name)))
        if standing.blocked:
            self.blocked[wanted.name, KindName.DIRECTORY, child.name] = standing.blocked
        elif standing.due:
            self.due.append(Write(place, id_, live, None, waits))

    def _link(self, wanted: Organization, live: str | None, *, waits: bool) -> None:
        collections = {kind: self._rows(live, kind) for kind in (KindName.CONNECTION, KindName.DIRECTORY)}
        place = wanted.name, KindName.SETUP_LINK, "setup-link"
        record = self._known.records.get((wanted.name, None))
        standing = secrets.link(wanted, live, collections, record, self._known.now)
        if standing.blocked:
            self.blocked[place] = standing.blocked
        elif standing.due:
            self.due.append(Write(place, live, live, standing.parts, waits))


def _found(declared: tuple[Child, ...], found: Mapping[str, str]) -> Iterator[tuple[Child, str]]:
    for child in declared:
        if child.name in found:
            yield child, found[child.name]

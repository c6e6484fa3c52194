"""What truly happened: who is who among the live objects, every effect as it came, and what must never be.

Each check here looks at the server's rows and at what the people of the simulation meant, never at how the
reconciler decided.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from msgspec import Struct

from reconciler.core.values.certificate import fingerprint
from reconciler.emulator.rows import Child, Organization, Row, SAMLConnection, SCIMDirectory
from reconciler.emulator.store import Store
from reconciler.model.change import Change, Create, Update
from reconciler.model.kinds import IDP_FIELDS, KINDS, KindName
from reconciler.model.state import Certificate
from tests.simulation.excuses import Excuse, excused
from tests.simulation.oracle.breach import Breach
from tests.simulation.oracle.judge import Pass, Process
from tests.simulation.repository import Place, Revision
from tests.simulation.scenario import SETTLE_S

ENVIRONMENT = "production"
Rows = Mapping[str, Row]
KIND_OF_ROW = {
    Organization: KindName.ORGANIZATION,
    SAMLConnection: KindName.CONNECTION,
    SCIMDirectory: KindName.DIRECTORY,
}


class Violated(AssertionError):
    """Something that must never be, was; the message begins with the name of the rule."""

    def __init__(self, breach: Breach, what: str) -> None:
        super().__init__(f"{breach}: {what}")
        self.breach = breach


class Intent(Struct, frozen=True):
    """What a write is for: the change, and the revision that it comes from."""

    change: Change
    revision: Revision


class Life:
    """One process from its start to its end; `slot` says which of the reconcilers it is."""

    def __init__(self, slot: int, number: int, started_s: float, *, elsewhere: bool = False) -> None:
        self.slot = slot
        self.number = number
        self.started_s = started_s
        self.pass_started_s = started_s
        self.dead = False
        self.planning = False
        self.process = Process(slot, started_s, elsewhere=elsewhere)
        self.of: Pass | None = None  # the pass that it makes


class Sent:
    """One request on its way: who sent it, when, what for, and when its sender knew how it ended."""

    def __init__(self, life: Life, at_s: float, method: str, target: str, intent: Intent | None) -> None:
        self.life = life
        self.at_s = at_s
        self.pass_started_s = life.pass_started_s
        self.of = life.of
        self.method = method
        self.target = target
        self.intent = intent
        self.fault = ""  # what it meets on its way
        self.looked_s = float("-inf")
        self.seen_s = float("-inf")
        self.seen: Row | None = None
        self.shown: Mapping[str, Row] = {}  # what a read's answer holds
        self.served = False
        self.first_shown: Mapping[str, Row] = {}  # what is in the response to it, also to a write
        self.served_s = float("-inf")
        self.ended_s = float("inf")
        self.effects = 0

    @property
    def list(self) -> tuple[str, str]:
        """Which list is read, and the page's token; "" where it is no list, or the first page."""
        list_, _, token = self.target.replace("?pageToken=", "&pageToken=").partition("&pageToken=")
        return ("", "") if self.method != "GET" or list_.count("/") > 2 else (list_, token)


class Birth(Struct, frozen=True):
    """How a live object came to be: by which request, and when that had its effect."""

    sent: Sent
    at_s: float


class Ledger:
    """Judges every effect at once, and counts what was excused."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self.store = store
        self._now = now
        self._hash = hashlib.sha256()
        self.on_violation: Callable[[Violated], None] = lambda _: None
        self.trace: list[str] = []
        self.counts: Counter[str] = Counter()
        self.labels: dict[str, int] = {}  # live id → what the people of the simulation take it for
        self.touched: dict[tuple[str, str], tuple[float, object]] = {}  # (id, field) → when, and by whom
        self.by_people: set[str] = set()  # ids that a person ever changed
        self._rows: Rows = {}
        self._rows_at = -1  # the store's revision that they are of
        self._taken: dict[str, tuple[float, Life | None]] = {}  # when it was last taken for what it is, by whom
        self.movers: list[object] = []  # whoever changed something: a person, or the pass of a process
        self._births: dict[str, Birth] = {}
        self._seen: dict[tuple[Life, str], tuple[float, Row]] = {}
        self._answered: dict[tuple[Life, str], float] = {}  # by id, or by the target of a list
        self._arrived: dict[tuple[Life, str], float] = {}  # the same, when its own answer came
        self._listed: dict[tuple[Life, str, KindName], float] = {}

    # -- what is

    def rows(self) -> Rows:
        """Everything that is live, as it is now."""
        if self._rows_at == self.store.revision:
            return self._rows
        found: dict[str, Row] = {}
        for organization in self.store.organizations(ENVIRONMENT):
            found[organization.id] = organization
            found |= {each.id: each for each in self.store.connections(organization.id)}
            found |= {each.id: each for each in self.store.directories(organization.id)}
        self._rows, self._rows_at = found, self.store.revision
        return found

    def note(self, who: object, what: str) -> None:
        """A line of the trace."""
        line = f"{self._now():.6f} {who} {what}"
        self._hash.update(line.encode())
        self.trace.append(line)

    @property
    def digest(self) -> str:
        """The hash of the whole trace."""
        return self._hash.hexdigest()

    def violated(self, breach: Breach, what: str) -> NoReturn:
        """Ends the simulation."""
        violation = Violated(breach, what)
        self.note("!", str(violation))
        self.on_violation(violation)
        raise violation

    def is_anothers(self, id_: str, place: Place, revision: Revision, rows: Rows) -> bool:
        """Whether this live object is certainly not the thing that is declared at that place.

        It is known as another, while the thing's own is there; no person changed either; and the values that
        the manifests state now neither make it that thing, nor make the thing's own another one's.
        """
        label, known = revision.logical[place], self.labels.get(id_)
        own = [each for each in rows if each != id_ and self.labels.get(each) == label]
        if known in {None, label} or not own or self.by_people.intersection({id_, *own}):
            return False
        siblings = [owned for other, owned in revision.owned.items() if other[:2] == place[:2] and other != place]
        given = any(_evident(owned, rows[each]) for owned in siblings for each in own)
        return not given and not _evident(revision.owned[place], rows[id_])

    def take_for(self, id_: str, label: int, who: Life | None = None) -> None:
        """From now on this live object, and no other, is that thing: for a process, or for people."""
        for other in [each for each, known in self.labels.items() if known == label]:
            del self.labels[other]
        self.labels[id_] = label
        self._taken[id_] = (self._now(), who)

    # -- people

    def by_person(self, who: str, what: str, act: Callable[[], object]) -> None:
        """Something that a person does to the live environment."""
        before = self.rows()
        act()
        self.counts[who] += 1
        self.movers.append(who)
        self.note(who, what)
        for id_ in self._touch(before, self.rows(), who):
            self.by_people.add(id_)

    def _touch(self, before: Rows, after: Rows, who: object) -> set[str]:
        changed = {id_ for id_ in {*before, *after} if before.get(id_) != after.get(id_)}
        for id_ in changed:
            for wire in changed_fields(before.get(id_), after.get(id_)):
                self.touched[id_, wire] = (self._now(), who)
        return changed

    # -- requests

    def sending(self, sent: Sent, organization_id: str | None) -> None:
        """A request leaves: what its sender knows of what it writes to, and of what it creates beside."""
        id_ = sent.target.split("/")[3] if sent.target.count("/") > 2 else ""
        sent.seen_s, sent.seen = self._seen.get((sent.life, id_), (float("-inf"), None))
        kind = KindName.DIRECTORY if "scim-directories" in sent.target else KindName.CONNECTION
        seen_s = self._listed.get((sent.life, organization_id or "", kind), float("-inf"))
        sent.looked_s = seen_s if organization_id else sent.pass_started_s
        if sent.method == "GET" or "setup-urls" in sent.target:
            return
        read = id_ or (f"{sent.target}?organizationId={organization_id}" if organization_id else "")
        if read and self._answered.get((sent.life, read)) != sent.at_s:
            self.violated(
                Breach.STALE, f"{sent.method} {sent.target} was sent on the strength of what was read before"
            )

    def _given_away(self, intent: Intent, twin: Row) -> Excuse | None:
        """People can make one declared connection into another, by its values here or in git."""
        change = intent.change
        if not isinstance(change, Create) or change.collection is None:
            return None
        siblings = [each for each in change.collection.children if each.name != change.key.name]
        same = any(_evident(each.owned, twin) for each in siblings)
        return Excuse.MADE_ANOTHER if same else None

    def answered(self, sent: Sent) -> None:
        """A read's answer has arrived: whoever writes on its strength does so now, or reads again."""
        for read in (*sent.shown, sent.target.partition("&")[0]):
            self._answered[sent.life, read] = self._arrived[sent.life, read] = self._now()
        for id_, row in sent.shown.items():
            self._seen[sent.life, id_] = (sent.served_s, row)
        organization, kind = _collection(sent.target)
        if organization:
            self._listed[sent.life, organization, kind] = sent.served_s

    def gone(self, sent: Sent) -> None:
        """The server has no such object: the reading of a list that lacks it ends with this answer."""
        for read, arrived_s in self._arrived.items():
            if read[0] is sent.life and arrived_s <= sent.at_s <= self._answered[read]:
                self._answered[read] = self._now()

    def has_shown(self, life: Life, list_: str) -> bool:
        """Whether that process has been shown anything that belongs in a list."""
        organization, kind = _collection(list_)
        return any(
            (life, id_) in self._seen
            for id_, row in self.rows().items()
            if isinstance(row, Organization) is not bool(organization)
            and (not organization or (_collection_of(row)[0], KIND_OF_ROW[type(row)]) == (organization, kind))
        )

    def organizations(self) -> frozenset[str]:
        """The ids of the live organizations."""
        return frozenset(each.id for each in self.store.organizations(ENVIRONMENT))

    def planned(self, live: int, before: frozenset[str]) -> None:
        """A plan was made of so many: at least of those that were there when its pass began, and still are."""
        there = len(before & self.organizations())
        if live < there:
            self.violated(Breach.PARTIAL, f"a plan was made of {live} organizations, and there are {there}")

    def served_read(self, sent: Sent, answer_ids: Mapping[str, Row]) -> None:
        """A GET had its effect: its sender will know these rows as they are now, once the answer arrives."""
        sent.shown, sent.served_s = answer_ids, self._now()

    def served_write(self, sent: Sent, before: Rows) -> None:
        """A POST or PATCH had its effect: everything that it changed must be meant."""
        after = self.rows()
        sent.effects += 1
        self.movers.append(sent.of)
        changed = [id_ for id_ in sorted({*before, *after}) if before.get(id_) != after.get(id_)]
        intent = sent.intent
        if not changed:
            return
        if intent is None:
            self.violated(Breach.UNPLANNED, f"{sent.method} {sent.target} is for nothing that was planned")
            return
        for id_ in changed:
            row = after[id_]
            if id_ not in before:
                self._created(sent, intent, row, after)
            elif id_ in sent.target or sent.method == "POST":
                self._updated(sent, intent, before[id_], row, after)
            else:
                self._implied(sent, intent, before[id_], row)
        self._primaries(sent, before, after)
        self._touch(before, after, sent.life)

    # -- creates

    def _created(self, sent: Sent, intent: Intent, row: Row, after: Rows) -> None:
        label = _label(intent)
        self.counts["created"] += 1
        key = intent.change.key
        distinct = intent.revision.distinct_from[key.organization]
        twins = [
            id_
            for id_, other in after.items()
            if id_ != row.id
            and _collection_of(other) == _collection_of(row)
            and self.labels.get(id_) == label
            and id_ not in distinct
        ]
        for twin in twins:
            excuse = self._unlike(sent, row, after[twin]) or self._excuse(sent, twin)
            excuse = excuse or self._given_away(intent, after[twin])
            if excuse is None:
                self.violated(Breach.DUPLICATE, f"{row.id} is {key} again, which is {twin} already")
            excused(self.counts, "duplicate", excuse)
        self._births[row.id] = Birth(sent, self._now())
        self.labels[row.id] = label
        if isinstance(row, Organization):
            self._domains(sent, row, frozenset(), after)

    def _excuse(self, sent: Sent, twin: str) -> Excuse | None:
        """Why a duplicate is nobody's fault, each part of it verified."""
        birth = self._births.get(twin)
        if sent.effects > 1 or (birth and birth.sent is sent):
            return Excuse.TWICE
        if self._now() > sent.ended_s + SETTLE_S:
            return Excuse.LATE
        if self._raced(twin, "externalId", sent.looked_s, sent.life):
            return Excuse.KEY_TAKEN
        taken_s, who = self._taken.get(twin, (float("-inf"), None))
        if taken_s > sent.at_s and (who is not sent.life):
            return Excuse.TAKEN_MEANWHILE
        if birth is None:
            return None
        if sent.looked_s >= birth.at_s:
            return None
        if birth.sent.life.slot != sent.life.slot:
            return Excuse.TWO_PROCESSES
        if birth.at_s > birth.sent.ended_s + SETTLE_S:
            return Excuse.LATE
        return None

    def _unlike(self, sent: Sent, row: Row, twin: Row) -> Excuse | None:
        """An organization is known by its key; without it by what it is called, and by its domains."""
        if not isinstance(row, Organization):
            return None
        _, seen = self._seen.get((sent.life, twin.id), (0.0, twin))
        return None if _alike(row, seen) and _alike(row, twin) else Excuse.NOTHING_LEFT

    # -- updates

    def _updated(self, sent: Sent, intent: Intent, before: Row, after: Row, rows: Rows) -> None:
        self.counts["updated"] += 1
        if sent.method == "POST":
            self._rotated(sent, before)
            return
        key = intent.change.key
        owned = intent.revision.owned[key.organization, key.kind, key.name]
        for wire in changed_fields(before, after):
            if wire not in owned:
                if not self._raced(after.id, wire, sent.seen_s, sent.life):
                    self.violated(Breach.LOST_VALUE, f"{wire} of {after.id} ({key}) is not owned, but was changed")
                excused(self.counts, "overwrite", Excuse.EDITED)
            elif comparable(after, wire) != owned[wire]:
                self.violated(
                    Breach.WRONG_VALUE,
                    f"{wire} of {after.id} ({key}) became something that its manifest does not state",
                )
        if sent.seen is None:
            self.violated(Breach.STALE, f"{after.id} ({key}) was written without being read before")
        else:
            self._not_stale(intent, sent.seen)
        self._same_thing(sent, intent, before, {**rows, before.id: before})
        if isinstance(before, Organization) and isinstance(after, Organization):
            self._domains(sent, after, frozenset(before.domains), rows)

    def _raced(self, id_: str, wire: str, seen_s: float, life: Life) -> bool:
        """Whether somebody else changed that field between the sender's last look and now."""
        at_s, who = self.touched.get((id_, wire), (float("-inf"), None))
        return at_s >= seen_s and who is not life

    def _not_stale(self, intent: Intent, seen: Row) -> None:
        """What was read right before the PATCH must be what the plan was made for."""
        change = intent.change
        if not isinstance(change, Update):
            self.violated(Breach.UNPLANNED, f"{seen.id} was changed for {change.key}, which is no update")
            return
        for field in change.fields:
            value = comparable(seen, field.wire)
            if value not in (_plain(field.before), _plain(field.after)):
                self.violated(
                    Breach.STALE, f"{field.wire} of {seen.id} ({change.key}) was written although it had moved"
                )
        for wire, held in change.holds.items():
            if comparable(seen, wire) != _plain(held):
                self.violated(Breach.STALE, f"{seen.id} ({change.key}) was written although its {wire} had moved")

    def _same_thing(self, sent: Sent, intent: Intent, row: Row, rows: Rows) -> None:
        """A write for one thing must not reach another's object while its own is there, untouched by people."""
        key = intent.change.key
        if self.is_anothers(row.id, (key.organization, key.kind, key.name), intent.revision, rows):
            self.violated(Breach.MISTAKEN, f"{key} was written to {row.id}, which is another's")
        self.take_for(row.id, _label(intent), sent.life)

    def _rotated(self, sent: Sent, before: Row) -> None:
        """A token is issued only where there is none; a second one would cut the customer off."""
        if not isinstance(before, SCIMDirectory) or not before.has_client_bearer_token:
            return
        if sent.effects > 1:
            excuse = Excuse.TWICE
        elif self._now() > sent.ended_s + SETTLE_S:
            excuse = Excuse.LATE
        elif self._raced(before.id, "hasClientBearerToken", sent.seen_s, sent.life):
            excuse = Excuse.TOKEN_BETWEEN
        else:
            self.violated(Breach.AGAIN, f"the token of {before.id} was replaced")
            return
        excused(self.counts, "rotation", excuse)

    # -- what follows from a write

    def _implied(self, sent: Sent, intent: Intent, before: Row, after: Row) -> None:
        """A sibling may lose `primary` to the one that is written, and nothing else."""
        if changed_fields(before, after) != ["primary"] or comparable(after, "primary"):
            self.violated(
                Breach.UNPLANNED, f"{after.id} was changed by {sent.method} {sent.target} for {intent.change.key}"
            )

    def _primaries(self, sent: Sent, before: Rows, after: Rows) -> None:
        """A collection that had a primary keeps one."""
        had = {_collection_of(row): row.id for row in before.values() if _is_primary(row)}
        has = {_collection_of(row) for row in after.values() if _is_primary(row)}
        for collection, id_ in had.items():
            if collection in has:
                continue
            if not self._raced(id_, "primary", sent.seen_s, sent.life):
                self.violated(Breach.PRIMARY_LOST, f"{collection[1]} of {collection[0]} have no primary any more")
            excused(self.counts, "primary", Excuse.PRIMARY_BETWEEN)

    def _domains(self, sent: Sent, row: Organization, had: frozenset[str], rows: Rows) -> None:
        """A domain is never added while another live organization has it."""
        for domain in sorted(set(row.domains) - had):
            for other in rows.values():
                if not isinstance(other, Organization) or other.id == row.id:
                    continue
                if domain not in {name.strip().lower() for name in other.domains}:
                    continue
                if self._raced(row.id, "domains", sent.seen_s, sent.life):
                    excuse = Excuse.DOMAIN_BETWEEN
                elif self._raced(other.id, "domains", sent.pass_started_s, sent.life):
                    excuse = Excuse.DOMAIN_MEANWHILE
                elif self._now() > sent.ended_s and (sent.life.dead or self._now() > sent.ended_s + SETTLE_S):
                    excuse = Excuse.DOMAIN_LATE
                else:
                    self.violated(Breach.DOMAIN_SHARED, f"{domain} was added to {row.id} while {other.id} has it")
                    continue
                excused(self.counts, "domain", excuse)


def _evident(owned: Mapping[str, Any], row: Row) -> bool:
    """Whether the values that a manifest states are enough to take a live connection for it."""
    if not isinstance(row, SAMLConnection):
        return False
    equal = {wire for wire in IDP_FIELDS if owned.get(wire) and _plain(owned[wire]) == comparable(row, wire)}
    return "idpEntityId" in equal or len(equal) > 1


def _alike(one: Row, other: Row) -> bool:
    if not isinstance(one, Organization) or not isinstance(other, Organization):
        return False
    domains = {name.strip().lower() for name in other.domains}
    names = {" ".join(each.display_name.split()).casefold() for each in (one, other)}
    same_key = bool(one.external_id) and one.external_id == other.external_id
    return same_key or (len(names) == 1 and names != {""}) or not domains.isdisjoint(one.domains)


def _label(intent: Intent) -> int:
    key = intent.change.key
    return intent.revision.logical[key.organization, key.kind, key.name]


def _collection(target: str) -> tuple[str, KindName]:
    """The organization and the kind of a list request; "" for any other."""
    path, _, query = target.partition("?")
    organization = query.partition("organizationId=")[2].partition("&")[0]
    kind = KindName.DIRECTORY if "scim-directories" in path else KindName.CONNECTION
    return organization, kind


def _collection_of(row: Row) -> tuple[str, str]:
    return ("", "") if isinstance(row, Organization) else (row.organization_id, type(row).__name__)


def _is_primary(row: Row) -> bool:
    return isinstance(row, Child) and row.primary


def changed_fields(before: Row | None, after: Row | None) -> list[str]:
    """The wire names of the fields that differ."""
    one, other = before or after, after or before
    if one is None or other is None:
        return []
    kind = KINDS[KIND_OF_ROW[type(one)]]
    wires = [field.wire for field in kind.fields]
    if isinstance(one, SCIMDirectory):
        wires.append("hasClientBearerToken")
    if before is None or after is None:
        return wires
    return [wire for wire in wires if comparable(before, wire) != comparable(after, wire)]


_ATTRIBUTES = {field.wire: field.attribute for kind in KINDS.values() for field in kind.fields}
_ATTRIBUTES["hasClientBearerToken"] = "has_client_bearer_token"


def comparable(row: Any, wire: str) -> Any:
    """A live field as a value that can be compared with an owned one."""
    value = getattr(row, _ATTRIBUTES[wire])
    if wire == "idpCertificate":
        return fingerprint(value)
    return frozenset(value) if wire == "domains" else value


def _plain(value: Any) -> Any:
    if isinstance(value, Certificate):
        return value.sha256
    return frozenset(value) if isinstance(value, tuple) else value

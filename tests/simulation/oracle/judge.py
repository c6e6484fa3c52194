"""The oracle: says of every write whether it may be made, and of every pass what it left undone.

It knows the manifests of the revision in force, what the server has truly shown to the pass, and the delivery
folder. It knows nothing of the plan, and asks nothing of the reconciler.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from reconciler.emulator.rows import Row
from reconciler.model.change import Plan
from reconciler.model.kinds import IDP_FIELDS, KindName
from tests.simulation.oracle.assessment import Assessment, Known, Place, Write, assess, records_of
from tests.simulation.oracle.attempt import Attempt, Ending
from tests.simulation.oracle.breach import Breach
from tests.simulation.oracle.declared import Declared, Organization, body_values, row_values
from tests.simulation.oracle.explain import explain, is_write
from tests.simulation.oracle.secrets import Folder
from tests.simulation.oracle.shown import Moment, Seen, Shown, everything

Approval = frozenset[tuple[Place, str | None]]
Accuse = Callable[[Breach, str], NoReturn]
GUARDED = 10  # organizations, from which on a plan may be refused for its size
CHILD_CREATES = {"POST SAMLConnection", "POST SCIMDirectory"}
SECRETS = (KindName.SETUP_LINK, KindName.BEARER_TOKEN)


class Process:
    """One process, as far as its writes go."""

    def __init__(self, slot: int, started_s: float, *, elsewhere: bool) -> None:
        self.slot = slot
        self.started_s = started_s
        self.elsewhere = elsewhere  # its key opens another environment
        self.asked_to_stop = False
        self.created: set[str] = set()  # organizations
        self.seen: Seen = {}
        self.attempts: list[Attempt] = []


class Pass:
    """One pass of a process over one revision."""

    def __init__(self, process: Process, declared: Declared, approved: Approval) -> None:
        self.process = process
        self.approved = approved  # when it began
        self.declared = declared
        self.shown = Shown(process.seen)
        self.records: Mapping[tuple[str, str | None], Any] = {}
        self.own: dict[Place, str] = {}
        self.attempts: list[Attempt] = []
        self.plan: Plan | None = None
        self.found: Assessment | None = None  # when the plan was made
        self.listed_s: float | None = None  # when it asked for the organizations first
        self.disturbed = False  # by a fault, or by somebody else


class Oracle:
    """Judges each pass of every process; `accuse` ends the world."""

    def __init__(self, folder: str, epoch_s: float, settle_s: float, accuse: Accuse) -> None:
        self.folder = Folder(folder)
        self.counts: Counter[str] = Counter()
        self.protected: frozenset[str] = frozenset()
        self.most_creates = math.inf  # organizations, without an approval
        self.approved: Approval = frozenset()
        self._epoch_s = epoch_s
        self._settle_s = settle_s
        self._accuse = accuse
        self._rotations: list[Attempt] = []

    # -- a pass goes on

    def planned(self, of: Pass, plan: Plan, now_s: float) -> None:
        """The pass has read what it wants to, and says what it makes of it."""
        of.records = records_of(of.declared, self.folder)
        self._doubted(of)
        of.shown.planned = len(of.shown.moments) - 1
        of.plan, of.found = plan, self._assessment(of, of.shown.plan, now_s)
        self.counts["due"] += len(of.found.due)

    def _doubted(self, of: Pass) -> None:
        """A list that lacks what a manifest pins or a record names is not whole unless the server says so."""
        asked = of.shown.asked
        for id_, row in (of.shown.now.organizations or {}).items():
            for wanted in of.declared.organizations.values():
                if id_ == wanted.id or (wanted.key and wanted.key == row.external_id):
                    open_ = {each for each, owner in asked.items() if owner in {None, id_}}
                    for kind in wanted.needed & self._named(of, wanted, open_):
                        of.shown.forget((id_, kind))

    def _named(self, of: Pass, wanted: Organization, ids: set[str]) -> set[KindName]:
        """In which of its collections one of these ids is pinned, or known to a record."""
        kinds = {kind for kind, children in wanted.collections.items() for each in children if each.id in ids}
        recorded = {
            (record or {}).get("directoryId") for (name, _), record in of.records.items() if name == wanted.name
        }
        return kinds | ({KindName.DIRECTORY} if recorded & ids else set())

    def refused(self, of: Pass, attempt: Attempt) -> None:
        """The server itself refused a request."""
        if attempt.method == "GET" and attempt.id:
            of.shown.gone(attempt.id)

    def says_so(self, declared: Declared, plan: Plan, found: Assessment) -> None:
        """What a person reads in a plan must be so."""
        said = {
            (each.organization, each.kind, each.name or each.organization): each.reason for each in plan.blocked
        }
        for place in sorted(said.keys() | found.blocked.keys()):
            if said.get(place) != found.blocked.get(place):
                here, there = said.get(place, "not blocked"), found.blocked.get(place, "not")
                self._accuse(Breach.MISJUDGED, f"{_name(place)} is said to be {here}, and it is {there}")
        pins = {(each.organization, each.kind, each.name): each.id for each in plan.pins}
        for place, id_ in sorted(pins.items()):
            if found.means.get(place) != id_:
                self._accuse(Breach.MISJUDGED, f"{_name(place)} is said to be {id_}, not {found.means.get(place)}")
        changes = {(each.key.organization, each.key.kind, each.key.name) for each in plan.changes}
        for place in sorted(changes ^ {write.place for write in found.due}):
            is_planned, is_due = "is" if place in changes else "is not", "is not" if place in changes else "is"
            self._accuse(Breach.MISJUDGED, f"{_name(place)} {is_planned} planned, and {is_due} due")
        suspended = {name for name, each in declared.organizations.items() if each.suspended}
        if suspended != set(plan.suspended):
            self._accuse(Breach.MISJUDGED, f"suspended are {sorted(suspended)}, not {sorted(plan.suspended)}")

    def arrived(self, of: Pass, attempt: Attempt, document: Mapping[str, Any], rows: Mapping[str, Row]) -> None:
        """A good response reached its sender."""
        of.shown.arrived(attempt.method, attempt.target, document, rows)
        if attempt.place and attempt.method == "POST" and attempt.place[1] not in SECRETS:
            (id_,) = rows
            of.own[attempt.place] = id_
            if attempt.place[1] is KindName.ORGANIZATION:
                of.process.created.add(id_)
        if attempt.method != "GET":
            self.counts["done"] += 1
            self.counts[f"done: {attempt.verb}"] += 1
            attempt.secret = document.get("bearerToken") or document.get("url")

    # -- a write leaves

    def sending(self, of: Pass, attempt: Attempt) -> None:
        """Judges a request before it leaves, by what its sender knows."""
        process = of.process
        if attempt.method == "GET":
            if attempt.id:
                of.shown.ask(attempt.id)
            self._observes(of, attempt)
            return
        if process.asked_to_stop:
            self._accuse(Breach.AFTER_STOP, f"{attempt} was sent after the process was asked to stop")
        pin = of.declared.environment
        if pin and any(each.environment_id != pin for each in (of.shown.now.organizations or {}).values()):
            self._accuse(Breach.WRONG_ENVIRONMENT, f"{attempt} writes to another environment than the pinned one")
        if of.found and of.found.created[0] > self.most_creates and not of.found.all_due <= of.approved:
            self._accuse(Breach.UNUSUAL, f"{attempt} is sent, and nobody approved so many creates")
        write = self._allowed(of, attempt)
        attempt.place, attempt.organization = write.place, write.place[0]
        self._not_again(of, attempt)
        self._values(of, attempt, write)
        if attempt.verb in CHILD_CREATES:
            self._settled(of, attempt, write)
        if attempt.verb == "POST Organization":
            self._alone(of, attempt)
        if write.place[1] in SECRETS:
            self._recorded(attempt, write)
        of.attempts.append(attempt)
        process.attempts.append(attempt)

    def _observes(self, of: Pass, attempt: Attempt) -> None:
        """The first look of a pass: whatever was sent without a response has had its settle time."""
        if of.listed_s is not None or attempt.target != "/v1/organizations":
            return
        of.listed_s = attempt.at_s
        for each in of.process.attempts:
            if each.ending is Ending.UNKNOWN and attempt.at_s < each.ended_s + self._settle_s - 1e-6:
                self._accuse(
                    Breach.UNSETTLED, f"a pass looked {attempt.at_s - each.ended_s:.1f} s after {each} was lost"
                )

    def _allowed(self, of: Pass, attempt: Attempt) -> Write:
        """The write that this is, at a moment at which it was due and waited for nothing."""
        adds = attempt.verb in CHILD_CREATES  # it has just read the list that it adds to
        moments = of.shown.moments[-1:] if adds else of.shown.moments[of.shown.planned :]
        for moment in reversed(moments):
            if moment.organizations is None:
                continue
            found = self._assessment(of, moment, attempt.at_s)
            for write in found.ready:
                if is_write(write, attempt):
                    return write
        found = self._assessment(of, of.shown.now, attempt.at_s)
        breach, what = explain(of.declared, of.shown.now, attempt, found)
        return self._accuse(breach, what)

    def _not_again(self, of: Pass, attempt: Attempt) -> None:
        """Only what certainly did not happen is sent again."""
        for each in of.attempts:
            if each.place == attempt.place and each.verb == attempt.verb and each.ending is not Ending.UNDONE:
                self._accuse(Breach.AGAIN, f"{attempt} was sent before, and that is {each.ending}")

    def _values(self, of: Pass, attempt: Attempt, write: Write) -> None:
        """An update carries what its object had right before, less what the manifest states."""
        if attempt.method != "PATCH":
            return
        kind, place = write.place[1], write.place
        fresh, planned = _row(of.shown.now, attempt.id), _row(of.shown.plan, attempt.id)
        if fresh is None or planned is None:
            self._accuse(Breach.MISTAKEN, f"{attempt} is for something that this pass never saw")
        stated = _stated(of.declared, place)
        now, before, sent = row_values(kind, fresh), row_values(kind, planned), body_values(kind, attempt.body)
        for wire, value in sent.items():
            if wire in stated and value != stated[wire]:
                self._accuse(Breach.WRONG_VALUE, f"{attempt} sets {wire} of {_name(place)} to what nobody stated")
            if wire not in stated and value != now[wire]:
                self._accuse(
                    Breach.LOST_VALUE, f"{attempt} changes {wire} of {_name(place)}, which it does not own"
                )
        known_blank = place in self._assessment(of, of.shown.plan, attempt.at_s).blank
        for wire in {*stated, *(IDP_FIELDS if known_blank else ())}:
            demoted = wire == "primary" and not now[wire]
            if now[wire] not in (before[wire], stated.get(wire, before[wire])) and not demoted:
                self._accuse(Breach.STALE, f"{attempt} overwrites {wire} of {_name(place)}, which has moved")

    def _settled(self, of: Pass, attempt: Attempt, write: Write) -> None:
        """A child is created twice if somebody's create is still on its way."""
        process = of.process
        if write.parent not in process.created and attempt.at_s < process.started_s + self._settle_s - 1e-6:
            self._accuse(
                Breach.UNSETTLED, f"{attempt} came {attempt.at_s - process.started_s:.1f} s after the start"
            )
        for each in of.attempts:
            if each.organization == attempt.organization and each.ending is Ending.UNKNOWN:
                self._accuse(Breach.UNSETTLED, f"{attempt} came although {each} was lost in this pass")

    def _alone(self, of: Pass, attempt: Attempt) -> None:
        """An empty environment may be the wrong one: at most one organization reaches it."""
        if of.shown.plan.organizations:
            return
        before = [each for each in of.attempts if each.verb == attempt.verb]
        if before and not any(each.ending is Ending.DONE for each in before):
            unclear = [each for each in before if each.ending in {Ending.UNKNOWN, Ending.UNDER_WAY}]
            if unclear:
                self._accuse(Breach.TOO_EARLY, f"{attempt} does not wait for {unclear[0]} in an empty environment")

    def _recorded(self, attempt: Attempt, write: Write) -> None:
        """A secret that cannot be kept is not made, and none is made while an earlier one may yet come."""
        name, kind, handle = write.place
        record = self.folder.record(name, handle if kind is KindName.BEARER_TOKEN else None) or {}
        meant = (record.get("organizationId"), record.get("directoryId"))
        right = (write.parent, write.live if kind is KindName.BEARER_TOKEN else None)
        if record.get("state") != "pending" or meant != right:
            self._accuse(Breach.NOT_RECORDED, f"{attempt} is not recorded as pending")
        if kind is not KindName.BEARER_TOKEN:
            return
        for each in self._rotations:
            soon = attempt.at_s < each.at_s + self._settle_s - 1e-6
            if each.id == attempt.id and each.slot == attempt.slot and each.ending is not Ending.UNDONE and soon:
                self._accuse(
                    Breach.UNSETTLED, f"{attempt} came {attempt.at_s - each.at_s:.1f} s after an earlier one"
                )
        self._rotations.append(attempt)

    # -- a pass ends

    def ended(self, of: Pass) -> None:
        """The pass is over. Nothing but a fault, a person, a signal or a wrong key excuses what it left undone."""
        quiet = not (of.disturbed or of.process.asked_to_stop or of.process.elsewhere)
        if of.found is None or of.plan is None:
            if quiet:
                self._accuse(Breach.UNDONE, "a quiet pass never came to a plan")
            return
        if quiet and not (of.plan.refusals and self._may_be_refused(of.declared, of.found)):
            self.counts["quiet passes"] += 1
            sent = {each.place for each in of.attempts}
            rivals = self._rivals(of)
            for write in of.found.due:
                if write.place not in sent and write.place not in rivals:
                    self._accuse(Breach.UNDONE, f"{_name(write.place)} was due, and a quiet pass did nothing")
        self.says_so(of.declared, of.plan, of.found)

    def _rivals(self, of: Pass) -> frozenset[Place]:
        """The secrets whose record another process has written since the plan: it is at them, or was."""
        now = records_of(of.declared, self.folder)
        moved = {key for key, record in now.items() if record != (of.records or {}).get(key)}
        return frozenset(
            place
            for place in (write.place for write in (of.found.due if of.found else ()))
            if place[1] in SECRETS and (place[0], None if place[1] is KindName.SETUP_LINK else place[2]) in moved
        )

    def approve(self, of: Pass) -> None:
        """A person has read what this pass says, and approves that, and what is left of it later."""
        self.approved = of.found.all_due if of.found else frozenset()

    def _may_be_refused(self, declared: Declared, found: Assessment) -> bool:
        return len(declared.organizations) >= GUARDED or found.created[1] > self.most_creates

    def delivered(self, attempt: Attempt) -> None:
        """As soon as a secret has arrived: what was made is what stands in the folder, for its owner alone."""
        name, kind, handle = attempt.place
        directory = handle if kind is KindName.BEARER_TOKEN else None
        record = self.folder.record(name, directory) or {}
        there = record.get("bearerToken") if directory else record.get("url")
        if record.get("state") != "issued" or there != attempt.secret:
            self._accuse(Breach.NOT_DELIVERED, f"what {attempt} made is not what was delivered for {name}")
        if not self.folder.is_private(name, directory):
            self._accuse(Breach.NOT_DELIVERED, f"everybody may read what was delivered for {name}")

    def at_rest(self, declared: Declared, plan: Plan, rows: Mapping[str, Row], now_s: float) -> None:
        """Nothing moves any more: nothing may be due, and what is blocked is blocked for a reason."""
        known = Known(now_s + self._epoch_s, records_of(declared, self.folder), {}, self.protected)
        found = assess(declared, everything(rows), known)
        for write in found.due:
            self._accuse(Breach.UNDONE, f"{_name(write.place)} is due, and was never done")
        self.says_so(declared, plan, found)
        self.counts["at rest"] += len(found.means)
        self.counts["at rest, blocked"] += len(found.blocked)

    def _assessment(self, of: Pass, moment: Moment, now_s: float) -> Assessment:
        known = Known(now_s + self._epoch_s, of.records, of.own, self.protected)
        return assess(of.declared, moment, known)


def _row(moment: Moment, id_: str | None) -> Any:
    for rows in (moment.organizations or {}, *moment.collections.values()):
        if id_ in rows:
            return rows[id_]
    return None


def _stated(declared: Declared, place: Place) -> Mapping[str, Any]:
    name, kind, handle = place
    wanted = declared.organizations[name]
    if kind is KindName.ORGANIZATION:
        return wanted.values
    return next(each.values for each in wanted.collections[kind] if each.name == handle)


def _name(place: Place) -> str:
    return "/".join(map(str, place))

"""What the server has shown to one pass, moment by moment, in responses that truly arrived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from msgspec import Struct
from msgspec.structs import replace

from reconciler.emulator.rows import Child, Organization, Row, SAMLConnection, SCIMDirectory
from reconciler.model.kinds import KINDS, KindName

KIND_OF_ROW = {
    Organization: KindName.ORGANIZATION,
    SAMLConnection: KindName.CONNECTION,
    SCIMDirectory: KindName.DIRECTORY,
}
KIND_OF_ROUTE = {kind.route: kind.name for kind in KINDS.values()}
Collections = Mapping[tuple[str, KindName], Mapping[str, Any]]  # by organization's id and kind; rows by id


class Moment(Struct, frozen=True):
    """All that is known at one time. `organizations` is None before the list was read whole.

    A collection that is not there was not read whole either. `born` are those that this pass created, with the
    id of the organization.
    """

    organizations: Mapping[str, Organization] | None = None
    collections: Collections = {}
    born: frozenset[str] = frozenset()


def everything(rows: Mapping[str, Row]) -> Moment:
    """The moment of somebody who sees all rows as they are."""
    organizations = {id_: row for id_, row in rows.items() if isinstance(row, Organization)}
    collections: dict[tuple[str, KindName], dict[str, Any]] = {
        (id_, kind): {} for id_ in organizations for kind in (KindName.CONNECTION, KindName.DIRECTORY)
    }
    for id_, row in rows.items():
        if not isinstance(row, Organization):
            collections[row.organization_id, KIND_OF_ROW[type(row)]][id_] = row
    return Moment(organizations, collections)


Seen = dict[tuple[str, KindName], set[str]]  # by organization's id and kind: ids that a process was shown


class Shown:
    """The moments of one pass, the newest last.

    Nothing vanishes: a list that lacks what its process has `seen` there is not whole, until the server says that
    it is gone, or another organization's.
    """

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._lacking: dict[tuple[str, KindName], tuple[dict[str, Row], set[str]]] = {}
        self.asked: dict[str, str | None] = {}  # whose single objects are: None is unknown, "" nobody's
        self.moments = [Moment()]
        self.planned = 0  # the moment that the plan was made of
        self._pages: dict[tuple[str, str], dict[str, Row]] = {}  # of lists that are not whole yet

    @property
    def now(self) -> Moment:
        """What is known by now."""
        return self.moments[-1]

    @property
    def plan(self) -> Moment:
        """What the plan was made of."""
        return self.moments[self.planned]

    def arrived(self, method: str, target: str, document: Mapping[str, Any], rows: Mapping[str, Row]) -> None:
        """A good response: the document, and the rows in it as they were when it was made."""
        path, _, query = target.partition("?")
        kind = KIND_OF_ROUTE.get("/".join(path.split("/")[:3]))
        if kind is None:
            return
        if path.endswith("/rotate-bearer-token"):
            self._token(path.split("/")[3])
        elif method == "GET" and path.count("/") == 2:
            self._page(kind, path, parse_qs(query), document, rows)
        else:
            for row in rows.values():
                self._one(row, created=method == "POST")

    def emptied(self, target: str) -> None:
        """A list came with nothing in it. It is true if all that it lacks turns out to be gone."""
        path, _, query = target.partition("?")
        kind = KIND_OF_ROUTE["/".join(path.split("/")[:3])]
        place = parse_qs(query).get("organizationId", [""])[0], kind
        self._lacking[place] = {}, set(self._seen.get(place, set()))

    def _page(
        self,
        kind: KindName,
        path: str,
        query: Mapping[str, list[str]],
        document: Mapping[str, Any],
        rows: Mapping[str, Row],
    ) -> None:
        organization = query.get("organizationId", [""])[0]
        before = self._pages.get((path, organization), {}) if "pageToken" in query else {}
        known = {**before, **rows}
        self._pages[path, organization] = known
        if document.get("nextPageToken"):
            return
        place = organization, kind
        lacks = self._seen.get(place, set()) - known.keys()
        self._seen.setdefault(place, set()).update(known)
        if lacks:
            self._lacking[place] = known, lacks
            self.forget(place)
        else:
            self._lacking.pop(place, None)
            self._whole(place, known)

    def _whole(self, place: tuple[str, KindName], known: dict[str, Any]) -> None:
        if place[1] is KindName.ORGANIZATION:
            self._add(replace(self.now, organizations=known))
        else:
            self._add(replace(self.now, collections={**self.now.collections, place: known}))

    def forget(self, place: tuple[str, KindName]) -> None:
        """That list cannot be relied on."""
        if place[1] is KindName.ORGANIZATION:
            self._add(replace(self.now, organizations=None))
        else:
            kept = {other: rows for other, rows in self.now.collections.items() if other != place}
            self._add(replace(self.now, collections=kept))

    def ask(self, id_: str) -> None:
        """A single object is asked for."""
        self.asked[id_] = None

    def gone(self, id_: str) -> None:
        """The server says that there is no such object."""
        for ids in self._seen.values():
            ids.discard(id_)
        self._is(id_, "")

    def _is(self, id_: str, owner: str) -> None:
        """Whose it is, now that the server has said so: other lists rightly lack it."""
        if id_ in self.asked:
            self.asked[id_] = owner
        for place, (known, lacks) in list(self._lacking.items()):
            if place[0] != owner or not owner:
                lacks.discard(id_)
            if not lacks:
                del self._lacking[place]
                self._whole(place, known)

    def _one(self, row: Row, *, created: bool) -> None:
        owner = "" if isinstance(row, Organization) else row.organization_id
        self._seen.setdefault((owner, KIND_OF_ROW[type(row)]), set()).add(row.id)
        if owner:
            self._is(row.id, owner)
        now = self.now
        born = now.born | {row.id} if created else now.born
        collections = dict(now.collections)
        if isinstance(row, Organization):
            if created:
                collections |= {(row.id, kind): {} for kind in (KindName.CONNECTION, KindName.DIRECTORY)}
            organizations = None if now.organizations is None else {**now.organizations, row.id: row}
            self._add(Moment(organizations, collections, born))
            return
        place = row.organization_id, KIND_OF_ROW[type(row)]
        if place not in collections:
            return  # one of a list is not the list
        siblings = collections[place]
        if row.primary:  # the server takes it from the others
            siblings = {id_: _demoted(each) for id_, each in siblings.items()}
        collections[place] = {**siblings, row.id: row}
        self._add(Moment(now.organizations, collections, born))

    def _token(self, directory_id: str) -> None:
        collections = {
            place: {
                id_: replace(row, has_client_bearer_token=True) if id_ == directory_id else row
                for id_, row in rows.items()
            }
            for place, rows in self.now.collections.items()
        }
        self._add(replace(self.now, collections=collections))

    def _add(self, moment: Moment) -> None:
        self.moments.append(moment)


def _demoted(row: Child) -> Child:
    return replace(row, primary=False)

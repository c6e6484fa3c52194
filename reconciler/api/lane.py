"""What can be asked of the Management API, over one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from reconciler.api import paging, wire
from reconciler.api.connection import Connection
from reconciler.api.footing import MAX_AGE_S, Footing
from reconciler.api.retry import Retry
from reconciler.api.session import Request, Session
from reconciler.api.wire import Fresh, Page
from reconciler.model.errors import BadAnswer, NotFound, Uncertain, Unsent
from reconciler.model.kinds import DIRECTORY, Kind
from reconciler.model.secret import Secret
from reconciler.model.state import Child, Live, Organization

T = TypeVar("T")


class Lane:
    """One connection, for one task at a time. Every request raises ApiError, or Interrupted once asked to stop."""

    def __init__(self, session: Session, retry: Retry, connection: Connection) -> None:
        self._session = session
        self._retry = retry
        self._connection = connection
        self._attempt = 1  # of the write under way
        self._footing: Footing | None = None  # where a write follows

    async def close(self) -> None:
        """Ends the connection; a request under way on it fails."""
        await self._connection.close()

    # -- reads, repeated while that may help

    async def page(self, kind: Kind, query: dict[str, str], token: str) -> Page:
        """The page of a list that the token names, "" for the first."""
        asked = query | ({"pageToken": token} if token else {})
        request = Request("GET", kind.route, f"{kind.route}?{urlencode(asked)}" if asked else kind.route)
        return await self._read(request, lambda document: wire.page(kind, request.route, document))

    async def children(
        self, kind: Kind, organization_id: str, named: frozenset[str] = frozenset()
    ) -> tuple[Child, ...]:
        """All of an organization's connections or directories, in order of id.

        Uncertain if one is missing that is still there, and that this process has seen or that is `named`.
        """
        route, query = f"GET {kind.route}", {"organizationId": organization_id}
        self._reads_anew()
        known = self._session.known
        expected = named | known.ids(kind.name, organization_id)
        found: list[Child] = []
        async for page in paging.pages(
            lambda token: self.page(kind, query, token), route, self._session.settings.max_child_pages
        ):
            children = [wire.child_of(organization_id, item, route) for item in page.items]
            known.see(*children)
            found += children
        for id_ in sorted(expected.difference(item.id for item in found)):
            await self.gone(kind, id_, organization_id)
        return tuple(found)

    async def gone(self, kind: Kind, id_: str, organization_id: str = "") -> None:
        """Returns if a list rightly lacks an object: it is no longer there, or it is another organization's.

        Raises Uncertain if it is there, and the error of the request if that cannot be told.
        """
        if not wire.can_exist(kind, id_):
            return
        try:
            live = (await self._one(kind, id_)).live
        except NotFound:
            self._session.known.forget(kind.name, id_, organization_id)
            return
        if isinstance(live, Organization) or live.organization_id == organization_id:
            raise Uncertain(f"the list lacks {id_}, which is there: it is not whole", route=f"GET {kind.route}")

    async def get(self, kind: Kind, id_: str) -> Fresh:
        """The object as it is now; NotFound if there is none."""
        self._reads_anew()
        return await self._one(kind, id_)

    async def _one(self, kind: Kind, id_: str) -> Fresh:
        request = Request("GET", f"{kind.route}/{{id}}", f"{kind.route}/{id_}")

        def decode(document: dict[str, Any]) -> Fresh:
            return self._seen(_same(id_, wire.one(kind, request.route, document), request))

        return await self._read(request, decode)

    def _seen(self, fresh: Fresh) -> Fresh:
        self._session.known.see(fresh.live)
        return fresh

    def _reads_anew(self) -> None:
        if self._footing:
            self._footing.reads_anew()

    def _read(self, request: Request, decode: Callable[[dict[str, Any]], T]) -> Awaitable[T]:
        return self._retry.read(lambda attempt: self._ask(request, attempt), decode)

    async def _ask(self, request: Request, attempt: int) -> dict[str, Any]:
        clock, footing = asyncio.get_running_loop().time, self._footing
        await self._session.turn(footing.turns_to_read() if footing else 1)
        started = clock()
        document = await self._session.send(self._connection, request, attempt)
        if footing:
            footing.answered(started, clock())
        return document

    # -- writes, each sent once: whoever repeats one reads again first

    async def retry_unsent(self, attempt: Callable[[], Awaitable[T]], reads: int = 1) -> T:
        """What `attempt` returns, which ends in a write: repeated while that write certainly did not happen.

        All of it is repeated, including the reads that the write rests on; `reads` is how many requests they take.
        Nothing waits between them and the write, and where something did all the same, the write is not sent.
        """
        footing = Footing(reads)

        def numbered(number: int) -> Awaitable[T]:
            self._attempt = number
            footing.again()
            return attempt()

        self._footing = footing
        try:
            return await self._retry.unsent(numbered)
        finally:
            self._attempt, self._footing = 1, None

    async def create(self, kind: Kind, body: dict[str, Any]) -> Live:
        """The new object. Unsent: certainly not created; Uncertain: perhaps."""
        request = Request("POST", kind.route, kind.route, body)
        live = wire.one(kind, request.route, await self._write(request)).live
        if not isinstance(live, Organization):
            wire.child_of(body["organizationId"], live, request.route)
        self._session.known.see(live)
        return live

    async def update(self, kind: Kind, id_: str, body: dict[str, Any]) -> Live:
        """The object, replaced by the body: the API clears what is left out."""
        request = Request("PATCH", f"{kind.route}/{{id}}", f"{kind.route}/{id_}", body)
        return _same(id_, wire.one(kind, request.route, await self._write(request)), request).live

    async def rotate(self, directory_id: str) -> Secret:
        """A new bearer token; the old one stops working at once."""
        path = f"{DIRECTORY.route}/{{id}}/rotate-bearer-token"
        request = Request("POST", path, path.format(id=directory_id))  # the server refuses any body, even `{}`
        return Secret(wire.secret("bearerToken", request.route, await self._write(request)))

    async def setup_url(self, organization_id: str, *, saml: bool, scim: bool) -> Secret:
        """A one-time link, valid for a day; older ones stay valid."""
        body = {"organizationId": organization_id, "canManageSaml": saml, "canManageScim": scim}
        request = Request("POST", "/v1/setup-urls", "/v1/setup-urls", body)
        return Secret(wire.link("url", request.route, await self._write(request)))

    async def _write(self, request: Request) -> dict[str, Any]:
        footing = self._footing or Footing()
        await self._session.turn(footing.turns_to_write())
        age_s = footing.age_s(asyncio.get_running_loop().time())
        if age_s > MAX_AGE_S:
            raise Unsent(f"what it rests on was read {age_s:.1f} s before it could leave", route=request.route)
        return await self._session.send(self._connection, request, self._attempt)


def _same(id_: str, fresh: Fresh, request: Request) -> Fresh:
    if fresh.live.id != id_:
        raise BadAnswer(f"asked for {id_}, but the response is about {fresh.live.id}", route=request.route)
    return fresh

"""One pass's access to the Management API: a pool of lanes, and the walk over all organizations."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from reconciler.api import paging
from reconciler.api.connection import Connection, ReadOnly, TransportFactory, transports
from reconciler.api.known import Known
from reconciler.api.lane import Lane
from reconciler.api.retry import Retry
from reconciler.api.session import Session
from reconciler.api.wire import Page
from reconciler.model.errors import BadAnswer
from reconciler.model.event import Watch
from reconciler.model.kinds import ORGANIZATION, Kind
from reconciler.model.settings import ApiSettings
from reconciler.model.state import Child, Organization


class Client:
    """The API for one pass. Use it as an async context manager, and make a new one for each pass.

    Once `stop` is set no request starts (Interrupted); those under way end as they would have. `known` outlives
    the client: no list is believed that lacks what the process has seen.
    """

    def __init__(  # noqa: PLR0913 a pass's whole surroundings, named once
        self,
        settings: ApiSettings,
        *,
        now: Callable[[], float],
        rng: random.Random,
        watch: Watch,
        transport: TransportFactory | None = None,
        read_only: bool = False,
        stop: asyncio.Event | None = None,
        known: Known | None = None,
    ) -> None:
        make = transport or transports(settings)
        self._transport = (lambda: ReadOnly(make())) if read_only else make
        self._session = Session(
            settings, now=now, watch=watch, stop=stop or asyncio.Event(), known=known or Known()
        )
        self.retry = Retry(rng, watch, self._session.stop, self._session.ended)
        self.limiter = self._session.limiter
        self.lanes: list[Lane] = []
        self._idle: list[Lane] = []  # the one used last is the next: its connection is the freshest

    @property
    def requests(self) -> int:
        """How many were sent."""
        return self._session.requests

    @property
    def retries(self) -> int:
        """How often a request was repeated."""
        return self.retry.count

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends everything: requests under way fail, and none is sent or repeated any more."""
        self._session.ended.set()
        for lane in self.lanes:
            await lane.close()

    def grow(self, count: int) -> None:
        """Raises the limit of requests for so many changes to make."""
        self._session.grow(count)

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[Lane]:
        """A lane for the caller alone, for as long as the block lasts."""
        lane = await self._take()
        try:
            yield lane
        finally:
            self._give(lane)

    async def _take(self) -> Lane:
        await self.limiter.enter()
        try:
            return self._idle.pop() if self._idle else self._new_lane()
        except BaseException:
            self.limiter.leave()
            raise

    def _give(self, lane: Lane) -> None:
        self._idle.append(lane)
        self.limiter.leave()

    def _new_lane(self) -> Lane:
        lane = Lane(self._session, self.retry, Connection(self._transport, self._session.settings))
        self.lanes.append(lane)
        return lane

    async def organizations(self, named: frozenset[str] = frozenset()) -> AsyncIterator[tuple[Organization, ...]]:
        """Every page of organizations, non-empty, in order of id, all of one environment, to the end.

        Raises ApiError if the list cannot be shown to be complete, also where it lacks one that is still there and
        that this process has seen or that is `named` somewhere, by its id.
        """
        route = f"GET {ORGANIZATION.route}"
        count, environment_id, missing = 0, None, set(named | self._session.known.ids(ORGANIZATION.name))
        async for page in paging.pages(self._page, route, self._session.settings.max_pages):
            organizations = tuple(item for item in page.items if isinstance(item, Organization))
            environments = {item.environment_id for item in organizations}
            if len(environments | ({environment_id} if environment_id else set())) > 1:
                raise BadAnswer("the list holds organizations of several environments", route=route)
            environment_id = organizations[0].environment_id
            count += len(organizations)
            if count > self._session.settings.max_organizations:
                most = self._session.settings.max_organizations
                raise BadAnswer(f"the list has more than {most:,} organizations", route=route)
            self._session.grow(len(organizations))
            self._session.known.see(*organizations)
            missing.difference_update(item.id for item in organizations)
            yield organizations
        await self.gone(ORGANIZATION, missing)

    async def gone(self, kind: Kind, ids: Collection[str], organization_id: str = "") -> None:
        """As `Lane.gone` for each of them, of which some are asked for at once."""

        async def one(id_: str) -> None:
            async with self.lane() as lane:
                await lane.gone(kind, id_, organization_id)

        self._session.grow(len(ids))
        left, at_once = sorted(ids), self._session.settings.concurrency
        for first in range(0, len(left), at_once):
            ends = await asyncio.gather(*map(one, left[first : first + at_once]), return_exceptions=True)
            for error in filter(None, ends):
                raise error

    async def _page(self, token: str) -> Page:
        """A page on a lane of its own: the walk holds none while its caller works on a page."""
        async with self.lane() as lane:
            return await lane.page(ORGANIZATION, {}, token)

    async def children(
        self, kind: Kind, organization_id: str, named: frozenset[str] = frozenset()
    ) -> tuple[Child, ...]:
        """All of an organization's connections or directories, as `Lane.children`, on a lane of its own."""
        lane = await self._take()
        try:
            return await lane.children(kind, organization_id, named)
        finally:
            self._give(lane)

"""A write that the server put off is decided anew when its turn comes: a wait can be minutes long."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from reconciler.emulator import Emulator, Request, Store
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.model.outcome import Outcome, Result
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings, EnvironmentSettings
from reconciler.model.state import DesiredOrganization
from tests.simulation.clock import run
from tests.support.build import connection, desired, directory, organization
from tests.support.passes import applied

Act = Callable[[Store, str], object]


class Busy(httpx.AsyncBaseTransport):
    """An emulator that puts the first write off by a 429, during whose wait somebody acts."""

    def __init__(self, store: Store, organization_id: str, act: Act) -> None:
        self.store = store
        self.writes: list[str] = []
        self._organization_id = organization_id
        self._act = act
        self._emulator = Emulator(store)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        if request.method != "GET":
            self.writes.append(request.method)
            if len(self.writes) == 1:
                self._act(self.store, self._organization_id)
                return httpx.Response(429, headers={"retry-after": "60"})
        headers = {name.decode().lower(): value.decode() for name, value in request.headers.raw}
        answer = self._emulator.handle(Request.of(request.method, target, headers, request.content))
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)


def busy(act: Act) -> Busy:
    store = Store.fresh(random.Random(1))
    live = store.put_organization(
        store.environments["production"].id, external_id="acme", display_name="Acme", domains=["acme.example"]
    )
    return Busy(store, live.id, act)


def outcomes(server: Busy, wanted: DesiredOrganization) -> tuple[Outcome, ...]:
    async def main() -> tuple[Outcome, ...]:
        key = Secret(server.store.environments["production"].key)
        settings = EnvironmentSettings(None, "", ApiSettings("https://api.example", key), deliver_path=None)
        runtime = Runtime(
            lambda: 0.0, random.Random(1), RecentWrites(asyncio.get_running_loop().time()), lambda: server
        )
        return (await applied(settings, desired(wanted), runtime)).outcomes

    return run(main)


def renamed(**fields: Any) -> Act:
    """Somebody replaces the organization's fields."""

    def act(store: Store, id_: str) -> object:
        environment_id = store.environments["production"].id
        known = {"external_id": "acme", "display_name": "Acme", "domains": ["acme.example"]}
        return store.put_organization(environment_id, row_id=id_, **{**known, **fields})

    return act


WANTED = organization(display_name="Acme Corporation")


def test_what_was_edited_during_the_wait_is_carried_through() -> None:
    server = busy(renamed(domains=["acme.example", "acme.test"]))
    assert [each.result for each in outcomes(server, WANTED)] == [Result.APPLIED]
    (live,) = server.store.organizations("production")
    assert (live.display_name, live.domains) == ("Acme Corporation", ("acme.example", "acme.test"))


def test_an_owned_field_that_was_edited_during_the_wait_is_not_overwritten() -> None:
    server = busy(renamed(display_name="Acme by hand"))
    assert [each.result for each in outcomes(server, WANTED)] == [Result.STALE]
    assert server.writes == ["PATCH"]
    assert [each.display_name for each in server.store.organizations("production")] == ["Acme by hand"]


def test_what_somebody_else_did_during_the_wait_is_not_done_again() -> None:
    server = busy(renamed(display_name="Acme Corporation"))
    assert [each.result for each in outcomes(server, WANTED)] == [Result.SATISFIED]
    assert server.writes == ["PATCH"]


CHILDREN = {
    "connection": (
        organization(display_name="Acme", connections=[connection("okta", entity="e1")]),
        lambda store, id_: store.put_connection(id_, primary=True, idp_entity_id="e1"),
        lambda store, id_: store.connections(id_),
    ),
    "directory": (
        organization(display_name="Acme", directories=[directory("okta")]),
        lambda store, id_: store.put_directory(id_, primary=True),
        lambda store, id_: store.directories(id_),
    ),
}


@pytest.mark.parametrize("what", CHILDREN)
def test_a_child_that_appeared_during_the_wait_is_not_created_again(what: str) -> None:
    wanted, appears, live = CHILDREN[what]
    server = busy(appears)
    assert [each.result for each in outcomes(server, wanted)] == [Result.STALE]
    assert server.writes == ["POST"]
    assert len(live(server.store, server.store.organizations("production")[0].id)) == 1


@pytest.mark.parametrize("what", CHILDREN)
def test_a_child_that_did_not_is_created_once(what: str) -> None:
    wanted, _, live = CHILDREN[what]
    server = busy(lambda *_: None)
    assert [each.result for each in outcomes(server, wanted)] == [Result.APPLIED]
    assert server.writes == ["POST", "POST"]
    assert len(live(server.store, server.store.organizations("production")[0].id)) == 1

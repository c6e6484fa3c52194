"""Whatever people do after a read is not lost to the write that rests on it, however slow everything is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.api.client import Client
from reconciler.delivery.directory import Directory
from reconciler.delivery.target import RecordName
from reconciler.emulator import Emulator, Request, Store
from reconciler.engine.reconcile import Hooks, reconcile
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.engine.secrets import Issuer
from reconciler.model.change import Plan
from reconciler.model.errors import Uncertain
from reconciler.model.outcome import Report, Result
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings, EnvironmentSettings
from reconciler.model.state import DesiredOrganization
from tests.simulation.clock import run
from tests.support.build import desired, directory, organization
from tests.support.passes import always, given

LATENCY_S = 0.02
QUICK_S = 0.05  # after a read, and so after the write that rests on it


class Lively(httpx.AsyncBaseTransport):
    """An API over a network, on which `act` is called a moment after each read of what a write rests on."""

    def __init__(self) -> None:
        self.store = Store.fresh(random.Random(1))
        self.environment = self.store.environments["production"]
        self.act: Callable[[str], object] = lambda _: None
        self.broken: Callable[[str], bool] = lambda _: False
        self.applying = False
        self.writes: list[str] = []
        self._emulator = Emulator(self.store)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(LATENCY_S)
        target = request.url.raw_path.decode()
        if request.method != "GET":
            self.writes.append(f"{request.method} {target}")
        elif self.broken(target):
            return httpx.Response(503)
        headers = {name.decode().lower(): value.decode() for name, value in request.headers.raw}
        answer = self._emulator.handle(Request.of(request.method, target, headers, request.content))
        if request.method == "GET" and self.applying:
            asyncio.get_running_loop().call_later(QUICK_S, self.act, target)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)

    def apply(self, *wanted: DesiredOrganization, per_second: float) -> Report:
        """A pass that keeps to a rate."""

        async def main() -> Report:
            key, limits = Secret(self.environment.key), {"maxChangedPercent": 100, "maxAtRisk": 100}
            api = ApiSettings("https://api.example", key, max_requests_per_second=per_second)
            settings = EnvironmentSettings(None, "", api, limits=limits, settle_s=0.0)
            clock = asyncio.get_running_loop().time
            runtime = Runtime(clock, random.Random(1), RecentWrites(clock()), lambda: self)
            hooks = Hooks(planned=self._planned, may_apply=always)
            finished = await reconcile(settings, given(desired(*wanted)), runtime, hooks, asyncio.Event())
            await asyncio.sleep(1.0)
            assert finished.report
            return finished.report

        return run(main)

    def _planned(self, _: Plan) -> None:
        self.applying = True


@pytest.mark.parametrize("per_second", [2, 10])
def test_no_edit_is_lost_to_an_update_that_waits_for_its_turn(per_second: float) -> None:
    api, count = Lively(), 24
    ids = [
        api.store.put_organization(api.environment.id, external_id=f"o{n:02}", display_name="Old").id
        for n in range(count)
    ]

    def customer(target: str) -> None:
        for row in api.store.organizations("production"):
            if target.endswith(row.id):
                api.store.put_organization(
                    api.environment.id,
                    row_id=row.id,
                    external_id=row.external_id,
                    display_name=row.display_name,
                    domains=[f"{row.external_id}.example"],
                )

    api.act = customer
    wanted = (organization(f"o{n:02}", display_name="New") for n in range(count))
    report = api.apply(*wanted, per_second=per_second)
    assert [each.result for each in report.outcomes] == [Result.APPLIED] * count
    rows = {row.id: row for row in api.store.organizations("production")}
    assert [rows[id_].display_name for id_ in ids] == ["New"] * count
    assert [rows[id_].domains for id_ in ids] == [(f"o{n:02}.example",) for n in range(count)]


@pytest.mark.parametrize("per_second", [2, 10])
def test_the_primary_that_a_customer_makes_is_not_lost_to_a_create_that_waits(per_second: float) -> None:
    api, count = Lively(), 12
    parents = [api.store.put_organization(api.environment.id, external_id=f"o{n:02}").id for n in range(count)]
    own: set[str] = set()

    def customer(target: str) -> None:
        for id_ in parents:
            if target.endswith(f"scim-directories?organizationId={id_}"):
                own.add(api.store.put_directory(id_, primary=True).id)

    api.act = customer
    wanted = (organization(f"o{n:02}", directories=[directory("okta", primary=True)]) for n in range(count))
    report = api.apply(*wanted, per_second=per_second)
    assert [each.result for each in report.outcomes] == [Result.APPLIED] * count
    primary = {row.id for id_ in parents for row in api.store.directories(id_) if row.primary}
    assert primary == own


# -- a slow delivery target

NAME = RecordName("acme", "okta")


class Slow:
    """An issuer whose target takes seconds for each record, while which `act` happens."""

    def __init__(self, path: Path, act: Callable[[Lively, str], object] = lambda *_: None) -> None:
        self.api, self._act = Lively(), act
        acme = self.api.store.put_organization(self.api.environment.id, external_id="acme").id
        self.directory = self.api.store.put_directory(acme, primary=True).id
        self.path = path / "target"

    def run(self, work: Callable[[Issuer], Any]) -> Any:
        async def main() -> Any:
            clock = asyncio.get_running_loop().time

            async def aside(call: Callable[[], Any], /) -> Any:
                done = call()
                await asyncio.sleep(3.0)
                self._act(self.api, self.directory)
                return done

            runtime = Runtime(clock, random.Random(1), RecentWrites(clock()), lambda: self.api, aside)
            settings = ApiSettings("https://api.example", Secret(self.api.environment.key))
            async with Client(
                settings, now=clock, rng=runtime.rng, watch=lambda _: None, transport=lambda: self.api
            ) as client:
                return await work(Issuer(client, Directory(str(self.path)), runtime))

        return run(main)


def test_a_token_is_issued_however_slow_its_target_is(tmp_path: Path) -> None:
    slow = Slow(tmp_path)
    assert slow.run(lambda issuer: issuer.first_token(slow.directory, NAME)) is True
    record = Directory(str(slow.path)).read(NAME)
    assert record is not None
    assert record.state == "issued"
    assert len(slow.api.writes) == 1


def test_a_token_that_somebody_made_while_the_record_was_written_stays(tmp_path: Path) -> None:
    tokens: list[str] = []

    def customer(api: Lively, directory_id: str) -> None:
        if not tokens:
            tokens.append(api.store.rotate_bearer_token(directory_id))

    slow = Slow(tmp_path, customer)
    assert slow.run(lambda issuer: issuer.first_token(slow.directory, NAME)) is False
    assert slow.api.store.is_bearer_token(slow.directory, tokens[0])
    assert (slow.api.writes, Directory(str(slow.path)).read(NAME)) == ([], None)


def test_a_new_token_replaces_also_one_that_came_meanwhile(tmp_path: Path) -> None:
    tokens: list[str] = []

    def customer(api: Lively, directory_id: str) -> None:
        if not tokens:
            tokens.append(api.store.rotate_bearer_token(directory_id))

    slow = Slow(tmp_path, customer)
    slow.run(lambda issuer: issuer.new_token(slow.directory, NAME))
    assert not slow.api.store.is_bearer_token(slow.directory, tokens[0])
    assert len(slow.api.writes) == 1


def test_a_directory_that_cannot_be_read_again_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    def away(api: Lively, _: str) -> None:
        api.broken = lambda _: True

    slow = Slow(tmp_path, away)
    with pytest.raises(Uncertain):
        slow.run(lambda issuer: issuer.first_token(slow.directory, NAME))
    assert (slow.api.writes, Directory(str(slow.path)).read(NAME)) == ([], None)

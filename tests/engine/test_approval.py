"""A plan that was approved and interrupted goes on in the same process, and nothing else does."""

from __future__ import annotations

import asyncio
import random

import httpx
import pytest
from msgspec import structs

from reconciler.api.retry import Retry
from reconciler.emulator import Emulator, Request, Store
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.model.outcome import Report
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings, EnvironmentSettings
from reconciler.model.state import Desired
from tests.support.build import desired, organization
from tests.support.passes import applied

ALL = desired(*(organization(f"o{number}", display_name=f"O {number}") for number in range(4)))
MORE = desired(*ALL.organizations, organization("more", display_name="More"))


class Server(httpx.AsyncBaseTransport):
    """An emulator that refuses all creates after the first few; each pass is of one process."""

    def __init__(self) -> None:
        self.store = Store.fresh(random.Random(1))
        self.takes = 0
        self.runtime = Runtime(lambda: 0.0, random.Random(1), RecentWrites(0.0), lambda: self)
        self._emulator = Emulator(self.store)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.takes -= 1
            if self.takes < 0:
                return httpx.Response(429)
        headers = {name.decode().lower(): value.decode() for name, value in request.headers.raw}
        target = request.url.raw_path.decode()
        response = self._emulator.handle(Request.of(request.method, target, headers, request.content))
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body)

    def passed(self, approve: str | None, takes: int = 0, wanted: Desired = ALL) -> Report:
        """A pass of which so many creates succeed, under a bound of one create."""
        self.takes = takes
        key = Secret(self.store.environments["production"].key)
        api = ApiSettings("https://api.example", key)
        settings = EnvironmentSettings(None, "", api, limits={"maxCreates": 1}, approve=approve, settle_s=0.0)
        return asyncio.run(applied(settings, wanted, self.runtime))

    @property
    def made(self) -> int:
        return len(self.store.organizations("production"))


@pytest.fixture(autouse=True)
def _without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Retry, "attempts", 1)


def begun(server: Server) -> str:
    """The digest of a plan for four, one of which is made."""
    digest = server.passed(None).plan.digest
    assert not server.passed(digest, takes=1).plan.refusals
    assert server.made == 1
    return digest


def rules(report: Report) -> list[str]:
    return [each.rule for each in report.plan.refusals]


def test_what_is_left_of_an_approved_plan_goes_on() -> None:
    server = Server()
    digest = begun(server)
    for made in (2, 4):
        assert not server.passed(digest, takes=made - server.made).plan.refusals
        assert server.made == made


def test_another_process_does_not_know_of_it() -> None:
    server = Server()
    digest = begun(server)
    server.runtime = structs.replace(server.runtime, recent_writes=RecentWrites(0.0))
    assert (rules(server.passed(digest, takes=9)), server.made) == (["maxCreates"], 1)


def test_a_plan_with_anything_else_in_it_is_another_plan_and_ends_the_approval() -> None:
    server = Server()
    digest = begun(server)
    assert (rules(server.passed(digest, takes=9, wanted=MORE)), server.made) == (["maxCreates"], 1)
    assert (rules(server.passed(digest, takes=9)), server.made) == (["maxCreates"], 1)


def test_a_plan_that_is_done_is_approved_no_more() -> None:
    server = Server()
    digest = begun(server)
    server.passed(digest, takes=9)
    server.passed(digest)
    for row in server.store.organizations("production")[:3]:
        server.store.delete(row.id)
    assert (rules(server.passed(digest, takes=9)), server.made) == (["maxCreates"], 1)


def test_without_an_approval_nothing_is_approved() -> None:
    server = Server()
    begun(server)
    assert (rules(server.passed(None, takes=9)), server.made) == (["maxCreates"], 1)

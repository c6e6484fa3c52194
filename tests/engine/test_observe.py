"""What a manifest pins, a record names or an earlier pass saw is never taken for gone because a list lacks it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from reconciler.delivery.directory import Directory
from reconciler.delivery.target import RecordName
from reconciler.emulator import Emulator, Request, Store
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.model.change import BlockReason
from reconciler.model.errors import Uncertain
from reconciler.model.outcome import Report, Result
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings, EnvironmentSettings
from reconciler.model.state import DesiredOrganization, Record, RecordState
from tests.simulation.clock import run
from tests.support.build import connection, desired, directory, org_id, organization
from tests.support.passes import applied

Lies = Callable[[str, int], bool]  # by the target and how often it was asked for, whether the answer is `{}`


class Forgetful(httpx.AsyncBaseTransport):
    """An API that gives `{}` for some lists; its organization has two connections and a directory."""

    def __init__(self, lies: Lies) -> None:
        self.store = Store.fresh(random.Random(1))
        self.environment = self.store.environments["production"]
        self.acme = self.store.put_organization(self.environment.id, external_id="acme", display_name="Acme").id
        self.okta = self.store.put_connection(self.acme, primary=True, idp_entity_id="e1").id
        self.adfs = self.store.put_connection(self.acme, idp_entity_id="e2").id
        self.main = self.store.put_directory(self.acme, primary=True).id
        self.writes: list[str] = []
        self._asked: dict[str, int] = {}
        self._lies = lies
        self._emulator = Emulator(self.store)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        self._asked[target] = self._asked.get(target, 0) + 1
        if request.method != "GET":
            self.writes.append(f"{request.method} {target}")
        elif self._lies(target, self._asked[target]):
            return httpx.Response(200, json={})
        headers = {name.decode().lower(): value.decode() for name, value in request.headers.raw}
        answer = self._emulator.handle(Request.of(request.method, target, headers, request.content))
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)

    def passes(self, *wanted: DesiredOrganization, target: Path | None = None, count: int = 1) -> list[Report]:
        """So many passes of one process, with half a minute between them."""

        async def main() -> list[Report]:
            settings = EnvironmentSettings(
                None,
                "",
                ApiSettings("https://api.example", Secret(self.environment.key)),
                deliver_path=str(target) if target else None,
            )
            clock = asyncio.get_running_loop().time
            runtime = Runtime(clock, random.Random(1), RecentWrites(clock()), lambda: self)
            reports = []
            for _ in range(count):
                reports.append(await applied(settings, desired(*wanted), runtime))
                await asyncio.sleep(30.0)
            return reports

        return run(main)


def children(server: Forgetful) -> tuple[int, int]:
    return len(server.store.connections(server.acme)), len(server.store.directories(server.acme))


OKTA, ADFS = connection("okta", entity="e1"), connection("adfs", entity="e2")
ACME = organization(display_name="Acme", connections=[OKTA, ADFS], directories=[directory("main")])


@pytest.mark.parametrize("part", ["saml-connections?", "scim-directories?"])
def test_a_collection_that_empties_between_two_passes_is_not_created_again(part: str) -> None:
    server = Forgetful(lambda target, time: part in target and time > 1)
    first, second, third = server.passes(ACME, count=3)
    assert first.plan.changes == second.plan.changes == third.plan.changes == ()
    assert [block.reason for block in second.plan.blocked] == [BlockReason.UNREADABLE]
    assert "lacks" in second.plan.blocked[0].message
    assert (server.writes, children(server)) == ([], (2, 1))


def test_a_collection_that_empties_between_the_plan_and_the_create_gets_no_child() -> None:
    server = Forgetful(lambda target, time: "saml-connections?" in target and time > 1)
    wanted = organization(display_name="Acme", connections=[OKTA, ADFS, connection("entra", entity="e3")])
    (report,) = server.passes(wanted)
    assert [each.result for each in report.outcomes] == [Result.UNKNOWN]
    assert "lacks" in (report.outcomes[0].error or "")
    assert (server.writes, children(server)) == ([], (2, 1))


def test_organizations_that_vanish_from_the_list_end_the_pass() -> None:
    server = Forgetful(lambda target, time: target == "/v1/organizations" and time > 1)
    with pytest.raises(Uncertain, match="lacks org_"):
        server.passes(ACME, count=2)
    assert server.writes == []


# -- a process that has just started knows what is pinned and what was delivered


def test_a_pinned_child_has_to_be_in_its_list() -> None:
    server = Forgetful(lambda target, _: "saml-connections?" in target)
    pinned = organization(display_name="Acme", connections=[connection("okta", id_=server.okta), ADFS])
    (report,) = server.passes(pinned)
    assert [block.reason for block in report.plan.blocked] == [BlockReason.UNREADABLE]
    assert server.writes == []


def test_a_pinned_organization_has_to_be_in_the_list() -> None:
    server = Forgetful(lambda target, _: target == "/v1/organizations")
    with pytest.raises(Uncertain, match=f"lacks {server.acme}"):
        server.passes(organization(id_=server.acme, display_name="Acme"), organization("new", display_name="New"))
    assert server.writes == []


def test_a_pin_of_nothing_blocks_its_own_resource_alone() -> None:
    server = Forgetful(lambda *_: False)
    gone = organization("gone", id_=org_id(5), display_name="Gone")
    (report,) = server.passes(gone, organization("new", display_name="New"))
    assert [block.organization for block in report.plan.blocked] == ["gone"]
    assert [each.result for each in report.outcomes] == [Result.APPLIED]


@pytest.mark.parametrize("directory_too", [True, False])
def test_what_a_record_names_has_to_be_in_its_list(tmp_path: Path, directory_too: bool) -> None:
    path = "/v1/scim-directories" if directory_too else "/v1/organizations"
    server = Forgetful(lambda target, _: target.partition("?")[0] == path)
    name = RecordName("acme", "main")
    issued = Record(RecordState.PENDING, server.acme, server.main, False, False, 0.0, None)
    Directory(str(tmp_path / "target")).begin(name, issued).close()
    wanted = organization(
        display_name="Acme", directories=[directory("main", issue_token=True), directory("other")]
    )
    if directory_too:
        (report,) = server.passes(wanted, target=tmp_path / "target")
        assert [block.reason for block in report.plan.blocked] == [BlockReason.UNREADABLE]
    else:
        with pytest.raises(Uncertain, match=f"lacks {server.acme}"):
            server.passes(wanted, target=tmp_path / "target")
    assert server.writes == []


def test_a_list_read_before_another_process_made_and_recorded_a_directory_is_whole(tmp_path: Path) -> None:
    def meanwhile(target: str, time: int) -> bool:
        if "scim-directories?" not in target or time > 1:
            return False
        pending = Record(RecordState.PENDING, server.acme, server.main, False, False, 0.0, None)
        Directory(str(tmp_path / "target")).begin(RecordName("acme", "main"), pending).close()
        return True

    server = Forgetful(meanwhile)
    wanted = organization(display_name="Acme", directories=[directory("main", issue_token=True)])
    (report,) = server.passes(wanted, target=tmp_path / "target")
    assert BlockReason.UNREADABLE not in {block.reason for block in report.plan.blocked}
    assert (server.writes, children(server)) == ([], (2, 1))

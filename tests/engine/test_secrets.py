"""Links and tokens are issued once, kept as made, and recorded as what they are, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from msgspec import structs

from reconciler.api.client import Client
from reconciler.delivery.directory import Directory
from reconciler.delivery.target import Delivery, RecordName
from reconciler.emulator import Emulator, Request, Store
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.engine.secrets import LINK_LIFETIME_S, Issuer, issue_token
from reconciler.model.change import IssueToken, Key
from reconciler.model.errors import ApiError, DeliveryError, DeliveryLost, Uncertain
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin
from reconciler.model.outcome import Outcome, Result
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings
from reconciler.model.state import Record, RecordState, SetupLink
from tests.simulation.clock import run

LINK, TOKEN = RecordName("acme", None), RecordName("acme", "okta")
EPOCH_S = 1_700_000_000.0
Trouble = Callable[[int], httpx.Response | Exception | None]  # by the number of the write


class Place(httpx.AsyncBaseTransport):
    """An organization with a directory, a delivery target, and a server that may misbehave at its writes."""

    def __init__(self, target: Path, trouble: Trouble = lambda _: None, *, after: bool = False) -> None:
        self.store = Store.fresh(random.Random(1))
        environment = self.store.environments["production"]
        self.acme = self.store.put_organization(environment.id, external_id="acme").id
        self.okta = self.store.put_directory(self.acme, primary=True).id
        self.key = environment.key
        self.path = target
        self.writes_at_s: list[float] = []
        self.before_it_begins: Callable[[], None] = lambda: None
        self.unreadable = False
        self._trouble, self._after = trouble, after
        self._emulator = Emulator(self.store)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        trouble = httpx.ReadError("reset") if self.unreadable else None
        if request.method != "GET":
            self.writes_at_s.append(asyncio.get_running_loop().time())
            trouble = self._trouble(len(self.writes_at_s))
        if trouble is None or self._after:
            headers = {name.decode().lower(): value.decode() for name, value in request.headers.raw}
            target = request.url.raw_path.decode()
            response = self._emulator.handle(Request.of(request.method, target, headers, request.content))
        if isinstance(trouble, Exception):
            raise trouble
        return trouble or httpx.Response(response.status, headers=dict(response.headers), content=response.body)

    def run(self, work: Callable[[Issuer], Any]) -> Any:
        """What the work makes of an issuer for this place."""

        async def main() -> Any:
            loop = asyncio.get_running_loop()
            runtime = Runtime(
                lambda: EPOCH_S + loop.time(), random.Random(1), RecentWrites(loop.time()), lambda: self
            )
            settings = ApiSettings("https://api.example", Secret(self.key))
            async with Client(
                settings, now=runtime.now, rng=runtime.rng, watch=lambda _: None, transport=lambda: self
            ) as client:
                return await work(Issuer(client, Beginning(self), runtime))

        return run(main)

    @property
    def token(self) -> bool:
        return self.store.directories(self.acme)[0].has_client_bearer_token

    def record(self, name: RecordName) -> Record | None:
        return Directory(str(self.path)).read(name)

    def delivered(self) -> dict[str, Any]:
        return {
            str(path.relative_to(self.path)): json.loads(path.read_text())
            for path in self.path.rglob("*")
            if path.is_file()
        }


class Beginning(Directory):
    """A target with something that happens just before a delivery begins."""

    def __init__(self, place: Place) -> None:
        super().__init__(str(place.path))
        self._place = place

    def begin(self, name: RecordName, pending: Record) -> Delivery:
        self._place.before_it_begins()
        return super().begin(name, pending)


BUSY = httpx.Response(429, headers={"retry-after": "30"})


def once(trouble: httpx.Response | Exception) -> Trouble:
    return lambda number: trouble if number == 1 else None


def test_a_link_is_delivered_as_it_was_made(tmp_path: Path) -> None:
    place = Place(tmp_path / "target")
    url = place.run(lambda issuer: issuer.link(place.acme, SetupLink(saml=True, scim=False), LINK)).reveal()
    assert place.delivered() == {
        "acme/setup-link.json": {
            "state": "issued",
            "organizationId": place.acme,
            "saml": True,
            "url": url,
            "issuedAt": EPOCH_S,
            "expiresAt": EPOCH_S + LINK_LIFETIME_S,
        }
    }


def test_a_link_without_a_name_is_made_and_not_recorded(tmp_path: Path) -> None:
    place = Place(tmp_path / "target")
    url = place.run(lambda issuer: issuer.link(place.acme, SetupLink(saml=True, scim=True), None)).reveal()
    assert url.startswith("http")
    assert not place.path.exists()


def test_a_first_token_is_delivered_with_its_address(tmp_path: Path) -> None:
    place = Place(tmp_path / "target")
    assert place.run(lambda issuer: issuer.first_token(place.okta, TOKEN)) is True
    (kept,) = place.delivered().values()
    (live,) = place.store.directories(place.acme)
    assert (kept["state"], kept["directoryId"], kept["organizationId"]) == ("issued", place.okta, place.acme)
    assert kept["bearerToken"].startswith("ssoready_scim_bearer_token_")
    assert kept["scimBaseUrl"].endswith(live.id)


def test_no_first_token_is_made_where_there_is_one(tmp_path: Path) -> None:
    place = Place(tmp_path / "target")
    place.store.rotate_bearer_token(place.okta)
    assert place.run(lambda issuer: issuer.first_token(place.okta, TOKEN)) is False
    assert (place.writes_at_s, place.path.exists()) == ([], False)


def test_a_token_that_another_process_delivers_meanwhile_stays(tmp_path: Path) -> None:
    """It was made after the directory was read, and before this process could deliver to its organization."""
    place, kept = Place(tmp_path / "target"), []

    def deliver() -> None:
        place.before_it_begins = lambda: None
        record = Record(RecordState.PENDING, place.acme, place.okta, False, False, EPOCH_S, None)
        delivery = Directory(str(place.path)).begin(TOKEN, record)
        token = Secret(place.store.rotate_bearer_token(place.okta))
        delivery.keep(structs.replace(record, state=RecordState.ISSUED), token, "https://x/scim")
        delivery.close()
        kept.append(place.delivered())

    place.before_it_begins = deliver
    assert place.run(lambda issuer: issuer.first_token(place.okta, TOKEN)) is False
    assert ([place.delivered()], place.writes_at_s) == (kept, [])


def test_a_directory_that_cannot_be_read_again_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    place = Place(tmp_path / "target")

    def fail() -> None:
        place.unreadable = True

    place.before_it_begins = fail
    with pytest.raises(ApiError):
        place.run(lambda issuer: issuer.first_token(place.okta, TOKEN))
    assert (place.delivered(), place.writes_at_s) == ({}, [])


def test_a_new_token_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    place = Place(tmp_path / "target")
    place.run(lambda issuer: issuer.first_token(place.okta, TOKEN))
    before = place.delivered()
    place.run(lambda issuer: issuer.new_token(place.okta, TOKEN))
    assert place.delivered().keys() == before.keys()
    assert place.delivered() != before


def test_the_record_says_when_the_rotation_left_not_when_it_was_wanted(tmp_path: Path) -> None:
    """A restart right after it waits for its settle time, which counts from the request itself."""
    place = Place(tmp_path / "target", once(BUSY))
    place.run(lambda issuer: issuer.first_token(place.okta, TOKEN))
    kept = place.record(TOKEN)
    assert len(place.writes_at_s) == 2
    assert place.writes_at_s[1] >= 30.0
    assert kept is not None
    assert kept.issued_at == EPOCH_S + place.writes_at_s[1]


def test_a_rotation_that_was_lost_has_its_settle_time_whenever_its_record_was_made(tmp_path: Path) -> None:
    """It may have left long after its record was made, and just before its process ended."""
    place = Place(tmp_path / "target")
    earlier = Record(RecordState.PENDING, place.acme, place.okta, False, False, EPOCH_S - 60, None)
    Directory(str(place.path)).begin(TOKEN, earlier).close()
    origin = Origin("acme.yaml")
    change = IssueToken(
        Key("acme", KindName.BEARER_TOKEN, "okta"), origin, parent=place.acme, directory=place.okta
    )

    async def issue(issuer: Issuer) -> Outcome:
        state = SimpleNamespace(
            client=issuer.client,
            delivery=issuer.target,
            runtime=issuer.runtime,
            settle_s=5.0,
            stop=asyncio.Event(),
            resolve=lambda reference: reference,
        )
        return await issue_token(change, state)

    assert place.run(issue).result is Result.APPLIED
    assert place.writes_at_s == [5.0]


@pytest.mark.parametrize("earlier", [False, True])
def test_a_token_that_was_certainly_not_made_leaves_the_record_as_it_was(tmp_path: Path, earlier: bool) -> None:
    refused = httpx.Response(401, json={"code": 16, "message": "no"})
    place = Place(tmp_path / "target", lambda number: refused if number == (2 if earlier else 1) else None)
    if earlier:
        place.run(lambda issuer: issuer.first_token(place.okta, TOKEN))
    before = place.delivered()
    with pytest.raises(Exception, match="no"):
        place.run(lambda issuer: issuer.new_token(place.okta, TOKEN))
    assert place.delivered() == before


def test_a_token_whose_response_was_lost_stays_pending(tmp_path: Path) -> None:
    place = Place(tmp_path / "target", once(httpx.ReadError("reset")), after=True)
    with pytest.raises(Uncertain):
        place.run(lambda issuer: issuer.first_token(place.okta, TOKEN))
    kept = place.record(TOKEN)
    assert kept is not None
    assert (kept.state, kept.directory_id, place.token) == (RecordState.PENDING, place.okta, True)
    assert len(place.writes_at_s) == 1


def test_no_token_is_made_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    place = Place(tmp_path / "target")
    with pytest.raises(DeliveryError):
        place.run(lambda issuer: issuer.first_token(place.okta, TOKEN))
    assert (place.writes_at_s, place.token) == ([], False)


def test_a_token_that_was_made_and_cannot_be_kept_is_lost_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, renamed = os.rename, []

    def full_at_the_second(*names: Any, **where: Any) -> None:
        renamed.append(names)
        if len(renamed) == 2:
            raise OSError(5, "Input/output error")
        rename(*names, **where)

    monkeypatch.setattr(os, "rename", full_at_the_second)
    place = Place(tmp_path / "target")
    with pytest.raises(DeliveryLost):
        place.run(lambda issuer: issuer.first_token(place.okta, TOKEN))
    kept = place.record(TOKEN)
    assert kept is not None
    assert (kept.state, place.token) == (RecordState.PENDING, True)

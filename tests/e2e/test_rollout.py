"""A first rollout that is interrupted goes on by itself under the guards' defaults: nobody approves the rest."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.emulator import Emulator, Request, Response, Store
from reconciler.emulator.serve import background
from tests.e2e.kills import APPLY, ONCE, objects, shape
from tests.e2e.stage import CERTIFICATE, PATIENCE_S, Boundary, Stage, stage

NEXT_RUNS = 30  # a third of the writes fails again and again; with 12 runs one rollout in sixty was not done
IDP = "{{entityId: urn:{0}, redirectUrl: https://{0}.example/sso, certificate: {{file: idp.pem}}}}"


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("rollouts")) as made:
        yield made


def folder_of(place: Path, organizations: int, spec: str = "{}") -> Path:
    """An Environment, and organizations with two connections and a directory each."""
    folder = place / "manifests"
    folder.mkdir()
    (folder / "idp.pem").write_text(CERTIFICATE)
    head = "apiVersion: reconciler/v1\nkind: "
    (folder / "environment.yaml").write_text(f"{head}Environment\nmetadata: {{name: production}}\nspec: {spec}\n")
    for number in range(organizations):
        (folder / f"o{number}.yaml").write_text(
            f"{head}Organization\nmetadata: {{name: o{number}}}\nspec:\n  displayName: Number {number}\n"
            f"  domains: [o{number}.example]\n  samlConnections:\n"
            f"    - {{name: okta, primary: true, idp: {IDP.format(f'okta-{number}')}}}\n"
            f"    - {{name: entra, idp: {IDP.format(f'entra-{number}')}}}\n"
            "  scimDirectories:\n    - {name: okta}\n"
        )
    return folder


def whole(store: Store, organizations: int) -> bool:
    """Whether everything is there once."""
    live = shape(store)
    each_once = all(len(connections) == 2 and len(directories) == 1 for *_, connections, directories in live)
    return each_once and (len(live), objects(live)) == (organizations, 4 * organizations)


class Blow(NamedTuple):
    """A rollout of so many organizations, and the signal that it gets somewhere."""

    organizations: int
    command: tuple[str, ...]
    place: Boundary
    signal: int

    def __str__(self) -> str:
        return f"{self.command[0]} of {self.organizations}: {signal.Signals(self.signal).name} {self.place}"


BLOWS = [
    Blow(40, APPLY, Boundary("after", "POST /v1/saml-connections", 30), signal.SIGKILL),
    Blow(40, APPLY, Boundary("after", "POST /v1/saml-connections", 55), signal.SIGINT),
    Blow(40, ONCE, Boundary("after", "POST /v1/scim-directories", 12), signal.SIGTERM),
    Blow(90, APPLY, Boundary("after", "POST /v1/saml-connections", 70), signal.SIGTERM),
    Blow(90, ONCE, Boundary("after", "POST /v1/organizations", 60), signal.SIGKILL),
]


@pytest.mark.parametrize("blow", BLOWS, ids=str)
def test_an_interrupted_rollout_goes_on(on: Stage, tmp_path: Path, blow: Blow) -> None:
    folder = folder_of(tmp_path, blow.organizations)
    store = Store.fresh(random.Random(3))
    on.hook.begin(store, blow.place, blow.signal)
    assert on.run(folder, [*blow.command]) == (-blow.signal if blow.signal == signal.SIGKILL else 5)
    assert not whole(store, blow.organizations)
    on.hook.begin(store)
    assert on.run(folder, [*blow.command]) == 0, on.said()
    assert whole(store, blow.organizations)


class Failing(Emulator):
    """Behind a proxy that answers a third of the creates with a 503."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._rng = random.Random(5)

    def handle(self, request: Request) -> Response:
        if request.method == "POST" and self._rng.random() < 1 / 3:
            return Response.text(503, "Service Unavailable\n")
        return super().handle(request)


@pytest.mark.parametrize("organizations", [40, 90])
def test_a_rollout_through_a_proxy_that_fails_goes_on(on: Stage, tmp_path: Path, organizations: int) -> None:
    """Whatever was lost, the next runs add it; none of them is refused."""
    folder = folder_of(tmp_path, organizations)
    store = Store.fresh(random.Random(3))
    on.hook.begin(store)
    codes: list[int] = []
    with background(Failing(store)) as url:
        while len(codes) < NEXT_RUNS and codes[-1:] != [0]:
            codes.append(on.run(folder, [*APPLY], SSOREADY_API_URL=url))
    assert codes[0] == 4
    assert set(codes) == {0, 4}, on.said()
    assert whole(store, organizations)


class FailingAtFirst(Emulator):
    """Answers a third of the first creates of children with a 503, and ends the client once all is there."""

    def __init__(self, on: Stage, store: Store, organizations: int) -> None:
        super().__init__(store)
        self._on, self._organizations, self._creates = on, organizations, 0

    def handle(self, request: Request) -> Response:
        of_a_child = request.method == "POST" and request.path != "/v1/organizations"
        self._creates += of_a_child
        if of_a_child and self._creates < 2 * self._organizations and self._creates % 3 == 0:
            return Response.text(503, "Service Unavailable\n")
        response = super().handle(request)
        if request.method == "POST" and whole(self.store, self._organizations):
            os.kill(self._on.hook.pid, signal.SIGTERM)
        return response


@pytest.mark.parametrize("spec", ["{}", "{limits: {maxCreates: 5}}"], ids=["allowed", "approved"])
def test_a_daemon_goes_on_with_what_failed_in_its_first_pass(on: Stage, tmp_path: Path, spec: str) -> None:
    """Also where the whole was approved: what is left of it has another digest."""
    folder = folder_of(tmp_path, 20, spec)
    (tmp_path / "current").symlink_to(folder)  # is read without a wait
    store = Store.fresh(random.Random(3))
    on.hook.begin(store)
    assert on.run(folder, ["plan", "--output", "json"]) == (6 if "maxCreates" in spec else 0)
    digest = json.loads(on.said())["digest"]
    with background(FailingAtFirst(on, store, 20)) as url:
        argv = ["run", "--listen", "127.0.0.1:0", "--approve", digest]
        too_late = threading.Timer(PATIENCE_S, lambda: os.kill(on.hook.pid, signal.SIGTERM))
        too_late.start()
        assert on.run(tmp_path / "current", argv, SSOREADY_API_URL=url) == 0, on.said()
        too_late.cancel()
    assert whole(store, 20), on.said()

"""A first rollout that is interrupted goes on by itself under the guards' defaults: nobody approves the rest."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Request, Response, Store
from reconciler.emulator.serve import background
from tests.e2e.kills import APPLY, ONCE, objects, shape
from tests.e2e.stage import CERTIFICATE, Boundary, Stage, stage

NEXT_RUNS = 30  # a third of the writes fails again and again; with 12 runs one rollout in sixty was not done
IDP = "{{entityId: urn:{0}, redirectUrl: https://{0}.example/sso, certificate: {{file: idp.pem}}}}"


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("rollouts")) as made:
        yield made


def folder_of(place: Path, organizations: int) -> Path:
    """Organizations with two connections and a directory each."""
    folder = place / "manifests"
    folder.mkdir()
    (folder / "idp.pem").write_text(CERTIFICATE)
    head = "apiVersion: reconciler/v1\nkind: "
    (folder / "environment.yaml").write_text(f"{head}Environment\nmetadata: {{name: production}}\n")
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


@pytest.mark.parametrize(
    ("organizations", "command", "place"),
    [
        (40, APPLY, Boundary("after", "POST /v1/saml-connections", 30)),
        (40, APPLY, Boundary("after", "POST /v1/saml-connections", 55)),
        (40, ONCE, Boundary("after", "POST /v1/scim-directories", 12)),
        (90, APPLY, Boundary("after", "POST /v1/saml-connections", 70)),
        (90, ONCE, Boundary("after", "POST /v1/organizations", 60)),
    ],
)
def test_a_killed_rollout_goes_on(
    on: Stage, tmp_path: Path, organizations: int, command: tuple[str, ...], place: Boundary
) -> None:
    folder = folder_of(tmp_path, organizations)
    store = Store.fresh(random.Random(3))
    on.hook.begin(store, place, signal.SIGKILL)
    assert on.run(folder, [*command]) == -signal.SIGKILL
    assert not whole(store, organizations)
    on.hook.begin(store)
    assert on.run(folder, [*command]) == 0, on.said()
    assert whole(store, organizations)


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

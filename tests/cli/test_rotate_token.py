"""rotate-token and setup-link: what may be named how, and where the record of the secret then lies."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reconciler.cli.main import run
from reconciler.emulator import Emulator, Store
from reconciler.emulator.rows import Organization, SCIMDirectory
from reconciler.emulator.serve import background

ENVIRONMENT = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"
ACME = """\
apiVersion: reconciler/v1
kind: Organization
metadata: {name: acme}
spec: {externalId: "4711", displayName: Acme, scimDirectories: [{name: okta, primary: true}]}
"""


class Place(NamedTuple):
    """A live organization with one directory that has a token, its manifests, and where secrets go."""

    store: Store
    acme: Organization
    directory: SCIMDirectory
    manifests: Path
    delivered: Path

    def record(self, name: str) -> Any:
        return json.loads((self.delivered / name).read_text(encoding="utf-8"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    store = Store.fresh(random.Random(1))
    environment = store.environments["production"]
    acme = store.put_organization(environment.id, external_id="4711", display_name="Acme")
    directory = store.put_directory(acme.id, primary=True)
    store.rotate_bearer_token(directory.id)
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "environment.yaml").write_text(ENVIRONMENT)
    (manifests / "acme.yaml").write_text(ACME)
    monkeypatch.setenv("SSOREADY_API_KEY", environment.key)
    monkeypatch.setenv("RECONCILER_DELIVER", str(tmp_path / "delivered"))
    with background(Emulator(store)) as url:
        monkeypatch.setenv("SSOREADY_API_URL", url)
        yield Place(store, acme, directory, manifests, tmp_path / "delivered")


@pytest.mark.parametrize("by", ["handle", "external id", "id"])
def test_a_new_token_lies_where_the_manifests_look_for_it_however_things_were_named(place: Place, by: str) -> None:
    name, directory = {
        "handle": ("acme", "okta"),
        "external id": ("4711", "okta"),
        "id": (place.acme.id, place.directory.id),
    }[by]
    before = place.store.contents().bearer_tokens
    assert run(["rotate-token", name, directory, "--yes", "--dir", str(place.manifests)]) == 0
    record = place.record("acme/scim-okta.json")
    assert (record["state"], record["organizationId"]) == ("issued", place.acme.id)
    assert (record["directoryId"], record["scimBaseUrl"]) == (place.directory.id, place.directory.scim_base_url)
    assert place.store.contents().bearer_tokens != before


@pytest.mark.parametrize("name", ["acme", "4711", "id"])
def test_a_link_lies_where_the_manifests_look_for_it(place: Place, name: str) -> None:
    name = place.acme.id if name == "id" else name
    assert run(["setup-link", name, "--dir", str(place.manifests)]) == 0
    assert place.record("acme/setup-link.json")["state"] == "issued"


@pytest.mark.parametrize("directory", ["google", "scim_directory_" + "0" * 25])
def test_a_directory_that_no_manifest_names_keeps_its_token(
    place: Place, directory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = place.store.contents().bearer_tokens
    assert run(["rotate-token", "acme", directory, "--yes", "--dir", str(place.manifests)]) == 64
    assert place.directory.id in capsys.readouterr().err
    assert place.store.contents().bearer_tokens == before
    assert not place.delivered.exists()


def test_without_manifests_there_is_no_handle_to_keep_a_token_under(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    before = place.store.contents().bearer_tokens
    assert run(["rotate-token", "4711", place.directory.id, "--yes"]) == 64
    assert "--dir" in capsys.readouterr().err
    assert place.store.contents().bearer_tokens == before

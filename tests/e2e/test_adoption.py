"""Adopting a lifelike environment with real processes, from the first look to an empty plan, also when killed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from reconciler.emulator import Emulator, Request, Response, Store
from reconciler.emulator.serve import background
from reconciler.source.yaml import parse
from tests.support.lifelike import plant_oddities

PATIENCE_S = 30.0
BY_HAND = """\
apiVersion: reconciler/v1
kind: Organization
metadata: {{name: by-hand}}
spec:
  id: {}
  scimDirectories: [{{name: okta}}]
"""


class ReadOnly(Emulator):
    """An emulator that no command of this file may write to."""

    def handle(self, request: Request) -> Response:
        assert request.method == "GET", request.path
        return super().handle(request)


class Adoption:
    """An environment to adopt, and a folder for its manifests."""

    def __init__(self, url: str, key: str, folder: Path, organizations: int) -> None:
        self.folder = folder
        self.organizations = organizations
        self._variables = {**os.environ, "SSOREADY_API_URL": url, "SSOREADY_API_KEY": key, "NO_COLOR": "1"}

    def without_key(self) -> None:
        """From now on only what was observed is known."""
        del self._variables["SSOREADY_API_KEY"]

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "reconciler", *map(str, arguments)]
        return subprocess.Popen(
            command, env=self._variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *arguments: object) -> tuple[int, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in err
        return process.returncode, out

    def whole_manifests(self) -> int:
        """How many there are; half a file is an error."""
        paths = [*self.folder.glob("*.yaml")]
        for path in paths:
            parsed = parse(path.read_bytes(), path.name)
            assert (parsed.problems, parsed.complete) == ((), True), path
            assert parsed.documents[0].value["spec"]["id"], path
        return len(paths)


@pytest.fixture
def adoption(tmp_path: Path) -> Iterator[Adoption]:
    store = Store.fresh(random.Random(1))
    environment = store.environments["production"]
    plant_oddities(store, environment.id, sound=40)
    before = msgspec.json.encode(store.contents())
    with background(ReadOnly(store)) as url:
        yield Adoption(url, environment.key, tmp_path / "production", len(store.organizations("production")))
    assert msgspec.json.encode(store.contents()) == before


def test_a_lifelike_environment_is_adopted_to_an_empty_plan(adoption: Adoption) -> None:
    total, folder = adoption.organizations, adoption.folder
    assert adoption.run("list")[1].splitlines()[-1] == f"{total} organizations."
    assert adoption.run("import", folder, "--batch", "30")[0] == 0
    code, out = adoption.run("import", folder, "--own-idp")
    assert (code, out.splitlines()[-2:]) == (0, ["Their plan is empty.", f"{total} of {total} are in git."])
    assert "0 pins missing." in adoption.run("pin", folder)[1]
    assert adoption.run("plan", folder, "--detailed-exitcode")[0] == 0


def test_what_is_written_by_hand_is_pinned_and_the_rest_needs_no_key(adoption: Adoption) -> None:
    """init, observe, show, import of a file and pin."""
    root = adoption.folder.parent
    adoption.folder = root / "sso" / "manifests" / "production"
    observed = ("--observed", root / "live.json")
    assert adoption.run("init", root / "sso", "--ci", "github")[0] == 0
    assert adoption.run("observe", "--out", root / "live.json")[0] == 0
    adoption.without_key()
    code, shown = adoption.run("show", "Setup page", *observed)
    assert (code, "org_" in shown) == (0, True)
    live = shown.split()[2]
    by_hand = adoption.folder / "by-hand.yaml"
    by_hand.write_text(BY_HAND.format(live))
    assert adoption.run("import", adoption.folder, *observed)[0] == 0
    assert "1 pin written" in adoption.run("pin", "--write", adoption.folder, *observed)[1]
    assert "scim_directory_" in by_hand.read_text()
    assert adoption.run("plan", adoption.folder, "--detailed-exitcode", *observed)[0] == 0


@pytest.mark.parametrize("files", [1, 20])
def test_an_import_that_is_killed_leaves_whole_files_and_the_next_goes_on(adoption: Adoption, files: int) -> None:
    process = adoption.start("import", adoption.folder, "--own-idp")
    end = time.monotonic() + PATIENCE_S
    while len([*adoption.folder.glob("*.yaml")]) < files and process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    killed_at = adoption.whole_manifests()
    assert killed_at >= files
    assert adoption.run("plan", adoption.folder, "--allow-empty", "--detailed-exitcode")[0] == 0

    assert adoption.run("import", adoption.folder, "--own-idp")[0] == 0
    assert adoption.whole_manifests() == adoption.organizations + 1
    assert adoption.run("plan", adoption.folder, "--detailed-exitcode")[0] == 0

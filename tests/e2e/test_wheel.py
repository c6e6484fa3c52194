"""The wheel is whole: away from the checkout its commands work, and the schemas are inside."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "manifests" / "production"
CALL = "import sys; sys.path.insert(0, sys.argv.pop(1)); from reconciler.__main__ import main; main()"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the checkout, unpacked as an installation would."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def call(installed: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-I", "-c", CALL, str(installed), *arguments]
    done = subprocess.run(command, cwd=installed, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def test_every_schema_is_inside_and_printed(installed: Path) -> None:
    inside = {path.name for path in (installed / "reconciler" / "schemas").iterdir()}
    assert inside == {path.name for path in (ROOT / "schemas").iterdir()}
    code, said = call(installed, "schema", "organization")
    assert code == 0
    assert json.loads(said)["$schema"]


def test_the_checks_of_each_platform_are_inside_and_made(installed: Path, tmp_path: Path) -> None:
    code, _ = call(installed, "init", str(tmp_path), "--ci", "github")
    made = {path.name: path.read_bytes() for path in (tmp_path / ".github" / "workflows").iterdir()}
    assert (code, made) == (0, {path.name: path.read_bytes() for path in (ROOT / "docs/ci/github").iterdir()})
    assert (installed / "reconciler" / "ci" / "gitlab" / ".gitlab-ci.yml").exists()


def test_manifests_are_validated_by_the_packaged_schemas(installed: Path) -> None:
    """Not by those of the checkout, which the same interpreter could reach."""
    code, said = call(installed, "validate", str(EXAMPLE))
    assert (code, "0 errors" in said) == (0, True)
    (installed / "reconciler" / "schemas" / "environment.schema.json").write_text('{"required": ["of the wheel"]}')
    code, said = call(installed, "validate", str(EXAMPLE))
    assert (code, "of the wheel" in said) == (8, True)


def test_nothing_but_the_package_is_inside(installed: Path) -> None:
    version = next(path.name for path in installed.iterdir() if path.name.endswith(".dist-info"))
    assert {path.name for path in installed.iterdir()} == {"reconciler", version}
    assert not list(installed.rglob("*.pem"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert version.startswith(project["name"].replace("-", "_"))
    script = f"reconciler = {project['scripts']['reconciler']}"
    assert script in (installed / version / "entry_points.txt").read_text().splitlines()

"""init: a repository that validates, plans no change, and overwrites nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from reconciler.source import workflows
from tests.docs.pages import ROOT, blocks
from tests.support.quiet import ended
from tests.support.shell import Shell

CHECKS = {
    "github": [f".github/workflows/reconciler-{name}.yml" for name in ("pull-request", "apply", "scheduled")],
    "gitlab": [".gitlab-ci.yml"],
}


def made(folder: Path, *flags: str) -> set[str]:
    assert ended("init", str(folder), *flags).code == 0
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("ci", ["github", "gitlab", None])
def test_what_is_made_validates(tmp_path: Path, ci: str | None) -> None:
    paths = made(tmp_path / "sso", *(("--ci", ci) if ci else ()))
    done = ended("validate", str(tmp_path / "sso/manifests/production"))
    assert (done.code, "0 warnings" in done.out) == (0, True)
    every = {path for own in CHECKS.values() for path in own}
    assert every & paths == set(CHECKS[ci] if ci else ())
    assert sum(path.endswith("CODEOWNERS") for path in paths) == 1


def test_what_is_made_plans_nothing(shell: Shell) -> None:
    """Not even the example: a create cannot be undone."""
    made(shell.home / "sso")
    shell.emulator.store.put_organization(shell.environment.id, display_name="Acme")
    folder = shell.home / "sso/manifests/production"
    assert shell("plan", folder, "--detailed-exitcode").code == 0
    assert shell("import", folder).code == 0
    assert shell("plan", folder, "--detailed-exitcode").code == 0


def test_a_second_time_nothing_is_touched(tmp_path: Path) -> None:
    made(tmp_path, "--ci", "github")
    example = tmp_path / "manifests/production/example.yaml"
    example.write_text("mine")
    (tmp_path / ".gitignore").unlink()
    out = ended("init", str(tmp_path), "--ci", "github").out.splitlines()
    assert [line for line in out if line.startswith("+ ")] == [f"+ {tmp_path / '.gitignore'}"]
    assert example.read_text() == "mine"


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_checks_are_those_of_the_documentation(tmp_path: Path, ci: str) -> None:
    made(tmp_path, "--ci", ci)
    folder = tmp_path / Path(CHECKS[ci][0]).parent
    for path in (ROOT / "docs" / "ci" / ci).iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()


def test_the_component_is_included_as_the_documentation_says() -> None:
    shown = [block.text for block in blocks("yaml") if "templates/reconciler.yml" in block.text]
    assert yaml.safe_load(workflows.of("gitlab")[".gitlab-ci.yml"]) in list(map(yaml.safe_load, shown))

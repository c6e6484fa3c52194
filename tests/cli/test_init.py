"""init: a repository that validates, plans no change, and overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
import yaml

from reconciler.cli.main import cli
from tests.support.quiet import ended
from tests.support.shell import Shell

CHECKS = {"github": ".github/workflows/reconciler.yml", "gitlab": ".gitlab-ci.yml"}


def made(folder: Path, *flags: str) -> set[str]:
    assert ended("init", str(folder), *flags).code == 0
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("ci", ["github", "gitlab", None])
def test_what_is_made_validates(tmp_path: Path, ci: str | None) -> None:
    paths = made(tmp_path / "sso", *(("--ci", ci) if ci else ()))
    done = ended("validate", str(tmp_path / "sso/manifests/production"))
    assert (done.code, "0 warnings" in done.out) == (0, True)
    assert {path for path in CHECKS.values() if path in paths} == {
        path for name, path in CHECKS.items() if name == ci
    }
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


@pytest.mark.parametrize("ci", CHECKS)
def test_the_checks_are_yaml_and_call_commands_that_exist(tmp_path: Path, ci: str) -> None:
    made(tmp_path, "--ci", ci)
    text = (tmp_path / CHECKS[ci]).read_text()
    assert yaml.safe_load(text)
    lines = [
        line.partition("reconciler ")[2]
        for line in text.splitlines()
        if "reconciler validate" in line or "reconciler apply" in line
    ]
    assert len(lines) == 2
    assert isinstance(cli, click.Group)
    for line in lines:
        name, *arguments = line.split()
        command = cli.get_command(click.Context(cli), name)
        assert command
        assert command.make_context(name, arguments)


def test_only_one_job_has_a_key(tmp_path: Path) -> None:
    made(tmp_path, "--ci", "github")
    jobs = yaml.safe_load((tmp_path / CHECKS["github"]).read_text())["jobs"]
    assert [name for name, job in jobs.items() if "SSOREADY_API_KEY" in json.dumps(job)] == ["apply"]

"""The scripts in the workflows and in the GitLab component, run as the platforms run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.support.shell import Shell, opened

GITHUB = ROOT / "docs" / "ci" / "github"
BIN = str(Path(sys.executable).parent)


def bash(script: str, folder: Path, path: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{path}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


# -- GitHub ----------------------------------------------------------------------------------------


def script(workflow: str, job: str, name: str) -> str:
    loaded = yaml.safe_load((GITHUB / f"{workflow}.yml").read_text(encoding="utf-8"))
    (step,) = [each for each in loaded["jobs"][job]["steps"] if each.get("name", "").startswith(name)]
    found: str = step["run"]
    return found


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """A folder of programs that note how they were called, and then do what a file beside the notes says."""
    made = tmp_path / "stubs"
    made.mkdir()
    for name in ("gh", "reconciler"):
        program = made / name
        program.write_text(
            f'#!/bin/sh\necho "{name} $*" >>"$NOTES"\n[ ! -f "$NOTES.{name}.sh" ] || . "$NOTES.{name}.sh"\n'
        )
        program.chmod(0o755)
    return made


def test_without_an_observed_state_the_check_says_what_to_do(tmp_path: Path, stubs: Path) -> None:
    fetch = script("reconciler-pull-request", "plan", "Fetch")
    given = {"BRANCH": "main", "ARTIFACT": "observed-production", "RUNNER_TEMP": str(tmp_path)}
    given |= {"GITHUB_REPOSITORY": "acme/identity", "NOTES": str(tmp_path / "notes")}
    done = bash(fetch, tmp_path, str(stubs), **given)
    assert done.returncode == 1
    assert "::error::no observed-production of main" in done.stdout
    (tmp_path / "notes.gh.sh").write_text('[ "$1" != api ] || echo 42\n')
    assert bash(fetch, tmp_path, str(stubs), **given).returncode == 0
    assert (
        f"gh run download 42 --name observed-production --dir {tmp_path}/observed"
        in (tmp_path / "notes").read_text()
    )


@pytest.mark.parametrize(("code", "left"), [(0, 0), (4, 0), (8, 8), (1, 1)])
def test_pins_are_written_also_beside_what_is_blocked(tmp_path: Path, stubs: Path, code: int, left: int) -> None:
    (tmp_path / "notes.reconciler.sh").write_text(f"exit {code}\n")
    insert = script("reconciler-scheduled", "pins", "Insert")
    done = bash(insert, tmp_path, str(stubs), RUNNER_TEMP=str(tmp_path), NOTES=str(tmp_path / "notes"))
    assert done.returncode == left


def test_pins_are_one_pull_request_that_is_pushed_again(tmp_path: Path, stubs: Path) -> None:
    opening = script("reconciler-scheduled", "pins", "Open")
    notes, work = tmp_path / "notes", tmp_path / "work"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example"]
    (tmp_path / "notes.gh.sh").write_text('case "$*" in "pr list"*) echo "$OPEN";; esac\n')

    def night(found: str, line: str) -> str:
        notes.write_text("")
        subprocess.run(["rm", "-rf", str(work)], check=True)
        subprocess.run(["git", "clone", "-q", str(tmp_path / "origin"), str(work)], check=True)
        with (work / "manifests" / "acme.yaml").open("a") as file:
            file.write(line)
        done = bash(opening, work, str(stubs), NOTES=str(notes), OPEN=found)
        assert done.returncode == 0, done.stdout
        return notes.read_text()

    seed = tmp_path / "seed"
    (seed / "manifests").mkdir(parents=True)
    (seed / "manifests" / "acme.yaml").write_text("kind: Organization\n")
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "main"]):
        subprocess.run([*git, *words], cwd=seed, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(seed), str(tmp_path / "origin")], check=True)
    assert night("0", "") == "", "nothing is missing"
    assert "gh pr create --head reconciler/pins" in night("0", "id: one\n")
    assert "gh pr create" not in night("1", "id: two\n")
    shown = subprocess.run(
        ["git", "show", "reconciler/pins:manifests/acme.yaml"],
        cwd=tmp_path / "origin",
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "kind: Organization\nid: two\n"


# -- GitLab ----------------------------------------------------------------------------------------


def jobs() -> dict[str, Any]:
    text = (ROOT / "templates" / "reconciler.yml").read_text(encoding="utf-8")
    for name, value in {"environment": "production", "path": "manifests", "max-age": "25h"}.items():
        text = text.replace(f"$[[ inputs.{name} ]]", value)
    _, loaded = yaml.safe_load_all(text)
    return {name.partition(":")[0]: each for name, each in loaded.items()}


@contextmanager
def artifacts(content: bytes) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """GitLab's API, as far as a job asks it: the artifact of main, and who asked for what."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["JOB-TOKEN"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api/v4", asked
        thread.join()


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    with opened(tmp_path, capsys, monkeypatch) as shell:
        shell.declare("acme", "displayName: Acme")
        yield shell


def ran(shell: Shell, job: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A job's script, with the variables of the component."""
    given = {"FOLDER": "manifests", "RECONCILER_ENVIRONMENT": "production", "RECONCILER_SETTLE_S": "0"}
    return bash("\n".join(jobs()[job]["script"]), shell.home, BIN, **given, **variables)


def test_a_merge_request_is_planned_against_what_main_observed(shell: Shell) -> None:
    observed = shell.home / "live.json"
    assert shell("observe", "--out", observed).code == 0
    with artifacts(observed.read_bytes()) as (url, asked):
        variables = {"CI_API_V4_URL": url, "CI_PROJECT_ID": "7", "CI_JOB_TOKEN": "t", "MAX_AGE": "25h"}
        variables |= {"CI_DEFAULT_BRANCH": "main", "OBSERVE_JOB": "reconciler observe: production"}
        done = ran(shell, "reconciler plan", **variables)
    assert done.returncode == 0, done.stdout
    assert asked == [
        (
            "/api/v4/projects/7/jobs/artifacts/main/raw/observed.json?job=reconciler%20observe%3A%20production",
            "t",
        )
    ]
    assert json.loads((shell.home / "terraform.json").read_text()) == {"create": 1, "update": 0, "delete": 0}
    stored = jobs()["reconciler plan"]["artifacts"]
    named = [*stored["paths"], *stored["reports"].values()]
    assert [name for name in named if not (shell.home / name).exists()] == []


def test_on_main_the_button_applies_the_plan_that_was_made_and_drift_is_a_failure(shell: Shell) -> None:
    key = {"SSOREADY_API_URL": shell.url, "SSOREADY_API_KEY": shell.environment.key}
    assert ran(shell, "reconciler plan on main", **key).returncode == 0
    assert shell.emulator.verbs == {"GET"}
    done = ran(shell, "reconciler apply", **key)
    assert done.returncode == 0, done.stdout
    assert b"Acme" in shell.emulator.state
    assert shell("observe", "--out", shell.home / "observed.json").code == 0
    shell.declare("acme", "displayName: Acme Corporation")
    assert ran(shell, "reconciler drift").returncode == 2

"""What action/install.sh refuses, and which commit it takes; to install takes a package index and a minute."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

SCRIPT = ROOT / "action" / "install.sh"


def install(target: Path, commit: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", SCRIPT, target, commit],
        env={"PATH": os.environ["PATH"], "HOME": str(target.parent), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder where the program is already."""
    program = tmp_path / "own" / "bin" / "reconciler"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho reconciler, version 0\n")
    program.chmod(0o755)
    return tmp_path / "own"


def test_what_is_there_is_used_and_is_on_the_path_afterwards(target: Path, tmp_path: Path) -> None:
    done = install(target, "", GITHUB_PATH=str(tmp_path / "path"))
    assert (done.returncode, done.stdout) == (0, "reconciler, version 0\n")
    assert (tmp_path / "path").read_text() == f"{target}/bin\n"


@pytest.mark.parametrize("commit", ["main", "v1", "0123abc", "0" * 39 + "g", "--upload-pack=touch"])
def test_a_version_that_could_move_is_refused(target: Path, commit: str) -> None:
    done = install(target, commit, ACTION_REPOSITORY="acme/tool", GITHUB_SERVER_URL="https://github.example")
    assert done.returncode == 64
    assert "::error title=reconciler::version must be a commit" in done.stdout


def test_a_version_of_an_action_without_a_repository_is_refused(target: Path) -> None:
    done = install(target, "0" * 40)
    assert done.returncode == 64
    assert "by its repository" in done.stdout


def test_a_version_is_taken_from_the_actions_own_repository(target: Path, tmp_path: Path) -> None:
    repository = tmp_path / "server" / "acme" / "tool"
    repository.mkdir(parents=True)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for text in ("old", "new"):
        (repository / "requirements.lock").write_text(text)
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", text]):
            subprocess.run([*git, *words], cwd=repository, check=True)
    asked = ["git", "rev-parse", "HEAD~1"]
    old = subprocess.run(asked, cwd=repository, check=True, capture_output=True, text=True).stdout.strip()
    done = install(target, old, ACTION_REPOSITORY="acme/tool", GITHUB_SERVER_URL=f"file://{tmp_path}/server")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "own-source" / "requirements.lock").read_text() == "old"

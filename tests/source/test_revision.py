"""A folder's revision is its commit, wherever that is written down, and nothing that merely looks like one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from reconciler.source.revision import commit
from tests.support.folders import write

SHA1, SHA256 = "0123456789" * 4, "0123456789abcdef" * 4
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@acme.example", "-c", "init.defaultBranch=main")


def git(folder: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        [*GIT, *words], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit and a folder in it."""
    folder = write(tmp_path / "repository", {"manifests/a.yaml": "a: 1"})
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    return folder


def test_a_folder_in_a_checkout_is_at_its_head(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert commit(str(checkout)) == commit(str(checkout / "manifests")) == head
    git(checkout, "pack-refs", "--all")
    assert commit(str(checkout / "manifests")) == head
    git(checkout, "checkout", "--detach")
    assert commit(str(checkout / "manifests")) == head


def test_a_worktree_is_at_its_own_head(checkout: Path) -> None:
    git(checkout, "worktree", "add", "../other", "-b", "other")
    other = checkout.parent / "other"
    (other / "b.yaml").write_text("b: 1")
    git(other, "add", ".")
    git(other, "commit", "-m", "second")
    assert (
        commit(str(other / "manifests")) == git(other, "rev-parse", "HEAD") != git(checkout, "rev-parse", "HEAD")
    )


@pytest.mark.parametrize("name", [SHA1, SHA256])
def test_a_git_sync_worktree_is_named_after_its_commit(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, {f"{name}/manifests/a.yaml": ""}) / name / "manifests"
    assert commit(str(folder)) == name


def test_without_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert commit(str(tmp_path)) is None


@pytest.mark.parametrize(
    "files",
    [
        {".git/HEAD": "not a commit"},
        {".git/HEAD": ""},
        {".git/HEAD": b"\xff\xfe"},
        {".git/x": ""},
        {".git": "gitdir: nowhere"},
        {".git": b"\xff"},
        {".git": "gitdir: a\0b"},
        {".git/HEAD": "ref: refs/heads/main"},
        {".git/HEAD": "ref: refs/heads/main", ".git/refs/heads/main": "rubbish"},
        {".git/HEAD": "ref: refs/heads/main", ".git/packed-refs": "rubbish"},
        {".git/HEAD": "ref: refs/heads/main", ".git/packed-refs": "rubbish refs/heads/main"},
        {".git/HEAD": "ref: ../../secret", "secret": "a secret"},
    ],
)
def test_a_repository_that_makes_no_sense_has_no_commit(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    folder = write(tmp_path / "here", files)
    write(tmp_path, {"secret": "a secret"})
    assert commit(str(folder)) is None


def test_a_pipe_in_a_repository_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git" / "HEAD")
    assert commit(str(tmp_path)) is None


def test_nothing_outside_of_the_repository_is_taken_for_its_head(checkout: Path) -> None:
    """A reference that climbs out of the repository, and a `.git` that is a link, are not followed."""
    (checkout.parent / "elsewhere").write_text(SHA1)
    (checkout / ".git" / "HEAD").write_text("ref: ../../elsewhere")
    assert commit(str(checkout)) is None
    (checkout / ".git" / "HEAD").write_text("ref: refs/../../../elsewhere")
    assert commit(str(checkout)) is None
    (checkout / ".git" / "HEAD").write_text(SHA1)
    assert commit(str(checkout)) == SHA1
    (checkout / ".git").rename(checkout.parent / "other")
    (checkout / ".git").symlink_to(checkout.parent / "other")
    assert commit(str(checkout)) is None

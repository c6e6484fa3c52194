"""What changed since a revision, as git sees it, in real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from reconciler.model.errors import UsageError
from reconciler.source.git import difference


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@test.example")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, message: str = "next") -> str:
    git(folder, "add", "--all", ".")
    git(folder, "commit", "--quiet", "--allow-empty", f"--message={message}")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The manifests in a repository on a branch `change`, which parted from `main`."""
    made = tmp_path / "repository" / "manifests"
    made.mkdir(parents=True)
    git(made.parent, "init", "--quiet", "--initial-branch=main")
    for name in ("kept", "edited", "gone", "a name"):
        (made / f"{name}.yaml").write_text(name)
    (made.parent / "README.md").write_text("x")
    commit(made.parent)
    git(made, "checkout", "--quiet", "-b", "change")
    return made


def test_edits_deletions_renames_and_what_no_commit_has(folder: Path) -> None:
    base = git(folder, "rev-parse", "HEAD")
    (folder / "edited.yaml").write_text("new")
    (folder / "gone.yaml").unlink()
    (folder / "a name.yaml").rename(folder / "ä.yaml")
    commit(folder)
    git(folder, "checkout", "--quiet", "main")
    (folder / "kept.yaml").write_text("changed on main, after it parted")
    commit(folder)
    git(folder, "checkout", "--quiet", "change")
    (folder / "draft.yaml").write_text("draft")
    (folder.parent / "README.md").write_text("beside the folder")
    found = difference(str(folder), "main")
    assert found.base == base
    assert found.paths == {"edited.yaml", "gone.yaml", "a name.yaml", "ä.yaml", "draft.yaml"}
    assert found.before == {"edited.yaml": b"edited", "gone.yaml": b"gone", "a name.yaml": b"a name"}


def test_a_folder_that_is_new_or_has_odd_files(folder: Path) -> None:
    new = folder.parent / "new"
    new.mkdir()
    (new / "a\nb.yaml").write_text("x")
    (new / "c.yaml").write_bytes(b"")
    (new / "d.yaml").symlink_to("c.yaml")
    commit(new)
    assert difference(str(new), "main").before == {}
    (new / "c.yaml").write_bytes(b"1\n\n2")
    (new / "d.yaml").unlink()
    (new / "d.yaml").mkdir()
    (new / "d.yaml" / "e").write_text("x")
    found = difference(str(new), "HEAD")
    assert found.before == {"c.yaml": b"", "d.yaml": b"c.yaml"}
    assert found.paths == {"c.yaml", "d.yaml", "d.yaml/e"}


def test_the_variables_of_a_platform_say_what_it_is_compared_with(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "GITHUB_BASE_REF", "CHANGE_TARGET"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(UsageError, match="no variable"):
        difference(str(folder), "auto")
    git(folder, "update-ref", "refs/remotes/origin/main", "main")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    assert difference(str(folder), "auto").base == git(folder, "rev-parse", "main")
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", "0" * 40)
    with pytest.raises(UsageError, match="no revision"):
        difference(str(folder), "auto")


def test_what_git_cannot_tell_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for revision in ("nowhere", "--output=x", "", "HEAD:manifests"):
        with pytest.raises(UsageError, match="no revision"):
            difference(str(folder), revision)
    git(folder, "checkout", "--quiet", "--orphan", "other")
    commit(folder, "unrelated")
    with pytest.raises(UsageError, match="parted"):
        difference(str(folder), "main")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{folder.parent}", "shallow")
    with pytest.raises(UsageError, match="no revision") as raised:
        difference(str(shallow / "manifests"), "origin/main")
    assert "fetch-depth: 0" in raised.value.hint
    with pytest.raises(UsageError, match="no work tree"):
        difference(str(tmp_path), "main")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="No such file"):
        difference(str(folder), "main")


def test_nothing_that_the_checkout_names_is_run(folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    (folder / ".gitattributes").write_text("*.yaml diff=evil\n")
    for key in ("core.fsmonitor", "diff.external", "diff.evil.command", "diff.evil.textconv"):
        git(folder, "config", key, str(program))
    (folder / "edited.yaml").write_text("new")
    before = sorted(os.listdir(folder.parent / ".git"))  # noqa: PTH208
    assert "edited.yaml" in difference(str(folder), "main").paths
    assert not (tmp_path / "ran").exists()
    assert sorted(os.listdir(folder.parent / ".git")) == before  # noqa: PTH208

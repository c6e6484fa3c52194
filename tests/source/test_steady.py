"""Half a checkout is never believed: not while git works, not between two looks that differ."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.errors import SourceError
from reconciler.source.snapshot import FolderDigest
from reconciler.source.steady import behind_a_link, look, uncommitted
from tests.support.folders import sound


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a folder of manifests, all of it committed."""
    folder = tmp_path / "repository" / "manifests"
    sound(folder, {})
    git(folder.parent, "init", "--quiet", "--initial-branch=main")
    git(folder.parent, "add", ".")
    git(folder.parent, "commit", "--quiet", "--message=first")
    return folder


def test_a_folder_that_stands_still_is_steady(checkout: Path) -> None:
    first = look(FolderDigest(str(checkout)))
    assert not first.steady_since(None)
    assert look(FolderDigest(str(checkout))).steady_since(first)


def write_half(checkout: Path) -> None:
    (checkout / "sound.yaml").write_text("apiVersion: rec")


def add_a_file(checkout: Path) -> None:
    (checkout / "new.yaml").write_text("a")


def remove_a_file(checkout: Path) -> None:
    (checkout / "sound.yaml").unlink()


def work_with_git(checkout: Path) -> None:
    (checkout.parent / ".git" / "index.lock").touch()


def commit_elsewhere(checkout: Path) -> None:
    """Nothing in the folder changes, but what it is the revision of."""
    git(checkout.parent, "commit", "--quiet", "--allow-empty", "--message=second")


@pytest.mark.parametrize("act", [write_half, add_a_file, remove_a_file, work_with_git, commit_elsewhere])
def test_a_folder_in_which_something_happened_is_not_steady(checkout: Path, act: object) -> None:
    first = look(FolderDigest(str(checkout)))
    assert callable(act)
    act(checkout)
    assert not look(FolderDigest(str(checkout))).steady_since(first)


def test_a_folder_in_which_git_is_at_work_is_never_steady(checkout: Path) -> None:
    work_with_git(checkout)
    first = look(FolderDigest(str(checkout)))
    assert not look(FolderDigest(str(checkout))).steady_since(first)
    (checkout.parent / ".git" / "index.lock").unlink()
    second = look(FolderDigest(str(checkout)))
    assert not second.steady_since(first)
    assert look(FolderDigest(str(checkout))).steady_since(second)


def test_without_git_the_files_alone_decide(tmp_path: Path) -> None:
    sound(tmp_path, {})
    first = look(FolderDigest(str(tmp_path)))
    assert (first.head, look(FolderDigest(str(tmp_path))).steady_since(first)) == (None, True)


def test_a_folder_that_is_not_there_is_no_look(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        look(FolderDigest(str(tmp_path / "absent")))


SHA = "a" * 40


def git_sync(tmp: Path) -> Path:
    """`.git` is a file there, and the link leads to a work tree that is called as its commit."""
    tree = tmp / ".worktrees" / SHA
    sound(tree / "manifests", {})
    (tree / ".git").write_text("gitdir: ../../.git/worktrees/x")
    (tmp / "current").symlink_to(f".worktrees/{SHA}")
    return tmp / "current" / "manifests"


def git_sync_with_its_link_elsewhere(tmp: Path) -> Path:
    git_sync(tmp / "git")
    (tmp / "links").mkdir()
    (tmp / "links" / "current").symlink_to(tmp / "git" / ".worktrees" / SHA)
    return tmp / "links" / "current" / "manifests"


def releases(tmp: Path) -> Path:
    """As many a deployment does, without git."""
    sound(tmp / "releases" / "42" / "manifests", {})
    (tmp / "current").symlink_to(tmp / "releases" / "42")
    return tmp / "current" / "manifests"


def config_map(tmp: Path) -> Path:
    (tmp / "..1").mkdir(parents=True)
    (tmp / "..data").symlink_to("..1")
    return tmp


def plain(tmp: Path) -> Path:
    return sound(tmp / "manifests", {})


def clone(tmp: Path) -> Path:
    tmp.mkdir(parents=True, exist_ok=True)
    git(tmp, "init", "--quiet", "repository")
    return sound(tmp / "repository" / "manifests", {})


def clone_below_a_linked_parent(tmp: Path) -> Path:
    clone(tmp / "disk")
    (tmp / "home").symlink_to("disk")
    return tmp / "home" / "repository" / "manifests"


def link_into_a_clone(tmp: Path) -> Path:
    folder = clone(tmp)
    (tmp / "production").symlink_to(folder)
    return tmp / "production"


def link_inside_a_clone(tmp: Path) -> Path:
    """A commit may hold links; it is checked out in place all the same."""
    folder = clone(tmp)
    (folder.parent / "production").symlink_to("manifests")
    return folder.parent / "production"


def link_inside_a_work_tree_of_git_sync(tmp: Path) -> Path:
    """Named without the link that is swapped, it is one commit for ever; but nothing swaps it."""
    git_sync(tmp)
    tree = tmp / ".worktrees" / SHA
    (tree / "production").symlink_to("manifests")
    return tree / "production"


def plain_below_a_link_to_elsewhere(tmp: Path) -> Path:
    sound(tmp / "run" / "manifests", {})
    (tmp / "var").mkdir()
    (tmp / "var" / "run").symlink_to("../run")
    return tmp / "var" / "run" / "manifests"


@pytest.mark.parametrize("make", [git_sync, git_sync_with_its_link_elsewhere, releases, config_map])
def test_what_changes_by_a_link_being_swapped_is_known(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    assert behind_a_link(str(make(tmp_path)))


@pytest.mark.parametrize(
    "make",
    [
        *(plain, clone, clone_below_a_linked_parent, link_into_a_clone, link_inside_a_clone),
        *(link_inside_a_work_tree_of_git_sync, plain_below_a_link_to_elsewhere),
    ],
)
def test_what_changes_in_place_is_not_taken_for_swapped(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    assert not behind_a_link(str(make(tmp_path)))


def test_a_relative_name_is_looked_at_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound(tmp_path / "whole" / "manifests", {})
    (tmp_path / "current").symlink_to("whole")
    monkeypatch.chdir(tmp_path)
    assert behind_a_link("current/manifests")
    assert not behind_a_link("whole/manifests")


@pytest.mark.parametrize(
    ("act", "expected"), [(write_half, True), (add_a_file, True), (remove_a_file, True), (commit_elsewhere, False)]
)
def test_git_tells_what_no_commit_has(checkout: Path, act: object, expected: bool) -> None:
    assert not uncommitted(str(checkout))
    assert callable(act)
    act(checkout)
    assert uncommitted(str(checkout)) is expected


def test_what_is_uncommitted_beside_the_folder_does_not_count(checkout: Path) -> None:
    (checkout.parent / "README.md").write_text("draft")
    assert not uncommitted(str(checkout))


def test_where_git_cannot_be_asked_nothing_is_said(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_half(checkout)
    monkeypatch.setenv("PATH", str(checkout))
    assert not uncommitted(str(checkout))


def test_a_hook_of_the_checkout_is_not_run(checkout: Path, tmp_path: Path) -> None:
    """Git asks a file system monitor that the repository's configuration names, unless told not to."""
    ran = tmp_path / "ran"
    hook = tmp_path / "monitor"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    git(checkout.parent, "config", "core.fsmonitor", str(hook))
    write_half(checkout)
    assert uncommitted(str(checkout))
    assert not ran.exists()


def test_a_look_leaves_no_trace(checkout: Path) -> None:
    before = sorted(os.listdir(checkout.parent / ".git"))  # noqa: PTH208
    look(FolderDigest(str(checkout)))
    uncommitted(str(checkout))
    assert sorted(os.listdir(checkout.parent / ".git")) == before  # noqa: PTH208

"""A command line does not wait for a checkout to end: it says what may be wrong with what it read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.shell import EXAMPLES, Shell

DIRTY, AT_WORK = "has uncommitted changes", "git is at work in"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "repository" / "manifests"
    shutil.copytree(EXAMPLES / "production", folder)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "commit.gpgsign=false")
    for arguments in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message=first")):
        subprocess.run(["git", *identity, *arguments], cwd=folder.parent, check=True, capture_output=True)
    return folder


def test_a_clean_work_tree_is_read_without_a_word(shell: Shell, checkout: Path) -> None:
    said = shell("plan", checkout).err
    assert DIRTY not in said
    assert AT_WORK not in said


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes")])
def test_what_may_be_half_a_checkout_is_said_and_read_all_the_same(
    shell: Shell, checkout: Path, command: tuple[str, ...]
) -> None:
    (checkout.parent / ".git" / "index.lock").touch()
    (checkout / "draft.yaml").write_text("")
    done = shell(*command, checkout)
    assert DIRTY in done.err
    assert AT_WORK in done.err
    assert done.out

"""Finds the commit that a folder is at, so that plans and reports can name what they were made from."""

from __future__ import annotations

import os
import re
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_MAX_FILE_BYTES = 16 * 1024 * 1024  # packed-refs of a large repository


def commit(root: str) -> str | None:
    """The name of a git-sync worktree, or the HEAD of the checkout around the folder.

    None if there is neither, or the repository cannot be read.
    """
    try:
        for folder in (Path(root), *Path(root).parents):
            if is_commit(folder.name):
                return folder.name
            if (folder / ".git").exists():
                return _head(_git_folder(folder))
    except (OSError, ValueError):  # ValueError: not UTF-8, or a NUL in a name
        return None
    return None


def git_folder(root: str) -> Path | None:
    """Where git keeps the state of the work tree around a folder.

    None if there is no work tree, or it cannot be read.
    """
    try:
        tree = work_tree(root)
        return _git_folder(tree) if tree else None
    except (OSError, ValueError):
        return None


def work_tree(root: str) -> Path | None:
    """The work tree around a folder: the nearest folder with something called `.git`; None if there is none."""
    return next((each for each in (Path(root), *Path(root).parents) if os.path.lexists(each / ".git")), None)


def is_commit(name: str) -> bool:
    """Whether the name is a commit's, as git-sync calls its work trees."""
    return _COMMIT.fullmatch(name) is not None


def _git_folder(tree: Path) -> Path:
    git = tree / ".git"
    if git.is_symlink():  # git never makes it a link: whoever did wants another folder to be read
        raise FileNotFoundError(git)
    return tree / _text(git).removeprefix("gitdir:").strip() if git.is_file() else git


def _head(git: Path) -> str | None:
    head = _text(git / "HEAD")
    if not head.startswith("ref:"):
        return _only_commit(head)
    reference = head.removeprefix("ref:").strip()
    if not reference.startswith("refs/") or ".." in reference.split("/"):
        return None
    common = git / "commondir"
    shared = git / _text(common) if common.is_file() else git
    for base in (git, shared):
        if (base / reference).is_file():
            return _only_commit(_text(base / reference))
    packed = _text(shared / "packed-refs").splitlines()
    return next((_only_commit(line.split()[0]) for line in packed if line.endswith(f" {reference}")), None)


def _text(path: Path) -> str:
    """The content of a regular file, stripped. Anything else is not opened: it could block."""
    if not path.is_file():
        raise FileNotFoundError(path)
    with path.open(encoding="utf-8") as file:
        return file.read(_MAX_FILE_BYTES).strip()


def _only_commit(text: str) -> str | None:
    return text if _COMMIT.fullmatch(text) else None

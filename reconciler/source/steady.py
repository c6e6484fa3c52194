"""Tells when a folder can be believed, so that half a checkout, or half a manifest, is never planned.

A folder behind a link that is swapped (git-sync, a ConfigMap) is always whole. Any other is believed when it stood
still between two looks, git is not at work in it, and HEAD is the same.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from msgspec import Struct

from reconciler.source.revision import commit, git_folder, is_commit, work_tree
from reconciler.source.snapshot import CONFIG_MAP, FolderDigest

STATUS_S = 10.0
_STATUS = (
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false"),
    *("status", "--porcelain", "--untracked-files=normal", "--", "."),
)


class Look(Struct, frozen=True):
    """What a folder looked like: a digest of what is read in it, its commit, and whether git was at work."""

    digest: str
    head: str | None
    busy: bool

    def steady_since(self, earlier: Look | None) -> bool:
        """Whether nothing has happened since the earlier look."""
        return not self.busy and self == earlier


def look(digest: FolderDigest) -> Look:
    """One look at its folder. Raises SourceError where there is nothing to look at."""
    before = git_at_work(digest.folder)
    return Look(digest.now(), commit(os.path.realpath(digest.folder)), before or git_at_work(digest.folder))


def git_at_work(folder: str) -> bool:
    """Whether git changes the work tree around the folder, or was killed while it did."""
    git = git_folder(os.path.realpath(folder))
    return git is not None and (git / "index.lock").exists()


def behind_a_link(folder: str) -> bool:
    """Whether the folder changes by a link being swapped, or is a ConfigMap's mount.

    Not every link in a path is swapped: below one that leads to a disk, say, git checks out in place.
    """
    path = Path(folder).absolute()
    if (path / CONFIG_MAP).is_symlink():
        return True
    tree = work_tree(os.path.realpath(path))
    return any(_swapped(part, tree) for part in (path, *path.parents) if part.is_symlink())


def _swapped(link: Path, tree: Path | None) -> bool:
    """Whether it leads to a work tree of one commit alone; without git, to something that lies beside the link."""
    home, target = Path(os.path.realpath(link.parent)), Path(os.path.realpath(link))
    if tree is None:
        return home != Path(home.anchor) and target.is_relative_to(home)
    return is_commit(tree.name) and target.is_relative_to(tree) and not home.is_relative_to(tree)


def uncommitted(folder: str) -> bool:
    """Whether git knows of changes below the folder that no commit has; False where git cannot tell."""
    root = os.path.realpath(folder)
    if git_folder(root) is None:
        return False
    try:
        found = subprocess.run(  # noqa: S603 a fixed command
            _STATUS, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, timeout=STATUS_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return found.returncode == 0 and bool(found.stdout.strip())

"""Tells when a folder can be believed, so that half a checkout, or half a manifest, is never planned.

A folder behind a link that is swapped as a whole (git-sync, a ConfigMap) is always whole. Any other is believed
when it stood still between two looks, git is not at work in it, and HEAD is the same.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from msgspec import Struct

from reconciler.source.revision import commit, git_folder
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
    root = os.path.realpath(digest.folder)
    git = git_folder(root)
    busy = git is not None and (git / "index.lock").exists()
    return Look(digest.now(), commit(root), busy)


def behind_a_link(folder: str) -> bool:
    """Whether the folder is swapped as a whole: a link is a part of its path, or it is a ConfigMap's mount."""
    path = Path(folder).absolute()
    return any(part.is_symlink() for part in (path, *path.parents)) or (path / CONFIG_MAP).is_symlink()


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

"""Tells whether a path was changed, without reading it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple


class Version(NamedTuple):
    """What of a file or folder changes when it is written to."""

    inode: int
    size: int
    mtime_ns: int

    @staticmethod
    def of(seen: os.stat_result) -> Version:
        """That of what was seen."""
        return Version(seen.st_ino, seen.st_size, seen.st_mtime_ns)


def differ(versions: Mapping[str, Version]) -> bool:
    """Whether one of these paths is not as it was; raises OSError if it has gone."""
    return any(Version.of(os.lstat(path)) != version for path, version in versions.items())

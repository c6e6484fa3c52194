"""Reads the checks that a repository can have on a platform, as they stand in docs/ci."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_FOLDERS = {"github": ".github/workflows/", "gitlab": ""}
PLATFORMS = tuple(_FOLDERS)


def of(platform: str) -> dict[str, str]:
    """The texts of its files, by their paths below the repository's root; raises KeyError for another platform."""
    folder = _FOLDERS[platform]
    return {folder + each.name: each.read_text(encoding="utf-8") for each in _own(platform).iterdir()}


def _own(platform: str) -> Traversable:
    packaged = files("reconciler").joinpath("ci", platform)
    return packaged if packaged.is_dir() else Path(__file__).parent.parent.parent / "docs" / "ci" / platform

"""Files that hold what the code says, written by `UPDATE_GOLDEN=1` and compared without it."""

from __future__ import annotations

import os
from pathlib import Path


def settled(path: Path, text: str) -> str:
    """The text of the file, which is rewritten first if UPDATE_GOLDEN is set."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")

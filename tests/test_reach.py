"""How far a change reaches: an addition to the files that docs/how-it-works.md names, and to no other, works.

Each module of tests/additions makes one up. It is added to a copy of the repository and checked there, in a
process of its own, as people would see it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.additions import delivery_target, field, guard, kind, output_format, retry
from tests.additions.stage import Addition
from tests.docs.pages import ROOT, codes, page, table

COPIED = ("reconciler", "schemas", "manifests", "docs", "tests/support", "tests/docs", "tests/additions")
TABLE = table(page("how-it-works.md"), "to add or change", "touches")


def files(change: str) -> set[str]:
    """The files that the table names for a change."""
    return {code for row in TABLE if row[0] == change for code in codes(row[1])}


def test_every_file_that_the_table_names_exists_and_no_change_reaches_too_far() -> None:
    for change, touched, at_most in TABLE:
        assert [code for code in codes(touched) if not (ROOT / code).exists()] == [], change
        assert 0 < len(codes(touched)) <= int(at_most), change


def made(addition: Addition, copy: Path) -> None:
    """Copies the repository and makes the addition there."""
    for tree in COPIED:
        shutil.copytree(ROOT / tree, copy / tree)
    for name in ("README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, copy)
    for name, inserts in addition.inserts.items():
        text = (copy / name).read_text() if (copy / name).exists() else ""
        for anchor, inserted in inserts:
            assert text.count(anchor) == 1, f"{name} has {anchor!r} {text.count(anchor)} times"
            text = text.replace(anchor, inserted + anchor)
        (copy / name).write_text(text)


def _named(name: str) -> str:
    """How the table names a file: one that is new, by its folder."""
    return name if (ROOT / name).exists() else f"{Path(name).parent}/"


MODULES = field, kind, guard, output_format, delivery_target, retry


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_an_addition_to_the_named_files_alone_works(module: object, tmp_path: Path) -> None:
    addition = module.ADDITION
    assert {_named(name) for name in addition.inserts} == files(addition.change)
    made(addition, tmp_path)
    name = module.__name__
    script = f"from {name} import ADDITION\nfrom tests.additions.stage import perform\nperform(ADDITION)"
    variables = {"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

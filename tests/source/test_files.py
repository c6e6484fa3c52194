"""Files that are written whole or not at all, and never over another one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from reconciler.model.errors import ReconcilerError
from reconciler.source.files import create, side_by_side


def test_a_new_file_is_made_with_the_folders_above_it(tmp_path: Path) -> None:
    path = tmp_path / "certs" / "acme.pem"
    assert create(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert [each.name for each in path.parent.iterdir()] == ["acme.pem"]


@pytest.mark.parametrize("there", ["file", "folder", "dangling link"])
@pytest.mark.parametrize("links", [True, False], ids=["", "no hard links"])
def test_what_is_there_stays(tmp_path: Path, there: str, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "acme.yaml"
    if there == "file":
        path.write_bytes(b"mine")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    before = path.lstat()
    if not links:
        monkeypatch.setattr(os, "link", refused)
    assert not create(path, b"other")
    assert path.lstat() == before
    assert [each.name for each in tmp_path.iterdir()] == ["acme.yaml"]


def refused(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_file_system_without_hard_links_gets_its_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refused)
    assert create(tmp_path / "acme.yaml", b"whole")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("acme.yaml", b"whole")]


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReconcilerError, match="No space left"):
        create(tmp_path / "acme.yaml", b"whole")
    assert list(tmp_path.iterdir()) == []


def test_after_an_error_no_further_file_is_begun() -> None:
    begun: list[int] = []

    def write(number: int) -> int:
        begun.append(number)
        if number == 0:
            raise ReconcilerError("full", "")
        return number

    assert side_by_side(write, [1, 2, 3]) == [1, 2, 3]
    with pytest.raises(ReconcilerError):
        side_by_side(write, [0] * 10_000)
    assert len(begun) < 10_000

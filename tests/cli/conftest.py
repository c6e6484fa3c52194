"""Gives every test of the command line a shell of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shell import Shell, opened


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    with opened(tmp_path, capsys, monkeypatch) as shell:
        yield shell

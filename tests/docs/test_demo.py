"""The demo runs without a terminal and leaves nothing behind, and the README's picture is what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, masked

DEMO = ROOT / "demo" / "demo.sh"
LIMIT_S = 60
WINDOW = 100


def demo(folder: Path, path: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A run with its temporary files below a folder of its own."""
    variables = {"PATH": path, "TMPDIR": str(folder), "HOME": str(folder), "LC_ALL": "C.UTF-8", **more}
    return subprocess.run(
        ["bash", DEMO],
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
        text=True,
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run prints, in surroundings that point to another environment."""
    folder = tmp_path_factory.mktemp("demo")
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = demo(folder, here, RECONCILER_CONFIG="elsewhere.toml", SSOREADY_API_KEY_FILE="elsewhere")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(folder.iterdir()) == []
    return ended.stdout


def test_it_shows_the_whole_way_in_order(shown: str) -> None:
    commands = [line.split()[2] for line in shown.splitlines() if line.startswith("$ ")]
    assert commands == ["validate", "plan", "apply", "plan", "plan", "apply", "plan"]
    assert shown.count("\nNo changes.") == 2
    assert "\x1b" not in shown


def test_its_lines_fit_into_a_window_but_for_those_to_paste(shown: str) -> None:
    assert [line for line in shown.splitlines() if len(line) > WINDOW and " id: " not in line] == []


def test_the_readmes_picture_is_what_it_prints(shown: str) -> None:
    (picture,) = [block for block in blocks("text") if block.remark == "from the demo"]
    assert masked(picture.text) in masked(shown)


def test_without_the_reconciler_it_says_what_to_do(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname"):
        found = next(Path(f) / name for f in ("/usr/bin", "/bin") if (Path(f) / name).exists())
        (tools / name).symlink_to(found)
    ended = demo(tmp_path, str(tools))
    assert ended.returncode == 1
    assert "make demo" in ended.stderr
    assert list(tmp_path.iterdir()) == [tools]

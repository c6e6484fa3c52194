"""A signal in the first moments of a process ends it in order, or is heard later; it never kills it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# A library that the process loads, which gets a signal to its process just then.
SIGNALLED = """\
import importlib, os, signal, sys
sys.path.remove({folder!r})
del sys.modules[__name__]
os.kill(os.getpid(), {number})
sys.modules[__name__] = importlib.import_module(__name__)
"""
DAEMON, ONCE, OTHER = ["run", "nowhere"], ["run", "nowhere", "--once"], ["validate", "nowhere"]


def started(tmp_path: Path, library: str, number: int, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    folder = tmp_path / "libraries"
    folder.mkdir()
    (folder / f"{library}.py").write_text(SIGNALLED.format(folder=str(folder), number=int(number)))
    return subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(folder), "SSOREADY_API_KEY": "none"},
    )


@pytest.mark.parametrize(
    ("number", "library", "arguments", "code"),
    [
        (signal.SIGTERM, "click", DAEMON, 0),
        (signal.SIGINT, "click", DAEMON, 0),
        (signal.SIGTERM, "click", ONCE, 5),
        (signal.SIGTERM, "structlog", DAEMON, 0),
        (signal.SIGTERM, "yaml", OTHER, 5),
    ],
)
def test_a_signal_while_it_loads_ends_it_in_order(
    tmp_path: Path, number: int, library: str, arguments: list[str], code: int
) -> None:
    ended = started(tmp_path, library, number, arguments)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("library", "arguments"), [("click", DAEMON), ("structlog", DAEMON), ("click", ONCE)])
def test_sighup_while_it_loads_does_not_end_the_daemon(tmp_path: Path, library: str, arguments: list[str]) -> None:
    """It goes on to its first pass, which is what SIGHUP asks for: here, to where its key is refused."""
    ended = started(tmp_path, library, signal.SIGHUP, arguments)
    assert (ended.returncode, "API key" in ended.stderr) == (3, True)

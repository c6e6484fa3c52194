"""`reconciler run` as a process of its own: signals, exit codes, keys in files, and what a bad start says."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from reconciler.cli import serve
from reconciler.cli.main import run
from reconciler.emulator import Emulator, Store
from reconciler.emulator.serve import background
from tests.support.daemons import PATIENCE_S, environment, organization, write

UNKNOWN_KEY = "ssoready_sk_" + "0" * 25


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def store() -> Store:
    return Store.fresh(random.Random(1))


@pytest.fixture
def url(store: Store) -> Iterator[str]:
    with background(Emulator(store)) as address:
        yield address


def configuration(folder: Path, url: str, keys: dict[str, str]) -> Path:
    """A reconciler.toml with these environments, each with a folder and a key file of its name."""
    lines = []
    for name, key in keys.items():
        (folder / f"{name}-key").write_text(key)
        lines += [f"[environments.{name}]", f'manifests = "{name}"', f'api_url = "{url}"']
        lines += [f'api_key_file = "{name}-key"']
    path = folder / "reconciler.toml"
    path.write_text("\n".join(lines))
    return path


@contextlib.contextmanager
def process(*arguments: str | Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SSOREADY_", "RECONCILER_"))}
    running = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "run", "--log-format", "json", *map(str, arguments)],
        env=environ | {"RECONCILER_SETTLE_S": "0.1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def swapped(folder: Path, name: str, *organizations: str) -> Path:
    """An environment behind a link of its name, which is read without a wait."""
    (folder / name).symlink_to(f"{name}-worktree")
    return environment(folder / f"{name}-worktree", name, *organizations)


def passes(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == "pass"]


def test_a_daemon_from_its_start_to_its_end(tmp_path: Path, url: str, store: Store) -> None:
    """Two environments of one file; a change of one; SIGHUP; a key file that changes; SIGTERM. systemd is told."""
    supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    supervisor.bind(str(tmp_path / "notify"))
    supervisor.settimeout(PATIENCE_S)
    folders = {name: swapped(tmp_path, name, "acme") for name in store.environments}
    file = configuration(tmp_path, url, {name: each.key for name, each in store.environments.items()})
    arguments = "--config", file, "--listen", "127.0.0.1:0", "--resync", "1h"
    with supervisor, process(*arguments, NOTIFY_SOCKET=str(tmp_path / "notify")) as running:
        assert running.stderr
        lines: list[dict[str, Any]] = []

        def read_until(number: int) -> None:
            while len(passes(lines)) < number:
                lines.append(json.loads(running.stderr.readline()))

        read_until(2)
        address = next(line["url"] for line in lines if line["event"] == "listening")
        assert {len(store.organizations(name)) for name in folders} == {1}
        write(folders["production"], "globex")
        read_until(3)
        assert passes(lines)[2]["environment"] == "production"
        assert len(store.organizations("production")) == 2
        running.send_signal(signal.SIGHUP)
        read_until(5)
        (tmp_path / "production-key").write_text("not a key")
        write(folders["production"], "initech")
        read_until(6)
        assert len(store.organizations("production")) == 3
        status = httpx.get(f"{address}/status", trust_env=False).json()["environments"]
        assert "the key read before is used" in status["production"]["notice"]
        started = time.monotonic()
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=PATIENCE_S)
        assert (running.returncode, out, err) == (0, "", "")
        assert time.monotonic() - started < 5
        told = [supervisor.recv(64)]
        while told[-1] != b"STOPPING=1":
            told.append(supervisor.recv(64))
        assert (told[0], set(told[1:-1])) == (b"READY=1", {b"WATCHDOG=1"})


@pytest.mark.parametrize(("wrong", "expected"), [("nothing", 0), ("key", 3), ("name", 64)])
def test_of_the_codes_of_all_environments_the_worst_is_the_exit_code(
    tmp_path: Path, url: str, store: Store, wrong: str, expected: int
) -> None:
    """Beside one whose manifests have an error, which alone is 8."""
    keys = {name: each.key for name, each in store.environments.items()}
    for name in keys:
        environment(tmp_path / name, name, "acme")
    if wrong != "nothing":
        write(tmp_path / "production", "bad", organization("bad", "  x: 1\n"))
    if wrong == "key":
        keys["development"] = UNKNOWN_KEY
    if wrong == "name":
        environment(tmp_path / "development", "staging")
    file = configuration(tmp_path, url, keys)
    assert run(["run", "--once", "--settle-s", "0", "--config", str(file)]) == expected


def test_a_start_that_cannot_lead_anywhere_ends_at_once(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSOREADY_API_KEY", raising=False)
    folder = environment(tmp_path / "production", "production", "acme")
    assert run(["run", "--listen", "127.0.0.1:0", str(folder)]) == 3
    assert "SSOREADY_API_KEY" in capsys.readouterr().err
    file = str(configuration(tmp_path, url, {"production": "half a key"}))
    assert run(["run", "--listen", "127.0.0.1:0", "--config", file]) == 3
    assert "half a key" not in capsys.readouterr().err
    assert run(["run", "--resync", "soon", "--config", file]) == 64
    assert run(["run"]) == 64
    assert "no folder was named" in capsys.readouterr().err


def not_read() -> int:
    """A pipe that is full, and whose reader does not read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    OPEN.append(reading)
    return writing


def reader_gone() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


OPEN: list[int] = []


@pytest.mark.parametrize("stderr", [not_read, reader_gone])
def test_a_stderr_that_takes_nothing_neither_blocks_nor_ends_it(
    tmp_path: Path, url: str, store: Store, stderr: Callable[[], int]
) -> None:
    """It used to end in the middle of an apply, or to stand still, deaf to SIGTERM."""
    swapped(tmp_path, "production", *(f"o{n}" for n in range(20)))
    file = configuration(tmp_path, url, {"production": store.environments["production"].key})
    writing = stderr()
    command = [sys.executable, "-m", "reconciler", "run", "--log-level", "debug", "--config", str(file)]
    try:
        with subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0"], stdout=subprocess.DEVNULL, stderr=writing
        ) as running:
            end = time.monotonic() + PATIENCE_S
            while len(store.organizations("production")) < 20:
                assert running.poll() is None
                assert time.monotonic() < end
                time.sleep(0.02)
            running.send_signal(signal.SIGTERM)
            assert running.wait(PATIENCE_S) == 0
    finally:
        for each in (writing, *OPEN):
            os.close(each)
        OPEN.clear()


def test_a_signal_before_the_loop_runs_ends_the_daemon_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """One pass that was asked for and never begun is interrupted all the same."""

    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(serve, "_sources", interrupted)
    assert run(["run", "manifests"]) == 0
    assert run(["run", "manifests", "--once"]) == 5

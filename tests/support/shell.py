"""A person at a prompt, in-process: command lines in, exit code and both outputs out, beside a live emulator."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from reconciler.cli.main import run
from reconciler.emulator import Emulator, Request, Response, Store
from reconciler.emulator.faults import Trouble
from reconciler.emulator.serve import background
from tests.support.quiet import Done

EXAMPLES = Path(__file__).parent.parent.parent / "manifests"
ENVIRONMENT = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"


class Recording(Emulator):
    """An emulator that remembers what was asked for."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.requests: list[Request] = []

    def handle(self, request: Request) -> Response:
        self.requests.append(request)
        return super().handle(request)

    @property
    def verbs(self) -> set[str]:
        return {request.method for request in self.requests}

    @property
    def state(self) -> bytes:
        """All that is live, to compare."""
        return msgspec.json.encode(self.store.contents())


class Shell:
    """Runs command lines with the variables of one environment set."""

    def __init__(
        self,
        emulator: Recording,
        url: str,
        home: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.emulator = emulator
        self.url = url
        self.home = home
        self.variables = monkeypatch
        self.environment = emulator.store.environments["production"]
        self.folder = home / "manifests"
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Done:
        self._capsys.readouterr()
        handlers = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
        code = run([str(argument) for argument in arguments])
        for number, handler in handlers:
            signal.signal(number, handler)
        out, err = self._capsys.readouterr()
        assert "Traceback" not in out + err or "RECONCILER_TRACEBACK" in os.environ
        return Done(code, out, err)

    def write(self, name: str, text: str) -> Path:
        """A file in the manifests' folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def declare(self, name: str, spec: str, metadata: str = "") -> None:
        """The manifest of an organization; `spec` is the inside of a flow mapping."""
        head = f"apiVersion: reconciler/v1\nkind: Organization\nmetadata: {{name: {name}{metadata}}}\n"
        self.write(f"{name}.yaml", f"{head}spec: {{{spec}}}\n")


@contextmanager
def opened(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    trouble: Trouble | None = None,
) -> Iterator[Shell]:
    """A shell whose variables lead to an emulator of its own, with a folder that has an Environment alone."""
    for name in ("NO_COLOR", "FORCE_COLOR", "SSOREADY_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    emulator = Recording(Store.fresh(random.Random(1)))
    with background(emulator, trouble or Trouble()) as url:
        shell = Shell(emulator, url, home, capsys, monkeypatch)
        monkeypatch.setenv("SSOREADY_API_URL", url)
        monkeypatch.setenv("SSOREADY_API_KEY", shell.environment.key)
        monkeypatch.setenv("RECONCILER_SETTLE_S", "0")
        shell.write("environment.yaml", ENVIRONMENT)
        yield shell

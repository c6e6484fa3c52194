"""A terminal of a given width with a command in it, for what exists only there: questions, bars, Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

WAIT_S = 20.0
_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """What a command wrote to its terminal so far, and a keyboard."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self.process = process
        self.raw = ""

    @property
    def text(self) -> str:
        """All that was ever shown, without colours and movements."""
        return _STEERING.sub("", self.raw).replace("\r\n", "\n")

    def expect(self, words: str) -> None:
        """Waits until these words were shown."""
        end = time.monotonic() + WAIT_S
        while words not in self.text:
            assert time.monotonic() < end, f"{words!r} was not shown in {WAIT_S:g} s: {self.text!r}"
            assert self._read(), f"{words!r} was not shown before the command ended: {self.text!r}"

    def press(self, keys: str) -> None:
        """Types these keys."""
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Waits for the command to end, and reads the rest; its exit code."""
        end = time.monotonic() + WAIT_S
        while self._read():
            assert time.monotonic() < end, f"it did not end in {WAIT_S:g} s: {self.text!r}"
        return self.process.wait(timeout=WAIT_S)

    def _read(self) -> bool:
        """Whether there may be more."""
        ready, _, _ = select.select([self._master], [], [], 0.05)
        if not ready:
            return self.process.poll() is None
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)


@contextmanager
def terminal(
    *arguments: object, columns: int = 100, stdout: int | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Runs a command line in a terminal; `stdout` goes elsewhere if a descriptor is given."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    # the leader of a new session gets the first terminal that it opens: without that, Ctrl-C reaches nobody
    shell = 'exec "$@" <"$0" 2>"$0"' + (' >"$0"' if stdout is None else "")
    command = [sys.executable, "-m", "reconciler", *map(str, arguments)]
    environment = {**os.environ, "TERM": "xterm-256color", **(variables or {})}
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    process = subprocess.Popen(
        ["sh", "-c", shell, os.ttyname(slave), *command], env=environment, stdout=stdout, start_new_session=True
    )
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        os.close(master)

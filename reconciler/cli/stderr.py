"""Keeps a reader of stderr that is slow, or gone, from holding the daemon up or ending it."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MAX_BYTES = 1024 * 1024  # that wait to be written
DRAIN_S = 1.0  # at the end, for what still waits


@contextlib.contextmanager
def unblocked(tell: Callable[[int], None]) -> Iterator[Callable[[], int]]:
    """Puts a stderr in place that never blocks or fails; gives what returns how many lines it dropped so far.

    `tell` is called with that number when lines can be written again.
    """
    before = sys.stderr
    try:
        file = before.fileno()
    except (OSError, ValueError):  # it is no file: a test has it
        yield lambda: 0
        return
    lines = Lines(file, tell)
    sys.stderr = io.TextIOWrapper(lines, before.encoding, "backslashreplace", line_buffering=True)
    try:
        yield lambda: lines.dropped
    finally:
        sys.stderr = before
        lines.drain(DRAIN_S)


class Lines(io.RawIOBase):
    """Takes lines at once, and writes them to a file on a thread of its own; what does not fit is dropped."""

    def __init__(self, file: int, tell: Callable[[int], None], max_bytes: int = MAX_BYTES) -> None:
        self.dropped = 0
        self._told = 0
        self._file = file
        self._tell = tell
        self._max_bytes = max_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._begun = b""  # a line without an end
        self._ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="stderr", daemon=True)
        self._thread.start()

    def write(self, data: ReadableBuffer, /) -> int:
        """Takes all of it, and returns at once."""
        taken = bytes(data)
        with self._changed:
            whole, end, self._begun = (self._begun + taken).rpartition(b"\n")
            if end:
                self._take(whole + end)
        return len(taken)

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether the file is a terminal."""
        return os.isatty(self._file)

    def fileno(self) -> int:
        """The file's number."""
        return self._file

    def drain(self, within_s: float) -> None:
        """Waits until all is written, at most so many seconds, and ends the thread."""
        with self._changed:
            if self._begun:
                self._take(self._begun)
            self._ending = True
            self._changed.notify()
        self._thread.join(within_s)

    def _take(self, lines: bytes) -> None:
        if self._bytes + len(lines) > self._max_bytes:
            self.dropped += lines.count(b"\n") or 1
            return
        self._waiting.append(lines)
        self._bytes += len(lines)
        self._changed.notify()

    def _work(self) -> None:
        while (lines := self._next()) is not None:
            if not self._written(lines):
                with self._changed:
                    self.dropped += lines.count(b"\n") or 1
            elif self._told < self.dropped:
                self._told = self.dropped
                self._tell(self._told)

    def _next(self) -> bytes | None:
        """The next lines to write; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            if not self._waiting:
                return None
            lines = self._waiting.popleft()
            self._bytes -= len(lines)
            return lines

    def _written(self, lines: bytes) -> bool:
        """Writes them, however long that takes; False if that fails."""
        rest = memoryview(lines)
        while rest:
            try:
                rest = rest[os.write(self._file, rest) :]
            except BlockingIOError:  # somebody who has the same file made it so
                select.select([], [self._file], [])
            except OSError:
                return False
        return True

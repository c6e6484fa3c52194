"""A stderr that is full, closed or not read blocks nothing and ends nothing; what it does not take is counted."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from reconciler.cli.stderr import Lines, unblocked

PATIENCE_S = 30.0
LINE = b"x" * 99 + b"\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """What is read from, and what is written to."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # the test closed it


def silent(_: int) -> None:
    """Nobody is told."""


def read_lines(file: int, number: int) -> list[bytes]:
    data = b""
    while data.count(b"\n") < number:
        data += os.read(file, 65536)
    return data.splitlines(keepends=True)


def test_lines_come_out_whole_and_in_order(pipe: tuple[int, int]) -> None:
    lines = Lines(pipe[1], silent)
    for number in range(100):
        lines.write(f"line {number}".encode())
        lines.write(b"\n")
    lines.write(b"without an end")
    lines.drain(PATIENCE_S)
    os.close(pipe[1])
    expected = "".join(f"line {number}\n" for number in range(100)) + "without an end"
    assert os.read(pipe[0], 65536).decode() == expected
    assert lines.dropped == 0


def test_what_nobody_reads_is_dropped_and_counted_and_told_once_it_is_read(pipe: tuple[int, int]) -> None:
    told: list[int] = []
    heard = threading.Event()

    def tell(number: int) -> None:
        told.append(number)
        heard.set()

    lines = Lines(pipe[1], tell, max_bytes=10 * len(LINE))
    written = 5000  # more than any pipe holds
    for _ in range(written):
        lines.write(LINE)  # returns, or the test stands still
    assert 0 < lines.dropped < written
    dropped = lines.dropped
    kept = read_lines(pipe[0], written - dropped)
    assert kept == [LINE] * (written - dropped)
    lines.write(LINE)
    assert heard.wait(PATIENCE_S)
    assert told[-1] == lines.dropped == dropped
    lines.drain(PATIENCE_S)


def test_who_ends_waits_a_bounded_time_for_a_reader_who_does_not_read(pipe: tuple[int, int]) -> None:
    lines = Lines(pipe[1], silent)
    for _ in range(2000):
        lines.write(LINE)
    lines.drain(0.05)


def reader_gone(pipe: tuple[int, int]) -> int:
    os.close(pipe[0])
    return pipe[1]


def closed(pipe: tuple[int, int]) -> int:
    os.close(pipe[1])
    return pipe[1]


def full(_: tuple[int, int]) -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("spoil", [reader_gone, closed, full])
def test_a_file_that_takes_nothing_fails_nobody(
    pipe: tuple[int, int], spoil: Callable[[tuple[int, int]], int]
) -> None:
    lines = Lines(spoil(pipe), silent)
    for _ in range(3):
        lines.write(LINE)
    lines.drain(PATIENCE_S)
    assert lines.dropped == 3


def test_a_file_that_would_block_is_waited_for(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    lines = Lines(pipe[1], silent)
    for _ in range(2000):
        lines.write(LINE)
    assert read_lines(pipe[0], 2000) == [LINE] * 2000
    lines.drain(PATIENCE_S)


def test_stderr_is_replaced_for_as_long_as_the_block_lasts(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.stderr
    with unblocked(silent) as dropped:
        assert sys.stderr is not before
        assert not sys.stderr.isatty()
        assert sys.stderr.fileno() == before.fileno()
        sys.stderr.write("ein Wort: süß\n")
        assert dropped() == 0
    assert sys.stderr is before
    assert capfd.readouterr().err == "ein Wort: süß\n"


def test_a_stderr_that_is_no_file_stays(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stderr
    with unblocked(silent) as dropped:
        assert sys.stderr is before
        assert dropped() == 0
    assert capsys.readouterr().err == ""

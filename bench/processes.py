"""Runs what is measured as processes of their own, so that nobody's clock counts another's work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent


class Ran(Struct, frozen=True):
    """A process that ended: how long it took, on the clock and on the cores, and what it said."""

    wall_s: float
    cpu_s: float
    said: str


@contextmanager
def server(*, fleet: Path | None = None, latency_ms: float = 0.0) -> Iterator[str]:
    """The stand-in's address, for as long as the block lasts."""
    arguments = ["-m", "bench.server", "--latency-ms", str(latency_ms)]
    if fleet:
        arguments += ["--fleet", str(fleet)]
    with subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def run(*arguments: str, codes: Sequence[int] = (0,)) -> Ran:
    """One Python process from start to end; RuntimeError unless it leaves with one of these codes."""
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    wall_s, after = time.perf_counter() - started, os.times()
    if done.returncode not in codes:
        raise RuntimeError(f"{' '.join(arguments[:4])} left with {done.returncode}: {done.stderr[-500:]}")
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Ran(wall_s, cpu_s, done.stdout)


def share_of_a_core(wall_s: float, cpu_s: float) -> str:
    """How much of the time something that waits for nothing was let run, in words."""
    return f"it needs {cpu_s:.2f} s of one core, and had one {100 * min(1.0, cpu_s / wall_s):.0f} % of the time"


def busy_percent(seconds: float = 1.0) -> float:
    """How much of the cores others are using, before anything is measured."""
    one = _ticks()
    time.sleep(seconds)
    other = _ticks()
    total, idle = other[0] - one[0], other[1] - one[1]
    return 100 * (1 - idle / total) if total else 0.0


def _ticks() -> tuple[int, int]:
    try:
        numbers = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    except OSError:  # only Linux tells
        return 0, 0
    return sum(numbers), numbers[3] + numbers[4]

"""Shows on a terminal that reading or writing goes on, and disappears when it is done."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.cli.logs import watch as logged
from reconciler.model.event import ChangeDone, Event, RequestDone, Retrying, Watch
from reconciler.render.words import count


@contextmanager
def progress(doing: str = "reading") -> Iterator[Watch]:
    """A watch that logs, and draws a bar where stderr is a terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield logged
        return
    from rich.console import Console  # noqa: PLC0415 slow, and useless in a pipe
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(doing, total=None)
        tally = Tally(doing)

        def watch(event: Event) -> None:
            logged(event)
            tally.count(event)
            elapsed_s = bar.tasks[0].elapsed or 0.0
            bar.update(task, description=tally.words(elapsed_s), total=tally.known or None, completed=tally.read)

        yield watch


class Tally:
    """What is known so far, for the line beside the bar."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._organizations = self._requests = self._retries = self._written = 0
        self.read = self.known = 0

    def count(self, event: Event) -> None:
        """Takes an event in."""
        if isinstance(event, RequestDone):
            self._requests += 1
        elif isinstance(event, Retrying):
            self._retries += 1
        elif isinstance(event, ChangeDone):
            self._written += 1
        else:
            self._organizations = event.organizations
            self.read, self.known = event.collections_read, event.collections_known

    def words(self, elapsed_s: float) -> str:
        """`reading  1,200 organizations  310/s  2 retries`."""
        parts = [
            self._doing,
            count(self._organizations, "organization") if self._organizations else "",
            f"{self._written:,} done" if self._written else "",
            f"{self._requests / elapsed_s:,.0f}/s" if elapsed_s > 1 else "",
            f"{self._retries:,} {'retry' if self._retries == 1 else 'retries'}" if self._retries else "",
        ]
        return "  ".join(part for part in parts if part)

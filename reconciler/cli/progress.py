"""Shows a progress bar on a terminal while a pass reads or writes, and removes it afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

from reconciler.cli.logs import watch as logged
from reconciler.model.event import ChangeDone, Event, Listed, RequestDone, Retrying, Watch
from reconciler.render.words import count


class Progress:
    """A watch that logs, and draws a bar between `begin` and `end` where stderr is a terminal."""

    def __init__(self) -> None:
        self._shown = ExitStack()
        self._bar: Callable[[Event], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def watch(self, event: Event) -> None:
        """Logs the event, and draws it if there is a bar."""
        logged(event)
        if self._bar:
            self._bar(event)

    def begin(self, doing: str) -> None:
        """Shows a new bar."""
        self.end()
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._bar = self._shown.enter_context(_bar(doing))

    def end(self) -> None:
        """Removes the bar: what is printed next takes its place."""
        self._bar = None
        self._shown.close()


@contextmanager
def _bar(doing: str) -> Iterator[Watch]:
    from rich.console import Console  # noqa: PLC0415 slow, and useless in a pipe
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(doing, total=None)
        tally = Tally(doing)

        def draw(event: Event) -> None:
            tally.count(event)
            elapsed_s = bar.tasks[0].elapsed or 0.0
            bar.update(task, description=tally.words(elapsed_s), total=tally.known or None, completed=tally.read)

        yield draw


class Tally:
    """What is known so far, for the line beside the bar."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._organizations = self._requests = self._retries = self._written = 0
        self.read = self.known = 0

    def count(self, event: Event) -> None:
        """Logs the event, and draws it if there is a bar."""
        if isinstance(event, RequestDone):
            self._requests += 1
        elif isinstance(event, Retrying):
            self._retries += 1
        elif isinstance(event, ChangeDone):
            self._written += 1
        elif isinstance(event, Listed):
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

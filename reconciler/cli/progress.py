"""Shows on a terminal that reading goes on, and disappears when it is done."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.logs import watch as logged
from reconciler.model.event import Event, Listed, RequestDone, Retrying, Watch


@contextmanager
def progress() -> Iterator[Watch]:
    """A watch that logs, and draws a bar where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield logged
        return
    from rich.console import Console  # noqa: PLC0415 slow, and useless in a pipe
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None, rate="")
        seen = {"requests": 0, "retries": 0}

        def watch(event: Event) -> None:
            logged(event)
            if isinstance(event, RequestDone):
                seen["requests"] += 1
            elif isinstance(event, Retrying):
                seen["retries"] += 1
            elif isinstance(event, Listed):
                elapsed = bar.tasks[0].elapsed or 0.0
                rate = f"{seen['requests'] / elapsed:.0f}/s" if elapsed > 1 else ""
                retries = f", {seen['retries']} retries" if seen["retries"] else ""
                bar.update(
                    task,
                    description=f"{event.organizations:,} organizations",
                    total=event.collections_known or None,
                    completed=event.collections_read,
                    rate=rate + retries,
                )

        yield watch

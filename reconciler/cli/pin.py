"""pin: the `id:` lines that the manifests miss."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.config import Flags, one_environment
from reconciler.cli.output import advising, at_once, print_instead, print_result
from reconciler.cli.progress import Progress
from reconciler.core.applying.verdict import judge
from reconciler.model.manifest import Validation
from reconciler.model.pinning import Pinned, Pinning
from reconciler.render.formats import CustomerFormat


@click.command()
@options.folder
@options.flag("--write", is_flag=True, help="Insert them, and touch nothing else.")
@options.connection
@options.observed
@options.selection
@options.logs
@options.customer_output
def pin(output: CustomerFormat, write: bool, **flags: Any) -> int:
    """Show which `id:` lines are missing in DIR; with --write, insert them. Reads the API only."""
    from reconciler.cli.logs import configure  # noqa: PLC0415
    from reconciler.engine import pin as pins  # noqa: PLC0415 the parsers and the network, not needed for --help
    from reconciler.engine.load import load  # noqa: PLC0415
    from reconciler.engine.reconcile import Hooks, reconcile  # noqa: PLC0415
    from reconciler.engine.runtime import Runtime  # noqa: PLC0415

    configure(flags.pop("log_format"), flags.pop("log_level"))
    environment = one_environment(Flags(**flags))
    known = pins.versions(environment.manifests)
    with Progress() as progress, advising(environment.api):
        hooks = Hooks(watch=progress.watch, loaded=lambda _: progress.begin("reading"))
        finished = asyncio.run(reconcile(environment, at_once(load), Runtime(), hooks, asyncio.Event()))
    loaded, report = finished.loaded, finished.report
    if report is None or loaded.desired is None:
        validation = Validation(loaded.problems, loaded.files, loaded.manifests)
        print_instead(output, lambda form, look: form.validation(validation, look), loaded.folder)
        return judge(finished).exit_code
    missing = pins.missing(report, loaded.desired)
    done = (
        pins.write(environment.manifests, loaded.desired, missing, known)
        if write
        else tuple(Pinned(each) for each in missing)
    )
    pinning = Pinning(report.plan.environment, done, len(report.plan.blocked))
    print_result(output, lambda form, look: form.pinning(pinning, look), environment.manifests)
    return 4 if pinning.blocked or any(each.why for each in done) else 0

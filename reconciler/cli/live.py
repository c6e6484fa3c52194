"""list and observe: what is live, as a table or as a file."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options
from reconciler.cli.config import one_environment
from reconciler.cli.output import advising, note, print_result
from reconciler.cli.progress import Progress
from reconciler.cli.reading import opened
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Desired, Unreadable
from reconciler.render.formats import CustomerFormat
from reconciler.render.words import count

if TYPE_CHECKING:
    from reconciler.model.state import Observed


def read(environment: EnvironmentSettings, desired: Desired | None) -> Observed:
    """All organizations with all their collections, with a progress bar on a terminal."""
    from reconciler.engine.runtime import Runtime  # noqa: PLC0415 the network, not needed for --help
    from reconciler.engine.survey import survey  # noqa: PLC0415

    with Progress() as progress, advising(environment.api):
        progress.begin("reading")
        return asyncio.run(survey(environment, desired, Runtime(), progress.watch))


@click.command("list")
@options.folder
@options.connection
@options.observed
@options.logs
@options.customer_output
def list_(output: CustomerFormat, **flags: Any) -> int:
    """List every live organization, and with DIR which manifest claims it."""
    from reconciler.core.adopting.inventory import inventory  # noqa: PLC0415 cryptography

    environment, desired = opened(one_environment, flags)
    found = inventory(read(environment, desired), desired)
    print_result(output, lambda form, look: form.inventory(found, look))
    return 0


@click.command()
@options.folder
@click.option(
    "--out", envvar="RECONCILER_OUT", metavar="FILE", required=True, help="The file to write or replace."
)
@options.connection
@options.logs
def observe(out: str, **flags: Any) -> int:
    """Write everything live to a file without secrets, for --observed. DIR names the environment to expect."""
    from reconciler.core.adopting.observation import Observation, encode  # noqa: PLC0415
    from reconciler.render.json import dumps  # noqa: PLC0415
    from reconciler.source.files import replace  # noqa: PLC0415

    environment, desired = opened(one_environment, flags)
    started_at = time.time()
    observed = read(environment, desired)
    replace(Path(out), dumps(encode(Observation(observed, started_at))))
    unread = sum(
        isinstance(each, Unreadable) for live in observed.organizations for each in live.collections.values()
    )
    note(f"{out} has {count(len(observed.organizations), 'organization')}")
    if unread:
        note(f"{count(unread, 'collection')} could not be read, and the file says so: run it again")
    return 4 if unread else 0

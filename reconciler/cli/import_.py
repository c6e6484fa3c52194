"""import: manifests for what is live."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.config import Flags, one_environment, pair
from reconciler.cli.output import advising, print_result
from reconciler.cli.progress import Progress
from reconciler.model.errors import UsageError
from reconciler.model.importing import Imported, Verdict
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Ownership
from reconciler.render.formats import CustomerFormat

MAX_LABEL = 255  # as the schema has it


@click.command("import")
@options.folder
@options.flag("--dry-run", is_flag=True, help="Write nothing: say how many, and what is odd.")
@options.flag("--batch", type=click.IntRange(1), metavar="N", help="At most so many organizations.")
@options.flag(
    "--target",
    metavar="NAME",
    multiple=True,
    help="Only this organization: an id, an external id, a display name or a domain; repeatable.",
)
@options.flag("--own-idp", is_flag=True, help="Also state the identity providers, with certificates as files.")
@options.flag(
    "--ownership",
    type=click.Choice([Ownership.OBSERVE.value, Ownership.FULL.value]),
    help="What the manifests let apply write: nothing, or everything.",
)
@options.flag("--label", metavar="KEY=VALUE", multiple=True, help="A label for each manifest; repeatable.")
@options.flag("--normalise", is_flag=True, help="State the sound value where the live one cannot stand.")
@options.connection
@options.observed
@options.logs
@options.customer_output
def import_(output: CustomerFormat, **flags: Any) -> int:
    """Write manifests into DIR for what is live and in none. Overwrites nothing, and reads the API only."""
    from reconciler.cli.logs import configure  # noqa: PLC0415
    from reconciler.core.adopting.importing import Wish  # noqa: PLC0415 the parsers, not needed for --help

    configure(flags.pop("log_format"), flags.pop("log_level"))
    chosen = {name: flags.pop(name) for name in ("batch", "own_idp", "normalise", "dry_run")}
    ownership, labels, targets = flags.pop("ownership"), flags.pop("label"), flags.pop("target")
    environment = one_environment(Flags(**flags))
    wish = Wish(
        environment=_name(environment),
        ownership=Ownership(ownership) if ownership else None,
        labels=dict(map(_label, labels)),
        **chosen,
    )
    imported = asyncio.run(_run(environment, wish, targets))
    print_result(output, lambda form, look: form.imported(imported, look), environment.manifests)
    if imported.verdict is Verdict.OTHER:
        return 1
    return 4 if imported.skipped or any(each.why for each in imported.adopted) else 0


def _label(text: str) -> tuple[str, str]:
    from reconciler.core.adopting.writing import unfit  # noqa: PLC0415

    label = pair(text, "label")
    why = next(filter(None, (unfit(each, MAX_LABEL) for each in label)), "")
    if why:
        raise UsageError(f"{text!r} cannot be a label: {why}", "Write it like tier=enterprise.")
    return label


async def _run(environment: EnvironmentSettings, wish: Any, targets: tuple[str, ...]) -> Imported:
    from reconciler.engine.import_ import import_ as make  # noqa: PLC0415 the network, not needed for --help
    from reconciler.engine.runtime import Runtime  # noqa: PLC0415

    with Progress() as progress, advising(environment.api):
        progress.begin("reading")
        return await make(environment, wish, targets, Runtime(), progress.watch)


def _name(environment: EnvironmentSettings) -> str:
    """What an Environment that is not there yet is called: as asked for, else like its folder."""
    from reconciler.core.adopting.handles import slug  # noqa: PLC0415

    return environment.name or slug(Path(environment.manifests).resolve().name) or "production"

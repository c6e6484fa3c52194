"""init: a repository to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.output import result
from reconciler.core.values.redaction import escaped
from reconciler.model.errors import UsageError
from reconciler.source import workflows
from reconciler.source.workflows import PLATFORMS


@click.command()
@options.folder
@options.flag("--ci", type=click.Choice(PLATFORMS), help="Whose checks to add.")
def init(folder: str | None, ci: str | None) -> int:
    """Make the files of a new repository in DIR, the working directory by default. Overwrites nothing."""
    from reconciler.core.adopting import starter  # noqa: PLC0415 the parsers, not needed for --help
    from reconciler.core.adopting.importing import SCHEMAS  # noqa: PLC0415
    from reconciler.model.importing import File  # noqa: PLC0415
    from reconciler.source import files, schemas  # noqa: PLC0415

    root = Path(folder or ".")
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is not a folder", "Name the folder of a repository.")
    made = [
        *starter.starter(workflows.of(ci) if ci else {}),
        *(
            File(f"{starter.ENVIRONMENT}/{SCHEMAS}/{kind}.schema.json", schemas.text(kind))
            for kind in schemas.MANIFEST_KINDS.values()
        ),
    ]
    for file in made:
        done = files.create(root / file.path, file.text.encode())
        result(f"{'+' if done else '='} {escaped(str(root / file.path))}{'' if done else '  is there already'}\n")
    manifests = escaped(str(root / starter.ENVIRONMENT))
    if ci:
        result(
            "\nPut your commit of the reconciler into the checks, and make the environment that holds the key.\n"
        )
    result(f"\nNext: `reconciler list {manifests}`, then `reconciler import {manifests}`.\n")
    return 0

"""The commands that need no network: validate, schema, completion."""

from __future__ import annotations

import time

import click

from reconciler.cli import options
from reconciler.cli.config import Flags, one_environment
from reconciler.cli.output import result, style
from reconciler.model.manifest import Severity
from reconciler.render import json, text


@click.command()
@options.folder
@click.option("--config", envvar="RECONCILER_CONFIG", metavar="FILE", help="reconciler.toml.")
@click.option(
    "--environment", envvar="RECONCILER_ENVIRONMENT", metavar="NAME", help="Which environment of the file."
)
@options.allow_empty
@options.output
def validate(
    folder: str | None, config: str | None, environment: str | None, allow_empty: bool, output: str
) -> int:
    """Every problem in the manifests of DIR, each with its place."""
    from reconciler.engine.load import load  # noqa: PLC0415 the parsers, not needed for --help

    if folder is None:
        folder = one_environment(Flags(config=config, environment=environment)).manifests
    loaded = load(folder, now=time.time(), allow_empty=allow_empty)
    if output == "json":
        result(json.dumps(json.validation(loaded.problems, loaded.files, loaded.manifests)))
    else:
        result(text.validation(loaded.problems, loaded.files, loaded.manifests, style(folder)))
    return 8 if any(problem.severity is Severity.ERROR for problem in loaded.problems) else 0


@click.command()
@click.argument("kind", default="organization")
def schema(kind: str) -> int:
    """Prints the JSON Schema of KIND: organization, environment, plan, report, validation or error."""
    from reconciler.source import schemas  # noqa: PLC0415

    try:
        result(schemas.text(kind.lower()))
    except KeyError:
        raise click.UsageError(f"no schema is called {kind!r}: there are {', '.join(schemas.PUBLISHED)}") from None
    return 0


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Prints the script that completes commands: `eval "$(reconciler completion bash)"`."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    result(found(ctx.find_root().command, {}, "reconciler", "_RECONCILER_COMPLETE").source() + "\n")
    return 0

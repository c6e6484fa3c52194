"""The commands that need no network: validate, schema, completion."""

from __future__ import annotations

import time

import click

from reconciler.cli import options
from reconciler.cli.config import Flags, one_folder
from reconciler.cli.output import print_result, result
from reconciler.core.applying.verdict import judge
from reconciler.model.errors import UsageError
from reconciler.model.manifest import Validation
from reconciler.model.outcome import Pass
from reconciler.render.formats import Format


@click.command()
@options.folder
@options.config
@options.environment
@options.allow_empty
@options.output
def validate(
    folder: str | None, config: str | None, environment: str | None, allow_empty: bool, output: Format
) -> int:
    """List every problem in the manifests of DIR, each with its place."""
    from reconciler.engine.load import load  # noqa: PLC0415 the parsers, not needed for --help
    from reconciler.engine.selection import check_name  # noqa: PLC0415

    chosen = one_folder(Flags(folder=folder, config=config, environment=environment))
    loaded = load(chosen.folder, now=time.time(), allow_empty=allow_empty, rules=chosen.section.domains)
    if loaded.desired is not None:
        check_name(chosen.name, chosen.folder, loaded.desired)
    validation = Validation(loaded.problems, loaded.files, loaded.manifests)
    print_result(output, lambda form, look: form.validation(validation, look), chosen.folder)
    return judge(Pass(loaded)).exit_code


@click.command()
@click.argument("kind", default="organization")
def schema(kind: str) -> int:
    """Print the JSON Schema of KIND.

    Of a manifest (organization, environment), or of what `--output json` prints (plan, report, validation,
    inventory, observed, pins, customer, setuplink, bearertoken, error).
    """
    from reconciler.source import schemas  # noqa: PLC0415

    try:
        result(schemas.text(kind.lower()))
    except KeyError:
        raise UsageError(f"no schema is called {kind!r}", f"There are {', '.join(schemas.PUBLISHED)}.") from None
    return 0


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print the script that completes commands: `eval "$(reconciler completion bash)"`."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    found = get_completion_class(shell)
    if found is None:
        raise UsageError(f"no completion for {shell}")
    result(found(ctx.find_root().command, {}, "reconciler", "_RECONCILER_COMPLETE").source() + "\n")
    return 0

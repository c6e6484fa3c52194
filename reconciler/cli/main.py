"""The console entry: every way a command can end becomes an exit code and a sentence, never a traceback."""

from __future__ import annotations

import difflib
import importlib
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import NoReturn

import click

from reconciler import __version__
from reconciler.cli.output import begin, failed, leave, show_traceback
from reconciler.cli.signals import stays_up
from reconciler.model.errors import Interrupted, ReconcilerError, UsageError, internal
from reconciler.render.formats import FORMATS, TEXT, Format

# Where each command lives; it is loaded when it is called.
COMMANDS = {
    "validate": "reconciler.cli.check",
    "schema": "reconciler.cli.check",
    "plan": "reconciler.cli.passes",
    "apply": "reconciler.cli.passes",
    "run": "reconciler.cli.serve",
    "emulator": "reconciler.cli.serve",
    "list": "reconciler.cli.live",
    "observe": "reconciler.cli.live",
    "import": "reconciler.cli.import_",
    "pin": "reconciler.cli.pin",
    "show": "reconciler.cli.onboard",
    "setup-link": "reconciler.cli.onboard",
    "rotate-token": "reconciler.cli.onboard",
    "init": "reconciler.cli.init",
    "completion": "reconciler.cli.check",
}
HELP = {
    "validate": "List every problem in the manifests; needs no network.",
    "plan": "Show what apply would do; reads only.",
    "apply": "Apply the plan.",
    "run": "Keep environments as their manifests say: the daemon.",
    "list": "List the live organizations and the manifests that claim them.",
    "observe": "Write everything live to a file, to work without the API.",
    "import": "Write manifests for what is live and in none.",
    "pin": "Show or insert the missing `id:` lines.",
    "show": "Show one live organization: what its administrator needs.",
    "setup-link": "Make a self-serve link for a customer's administrator.",
    "rotate-token": "Make and deliver a new SCIM bearer token.",
    "schema": "Print a JSON Schema.",
    "emulator": "Serve a stand-in for the Management API on loopback.",
    "init": "Make the files of a new repository.",
    "completion": "Print the script that completes commands in a shell.",
}


class Commands(click.Group):
    """Loads a command's module only when that command runs: `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """In the order of a first day's work."""
        return list(HELP)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, loaded."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name])
        name = cmd_name.replace("-", "_")
        own = name if hasattr(module, name) else f"{name}_"  # `list_`, `import_`: Python has these words itself
        command: click.Command = getattr(module, own)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names; for one that does not exist, the nearest."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else "`reconciler --help` lists them."
            raise UsageError(f"there is no command {name!r}", hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, HELP[name]) for name in self.list_commands(ctx)])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reconciler")
def cli() -> None:
    """Keeps an SSOReady environment equal to the manifests in a git repository."""


def main(arguments: list[str]) -> NoReturn:
    """Runs a command and leaves with its exit code."""
    _quiet()
    leave(run(arguments))


def _quiet() -> None:
    """What Python itself would say with a traceback (of a lost task, at shutdown) is not for a user's eyes."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 for good
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 for good
    logging.getLogger().addHandler(logging.NullHandler())
    sys.unraisablehook = lambda _: None
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def run(arguments: list[str]) -> int:
    """The exit code of a command line."""
    form, files = _outputs(arguments)
    begin(files)
    try:
        code = cli.main(arguments or ["--help"], prog_name="reconciler", standalone_mode=False)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        return failed(_usage(error), form)
    except (KeyboardInterrupt, click.Abort):
        if stays_up(arguments):
            return 0
        return failed(Interrupted("interrupted", "Nothing was left half done: run it again."), form)
    except ReconcilerError as error:
        return failed(error, form)
    except SystemExit as ended:  # click, after a completion, or when the reader of a help text left
        return ended.code if isinstance(ended.code, int) else 0
    except Exception as error:  # noqa: BLE001 a user gets a sentence, not a traceback
        show_traceback(error)
        return failed(internal(error), form)
    return code if isinstance(code, int) else 0


def _usage(error: click.ClickException) -> UsageError:
    """A mistake in the command line, in click's words, which name the nearest flag."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return UsageError(error.format_message(), f"See `{context.command_path if context else 'reconciler'} --help`.")


def _outputs(arguments: list[str]) -> tuple[Format, list[tuple[Format, str]]]:
    """The asked format and the files to write in others, also where the command line cannot be parsed."""
    asked = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if before == "--output":
            asked.append(argument)
        elif argument.startswith("--output="):
            asked.append(argument.partition("=")[2])
    asked = asked or os.environ.get("RECONCILER_OUTPUT", "").split()
    chosen = [
        (FORMATS[name], file) for name, _, file in (each.partition("=") for each in asked) if name in FORMATS
    ]
    shown = [form for form, file in chosen if not file]
    return shown[-1] if shown else TEXT, [(form, file) for form, file in chosen if file]

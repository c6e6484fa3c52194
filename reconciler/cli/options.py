"""The flags that several commands share, each with its environment variable."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from reconciler.render.formats import CUSTOMER_FORMATS, FORMATS, TEXT, Format

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.FloatRange):
    """A finite number from `min`: every comparison with nan is false, so a range would let it through."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; click's error if it is none."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def _places(sort: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Lets a shell complete names of files or folders."""
    return lambda _ctx, _param, incomplete: [CompletionItem(incomplete, type=sort)]


_FILES = _places("file")
_FOLDERS = _places("dir")


def flag(name: str, *parameter: str, **more: Any) -> Callable[[F], F]:
    """A flag with its variable: RECONCILER_ and its name; `parameter` is what a command calls it."""
    variable = "RECONCILER_" + name.removeprefix("--").upper().replace("-", "_")
    return click.option(name, *parameter, envvar=variable, **more)


class _Output(click.Choice[Format]):
    """A row of the table of formats, alone or as `sarif=FILE`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The row, and the name of a file, "" for stdout; click's error if it is neither."""
        if isinstance(value, tuple):  # click converts twice where it comes from a default
            return value
        name, equals, file = str(value).partition("=")
        if equals and not file:
            self.fail(f"{value!r} names no file.", param, ctx)
        return super().convert(name, param, ctx), file


def _on_stdout(ctx: click.Context, param: click.Parameter, chosen: tuple[tuple[Format, str], ...]) -> Format:
    """The one format of stdout: text if none is named. The files are written by output.py."""
    shown = [form for form, file in chosen if not file]
    if len(shown) > 1:
        message = f"{shown[0]} and {shown[1]} cannot both go to stdout: name a file, like {shown[1]}=FILE"
        raise click.BadParameter(message, ctx, param)
    return shown[0] if shown else TEXT


output = flag(
    "--output",
    type=_Output(list(FORMATS.values())),
    multiple=True,
    callback=_on_stdout,
    help="Format of the result; repeatable as FORMAT=FILE, which writes it to a file.",
)
customer_output = flag(
    "--output",
    type=click.Choice(list(CUSTOMER_FORMATS.values())),
    default=TEXT.name,
    help="Format of the result.",
)
allow_empty = flag("--allow-empty", is_flag=True, help="Accept a folder without organizations.")
folder = click.argument("folder", metavar="[DIR]", required=False, shell_complete=_FOLDERS)
folder_flag = click.option(
    "--dir",
    "folder",
    envvar="RECONCILER_DIR",
    metavar="DIR",
    shell_complete=_FOLDERS,
    help="Folder of manifests in which to look NAME up.",
)
config = flag(
    "--config",
    metavar="FILE",
    shell_complete=_FILES,
    help="Configuration file; none is read by default.",
)
environment = flag("--environment", metavar="NAME", help="Name of the environment.")

_CONNECTION = (
    config,
    environment,
    # their variables are read by credentials.py, which must know where each came from
    click.option("--api-url", metavar="URL", help="Address of the Management API. Variable: SSOREADY_API_URL."),
    click.option(
        "--api-key-file",
        metavar="FILE",
        shell_complete=_FILES,
        help="File that holds the API key. Variables: SSOREADY_API_KEY, SSOREADY_API_KEY_FILE.",
    ),
    flag("--ca-file", metavar="FILE", shell_complete=_FILES, help="CA certificate file for a self-hosted server."),
    flag("--proxy", metavar="URL", help="HTTP proxy; HTTPS_PROXY and the like are ignored."),
    flag(
        "--concurrency",
        type=click.IntRange(1, 64),
        metavar="1-64",
        default=24,
        show_default=True,
        help="Largest number of parallel requests.",
    ),
    flag("--max-requests-per-second", type=Number(0.1), metavar="NUMBER", help="Limit of requests per second."),
    flag(
        "--deliver",
        metavar="FOLDER",
        shell_complete=_FOLDERS,
        help="Where issued tokens and setup links are written (mode 0600).",
    ),
    flag("--settle-s", type=Number(0, 3600), default=5.0, hidden=True),
)
_SELECTION = (
    flag("--target", metavar="NAME", multiple=True, help="Only this organization; repeatable."),
    flag("--selector", metavar="KEY=VALUE", multiple=True, help="Only organizations with this label; repeatable."),
)
_LOGS = (
    flag(
        "--log-format", type=click.Choice(["json", "console"]), help="Default: console on a terminal, else json."
    ),
    flag(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        help="Least severe messages to log. Default: error on a terminal, else warning.",
    ),
)
observed = flag(
    "--observed",
    metavar="FILE",
    shell_complete=_FILES,
    help="A file of `reconciler observe` to read instead of the API.",
)
max_age = flag("--max-age", metavar="10m", help="Refuse an --observed file that is older.")
out = flag("--out", metavar="FILE", shell_complete=_FILES, help="Save the plan for `apply --plan FILE`.")
saved_plan = flag(
    "--plan",
    "saved",
    metavar="FILE",
    shell_complete=_FILES,
    help="Apply this plan that `plan --out` saved; DIR must then be what it was made from.",
)
changed_since = flag(
    "--changed-since",
    metavar="REV",
    help="Plan only what changed since this checkout parted from REV; `auto`: from what the CI's variables name.",
)
approve = flag("--approve", metavar="DIGEST", help="Lift the guards for the plan with this digest.")
yes = flag("--yes", is_flag=True, help="Do not ask for confirmation.")


def _all(flags: tuple[Callable[[Any], Any], ...]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for flag in reversed(flags):
            function = flag(function)
        return function

    return decorate


connection = _all(_CONNECTION)
selection = _all(_SELECTION)
logs = _all(_LOGS)

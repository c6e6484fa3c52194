"""The flags that several commands share, each with its environment variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _flag(name: str, **more: Any) -> Callable[[F], F]:
    variable = "RECONCILER_" + name.removeprefix("--").upper().replace("-", "_")
    return click.option(name, envvar=variable, **more)


output = _flag("--output", type=click.Choice(["text", "json"]), default="text", help="For people or for machines.")
allow_empty = _flag("--allow-empty", is_flag=True, help="A folder without organizations is no error.")
folder = click.argument("folder", metavar="[DIR]", required=False)

_CONNECTION = (
    _flag("--config", metavar="FILE", help="reconciler.toml, read only where it is named."),
    _flag("--environment", metavar="NAME", help="Which environment of the configuration file."),
    _flag("--api-url", metavar="URL", help="Address of the Management API."),
    _flag("--api-key-file", metavar="FILE", help="File that holds the API key."),
    _flag("--ca-file", metavar="FILE", help="Certificate authority of a server of your own."),
    _flag("--proxy", metavar="URL", help="HTTP proxy; the environment's is not used unasked."),
    _flag("--concurrency", type=click.IntRange(1, 64), default=24, show_default=True, help="Requests at once."),
    _flag("--max-requests-per-second", type=click.FloatRange(0.1), help="An upper bound."),
    _flag("--deliver", metavar="FOLDER", help="Where issued tokens and setup links are written (mode 0600)."),
    click.option("--settle-s", envvar="RECONCILER_SETTLE_S", type=click.FloatRange(0), default=5.0, hidden=True),
)
_SELECTION = (
    _flag("--target", metavar="NAME", multiple=True, help="Only this organization; repeatable."),
    _flag(
        "--selector", metavar="KEY=VALUE", multiple=True, help="Only organizations with this label; repeatable."
    ),
)
_LOGS = (
    _flag(
        "--log-format", type=click.Choice(["json", "console"]), help="Default: console on a terminal, else json."
    ),
    _flag("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="warning"),
)


def _all(flags: tuple[Callable[[Any], Any], ...]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for flag in reversed(flags):
            function = flag(function)
        return function

    return decorate


connection = _all(_CONNECTION)
selection = _all(_SELECTION)
logs = _all(_LOGS)

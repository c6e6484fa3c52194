"""plan and apply: one pass, shown to a person or a machine."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.config import Flags, is_terminal, one_environment
from reconciler.cli.output import exit_code, note, result, style
from reconciler.model.change import Plan
from reconciler.model.errors import UsageError
from reconciler.model.manifest import Problem
from reconciler.model.outcome import GOOD, Report
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Desired
from reconciler.render import json, text


@click.command()
@options.folder
@options.connection
@options.selection
@options.allow_empty
@click.option(
    "--approve", envvar="RECONCILER_APPROVE", metavar="DIGEST", help="Lift the guards for this plan alone."
)
@click.option(
    "--detailed-exitcode", envvar="RECONCILER_DETAILED_EXITCODE", is_flag=True, help="2 if it has changes."
)
@options.logs
@options.output
def plan(**flags: Any) -> int:
    """What apply would do to make the live environment equal to DIR. Reads only."""
    output, detailed = flags.pop("output"), flags.pop("detailed_exitcode")
    environment, desired = _loaded(flags, output)
    if desired is None:
        return 8
    made = asyncio.run(_plan(environment, desired))
    _show_plan(made, environment, output)
    return _code_of_plan(made, detailed=detailed)


@click.command()
@options.folder
@options.connection
@options.selection
@options.allow_empty
@click.option(
    "--approve", envvar="RECONCILER_APPROVE", metavar="DIGEST", help="Lift the guards for this plan alone."
)
@click.option("--yes", envvar="RECONCILER_YES", is_flag=True, help="Do not ask.")
@options.logs
@options.output
def apply(**flags: Any) -> int:
    """Makes the live environment equal to DIR. Asks first on a terminal."""
    output, yes = flags.pop("output"), flags.pop("yes")
    if not yes and not is_terminal():
        raise UsageError("nobody can be asked here", "Add --yes to apply without a question.")
    environment, desired = _loaded(flags, output)
    if desired is None:
        return 8
    return asyncio.run(_apply(environment, desired, output, yes=yes))


def _loaded(flags: dict[str, Any], output: str) -> tuple[EnvironmentSettings, Desired | None]:
    """The settings and the desired state; None after its problems were shown."""
    from reconciler.engine.load import load  # noqa: PLC0415 the parsers, not needed for --help
    from reconciler.logs import configure  # noqa: PLC0415

    configure(flags.pop("log_format"), flags.pop("log_level"))
    environment = one_environment(Flags(**flags))
    loaded = load(environment.manifests, now=time.time(), allow_empty=environment.allow_empty)
    if loaded.desired is None:
        _show_problems(loaded.problems, loaded.files, loaded.manifests, environment, output)
        return environment, None
    _check_selection(environment, loaded.desired)
    return environment, loaded.desired


def _show_problems(
    problems: tuple[Problem, ...], files: int, manifests: int, environment: EnvironmentSettings, output: str
) -> None:
    if output == "json":
        result(json.dumps(json.validation(problems, files, manifests)))
    else:
        note(text.validation(problems, files, manifests, style(environment.manifests)).rstrip("\n"))


def _check_selection(environment: EnvironmentSettings, desired: Desired) -> None:
    """An unknown target, a selector that matches nothing, or another environment's folder is a mistake."""
    if environment.name and desired.environment.name != environment.name:
        raise UsageError(
            f"{environment.manifests} is the environment {desired.environment.name!r}, not {environment.name!r}",
            "The section's name is the Environment's metadata.name.",
        )
    names = {wanted.name for wanted in desired.organizations}
    unknown = sorted(environment.selection.targets - names)
    if unknown:
        raise UsageError(f"no organization is called {unknown[0]!r} in {environment.manifests}")
    pairs = environment.selection.selector
    if pairs and not any(all(w.labels.get(k) == v for k, v in pairs) for w in desired.organizations):
        raise UsageError("no organization has these labels: " + " ".join(f"{k}={v}" for k, v in pairs))


async def _plan(environment: EnvironmentSettings, desired: Desired) -> Plan:
    from reconciler.cli.progress import progress  # noqa: PLC0415
    from reconciler.engine.reconcile import make_plan  # noqa: PLC0415 the network, not needed for --help

    with progress() as watch:
        return await make_plan(environment, desired, _world(), watch)


def _world() -> Any:
    from reconciler.engine.world import Memory, World  # noqa: PLC0415

    return World(time.time, random.SystemRandom(), Memory(asyncio.get_running_loop().time()))


def _show_plan(made: Plan, environment: EnvironmentSettings, output: str) -> None:
    if output == "json":
        result(json.dumps(json.plan(made)))
        return
    look = style(environment.manifests)
    result(text.plan(made, look) + text.pins(made, look))


def _code_of_plan(made: Plan, *, detailed: bool = False) -> int:
    refused = 6 if made.refusals else 0
    blocked = 4 if made.blocked else 0
    pending = 2 if detailed and made.changes else 0
    return exit_code(refused, blocked, pending)


async def _apply(environment: EnvironmentSettings, desired: Desired, output: str, *, yes: bool) -> int:
    from reconciler.cli.progress import progress  # noqa: PLC0415
    from reconciler.engine.reconcile import carry_out  # noqa: PLC0415 the network, not needed for --help

    world = _world()
    made = await _plan(environment, desired)
    if output == "text":
        _show_plan(made, environment, output)
    if made.changes and not made.refusals and not yes and not _confirmed(made):
        note("Nothing was written.")
        return 0
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with progress() as watch:
        report = await carry_out(made, environment, world, watch, stop)
    if output == "json":
        result(json.dumps(json.report(report)))
    elif made.changes and not made.refusals:
        result(text.report(report, style()))
    return _code_of_report(report)


def _confirmed(made: Plan) -> bool:
    count = len(made.changes)
    answer: str = click.prompt(
        f"Make {'this change' if count == 1 else f'these {count} changes'}? Only `yes` does",
        default="no",
        err=True,
    )
    return answer == "yes"


def _code_of_report(report: Report) -> int:
    bad = any(outcome.result not in GOOD for outcome in report.outcomes)
    return exit_code(
        report.halt.exit_code if report.halt else 0,
        6 if report.plan.refusals else 0,
        4 if bad or report.plan.blocked else 0,
    )

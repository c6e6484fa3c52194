"""plan and apply: one pass, shown to a person or a machine."""

from __future__ import annotations

import asyncio
import difflib
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options
from reconciler.cli.config import Flags, check_name, is_terminal, one_environment, writable_environment
from reconciler.cli.output import (
    advising,
    confirmed,
    exit_code,
    note,
    on_signals,
    print_instead,
    print_result,
    result,
    style,
    tell,
)
from reconciler.model.change import Plan
from reconciler.model.errors import Interrupted, UsageError
from reconciler.model.manifest import Validation
from reconciler.model.outcome import GOOD, Halt, Report
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Desired
from reconciler.render import text
from reconciler.render.formats import Format
from reconciler.render.words import count

if TYPE_CHECKING:
    from reconciler.engine.load import Loaded
    from reconciler.engine.runtime import Runtime


@click.command()
@options.folder
@options.connection
@options.selection
@options.allow_empty
@options.approve
@options.flag("--detailed-exitcode", is_flag=True, help="2 if it has changes.")
@options.logs
@options.output
def plan(**flags: Any) -> int:
    """What apply would do to make the live environment equal to DIR. Reads only."""
    output, detailed = flags.pop("output"), flags.pop("detailed_exitcode")
    environment, desired = _loaded(one_environment, flags, output)
    if desired is None:
        return 8
    made = asyncio.run(_plan(_runtime(), environment, desired))
    print_result(output, lambda form, look: form.plan(made, look), environment.manifests)
    return _code_of_plan(made, detailed=detailed)


@click.command()
@options.folder
@options.connection
@options.selection
@options.allow_empty
@options.approve
@options.yes
@options.logs
@options.output
def apply(**flags: Any) -> int:
    """Makes the live environment equal to DIR. Asks first on a terminal."""
    output, yes = flags.pop("output"), flags.pop("yes")
    if not yes and not is_terminal():
        raise UsageError("nobody can be asked here", "Add --yes to apply without a question.")
    environment, desired = _loaded(writable_environment, flags, output)
    if desired is None:
        return 8
    report = _apply(environment, desired, output, yes=yes)
    return _code_of_report(report)


def _loaded(
    choose: Callable[[Flags], EnvironmentSettings], flags: dict[str, Any], output: Format
) -> tuple[EnvironmentSettings, Desired | None]:
    """The settings and the desired state; None after its problems were shown."""
    from reconciler.cli.logs import configure  # noqa: PLC0415
    from reconciler.engine.load import load  # noqa: PLC0415 the parsers, not needed for --help

    configure(flags.pop("log_format"), flags.pop("log_level"))
    environment = choose(Flags(**flags))
    loaded = load(environment.manifests, now=time.time(), allow_empty=environment.allow_empty)
    if loaded.desired is None:
        _show_problems(loaded, environment, output)
        return environment, None
    if loaded.problems:
        note(f"{count(len(loaded.problems), 'warning')}: see `reconciler validate {environment.manifests}`")
    _check_selection(environment, loaded.desired)
    return environment, loaded.desired


def _show_problems(loaded: Loaded, environment: EnvironmentSettings, output: Format) -> None:
    validation = Validation(loaded.problems, loaded.files, loaded.manifests)
    print_instead(output, lambda form, look: form.validation(validation, look), environment.manifests)


def _check_selection(environment: EnvironmentSettings, desired: Desired) -> None:
    """An unknown target, a selector that matches nothing, or another environment's folder is a mistake."""
    check_name(environment.name, environment.manifests, desired)
    names = {wanted.name for wanted in desired.organizations}
    unknown = sorted(environment.selection.targets - names)
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(names), n=1)
        raise UsageError(
            f"no organization is called {unknown[0]!r} in {environment.manifests}",
            f"Did you mean `{near[0]}`?" if near else "--target takes a metadata.name.",
        )
    pairs = environment.selection.selector
    if pairs and not any(all(w.labels.get(k) == v for k, v in pairs) for w in desired.organizations):
        wanted = " ".join(f"{key}={value}" for key, value in pairs)
        raise UsageError(
            f"no organization in {environment.manifests} has the labels {wanted}",
            "--selector goes by metadata.labels.",
        )


async def _plan(runtime: Runtime, environment: EnvironmentSettings, desired: Desired) -> Plan:
    from reconciler.cli.progress import progress  # noqa: PLC0415
    from reconciler.engine.reconcile import make_plan  # noqa: PLC0415 the network, not needed for --help

    with progress() as watch, advising(environment.api):
        return await make_plan(environment, desired, runtime, watch)


def _runtime() -> Runtime:
    """A process's own; its memory counts on the clock of every event loop."""
    from reconciler.engine.runtime import RecentWrites, Runtime  # noqa: PLC0415

    return Runtime(time.time, random.SystemRandom(), RecentWrites(time.monotonic()))


def _code_of_plan(made: Plan, *, detailed: bool = False) -> int:
    refused = 6 if made.refusals else 0
    blocked = 4 if made.blocked else 0
    pending = 2 if detailed and made.changes else 0
    return exit_code(refused, blocked, pending)


def _apply(environment: EnvironmentSettings, desired: Desired, output: Format, *, yes: bool) -> Report:
    """Plans, shows, asks, and carries out; whatever became of it is shown before this returns.

    The question is asked outside of any event loop, where Ctrl-C ends it at once.
    """
    runtime = _runtime()
    made = asyncio.run(_plan(runtime, environment, desired))
    if not output.document:
        result(text.plan(made, style(environment.manifests)))
    elif not yes:
        tell(lambda look: text.plan(made, look), environment.manifests)
    if made.changes and not made.refusals and not yes and not _confirmed(made):
        report = Report(made, halt=NOT_CONFIRMED)
        _show_report(report, environment, output)
        return report
    return asyncio.run(
        _carry_out(made, environment, runtime, lambda report: _show_report(report, environment, output))
    )


async def _carry_out(
    made: Plan, environment: EnvironmentSettings, runtime: Runtime, show: Callable[[Report], None]
) -> Report:
    """Shows the report while signals are still caught: what was done is told, however often one asks to stop."""
    from reconciler.cli.progress import progress  # noqa: PLC0415
    from reconciler.engine.reconcile import carry_out  # noqa: PLC0415 the network, not needed for --help

    stop = _told_to_stop()
    with progress("writing") as watch:
        report = await carry_out(made, environment, runtime, watch, stop)
    show(report)
    return report


def _show_report(report: Report, environment: EnvironmentSettings, output: Format) -> None:
    from reconciler.cli.logs import summary  # noqa: PLC0415

    print_result(output, lambda form, look: form.report(report, look), environment.manifests)
    summary(report, _code_of_report(report))


NOT_CONFIRMED = Halt(Interrupted.__name__, "not confirmed, so nothing was written", Interrupted.exit_code)


def _told_to_stop() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM from now on: the writes under way finish, and no other starts."""
    stop = asyncio.Event()

    def ask() -> None:
        if not stop.is_set():
            note("stopping: what is being written is finished, nothing else is started")
        stop.set()

    on_signals(asyncio.get_running_loop(), ask)
    return stop


def _confirmed(made: Plan) -> bool:
    number = len(made.changes)
    note(f"This is {made.environment}{f' ({made.environment_id})' if made.environment_id else ', still empty'}.")
    return confirmed(f"Make {'this change' if number == 1 else f'these {number:,} changes'}?")


def _code_of_report(report: Report) -> int:
    bad = any(outcome.result not in GOOD for outcome in report.outcomes)
    return exit_code(
        report.halt.exit_code if report.halt else 0,
        6 if report.plan.refusals else 0,
        4 if bad or report.plan.blocked else 0,
    )

"""plan and apply: one pass, shown to a person or a machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click
from msgspec import structs

from reconciler.cli import options
from reconciler.cli.config import Flags, one_environment, writable_environment
from reconciler.cli.output import (
    advising,
    asking,
    at_once,
    confirmed,
    is_terminal,
    note,
    on_signals,
    print_instead,
    print_result,
    result,
    style,
    tell,
)
from reconciler.cli.progress import Progress
from reconciler.core.applying.verdict import exit_code, judge
from reconciler.model.change import Plan
from reconciler.model.errors import Interrupted, UsageError
from reconciler.model.manifest import Validation
from reconciler.model.outcome import Halt, Pass, Report
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Loaded
from reconciler.render import text
from reconciler.render.formats import Format
from reconciler.render.words import count
from reconciler.source.steady import uncommitted

if TYPE_CHECKING:
    from reconciler.engine.reconcile import Decision, Hooks

CANCELLED = Halt(Interrupted.__name__, "not confirmed, so nothing was written", Interrupted.exit_code)


@click.command()
@options.folder
@options.connection
@options.selection
@options.allow_empty
@options.approve
@options.observed
@options.max_age
@options.flag("--detailed-exitcode", is_flag=True, help="Exit with 2 if the plan has changes.")
@options.logs
@options.output
def plan(**flags: Any) -> int:
    """Show what apply would do to make the live environment equal to DIR. Reads only."""
    output, detailed = flags.pop("output"), flags.pop("detailed_exitcode")
    environment = _approved(one_environment(_flags(flags)))
    with advising(environment.api):
        return asyncio.run(_plan(environment, output, detailed=detailed))


async def _plan(environment: EnvironmentSettings, output: Format, *, detailed: bool) -> int:
    from reconciler.engine.reconcile import Hooks  # noqa: PLC0415 the network, not needed for --help

    with Progress() as progress:
        hooks = Hooks(watch=progress.watch, loaded=lambda loaded: _show_warnings(loaded, progress))
        finished = await _reconcile(environment, hooks, asyncio.Event())
    if finished.report is None:
        _show_problems(finished.loaded, output)
    else:
        made = finished.report.plan
        print_result(output, lambda form, look: form.plan(made, look), environment.manifests)
    pending = detailed and finished.report and finished.report.plan.changes
    return exit_code(judge(finished).exit_code, 2 if pending else 0)


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
    """Make the live environment equal to DIR. Asks for confirmation on a terminal."""
    output, yes = flags.pop("output"), flags.pop("yes")
    if not yes and not is_terminal():
        raise UsageError("stdin is not a terminal", "Pass --yes to apply without confirmation.")
    environment = _approved(writable_environment(_flags(flags)))
    with advising(environment.api):
        return asyncio.run(_Apply(environment, output, yes=yes).run())


def _approved(environment: EnvironmentSettings) -> EnvironmentSettings:
    """A person's approval means this plan or nothing; the daemon's only lifts the guards."""
    return structs.replace(environment, only=environment.approve)


class _Apply:
    """One apply: shows the plan, asks, and shows the report."""

    def __init__(self, environment: EnvironmentSettings, output: Format, *, yes: bool) -> None:
        self._environment = environment
        self._output = output
        self._yes = yes
        self._progress = Progress()
        self._stop = asyncio.Event()
        self._cancelled = False

    async def run(self) -> int:
        """Returns the exit code. Signals stay caught until the report is printed."""
        from reconciler.engine.reconcile import Hooks  # noqa: PLC0415 the network, not needed for --help

        with self._progress as progress:
            hooks = Hooks(
                watch=progress.watch,
                loaded=lambda loaded: _show_warnings(loaded, progress),
                planned=self._planned,
                may_apply=self._may_apply,
            )
            finished = await _reconcile(self._environment, hooks, self._stop)
        report = finished.report
        if report is None:
            _show_problems(finished.loaded, self._output)
            return judge(finished).exit_code
        if self._cancelled:
            finished = structs.replace(finished, report=(report := structs.replace(report, halt=CANCELLED)))
        return self._show(finished, report)

    def _planned(self, made: Plan) -> None:
        """As text the plan is part of the output; with another format it goes to the person who is asked."""
        self._progress.end()
        if not self._output.document:
            result(text.plan(made, style(self._environment.manifests)))
        elif not self._yes:
            tell(lambda look: text.plan(made, look), self._environment.manifests)

    async def _may_apply(self, made: Plan) -> Decision:
        from reconciler.engine.reconcile import Decision  # noqa: PLC0415 the network, not needed for --help

        if not self._yes and not _confirmed(made):
            self._cancelled = True
            return Decision.LEAVE
        on_signals(asyncio.get_running_loop(), self._ask_to_stop)
        self._progress.begin("writing")
        return Decision.APPLY

    def _ask_to_stop(self) -> None:
        """The writes under way finish, and no other starts."""
        if not self._stop.is_set():
            note("stopping: the requests under way finish, no other starts")
        self._stop.set()

    def _show(self, finished: Pass, report: Report) -> int:
        from reconciler.cli.logs import summary  # noqa: PLC0415

        code = judge(finished).exit_code
        print_result(self._output, lambda form, look: form.report(report, look), self._environment.manifests)
        summary(report, code)
        return code


def _confirmed(made: Plan) -> bool:
    where = f" ({made.environment_id})" if made.environment_id else ", still empty"
    with asking():
        note(f"This is {made.environment}{where}: {count(len(made.changes), 'change')}.")
        return confirmed("apply")


def _flags(flags: dict[str, Any]) -> Flags:
    from reconciler.cli.logs import configure  # noqa: PLC0415

    configure(flags.pop("log_format"), flags.pop("log_level"))
    return Flags(**flags)


async def _reconcile(environment: EnvironmentSettings, hooks: Hooks, stop: asyncio.Event) -> Pass:
    from reconciler.engine.load import load  # noqa: PLC0415 the parsers, not needed for --help
    from reconciler.engine.reconcile import reconcile  # noqa: PLC0415 the network
    from reconciler.engine.runtime import Runtime  # noqa: PLC0415

    return await reconcile(environment, at_once(load), Runtime(), hooks, stop)


def _show_warnings(loaded: Loaded, progress: Progress) -> None:
    """Notes the warnings of usable manifests, and starts the progress bar."""
    if loaded.desired is None:
        return
    if uncommitted(loaded.folder):
        note(f"{loaded.folder} has uncommitted changes: they are part of this pass, but not of the revision")
    if loaded.problems:
        note(f"{count(len(loaded.problems), 'warning')}: see `reconciler validate {loaded.folder}`")
    progress.begin("reading")


def _show_problems(loaded: Loaded, output: Format) -> None:
    """Prints why the manifests cannot be used."""
    validation = Validation(loaded.problems, loaded.files, loaded.manifests)
    print_instead(output, lambda form, look: form.validation(validation, look), loaded.folder)

"""plan and apply: one pass, shown to a person or a machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click
from msgspec import structs

from reconciler.cli import options, saving
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
from reconciler.model.errors import Interrupted, ReconcilerError, UsageError
from reconciler.model.manifest import Validation
from reconciler.model.outcome import Halt, Pass, Report
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Desired, Loaded
from reconciler.render import text
from reconciler.render.formats import Format
from reconciler.render.words import count
from reconciler.source.steady import git_at_work, uncommitted

if TYPE_CHECKING:
    from reconciler.engine.load import Load
    from reconciler.engine.pin import Versions
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
@options.changed_since
@options.out
@options.flag("--detailed-exitcode", is_flag=True, help="Exit with 2 if the plan has changes.")
@options.logs
@options.output
def plan(**flags: Any) -> int:
    """Show what apply would do to make the live environment equal to DIR. Reads only."""
    output, detailed = flags.pop("output"), flags.pop("detailed_exitcode")
    out, revision = flags.pop("out"), flags.pop("changed_since")
    environment = _approved(one_environment(_flags(flags)))
    with advising(environment.api):
        return asyncio.run(_plan(environment, output, detailed=detailed, out=out, revision=revision))


async def _plan(
    environment: EnvironmentSettings, output: Format, *, detailed: bool, out: str | None, revision: str | None
) -> int:
    from reconciler.engine.reconcile import Hooks  # noqa: PLC0415 the network, not needed for --help

    with Progress() as progress:
        hooks = Hooks(watch=progress.watch, loaded=lambda loaded: _show_warnings(loaded, progress))
        finished = await _reconcile(environment, hooks, asyncio.Event(), _since(revision))
    if finished.report is None:
        _show_problems(finished.loaded, output)
    else:
        made = finished.report.plan
        if out and finished.loaded.desired:
            saving.write(out, made, finished.loaded.desired)
        print_result(output, lambda form, look: form.plan(made, look), environment.manifests)
    pending = detailed and finished.report and finished.report.plan.changes
    return exit_code(judge(finished).exit_code, 2 if pending else 0)


@click.command()
@options.folder
@options.connection
@options.selection
@options.allow_empty
@options.approve
@options.changed_since
@options.saved_plan
@options.yes
@options.flag("--pin", is_flag=True, help="Then insert the missing `id:` lines, as `pin --write` does.")
@options.logs
@options.output
def apply(**flags: Any) -> int:
    """Make the live environment equal to DIR, or carry out a saved plan. Asks for confirmation on a terminal."""
    output, yes, pin, saved = (flags.pop(name) for name in ("output", "yes", "pin", "saved"))
    revision = flags.pop("changed_since")
    if not yes and not is_terminal():
        raise UsageError("stdin is not a terminal", "Pass --yes to apply without confirmation.")
    if saved and pin and flags["folder"] is None:
        raise UsageError("--pin beside --plan writes to manifests", "Name their folder: DIR.")
    if saved and revision:
        raise UsageError("--changed-since has no meaning beside --plan", "Give it to `plan --out FILE`.")
    given = _flags(flags)
    carried_out = saving.opened(saved, given) if saved else None
    environment = _approved(carried_out.environment if carried_out else writable_environment(given))
    load = carried_out.load if carried_out else _since(revision)
    with advising(environment.api):
        return asyncio.run(_Apply(environment, output, carried_out, load, yes=yes, pin=pin).run())


def _approved(environment: EnvironmentSettings) -> EnvironmentSettings:
    """A person's approval means this plan or nothing; the daemon's only lifts the guards."""
    return structs.replace(environment, only=environment.approve)


class _Apply:
    """One apply: shows the plan, asks, makes it again, and shows the report.

    What a person agreed to is what is written: a plan with another digest is shown and asked about again.
    """

    def __init__(  # noqa: PLR0913 all that an apply needs, named once
        self,
        environment: EnvironmentSettings,
        output: Format,
        saved: saving.Opened | None,
        load: Load | None,
        *,
        yes: bool,
        pin: bool,
    ) -> None:
        self._environment = environment
        self._output = output
        self._saved = saved
        self._load = load
        self._yes = yes
        self._pin = pin
        self._progress = Progress()
        self._stop = asyncio.Event()
        self._cancelled = False
        self._agreed = ""  # the digest that a person said yes to

    async def run(self) -> int:
        """Returns the exit code. Signals stay caught until the report is printed."""
        from reconciler.engine.pin import versions  # noqa: PLC0415 the network, not needed for --help
        from reconciler.engine.reconcile import Hooks  # noqa: PLC0415

        known = versions(self._environment.manifests) if self._pin else {}
        with self._progress as progress:
            hooks = Hooks(
                watch=progress.watch,
                loaded=lambda loaded: _show_warnings(loaded, progress),
                planned=self._planned,
                may_apply=self._may_apply,
            )
            if self._saved:
                hooks = self._saved.narrowing(hooks)
            finished = await _reconcile(self._environment, hooks, self._stop, self._load)
        report = finished.report
        if report is None:
            _show_problems(finished.loaded, self._output)
            return judge(finished).exit_code
        if self._cancelled:
            finished = structs.replace(finished, report=(report := structs.replace(report, halt=CANCELLED)))
        if not self._pin or self._cancelled or report.plan.refusals or finished.loaded.desired is None:
            return self._show(finished, report)
        pinned = self._write_pins(finished.loaded.desired, report, known)
        code = self._show(finished, structs.replace(report, pinned=pinned))
        return exit_code(code, 0 if pinned else 4)

    def _write_pins(self, desired: Desired, report: Report, known: Versions) -> bool:
        """Whether every missing pin was written; what was not is told."""
        from reconciler.engine.pin import missing, write  # noqa: PLC0415 the parsers, not needed for --help

        try:
            done = write(self._environment.manifests, desired, missing(report, desired), known)
        except ReconcilerError as error:  # what was applied is to be told all the same
            note(error.whole)
            return False
        for file, why in dict.fromkeys((each.pin.origin.file, each.why) for each in done if each.why):
            note(f"no pin was written to {file}: {why}")
        note(f"{count(sum(each.written for each in done), 'pin')} written")
        return all(each.written for each in done)

    def _planned(self, made: Plan) -> None:
        """As text the plan is part of the output; with another format it goes to the person who is asked."""
        self._progress.end()
        if made.digest == self._agreed:
            return
        if self._agreed:
            note("the live environment has changed since you were asked, and so has the plan:")
        if not self._output.document:
            result(text.plan(made, style(self._environment.manifests)))
        elif not self._yes:
            tell(lambda look: text.plan(made, look), self._environment.manifests)

    async def _may_apply(self, made: Plan) -> Decision:
        from reconciler.engine.reconcile import Decision  # noqa: PLC0415 the network, not needed for --help

        if not self._yes and made.digest != self._agreed:
            if not _confirmed(made):
                self._cancelled = True
                return Decision.LEAVE
            self._agreed = made.digest
            self._progress.begin("reading")
            return Decision.PLAN_AGAIN  # a person may have taken an hour
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


def _since(revision: str | None) -> Load | None:
    """What loads a folder with its changes since a revision, if one was given."""
    if revision is None:
        return None
    from reconciler.engine.since import loading_since  # noqa: PLC0415 the parsers, not needed for --help

    return loading_since(revision)


def _flags(flags: dict[str, Any]) -> Flags:
    from reconciler.cli.logs import configure  # noqa: PLC0415

    configure(flags.pop("log_format"), flags.pop("log_level"))
    return Flags(**flags)


async def _reconcile(
    environment: EnvironmentSettings, hooks: Hooks, stop: asyncio.Event, load: Load | None = None
) -> Pass:
    """A pass over what `load` reads: by default the environment's folder."""
    from reconciler.engine.load import load as from_folder  # noqa: PLC0415 the parsers, not needed for --help
    from reconciler.engine.reconcile import reconcile  # noqa: PLC0415 the network
    from reconciler.engine.runtime import Runtime  # noqa: PLC0415

    return await reconcile(environment, at_once(load or from_folder), Runtime(), hooks, stop)


def _show_warnings(loaded: Loaded, progress: Progress) -> None:
    """Notes the warnings of usable manifests, and starts the progress bar."""
    if loaded.desired is None:
        return
    if loaded.files and git_at_work(loaded.folder):
        note(f"git is at work in {loaded.folder}, or left an index.lock: this may be half a checkout")
    if loaded.files and uncommitted(loaded.folder):
        note(f"{loaded.folder} has uncommitted changes: they are part of this pass, but not of the revision")
    if loaded.problems:
        note(f"{count(len(loaded.problems), 'warning')}: see `reconciler validate {loaded.folder}`")
    progress.begin("reading")


def _show_problems(loaded: Loaded, output: Format) -> None:
    """Prints why the manifests cannot be used."""
    validation = Validation(loaded.problems, loaded.files, loaded.manifests)
    print_instead(output, lambda form, look: form.validation(validation, look), loaded.folder)

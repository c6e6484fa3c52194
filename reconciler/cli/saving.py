"""Saves a plan to a file, and opens one to carry it out: `plan --out`, `apply --plan`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from reconciler import __version__
from reconciler.cli.config import Flags, writable_environment
from reconciler.model.errors import SourceError, UsageError, WrongPlan
from reconciler.model.settings import DomainRules, EnvironmentSettings, Selection
from reconciler.model.state import Loaded

if TYPE_CHECKING:
    from reconciler.engine.reconcile import Hooks
    from reconciler.model.change import Plan
    from reconciler.model.saved import SavedPlan
    from reconciler.model.state import Desired


def write(path: str, plan: Plan, desired: Desired) -> None:
    """Writes the plan's document with what applying it takes; raises ReconcilerError if that cannot be done."""
    from reconciler.core.planning.saved import encode, save  # noqa: PLC0415 cryptography, not needed for --help
    from reconciler.render import json  # noqa: PLC0415
    from reconciler.source.files import replace  # noqa: PLC0415

    replace(Path(path), json.dumps(encode(save(plan, desired, __version__), json.plan(plan))))


class Opened(Struct, frozen=True):
    """A saved plan with the settings to carry it out."""

    saved: SavedPlan
    environment: EnvironmentSettings

    def load(self, folder: str, /, *, now: float, allow_empty: bool, rules: DomainRules) -> Loaded:  # noqa: ARG002
        """What the plan was made from, as far as it takes; from the file, not from the folder."""
        desired = self.saved.desired
        return Loaded(folder, desired, (), files=0, manifests=0, revision=desired.revision)

    def narrowing(self, hooks: Hooks) -> Hooks:
        """Hooks that leave of a new plan what the saved one has too."""
        from reconciler.core.planning.saved import narrowed  # noqa: PLC0415

        return structs.replace(hooks, narrow=lambda plan: narrowed(plan, self.saved))


def opened(path: str, flags: Flags) -> Opened:
    """The plan in a file, for the environment of the flags.

    Raises:
        WrongPlan: it is no plan, of another version, edited, for another environment, or from other manifests.
        SourceError: the file, or the folder that was named, cannot be read.
        UsageError: a selection beside it has no meaning.
    """
    from reconciler.source import saved as saved_plans  # noqa: PLC0415

    if flags.target or flags.selector:
        raise UsageError(
            "--target and --selector have no meaning beside --plan", "A saved plan is applied as it was reviewed."
        )
    saved = saved_plans.read(path, __version__)
    folder = flags.folder or (None if flags.config else ".")
    environment = writable_environment(structs.replace(flags, folder=folder))
    _check(saved, environment, path)
    if flags.folder is not None:
        _check_manifests(saved, environment, path)
    touched = frozenset(change.key.organization for change in saved.changes)
    shown = environment.manifests if flags.folder or flags.config else ""
    return Opened(saved, structs.replace(environment, selection=Selection(touched), manifests=shown))


def _check(saved: SavedPlan, environment: EnvironmentSettings, path: str) -> None:
    if environment.name not in {None, saved.environment}:
        raise WrongPlan(
            f"{path} is for {saved.environment!r}, not for {environment.name!r}", "Name its environment."
        )
    pinned, known = environment.environment_id, saved.environment_id or saved.pin
    if pinned and known and pinned != known:
        raise WrongPlan(f"{path} is for {known}, and the configuration pins {pinned}", "Use its environment.")


def _check_manifests(saved: SavedPlan, environment: EnvironmentSettings, path: str) -> None:
    from reconciler.core.planning.saved import AGAIN, fingerprint  # noqa: PLC0415
    from reconciler.engine.load import load  # noqa: PLC0415 the parsers

    folder = environment.manifests
    loaded = load(folder, now=time.time(), allow_empty=environment.allow_empty, rules=environment.domains)
    if loaded.desired is None:
        raise SourceError(f"{folder} cannot be used", f"See `reconciler validate {folder}`.")
    if fingerprint(loaded.desired) != saved.manifests:
        raise WrongPlan(f"{path} was made from other manifests than {folder} has now", AGAIN)

"""Checks that what was asked for exists in the folder: the right environment, and organizations."""

from __future__ import annotations

import difflib

from reconciler.model.errors import UsageError
from reconciler.model.settings import EnvironmentSettings, Selection
from reconciler.model.state import Desired, DesiredOrganization, Selected


def selecting(selection: Selection) -> Selected:
    """The predicate for an organization's name and labels."""

    def selected(wanted: DesiredOrganization) -> bool:
        if selection.only is not None and wanted.name not in selection.only:
            return False
        named = not selection.targets or wanted.name in selection.targets
        return named and all(wanted.labels.get(key) == value for key, value in selection.selector)

    return selected


def check_selection(environment: EnvironmentSettings, desired: Desired) -> None:
    """Raises UsageError for another environment's folder, an unknown target, a selector that matches nothing.

    A target may be an invalid manifest; while a file cannot be parsed, it may also be in there.
    """
    folder = environment.manifests
    check_name(environment.name, folder, desired)
    if not desired.complete:
        return
    known = {each.name for each in desired.organizations} | {each.name for each in desired.invalid if each.name}
    unknown = sorted(environment.selection.targets - known)
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(known), n=1)
        raise UsageError(
            f"no organization is called {unknown[0]!r} in {folder}",
            f"Did you mean `{near[0]}`?" if near else "--target takes a metadata.name.",
        )
    by_labels = selecting(Selection(selector=environment.selection.selector))
    if environment.selection.selector and not any(by_labels(each) for each in desired.organizations):
        labels = " ".join(f"{key}={value}" for key, value in environment.selection.selector)
        raise UsageError(
            f"no organization in {folder} has the labels {labels}", "--selector matches metadata.labels."
        )


def check_name(name: str | None, folder: str, desired: Desired) -> None:
    """Raises UsageError if the folder is another environment than the one that was named, if any was."""
    if name is not None and desired.environment.name != name:
        raise UsageError(
            f"{folder} is the environment {desired.environment.name!r}, not {name!r}",
            "--environment and the section's name are the metadata.name of the Environment.",
        )

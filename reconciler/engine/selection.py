"""Checks that what was asked for is what the folder holds: the right environment, and organizations that exist."""

from __future__ import annotations

from reconciler.model.errors import UsageError
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Desired


def check_selection(environment: EnvironmentSettings, desired: Desired) -> None:
    """UsageError for another environment's folder, an unknown target, a selector that matches nothing.

    A target among the manifests that may not be applied is known, and any may be in a file that cannot be read.
    """
    folder, name = environment.manifests, desired.environment.name
    if environment.name and name != environment.name:
        raise UsageError(
            f"{folder} is the environment {name!r}, not {environment.name!r}",
            "The section's name is the Environment's metadata.name.",
        )
    if not desired.complete:
        return
    known = {each.name for each in desired.organizations} | {each.name for each in desired.invalid}
    unknown = sorted(environment.selection.targets - known)
    if unknown:
        raise UsageError(f"no organization is called {unknown[0]!r} in {folder}", "Correct --target.")
    pairs = environment.selection.selector
    if pairs and not any(all(each.labels.get(k) == v for k, v in pairs) for each in desired.organizations):
        labels = " ".join(f"{key}={value}" for key, value in pairs)
        raise UsageError(f"no organization in {folder} has the labels {labels}", "Correct --selector.")

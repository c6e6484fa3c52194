"""Reads what a command about the live environment works on: its settings, and its manifests if named."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from reconciler.cli.config import Flags
from reconciler.model.errors import SourceError
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Desired


def opened(
    choose: Callable[[Flags], EnvironmentSettings], flags: dict[str, Any]
) -> tuple[EnvironmentSettings, Desired | None]:
    """The chosen environment, and its manifests: None if neither --config nor a folder is given."""
    from reconciler.cli.logs import configure  # noqa: PLC0415
    from reconciler.engine.load import load_partly  # noqa: PLC0415 the parsers, not needed for --help
    from reconciler.engine.selection import check_name  # noqa: PLC0415

    configure(flags.pop("log_format"), flags.pop("log_level"))
    named = flags["folder"] is not None or flags["config"] is not None
    environment = choose(Flags(**{**flags, "folder": flags["folder"] or (None if named else ".")}))
    if not named:
        return environment, None
    rules = environment.domains
    desired = load_partly(environment.manifests, now=time.time(), allow_empty=True, rules=rules).desired
    if desired is None:
        raise SourceError(
            f"{environment.manifests} cannot be used", f"See `reconciler validate {environment.manifests}`."
        )
    check_name(environment.name, environment.manifests, desired)
    return environment, desired

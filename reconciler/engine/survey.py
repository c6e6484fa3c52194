"""Gets the whole live environment, from the API or from a file of `reconciler observe`."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.core.planning.guard import foreign_environment
from reconciler.engine.connect import connected
from reconciler.engine.observe import observe_everything
from reconciler.engine.runtime import Runtime
from reconciler.model.errors import WrongEnvironment
from reconciler.model.event import Watch
from reconciler.model.settings import EnvironmentSettings, ObservedFile
from reconciler.model.state import Desired, Observed
from reconciler.source import observed as observed_files


async def survey(
    environment: EnvironmentSettings, desired: Desired | None, runtime: Runtime, watch: Watch
) -> Observed:
    """All organizations with all their collections.

    Raises:
        ApiError: the organizations cannot be read whole.
        SourceError: the file of `reconciler observe` cannot be used.
        WrongEnvironment: the live environment is not the pinned one.
    """
    check = environment_check(environment, desired)
    if environment.observed:
        return read_before(environment.observed, runtime, check)
    async with connected(environment, runtime, watch, read_only=True) as client:
        return await observe_everything(desired, client, watch, check)


def read_before(file: ObservedFile, runtime: Runtime, check: Callable[[str | None], None]) -> Observed:
    """What a file of `reconciler observe` holds; raises SourceError, or WrongEnvironment through `check`."""
    observed = observed_files.read(file.path, now=runtime.now(), max_age_s=file.max_age_s)
    check(observed.environment_id)
    return observed


def environment_check(environment: EnvironmentSettings, desired: Desired | None) -> Callable[[str | None], None]:
    """What raises WrongEnvironment unless a live environment's id is the pinned one."""
    pins = (environment.environment_id, desired.environment.id if desired else None)

    def check(live: str | None) -> None:
        wrong = foreign_environment(live, pins)
        if wrong:
            raise WrongEnvironment(
                f"wrong environment: {wrong}", "Nothing was written. Correct the key or the pin."
            )

    check(None)
    return check

"""Opens what a pass or an errand works on: a client of the Management API, and the delivery target."""

from __future__ import annotations

import asyncio

from reconciler.api.client import Client
from reconciler.delivery.target import Target
from reconciler.delivery.targets import TARGETS
from reconciler.engine.runtime import Runtime
from reconciler.model.errors import CredentialsError
from reconciler.model.event import Watch
from reconciler.model.settings import ApiSettings, EnvironmentSettings


def connected(
    environment: EnvironmentSettings,
    runtime: Runtime,
    watch: Watch,
    stop: asyncio.Event | None = None,
    *,
    read_only: bool = False,
) -> Client:
    """A client for one pass or errand; raises CredentialsError where no key was given."""
    return Client(
        api_settings(environment),
        now=runtime.now,
        rng=runtime.rng,
        watch=watch,
        transport=runtime.transport,
        read_only=read_only,
        stop=stop,
        known=runtime.known,
    )


def api_settings(environment: EnvironmentSettings) -> ApiSettings:
    """Where the API is; raises CredentialsError where no key was given."""
    if environment.api is None:
        raise CredentialsError(
            "no API key was given",
            "Set SSOREADY_API_KEY and SSOREADY_API_URL, or give --api-key-file and --api-url.",
        )
    return environment.api


def delivery(environment: EnvironmentSettings) -> Target | None:
    """Where issued secrets go; None where nothing is configured."""
    return TARGETS[environment.deliver_to](environment.deliver_path) if environment.deliver_path else None

"""The two clients that are compared, doing the same work: the official SDK in a loop, and the product."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

from msgspec import Struct

from bench.fleet import KEY, Tenant
from reconciler.cli.logs import configure, watch
from reconciler.engine.load import Load
from reconciler.engine.reconcile import Decision, Hooks, reconcile
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.model.change import Plan
from reconciler.model.outcome import Report, Result
from reconciler.model.secret import Secret
from reconciler.model.settings import ApiSettings, EnvironmentSettings
from reconciler.model.state import Desired, Loaded

NO_LIMITS = {"maxChangedPercent": 100, "maxCreates": 1_000_000}


class Took(Struct, frozen=True):
    """How long `requests` took, on the clock and on this process's core."""

    requests: int
    wall_s: float
    cpu_s: float

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """What one request costs this process."""
        return self.cpu_s / self.requests * 1000


class Watch:
    """Starts when it is made; `took` says how long ago that was."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def took(self, requests: int) -> Took:
        """Since the start."""
        return Took(requests, time.perf_counter() - self._wall, time.process_time() - self._cpu)


# -- the official SDK, one request after the other ---------------------------------------------------


def sdk(url: str) -> Any:
    """A client of the official SDK."""
    from ssoready.client import SSOReady  # noqa: PLC0415 only where it is measured

    return SSOReady(base_url=url, api_key=KEY)


def sdk_reads(client: Any, requests: int) -> Took:
    """As the SDK's documentation has it: every page, and below it every organization's two lists."""
    started, sent = Watch(), 0
    for _ in _sdk_walk(client):
        sent += 1
        if sent == requests:
            break
    return started.took(sent)


def _sdk_walk(client: Any) -> Iterable[Any]:
    token = None
    while True:
        page = client.management.organizations.list_organizations(page_token=token)
        yield page
        for organization in page.organizations or ():
            yield client.management.saml_connections.list_saml_connections(organization_id=organization.id)
            yield client.management.scim_directories.list_scim_directories(organization_id=organization.id)
        token = page.next_page_token
        if not token:
            return


def sdk_creates(client: Any, fleet: Sequence[Tenant]) -> Took:
    """An organization and its two children for each, three requests; it knows no display names."""
    started, management = Watch(), client.management
    for tenant in fleet:
        made = management.organizations.create_organization(external_id=tenant.external_id, domains=tenant.domains)
        id_ = made.organization.id
        management.saml_connections.create_saml_connection(
            organization_id=id_,
            primary=True,
            idp_entity_id=tenant.entity_id,
            idp_redirect_url=tenant.redirect_url,
            idp_certificate=tenant.pem,
        )
        management.scim_directories.create_scim_directory(organization_id=id_, primary=True)
    return started.took(3 * len(fleet))


# -- the product -------------------------------------------------------------------------------------


def environment(url: str) -> EnvironmentSettings:
    """As the command line would fill it, with the guards' bounds out of the way."""
    return EnvironmentSettings(name=None, manifests="", api=ApiSettings(url, Secret(KEY)), limits=NO_LIMITS)


def world() -> Runtime:
    """The real clock and real HTTP."""
    return Runtime(time.time, random.Random(1), RecentWrites(asyncio.get_running_loop().time()))


@contextmanager
def logging() -> Iterator[None]:
    """Logs as a command in a pipe does, into nothing."""
    with Path(os.devnull).open("w") as nothing, redirect_stderr(nothing):
        configure("json", "info")
        yield


def given(desired: Desired) -> Load:
    """A loader of manifests that were read before."""
    return lambda folder, **_: Loaded(folder, desired, (), 0, 0, desired.revision)


async def plan(url: str, desired: Desired) -> tuple[Plan, Took]:
    """The whole read and the plan; of 21 requests for every ten organizations."""
    started = Watch()
    finished = await reconcile(environment(url), given(desired), world(), Hooks(watch=watch), asyncio.Event())
    if finished.report is None:
        raise RuntimeError("manifests that were given cannot be unusable")
    return finished.report.plan, started.took(requests_of_read(len(desired.organizations)))


async def apply(url: str, desired: Desired) -> tuple[Report, Took]:
    """Carries a first plan out; what is counted is creates, the reads before them are the product's own affair."""
    started = Watch()

    async def begin(_: Plan) -> Decision:
        nonlocal started
        started = Watch()
        return Decision.APPLY

    hooks = Hooks(watch=watch, may_apply=begin)
    report = (await reconcile(environment(url), given(desired), world(), hooks, asyncio.Event())).report
    if report is None:
        raise RuntimeError("manifests that were given cannot be unusable")
    return report, started.took(len(report.plan.changes))


def requests_of_read(organizations: int) -> int:
    """Pages of ten, and two lists for each organization."""
    return -(-organizations // 10) + 2 * organizations


def unchanged(made: Plan, organizations: int) -> bool:
    """Whether everything was read and found as declared: else the read was not the whole one."""
    return not made.changes and not made.blocked and made.unchanged == 3 * organizations


def applied(report: Report, organizations: int) -> bool:
    """Whether every object was created."""
    done = sum(outcome.result is Result.APPLIED for outcome in report.outcomes)
    return done == len(report.outcomes) == 3 * organizations

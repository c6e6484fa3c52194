"""run, the daemon, and emulator, a stand-in for the API: the commands that run until stopped."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import structs

from reconciler.cli import options
from reconciler.cli.config import Flags, daemon, environments, every_folder, seconds
from reconciler.cli.credentials import read_token
from reconciler.cli.output import result
from reconciler.cli.stderr import unblocked
from reconciler.cli.trust import KEY_EXPOSED
from reconciler.core.applying.verdict import exit_code
from reconciler.model.errors import CredentialsError, UsageError
from reconciler.model.settings import Access, EnvironmentSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.daemon.worker import Source
    from reconciler.emulator.serve import Ready


@click.command()
@options.folder
@options.connection
@options.selection
@options.allow_empty
@click.option(
    "--approve",
    envvar="RECONCILER_APPROVE",
    metavar="DIGEST",
    help="Lift the guards for the plan with this digest.",
)
@click.option("--once", envvar="RECONCILER_ONCE", is_flag=True, help="Make one pass and exit with its code.")
@click.option("--log-format", envvar="RECONCILER_LOG_FORMAT", type=click.Choice(["json", "console"]))
@click.option(
    "--log-level",
    envvar="RECONCILER_LOG_LEVEL",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
)
@click.option(
    "--listen",
    envvar="RECONCILER_LISTEN",
    metavar="HOST:PORT",
    help="Address of /status and /metrics.",
)
@click.option(
    "--token-file",
    envvar="RECONCILER_TOKEN_FILE",
    metavar="FILE",
    help="Bearer token that /status and /metrics ask for; probes need none.",
)
@click.option(
    "--host",
    envvar="RECONCILER_HOST",
    metavar="NAME",
    multiple=True,
    help="Name by which the endpoints may be asked, besides --listen's and addresses; repeatable.",
)
@click.option(
    "--resync", envvar="RECONCILER_RESYNC", metavar="DURATION", help="Longest time between two passes, like 10m."
)
def run(**flags: Any) -> int:
    """Make the live environments equal to their folders, and keep them so."""
    from reconciler.cli.logs import dropped as tell  # noqa: PLC0415

    with unblocked(tell) as dropped:
        return _run(flags, dropped)


def _run(flags: dict[str, Any], dropped: Callable[[], int]) -> int:
    from reconciler.cli.logs import configure, watch  # noqa: PLC0415
    from reconciler.daemon import loop  # noqa: PLC0415 the network, not needed for --help
    from reconciler.daemon.supervisor import supervisor  # noqa: PLC0415
    from reconciler.engine.runtime import Runtime  # noqa: PLC0415

    configure(flags.pop("log_format"), flags.pop("log_level"))
    once, listen, resync = flags.pop("once"), flags.pop("listen"), flags.pop("resync")
    hosts, token_file = flags.pop("host"), flags.pop("token_file")
    told = Flags(**flags)
    settings = daemon(told)
    if listen:
        settings = structs.replace(settings, listen=listen)
    access = settings.access
    token = read_token(token_file) if token_file else access.token
    settings = structs.replace(settings, access=Access(access.hosts | frozenset(hosts), token))
    if resync:
        settings = structs.replace(settings, resync_s=seconds(resync))
    sources, runtime = _sources(told), Runtime(aside=asyncio.to_thread)
    if once:
        return exit_code(*asyncio.run(loop.once(sources, runtime, watch)))
    surroundings = loop.Surroundings(dropped=dropped, supervisor=supervisor(os.environ.get("NOTIFY_SOCKET")))
    asyncio.run(loop.run(sources, settings, runtime, watch, surroundings))
    return 0


class Reading:
    """Reads one environment's settings: all of them once, and from then on its key alone.

    Whoever gets at the file while the process runs must not be able to send the key elsewhere.
    """

    def __init__(self, told: Flags, name: str | None) -> None:
        self._told = structs.replace(told, environment=name)
        self._first: EnvironmentSettings | None = None

    def __call__(self) -> EnvironmentSettings:
        """The settings, without an address where no key is given; raises ReconcilerError."""
        fresh = environments(self._told)[0]
        if self._first is None or self._first.api is None:
            self._first = fresh
            return fresh
        if fresh.api is None:
            return structs.replace(self._first, api=None)
        if fresh.api.url != self._first.api.url:
            raise UsageError(
                "the API's address was changed while this process runs",
                "Restart it, if that was meant: only the key is read again.",
            )
        return structs.replace(self._first, api=structs.replace(self._first.api, key=fresh.api.key))


def _sources(told: Flags) -> list[Source]:
    """What to serve; raises UsageError for a mistake in flags or file, CredentialsError if no key can be used."""
    import structlog  # noqa: PLC0415

    from reconciler.daemon.worker import Source  # noqa: PLC0415 the network, not needed for --help
    from reconciler.engine.connect import api_settings  # noqa: PLC0415

    sources = [
        Source(each.name or Path(each.folder).absolute().name, each.folder, Reading(told, each.name))
        for each in every_folder(told)
    ]
    refused = []
    for source in sources:
        try:
            if api_settings(source.read()).key_exposed:
                structlog.get_logger().warning(KEY_EXPOSED, environment=source.name)
        except CredentialsError as error:
            refused.append(error)
    if len(refused) == len(sources):
        raise refused[0]
    return sources


@click.command()
@options.flag("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; 0 picks a free one.")
@options.flag(
    "--data", type=click.Path(dir_okay=False, path_type=Path), help="File that keeps the state over restarts."
)
@options.flag("--seed", type=click.IntRange(0, 100_000), default=0, help="Number of organizations to start with.")
@options.flag("--latency", default="0ms", metavar="DURATION", help="Wait before each response, like 20ms.")
@options.flag(
    "--fault",
    default="",
    metavar="KIND[:PROBABILITY][:after],…",
    help="Like 500:0.1,reset:0.05:after: a tenth of the requests fail, some responses are lost after the effect.",
)
def emulator(port: int, data: Path | None, seed: int, latency: str, fault: str) -> int:
    """Serve a stand-in for the Management API on loopback, with two environments and a key for each."""
    from reconciler.emulator.faults import Trouble, parse  # noqa: PLC0415 the server, not needed for --help
    from reconciler.emulator.serve import Options, serve  # noqa: PLC0415

    trouble = Trouble(latency_s=seconds(latency), faults=parse(fault) if fault else ())
    asyncio.run(serve(Options(port=port, data=data, seed=seed, trouble=trouble), _ready))
    return 0


def _ready(ready: Ready) -> None:
    import msgspec  # noqa: PLC0415

    document: Any = ready.document()
    if not sys.stdout.isatty():
        result(msgspec.json.encode(document).decode() + "\n")
        return
    result(f"The emulator listens at {document['url']}; Ctrl-C ends it. In another terminal:\n")
    for name, environment in document["environments"].items():
        result(f"\n  # {name}, {environment['id']}\n")
        result(f"  export SSOREADY_API_URL={document['url']} SSOREADY_API_KEY={environment['key']}\n")

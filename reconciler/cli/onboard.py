"""show, setup-link and rotate-token: about one customer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli import options
from reconciler.cli.config import Flags, one_environment, writable_environment
from reconciler.cli.output import advising, confirmed, is_terminal, note, on_signals, print_result, result
from reconciler.cli.reading import opened
from reconciler.model.customer import Customer, TokenRotation
from reconciler.model.errors import Interrupted, UsageError
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import SCIMDirectory, SetupLink
from reconciler.render.formats import CustomerFormat
from reconciler.render.text import pem_of

if TYPE_CHECKING:
    from reconciler.engine.onboard import Errand

T = TypeVar("T")


@click.command()
@click.argument("name")
@options.flag("--pem", is_flag=True, help="Print its connections' certificates as PEM, and nothing else.")
@options.folder_flag
@options.connection
@options.observed
@options.logs
@options.customer_output
def show(name: str, output: CustomerFormat, pem: bool, **flags: Any) -> int:
    """Show one live organization: ids, ACS URL, SP entity id, SCIM base URL.

    NAME is a handle, an id, an external id, a display name or a domain.
    """
    from reconciler.core.values.certificate import describe  # noqa: PLC0415 cryptography
    from reconciler.engine.onboard import find  # noqa: PLC0415 the network, not needed for --help

    errand = _errand(one_environment, name, flags)
    with advising(errand.environment.api):
        found = asyncio.run(find(errand))
    certificates = {each.id: describe(each.idp_certificate) for each in found.connections if each.idp_certificate}
    customer = Customer(found.organization, found.connections, found.directories, certificates)
    if pem:
        result("".join(map(pem_of, certificates.items())))
        return 0
    print_result(output, lambda form, look: form.customer(customer, look))
    return 0


@click.command()
@click.argument("name")
@options.flag("--saml", is_flag=True, help="The customer may configure SAML.")
@options.flag("--scim", is_flag=True, help="The customer may configure SCIM.")
@options.folder_flag
@options.connection
@options.logs
@options.customer_output
def setup_link(name: str, output: CustomerFormat, saml: bool, scim: bool, **flags: Any) -> int:
    """Make one self-serve link, valid for a day, and print it. For SAML, unless only --scim is given."""
    from reconciler.engine.onboard import find  # noqa: PLC0415 the network, not needed for --help
    from reconciler.engine.onboard import setup_link as make  # noqa: PLC0415

    errand = _errand(writable_environment, name, flags)
    with advising(errand.environment.api):
        customer = asyncio.run(find(errand))
    with advising(errand.environment.api, "Make another link: one that was lost does no harm."):
        extent = SetupLink(saml=saml or not scim, scim=scim)
        url = asyncio.run(_to_its_end(make(errand, customer, extent)))
    print_result(output, lambda form, look: form.setup_link(url, look))
    return 0


@click.command()
@click.argument("name")
@click.argument("directory")
@options.folder_flag
@options.connection
@options.yes
@options.logs
@options.customer_output
def rotate_token(name: str, directory: str, output: CustomerFormat, yes: bool, **flags: Any) -> int:
    """Make a SCIM bearer token for DIRECTORY of NAME and write it to --deliver. The old one is void at once."""
    from reconciler.engine.onboard import find, rotation_of  # noqa: PLC0415 the network, not needed for --help
    from reconciler.engine.onboard import rotate_token as rotate  # noqa: PLC0415

    if not yes and not is_terminal():
        raise UsageError("stdin is not a terminal", "Pass --yes to rotate without confirmation.")

    errand = _errand(writable_environment, name, flags)
    if errand.environment.deliver_path is None:
        raise UsageError(
            "no delivery target is configured", "Pass --deliver, or set `deliver` in reconciler.toml."
        )
    with advising(errand.environment.api):
        rotation = rotation_of(asyncio.run(find(errand)), directory)
    done = yes or _may_rotate(rotation.live)
    if done:
        with advising(errand.environment.api, "The old token may be void by now: rotate again."):
            asyncio.run(_to_its_end(rotate(errand, rotation)))
    rotated = TokenRotation(rotation.live.id, delivered=done)
    print_result(output, lambda form, look: form.token_rotation(rotated, look))
    return 0 if done else Interrupted.exit_code


def _may_rotate(live: SCIMDirectory) -> bool:
    breaks = "the customer's provisioning stops at once, until they enter the new one"
    has = f"has a token: {breaks}" if live.has_client_bearer_token else "has no token yet"
    note(f"{live.id} {has}.")
    return confirmed("rotate it")


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Ctrl-C does not interrupt it: a secret that was requested is also received and delivered, or it is lost."""
    on_signals(asyncio.get_running_loop(), lambda: note("what was begun is finished first"))
    return await work


def _errand(choose: Callable[[Flags], EnvironmentSettings], name: str, flags: dict[str, Any]) -> Errand:
    from reconciler.cli.logs import watch  # noqa: PLC0415
    from reconciler.engine.onboard import Errand  # noqa: PLC0415
    from reconciler.engine.runtime import Runtime  # noqa: PLC0415

    environment, desired = opened(choose, flags)
    return Errand(environment, desired, name, Runtime(), watch)

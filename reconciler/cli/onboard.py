"""show, setup-link and rotate-token: about one customer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli import options
from reconciler.cli.config import Flags, is_terminal, one_environment
from reconciler.cli.output import note, result
from reconciler.model.errors import SourceError, UsageError
from reconciler.render import json
from reconciler.render.words import escaped

if TYPE_CHECKING:
    from reconciler.engine.onboard import Customer, Errand

F = TypeVar("F", bound=Callable[..., Any])
_name = click.argument("name")


def _about_one(function: F) -> F:
    for flag in (options.output, options.logs, options.connection, _folder, _name):
        function = flag(function)
    return function


def _folder(function: F) -> F:
    return click.option("--dir", "folder", metavar="DIR", help="Manifests in which NAME is a handle.")(function)


@click.command()
@_about_one
def show(name: str, output: str, **flags: Any) -> int:
    """One live organization: ids, ACS URL, SP entity id, SCIM base URL. NAME is a handle, external id or id."""
    from reconciler.engine.onboard import find  # noqa: PLC0415 the network, not needed for --help

    async def work() -> Customer:
        return await find(_errand(name, flags))

    document = _document(asyncio.run(work()))
    result(json.dumps(document) if output == "json" else "\n".join(_lines(document)) + "\n")
    return 0


@click.command()
@click.option("--saml", is_flag=True, help="The customer may configure SAML.")
@click.option("--scim", is_flag=True, help="The customer may configure SCIM.")
@_about_one
def setup_link(name: str, output: str, saml: bool, scim: bool, **flags: Any) -> int:
    """One self-serve link, valid for a day, printed once. For SAML unless told otherwise."""
    from reconciler.engine.onboard import find  # noqa: PLC0415 the network, not needed for --help
    from reconciler.engine.onboard import setup_link as make  # noqa: PLC0415

    async def work() -> str:
        errand = _errand(name, flags)
        url = await make(errand, await find(errand), saml=saml or not scim, scim=scim)
        return url.reveal()

    url = asyncio.run(work())
    document = {"apiVersion": json.API_VERSION, "kind": "SetupLink", "url": url}
    result(json.dumps(document) if output == "json" else f"{url}\n")
    return 0


@click.command()
@_about_one
@click.argument("directory")
@click.option("--yes", envvar="RECONCILER_YES", is_flag=True, help="Do not ask.")
def rotate_token(name: str, directory: str, output: str, yes: bool, **flags: Any) -> int:
    """A new SCIM bearer token for DIRECTORY, written to --deliver. The old one is void at once."""
    from reconciler.engine.onboard import find, rotation_of  # noqa: PLC0415 the network, not needed for --help
    from reconciler.engine.onboard import rotate_token as rotate  # noqa: PLC0415

    if not flags.get("deliver") and not flags.get("config"):
        raise UsageError("a token that cannot be kept is not made", "Name a folder with --deliver.")
    if not yes and not is_terminal():
        raise UsageError("nobody can be asked here", "Add --yes to rotate without a question.")

    async def work() -> str | None:
        errand = _errand(name, flags)
        rotation = rotation_of(await find(errand), directory)
        live = rotation.live
        if live.has_client_bearer_token and not yes:
            note(f"{live.id} has a token: provisioning stops at once, until the customer enters the new one.")
            if click.prompt("Rotate it? Only `yes` does", default="no", err=True) != "yes":
                return None
        await rotate(errand, rotation)
        return live.id

    done = asyncio.run(work())
    document = {"apiVersion": json.API_VERSION, "kind": "BearerToken", "id": done, "delivered": done is not None}
    words = f"Rotated {done}; the token was delivered.\n" if done else "Nothing was rotated.\n"
    result(json.dumps(document) if output == "json" else words)
    return 0


def _errand(name: str, flags: dict[str, Any]) -> Errand:
    from reconciler.engine.load import load_partly  # noqa: PLC0415
    from reconciler.engine.onboard import Errand  # noqa: PLC0415
    from reconciler.engine.world import Memory, World  # noqa: PLC0415
    from reconciler.logs import configure, watch  # noqa: PLC0415

    configure(flags.pop("log_format"), flags.pop("log_level"))
    named = flags["folder"] is not None or flags["config"] is not None
    environment = one_environment(Flags(**{**flags, "folder": flags["folder"] or (None if named else ".")}))
    desired = None
    if named:
        desired = load_partly(environment.manifests, now=time.time(), allow_empty=True).desired
        if desired is None:
            raise SourceError(f"{environment.manifests} cannot be used", "Run `reconciler validate`.")
    world = World(time.time, random.SystemRandom(), Memory(asyncio.get_running_loop().time()))
    return Errand(environment, desired, name, world, watch)


def _document(customer: Customer) -> dict[str, Any]:
    from reconciler.core.certificate import describe  # noqa: PLC0415 cryptography

    organization = customer.organization
    return {
        "apiVersion": json.API_VERSION,
        "kind": "Organization",
        "id": organization.id,
        "environmentId": organization.environment_id,
        "externalId": organization.external_id,
        "displayName": organization.display_name,
        "domains": list(organization.domains),
        "samlConnections": [
            {
                "id": each.id,
                "primary": each.primary,
                "spEntityId": each.sp_entity_id,
                "spAcsUrl": each.sp_acs_url,
                "idpEntityId": each.idp_entity_id,
                "idpRedirectUrl": each.idp_redirect_url,
                "idpCertificate": _certificate(describe(each.idp_certificate)) if each.idp_certificate else None,
            }
            for each in customer.connections
        ],
        "scimDirectories": [
            {
                "id": each.id,
                "primary": each.primary,
                "scimBaseUrl": each.scim_base_url,
                "hasBearerToken": each.has_client_bearer_token,
            }
            for each in customer.directories
        ],
    }


def _certificate(certificate: Any) -> dict[str, str]:
    return {"sha256": certificate.sha256, "notAfter": certificate.not_after}


def _lines(document: dict[str, Any], indent: str = "") -> Iterator[str]:
    for key, value in document.items():
        if key in {"apiVersion", "kind"}:
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for each in value:
                yield f"{indent}{key}:"
                yield from _lines(each, indent + "  ")
        elif isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
            yield f"{indent}{key}: {escaped(shown)}".rstrip()

"""The live environment as a document without secrets, and back: what `observe` writes and `--observed` reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from reconciler.model.kinds import KindName
from reconciler.model.state import (
    Child,
    Observed,
    ObservedOrganization,
    Organization,
    SAMLConnection,
    SCIMDirectory,
    Unreadable,
)

VERSION, KIND = "reconciler/v1", "Observed"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class _Connection(Struct, rename="camel", forbid_unknown_fields=True):
    id: str
    primary: bool
    idp_entity_id: str
    idp_redirect_url: str
    idp_certificate: str
    sp_entity_id: str
    sp_acs_url: str


class _Directory(Struct, rename="camel", forbid_unknown_fields=True):
    id: str
    primary: bool
    scim_base_url: str
    has_client_bearer_token: bool = field(name="hasBearerToken")


class _Unread(Struct, forbid_unknown_fields=True):
    unreadable: str


class _Organization(Struct, rename="camel", forbid_unknown_fields=True):
    id: str
    external_id: str
    display_name: str
    domains: tuple[str, ...]
    saml_connections: tuple[_Connection, ...] | _Unread = field(name="samlConnections")
    scim_directories: tuple[_Directory, ...] | _Unread = field(name="scimDirectories")


class _Document(Struct, rename="camel", forbid_unknown_fields=True):
    api_version: Literal["reconciler/v1"]
    kind: Literal["Observed"]
    environment_id: str | None
    observed_at: str
    organizations: tuple[_Organization, ...]


class Observation(Struct, frozen=True):
    """The live environment, and when it was read, in Unix seconds."""

    observed: Observed
    at: float


class NotAnObservation(Exception):
    """The bytes are no document that `observe` wrote; the text says why, with nothing of the document in it."""


def encode(observation: Observation) -> dict[str, Any]:
    """As observed.schema.json has it. Every organization must have both its collections."""
    document = _Document(
        api_version="reconciler/v1",
        kind="Observed",
        environment_id=observation.observed.environment_id,
        observed_at=datetime.fromtimestamp(observation.at, UTC).strftime(_TIME),
        organizations=tuple(_encoded(each) for each in observation.observed.organizations),
    )
    encoded: dict[str, Any] = msgspec.to_builtins(document)
    return encoded


def _encoded(live: ObservedOrganization) -> _Organization:
    organization = live.organization
    return _Organization(
        id=organization.id,
        external_id=organization.external_id,
        display_name=organization.display_name,
        domains=organization.domains,
        saml_connections=_shown(live.collections[KindName.CONNECTION], _Connection),
        scim_directories=_shown(live.collections[KindName.DIRECTORY], _Directory),
    )


def _shown(collection: tuple[Child, ...] | Unreadable, kind: type[Any]) -> Any:
    if isinstance(collection, Unreadable):
        return _Unread(collection.message)
    return tuple(kind(**{name: getattr(each, name) for name in kind.__struct_fields__}) for each in collection)


def decode(data: bytes) -> Observation:
    """What a document says; raises NotAnObservation."""
    try:
        document = msgspec.json.decode(data, type=_Document)
        at = datetime.strptime(document.observed_at, _TIME).replace(tzinfo=UTC).timestamp()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotAnObservation(str(error)) from None
    except ValueError:
        raise NotAnObservation("`observedAt` is no time like 2026-01-31T12:00:00Z") from None
    organizations = {each.id: each for each in document.organizations}
    if len(organizations) < len(document.organizations):
        raise NotAnObservation("two organizations have one id")
    if organizations and not document.environment_id:
        raise NotAnObservation("`environmentId` is missing")
    environment_id = document.environment_id
    live = tuple(_decoded(organizations[id_], environment_id or "") for id_ in sorted(organizations))
    return Observation(Observed(environment_id, live, None), at)


def _decoded(each: _Organization, environment_id: str) -> ObservedOrganization:
    organization = Organization(each.id, environment_id, each.display_name, each.external_id, each.domains)
    collections: Mapping[KindName, tuple[Child, ...] | Unreadable] = {
        KindName.CONNECTION: _read(each.saml_connections, SAMLConnection, each.id),
        KindName.DIRECTORY: _read(each.scim_directories, SCIMDirectory, each.id),
    }
    return ObservedOrganization(organization, collections)


def _read(collection: Any, kind: type[Any], organization_id: str) -> tuple[Child, ...] | Unreadable:
    if isinstance(collection, _Unread):
        return Unreadable(collection.unreadable)
    made = (kind(organization_id=organization_id, **msgspec.structs.asdict(each)) for each in collection)
    return tuple(sorted(made, key=lambda child: child.id))

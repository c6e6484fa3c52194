"""What the emulator holds, as frozen values that encode to the API's JSON.

Fields stand in the server's order, defaults are left out.
"""

from __future__ import annotations

from msgspec import Struct


class Organization(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A customer. `domains` are sorted, otherwise as they were sent."""

    id: str
    environment_id: str
    display_name: str = ""
    external_id: str = ""
    domains: tuple[str, ...] = ()


class SAMLConnection(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One way for an organization's people to sign in. `idp_certificate` is PEM."""

    id: str
    organization_id: str
    primary: bool = False
    idp_redirect_url: str = ""
    idp_certificate: str = ""
    idp_entity_id: str = ""
    sp_entity_id: str = ""
    sp_acs_url: str = ""


class SCIMDirectory(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where an organization's people come from."""

    id: str
    organization_id: str
    primary: bool = False
    scim_base_url: str = ""
    has_client_bearer_token: bool = False


Child = SAMLConnection | SCIMDirectory
Row = Organization | Child
_BY_THE_SERVER = {
    *("id", "environment_id", "organization_id"),
    *("sp_entity_id", "sp_acs_url", "scim_base_url", "has_client_bearer_token"),
}


def settable(kind: type[Row]) -> tuple[str, ...]:
    """The fields of a row that a client may set; the others are the server's."""
    return tuple(name for name in kind.__struct_fields__ if name not in _BY_THE_SERVER)


class Environment(Struct, frozen=True, rename="camel"):
    """One of the environments, with a key that may use the Management API and one that may not."""

    id: str
    key: str
    unprivileged_key: str


class SetupLink(Struct, frozen=True, rename="camel"):
    """What a setup link that nobody has opened yet allows."""

    organization_id: str
    can_manage_saml: bool
    can_manage_scim: bool


class Contents(Struct, frozen=True, rename="camel"):
    """Everything in a store, in the form of its file. Tokens are kept as SHA-256, keys as they are."""

    environments: dict[str, Environment]
    organizations: list[Organization]
    saml_connections: list[SAMLConnection]
    scim_directories: list[SCIMDirectory]
    bearer_tokens: dict[str, str]
    setup_links: dict[str, SetupLink]
    version: int = 1

"""What the emulator holds: frozen values that encode to the API's JSON, in its order, without defaults."""

from __future__ import annotations

from msgspec import Struct


class Organization(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A customer. `domains` are sorted, and otherwise as they were sent."""

    id: str
    environment_id: str
    display_name: str = ""
    external_id: str = ""
    domains: tuple[str, ...] = ()

    @property
    def parent_id(self) -> str:
        """The environment's id."""
        return self.environment_id


class _Child(Struct, frozen=True, rename="camel", omit_defaults=True):
    id: str
    organization_id: str
    primary: bool = False

    @property
    def parent_id(self) -> str:
        """The organization's id."""
        return self.organization_id


class SAMLConnection(_Child, frozen=True, rename="camel", omit_defaults=True):
    """One way for an organization's people to sign in. `idp_certificate` is PEM."""

    idp_redirect_url: str = ""
    idp_certificate: str = ""
    idp_entity_id: str = ""
    sp_entity_id: str = ""
    sp_acs_url: str = ""


class SCIMDirectory(_Child, frozen=True, rename="camel", omit_defaults=True):
    """The source of an organization's people."""

    scim_base_url: str = ""
    has_client_bearer_token: bool = False


Child = SAMLConnection | SCIMDirectory
Row = Organization | Child
_BY_THE_SERVER = {
    *("id", "environment_id", "organization_id"),
    *("sp_entity_id", "sp_acs_url", "scim_base_url", "has_client_bearer_token"),
}


def settable(kind: type[Struct]) -> tuple[str, ...]:
    """Return the fields of a kind of row that a client may set; the server sets the others."""
    return tuple(name for name in kind.__struct_fields__ if name not in _BY_THE_SERVER)


class Environment(Struct, frozen=True, rename="camel"):
    """One of the environments, with a key that may use the Management API and one that may not."""

    id: str
    key: str
    unprivileged_key: str


class SetupLink(Struct, frozen=True, rename="camel"):
    """What an unopened setup link allows."""

    organization_id: str
    can_manage_saml: bool = False
    can_manage_scim: bool = False


class Contents(Struct, frozen=True, rename="camel"):
    """Everything in a store, in the form of its file. It holds the SHA-256 of tokens, and keys as they are."""

    environments: dict[str, Environment]
    organizations: list[Organization]
    saml_connections: list[SAMLConnection]
    scim_directories: list[SCIMDirectory]
    bearer_tokens: dict[str, str]
    setup_links: dict[str, SetupLink]
    version: int = 1

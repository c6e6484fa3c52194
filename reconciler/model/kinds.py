"""Describes each kind of live resource and its fields in a row, from which code that handles any kind works.

The facts are the Management API's, as recorded in tests/contract: a kind's path, the wrapper of its responses,
the form of its ids, and the fields that a client may set.
"""

from __future__ import annotations

from enum import Enum, StrEnum

from msgspec import Struct

WIDENS = "widens who may sign in"
NEW_PROVIDER = f"{WIDENS}: a new identity provider vouches for people"


class Compare(Enum):
    """How two values of a field are compared."""

    TEXT = "text"  # byte for byte
    DOMAINS = "domains"  # as a set of lower-case A-labels
    CERTIFICATE = "certificate"  # by SHA-256 of the DER
    FLAG = "flag"


class KindName(StrEnum):
    """The public names of kinds, as plans and reports have them."""

    ORGANIZATION = "Organization"
    CONNECTION = "SAMLConnection"
    DIRECTORY = "SCIMDirectory"
    SETUP_LINK = "SetupLink"
    BEARER_TOKEN = "BearerToken"
    ENVIRONMENT = "Environment"  # only ever pinned


class Field(Struct, frozen=True):
    """A field that a client may set: `wire` in the API, `attribute` in our values, `path` in a manifest.

    `empty` is the value of a field that is not set. Reading manifests, comparing, planning, writing and showing
    follow from this row.
    """

    wire: str
    attribute: str
    path: str
    compare: Compare
    empty: str | bool | tuple[str, ...]
    risk: str | None = None  # why changing a live value may stop people from signing in
    widens: str | None = None  # why filling it, or adding to it, may let people in

    @property
    def place(self) -> tuple[str, ...]:
        """The path's parts."""
        return tuple(self.path.split("."))


class Kind(Struct, frozen=True):
    """A kind of live resource.

    `word` is its short name; `one` and `many` are the keys that wrap it in responses; `collection` is its key in a
    manifest's spec.
    """

    name: KindName
    word: str
    route: str
    one: str
    many: str
    id_prefix: str
    collection: str
    fields: tuple[Field, ...]

    def field(self, wire: str) -> Field:
        """Return the field of that wire name; raise KeyError if there is none."""
        for candidate in self.fields:
            if candidate.wire == wire:
                return candidate
        raise KeyError(wire)


ORGANIZATION = Kind(
    name=KindName.ORGANIZATION,
    word="organization",
    route="/v1/organizations",
    one="organization",
    many="organizations",
    id_prefix="org_",
    collection="",
    fields=(
        Field(
            "externalId",
            "external_id",
            "externalId",
            Compare.TEXT,
            "",
            "products sign people in by the external id",
        ),
        Field("displayName", "display_name", "displayName", Compare.TEXT, ""),
        Field(
            "domains",
            "domains",
            "domains",
            Compare.DOMAINS,
            (),
            "people of a removed domain can no longer sign in",
            f"{WIDENS}: people of an added domain",
        ),
    ),
)

CONNECTION = Kind(
    name=KindName.CONNECTION,
    word="saml",
    route="/v1/saml-connections",
    one="samlConnection",
    many="samlConnections",
    id_prefix="saml_conn_",
    collection="samlConnections",
    fields=(
        Field(
            "idpEntityId",
            "idp_entity_id",
            "idp.entityId",
            Compare.TEXT,
            "",
            "the identity provider's responses are accepted only with this entity id",
            NEW_PROVIDER,
        ),
        Field(
            "idpRedirectUrl",
            "idp_redirect_url",
            "idp.redirectUrl",
            Compare.TEXT,
            "",
            "people are sent to this address to sign in",
            NEW_PROVIDER,
        ),
        Field(
            "idpCertificate",
            "idp_certificate",
            "idp.certificate",
            Compare.CERTIFICATE,
            "",
            "the identity provider's responses are accepted only if this certificate fits",
            NEW_PROVIDER,
        ),
        Field(
            "primary",
            "primary",
            "primary",
            Compare.FLAG,
            False,
            "sign-in goes through the primary connection",
        ),
    ),
)

DIRECTORY = Kind(
    name=KindName.DIRECTORY,
    word="scim",
    route="/v1/scim-directories",
    one="scimDirectory",
    many="scimDirectories",
    id_prefix="scim_directory_",
    collection="scimDirectories",
    fields=(
        Field(
            "primary",
            "primary",
            "primary",
            Compare.FLAG,
            False,
            "products read people from the primary directory",
        ),
    ),
)

CHILD_KINDS = (CONNECTION, DIRECTORY)
KINDS = {kind.name: kind for kind in (ORGANIZATION, *CHILD_KINDS)}
IDP_FIELDS = ("idpEntityId", "idpRedirectUrl", "idpCertificate")  # sign-in needs all; they identify a connection

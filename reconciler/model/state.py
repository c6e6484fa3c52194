"""Desired (what the manifests say) and observed (what the API says), as frozen values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct

from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin, Problem
from reconciler.model.settings import Limits
from reconciler.model.since import Since


class Certificate(Struct, frozen=True, gc=False):
    """An X.509 certificate: the SHA-256 of its DER in hex, when it expires (ISO 8601), and its PEM."""

    sha256: str
    not_after: str
    pem: str


Value = str | bool | tuple[str, ...] | Certificate


# -- desired ---------------------------------------------------------------------------------------


class Ownership(StrEnum):
    """What may be written to an organization."""

    FULL = "full"
    CREATE_ONLY = "createOnly"  # creates it and its children, and never updates them
    OBSERVE = "observe"  # never writes


class SetupLink(Struct, frozen=True, gc=False):
    """Which parts the customer may configure with a self-serve link."""

    saml: bool
    scim: bool


class DesiredChild(Struct, frozen=True):
    """A connection or directory as declared. `owned` are the stated fields, by wire name."""

    kind: KindName
    name: str
    id: str | None
    owned: Mapping[str, Value]
    origin: Origin
    issue_token: bool = False


class DesiredOrganization(Struct, frozen=True):
    """An organization as declared.

    `external_id` is the key it is matched by; None if only the pin counts. `owned` are the stated fields by wire
    name; a cleared one is "" or (). A kind that is not in `collections` is unmanaged.
    """

    name: str
    id: str | None
    external_id: str | None
    ownership: Ownership
    suspend: str | None
    distinct_from: frozenset[str]
    owned: Mapping[str, Value]
    collections: Mapping[KindName, tuple[DesiredChild, ...]]
    setup_link: SetupLink | None
    labels: Mapping[str, str]
    origin: Origin

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that it states; none where it states or clears none."""
        stated = self.owned.get("domains")
        return stated if isinstance(stated, tuple) else ()


Selected = Callable[[DesiredOrganization], bool]


class DesiredEnvironment(Struct, frozen=True):
    """The Environment manifest, with the bounds that it states."""

    name: str
    id: str | None
    limits: Limits
    forbid_shared: bool
    forbid_public_mail: bool
    warn_days: int
    origin: Origin
    make_lone_primary: bool = False


class InvalidOrganization(Struct, frozen=True):
    """A manifest that is not applied because of an error, with as much of its identity as could be read."""

    name: str | None
    id: str | None
    external_id: str | None
    message: str
    origin: Origin
    domains: tuple[str, ...] = ()


class Desired(Struct, frozen=True):
    """All that the manifests of one environment declare; organizations are sorted by name.

    `complete` is False if one of the files `unparsed` could not be parsed, or a manifest has no sound name. Its
    organizations are unknown, so none is created (it may be a renamed one) and none is called unmanaged.
    """

    environment: DesiredEnvironment
    organizations: tuple[DesiredOrganization, ...]
    invalid: tuple[InvalidOrganization, ...]
    complete: bool
    revision: str
    unparsed: frozenset[str] = frozenset()


class Loaded(Struct, frozen=True):
    """A folder of manifests that was read. `desired` is None when they may not be used; `fatal` says why.

    `references` are the organizations, by handle, that refer to a file; `since` is what a change touches, where
    that was asked for.
    """

    folder: str
    desired: Desired | None
    problems: tuple[Problem, ...]
    files: int
    manifests: int
    revision: str
    fatal: tuple[Problem, ...] = ()
    references: Mapping[str, tuple[str, ...]] = {}
    since: Since | None = None


# -- observed --------------------------------------------------------------------------------------
# Attributes are the API's names in snake case. A field that a response leaves out has its default.


class Organization(Struct, frozen=True, gc=False, rename="camel"):
    """A live organization."""

    id: str
    environment_id: str
    display_name: str = ""
    external_id: str = ""
    domains: tuple[str, ...] = ()


class SAMLConnection(Struct, frozen=True, gc=False, rename="camel"):
    """A live SAML connection; the certificate is PEM."""

    id: str
    organization_id: str
    primary: bool = False
    idp_redirect_url: str = ""
    idp_certificate: str = ""
    idp_entity_id: str = ""
    sp_entity_id: str = ""
    sp_acs_url: str = ""


class SCIMDirectory(Struct, frozen=True, gc=False, rename="camel"):
    """A live SCIM directory."""

    id: str
    organization_id: str
    primary: bool = False
    scim_base_url: str = ""
    has_client_bearer_token: bool = False


Child = SAMLConnection | SCIMDirectory
Live = Organization | SAMLConnection | SCIMDirectory
LIVE_TYPES: Mapping[KindName, type[Organization | SAMLConnection | SCIMDirectory]] = {
    KindName.ORGANIZATION: Organization,
    KindName.CONNECTION: SAMLConnection,
    KindName.DIRECTORY: SCIMDirectory,
}


class Unreadable(Struct, frozen=True, gc=False):
    """Why a collection or a record could not be read; it blocks its organization, or its secret."""

    message: str


class ObservedOrganization(Struct, frozen=True):
    """A live organization and the collections that were read, each complete and sorted by id."""

    organization: Organization
    collections: Mapping[KindName, tuple[Child, ...] | Unreadable]


class RecordState(StrEnum):
    """Whether a secret was delivered."""

    PENDING = "pending"  # written before the request; whether the secret was made is unknown
    ISSUED = "issued"


class Record(Struct, frozen=True):
    """What stands in a delivery target about one secret, without the secret; times are Unix seconds."""

    state: RecordState
    organization_id: str
    directory_id: str | None
    saml: bool
    scim: bool
    issued_at: float
    expires_at: float | None


class Observed(Struct, frozen=True):
    """The live environment: all organizations in order of id; `environment_id` is None while there are none.

    `records` are the delivery target's, by (organization handle, directory handle or None for the setup
    link), Unreadable where one cannot be read; None where no target is configured. `age_s` says how old a file was
    that it was read from.
    """

    environment_id: str | None
    organizations: tuple[ObservedOrganization, ...]
    records: Mapping[tuple[str, str | None], Record | Unreadable] | None
    age_s: float | None = None

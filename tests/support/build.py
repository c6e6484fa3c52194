"""Short names for the values that tests of decisions are made of."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.model.change import Create, FieldChange, Issue, IssueLink, IssueToken, Key, Update
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin
from reconciler.model.settings import Limits
from reconciler.model.state import (
    Certificate,
    Child,
    Desired,
    DesiredChild,
    DesiredEnvironment,
    DesiredOrganization,
    InvalidOrganization,
    Observed,
    ObservedOrganization,
    Organization,
    Ownership,
    Record,
    SAMLConnection,
    SCIMDirectory,
    SetupLink,
    Unreadable,
)

CONNECTION, DIRECTORY = KindName.CONNECTION, KindName.DIRECTORY
ENVIRONMENT_ID = "env_" + "1" * 25
PLACE = Origin("acme.yaml", 3, 1)


def id_of(prefix: str, number: int) -> str:
    """An id whose order is the number's."""
    return f"{prefix}{number:025d}"


def org_id(number: int) -> str:
    return id_of("org_", number)


def conn_id(number: int) -> str:
    return id_of("saml_conn_", number)


def dir_id(number: int) -> str:
    return id_of("scim_directory_", number)


def pem(name: str) -> str:
    """Something shaped like a certificate; the decisions look at its bytes alone."""
    body = base64.b64encode(name.encode()).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def cert(name: str) -> Certificate:
    return Certificate(hashlib.sha256(name.encode()).hexdigest(), "2030-01-01T00:00:00Z", pem(name))


def connection(name: str, *, id_: str | None = None, primary: bool | None = None, **idp: Any) -> DesiredChild:
    """`entity`, `url`, `cert` state IdP values; a certificate is named by any word, "" clears."""
    owned: dict[str, Any] = {} if primary is None else {"primary": primary}
    if "entity" in idp:
        owned["idpEntityId"] = idp["entity"]
    if "url" in idp:
        owned["idpRedirectUrl"] = idp["url"]
    if "cert" in idp:
        owned["idpCertificate"] = cert(idp["cert"]) if idp["cert"] else ""
    return DesiredChild(CONNECTION, name, id_, owned, PLACE)


def directory(
    name: str, *, id_: str | None = None, primary: bool | None = None, issue_token: bool = False
) -> DesiredChild:
    owned: dict[str, Any] = {} if primary is None else {"primary": primary}
    return DesiredChild(DIRECTORY, name, id_, owned, PLACE, issue_token)


def live_connection(number: int, *, org: int = 1, primary: bool = False, **idp: str) -> SAMLConnection:
    return SAMLConnection(
        id=conn_id(number),
        organization_id=org_id(org),
        primary=primary,
        idp_entity_id=idp.get("entity", ""),
        idp_redirect_url=idp.get("url", ""),
        idp_certificate=pem(idp["cert"]) if idp.get("cert") else "",
    )


def live_directory(number: int, *, org: int = 1, primary: bool = False, token: bool = False) -> SCIMDirectory:
    return SCIMDirectory(dir_id(number), org_id(org), primary, "https://x/scim", token)


def organization(
    name: str = "acme",
    *,
    external_id: str | None = "",
    connections: Sequence[DesiredChild] | None = None,
    directories: Sequence[DesiredChild] | None = None,
    **more: Any,
) -> DesiredOrganization:
    """`external_id` "" means the default (the name, unless there is an id); other keywords are the fields'."""
    id_ = more.get("id_")
    if external_id == "":
        external_id = None if id_ else name
    owned: dict[str, Any] = {}
    if external_id is not None:
        owned["externalId"] = external_id
    for wire, key in (("displayName", "display_name"), ("domains", "domains")):
        if key in more:
            owned[wire] = more[key]
    collections: dict[KindName, tuple[DesiredChild, ...]] = {}
    if connections is not None:
        collections[CONNECTION] = tuple(connections)
    if directories is not None:
        collections[DIRECTORY] = tuple(directories)
    return DesiredOrganization(
        name=name,
        id=id_,
        external_id=None if id_ else external_id,
        ownership=more.get("ownership", Ownership.FULL),
        suspend=more.get("suspend"),
        distinct_from=frozenset(more.get("distinct_from", ())),
        owned=owned,
        collections=collections,
        setup_link=more.get("setup_link"),
        labels=more.get("labels", {}),
        origin=Origin(f"{name}.yaml", 1, 1),
    )


def live(
    number: int,
    external_id: str = "",
    *,
    display_name: str = "",
    domains: Sequence[str] = (),
    connections: Sequence[Child] | Unreadable | None = None,
    directories: Sequence[Child] | Unreadable | None = None,
) -> ObservedOrganization:
    collections: dict[KindName, Any] = {}
    for kind, children in ((CONNECTION, connections), (DIRECTORY, directories)):
        if children is not None:
            collections[kind] = children if isinstance(children, Unreadable) else tuple(children)
    return ObservedOrganization(
        Organization(org_id(number), ENVIRONMENT_ID, display_name, external_id, tuple(domains)), collections
    )


def desired(
    *organizations: DesiredOrganization,
    invalid: Sequence[InvalidOrganization] = (),
    complete: bool = True,
    forbid_shared: bool = True,
    limits: Limits | None = None,
    pin: str | None = None,
) -> Desired:
    environment = DesiredEnvironment(
        "production", pin, limits or {}, forbid_shared, True, 30, Origin("environment.yaml")
    )
    return Desired(environment, tuple(sorted(organizations, key=lambda o: o.name)), tuple(invalid), complete, "r1")


def observed(
    *organizations: ObservedOrganization, records: Mapping[tuple[str, str | None], Record] | None = None
) -> Observed:
    return Observed(
        ENVIRONMENT_ID if organizations else None,
        tuple(sorted(organizations, key=lambda o: o.organization.id)),
        records,
    )


SAML_LINK = SetupLink(saml=True, scim=False)
BOTH_LINK = SetupLink(saml=True, scim=True)


def create(key: Key, *fields: FieldChange) -> Create:
    return Create(key, PLACE, fields=fields)


def update(key: Key, *fields: FieldChange, id_: str = "") -> Update:
    return Update(key, PLACE, id=id_ or org_id(1), fields=fields)


def issue(key: Key) -> Issue:
    if key.kind is KindName.SETUP_LINK:
        return IssueLink(key, PLACE, parent=org_id(1), extent=BOTH_LINK)
    return IssueToken(key, PLACE, parent=org_id(1), directory=dir_id(1))

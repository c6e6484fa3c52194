"""With a setup link, a customer's administrator changes what the link allows and nothing else."""

from __future__ import annotations

import pytest

from reconciler.emulator import SetupPage
from reconciler.emulator.seed import certificate
from tests.emulator.conftest import Caller


def link(api: Caller, organization_id: str, **allowed: bool) -> str:
    return str(api.ask("POST", "/v1/setup-urls", {"organizationId": organization_id, **allowed})["url"])


def test_the_administrator_configures_a_connection(api: Caller) -> None:
    organization_id = api.organization()
    page = SetupPage(api.store, link(api, organization_id, canManageSaml=True))
    pem = certificate(api.store.rng, "acme")
    made = page.create_connection(primary=True, idp_entity_id="https://idp.example/1", idp_certificate=pem)
    changed = page.change_connection(made.id, idp_redirect_url="https://idp.example/sso")
    assert page.connections() == [changed]
    assert api.ask("GET", f"/v1/saml-connections/{made.id}")["samlConnection"] == {
        "id": made.id,
        "organizationId": organization_id,
        "primary": True,
        "idpRedirectUrl": "https://idp.example/sso",
        "idpCertificate": pem,
        "idpEntityId": "https://idp.example/1",
        "spEntityId": made.sp_entity_id,
        "spAcsUrl": f"{made.sp_entity_id}/acs",
    }


def test_the_administrator_configures_a_directory(api: Caller) -> None:
    page = SetupPage(api.store, link(api, api.organization(), canManageScim=True))
    made = page.create_directory(primary=True)
    token = page.rotate_bearer_token(made.id)
    page.change_directory(made.id, primary=False)
    (row,) = page.directories()
    assert (row.primary, row.has_client_bearer_token) == (False, True)
    assert api.store.is_bearer_token(made.id, token)


def test_a_link_opens_once_and_other_links_stay_valid(api: Caller) -> None:
    organization_id = api.organization()
    first, second = link(api, organization_id), link(api, organization_id)
    SetupPage(api.store, first)
    with pytest.raises(LookupError, match="opened before"):
        SetupPage(api.store, first)
    assert SetupPage(api.store, second).organization_id == organization_id


@pytest.mark.parametrize("url", ["https://admin.emulator.example/setup", "https://a/?one-time-token=x", "x"])
def test_a_link_that_was_never_made_opens_nothing(api: Caller, url: str) -> None:
    with pytest.raises(LookupError):
        SetupPage(api.store, url)


def test_what_the_link_does_not_allow_is_refused(api: Caller) -> None:
    organization_id = api.organization()
    saml = SetupPage(api.store, link(api, organization_id, canManageSaml=True))
    scim = SetupPage(api.store, link(api, organization_id, canManageScim=True))
    with pytest.raises(PermissionError):
        saml.create_directory()
    with pytest.raises(PermissionError):
        scim.create_connection()


def test_another_organizations_objects_are_out_of_reach(api: Caller) -> None:
    page = SetupPage(api.store, link(api, api.organization(), canManageSaml=True))
    foreign = api.store.put_connection(api.organization())
    with pytest.raises(LookupError):
        page.change_connection(foreign.id, primary=True)

"""Changes made outside the Management API are seen through it, and the other way round."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.exchange import Refusal
from reconciler.emulator.rows import Contents
from reconciler.emulator.seed import certificate
from reconciler.emulator.store import SQLError
from tests.emulator.conftest import Caller


def test_an_object_created_over_the_api_is_changed_from_outside(api: Caller) -> None:
    organization_id = api.organization(displayName="Acme", externalId="1")
    (seen,) = api.store.organizations("production")
    assert (seen.id, seen.display_name, seen.external_id) == (organization_id, "Acme", "1")
    api.store.put_organization(
        api.environment.id, row_id=organization_id, display_name="Other", domains=["b.com", "a.com"]
    )
    read = api.ask("GET", f"/v1/organizations/{organization_id}")["organization"]
    ours = {"id": organization_id, "environmentId": api.environment.id}
    assert read == {**ours, "displayName": "Other", "domains": ["a.com", "b.com"]}


COLLECTIONS = st.sampled_from(["saml-connections", "scim-directories"])


@given(st.lists(st.tuples(COLLECTIONS, st.integers(0, 4), st.booleans(), st.booleans())))
def test_there_is_at_most_one_primary(acts: list[tuple[str, int, bool, bool]]) -> None:
    """It is the last one promoted, unless it was demoted since. Connections and directories do not mix."""
    api = Caller()
    organization_id = api.organization()
    ids: dict[str, list[str]] = {"saml-connections": [], "scim-directories": []}
    expected: dict[str, str | None] = dict.fromkeys(ids)
    for collection, index, primary, create in acts:
        known = ids[collection]
        if create or index >= len(known):
            response = api.ask(
                "POST", f"/v1/{collection}", {"organizationId": organization_id, "primary": primary}
            )
            changed = next(iter(response.values()))["id"]
            known.append(changed)
        else:
            changed = known[index]
            api.ask("PATCH", f"/v1/{collection}/{changed}", {"primary": primary})
        if primary:
            expected[collection] = changed
        elif expected[collection] == changed:
            expected[collection] = None
    rows = {
        "saml-connections": api.store.connections(organization_id),
        "scim-directories": api.store.directories(organization_id),
    }
    for collection, expected_id in expected.items():
        assert [row.id for row in rows[collection] if row.primary] == [expected_id] * (expected_id is not None)


def test_a_demoted_sibling_keeps_its_other_values(api: Caller) -> None:
    organization_id = api.organization()
    pem = certificate(api.store.rng, "a")
    first = api.store.put_connection(
        organization_id, primary=True, idp_entity_id="e", idp_redirect_url="u", idp_certificate=pem
    )
    api.store.put_connection(organization_id, primary=True)
    after = next(row for row in api.store.connections(organization_id) if row.id == first.id)
    assert after == msgspec.structs.replace(first, primary=False)


def test_a_directory_keeps_its_token_when_it_is_changed(api: Caller) -> None:
    directory = api.store.put_directory(api.organization())
    token = api.ask("POST", f"/v1/scim-directories/{directory.id}/rotate-bearer-token")["bearerToken"]
    changed = api.ask("PATCH", f"/v1/scim-directories/{directory.id}", {"primary": True})["scimDirectory"]
    assert changed["hasClientBearerToken"] is True
    assert api.store.is_bearer_token(directory.id, token)


def test_after_a_rotation_the_old_token_does_not_work(api: Caller) -> None:
    directory = api.store.put_directory(api.organization())
    old, new = (api.store.rotate_bearer_token(directory.id) for _ in range(2))
    assert [api.store.is_bearer_token(directory.id, token) for token in (old, new)] == [False, True]


def test_deleting_an_organization_takes_its_children_and_frees_its_external_id(api: Caller) -> None:
    organization_id = api.organization(externalId="1")
    connection = api.store.put_connection(organization_id)
    gone = (f"organizations/{organization_id}", f"saml-connections/{connection.id}")
    api.store.delete(organization_id)
    for path in gone:
        assert b"no rows in result set" in api.call("GET", f"/v1/{path}").body
    assert api.ask("GET", "/v1/organizations") == {}
    assert api.organization(externalId="1") != organization_id


def test_an_external_id_is_free_again_once_it_is_cleared(api: Caller) -> None:
    first = api.organization(externalId="1")
    api.ask("PATCH", f"/v1/organizations/{first}", {})
    api.organization(externalId="1")
    assert b"23505" in api.call("PATCH", f"/v1/organizations/{first}", {"externalId": "1"}).body


def test_changes_from_outside_obey_the_same_rules(api: Caller) -> None:
    organization_id = api.organization(externalId="1")
    with pytest.raises(SQLError, match="23505"):
        api.store.put_organization(api.environment.id, external_id="1")
    with pytest.raises(SQLError, match="22021"):
        api.store.put_connection(organization_id, idp_entity_id="\0")
    with pytest.raises(Refusal, match="PEM"):
        api.store.put_connection(organization_id, idp_certificate="hello")
    with pytest.raises(KeyError):
        api.store.rotate_bearer_token("scim_directory_unknown")


def test_the_same_randomness_gives_the_same_history() -> None:
    """The generator that is passed in decides keys, ids, tokens and page tokens."""

    def history() -> list[bytes]:
        api = Caller(7)
        organization_id = api.organization(displayName="Acme")
        for _ in range(11):
            api.ask("POST", "/v1/scim-directories", {"organizationId": organization_id})
        directory = api.store.directories(organization_id)[0]
        return [
            api.environment.key.encode(),
            api.call("GET", f"/v1/scim-directories?organizationId={organization_id}").body,
            api.call("POST", f"/v1/scim-directories/{directory.id}/rotate-bearer-token").body,
            api.call("POST", "/v1/setup-urls", {"organizationId": organization_id}).body,
        ]

    assert history() == history()


def test_contents_hold_no_token(api: Caller) -> None:
    directory = api.store.put_directory(api.organization())
    token = api.store.rotate_bearer_token(directory.id)
    body = {"organizationId": directory.organization_id}
    link = api.ask("POST", "/v1/setup-urls", body)["url"].partition("=")[2]
    encoded = msgspec.json.encode(api.store.contents())
    assert msgspec.json.decode(encoded, type=Contents) == api.store.contents()
    assert token.encode() not in encoded
    assert link.encode() not in encoded

"""What differs between a manifest's fields and the live ones, and which difference is risky."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from reconciler.core.applying.merge import wire_value
from reconciler.core.planning.diff import diff, differs, initial, live_value, same
from reconciler.model.kinds import CONNECTION, DIRECTORY, NEW_PROVIDER, ORGANIZATION, Kind
from reconciler.model.state import Certificate, Live, Organization, Value
from tests.support import strategies
from tests.support.build import ENVIRONMENT_ID, cert, live_connection, live_directory, org_id, pem


def live_organization(**fields: Any) -> Organization:
    return Organization(org_id(1), ENVIRONMENT_ID, **fields)


def risks(kind: Kind, owned: dict[str, Value], live: Live) -> dict[str, str | None]:
    return {field.path: field.risk for field in diff(kind, owned, live)}


# -- what counts as different ----------------------------------------------------------------------


def test_only_stated_fields_are_compared() -> None:
    live = live_organization(display_name="Acme", external_id="acme", domains=("acme.com",))
    assert diff(ORGANIZATION, {}, live) == ()
    assert [field.wire for field in diff(ORGANIZATION, {"displayName": "Globex"}, live)] == ["displayName"]


def test_a_change_has_both_names_and_both_values() -> None:
    (field,) = diff(CONNECTION, {"idpRedirectUrl": "u2"}, live_connection(1, url="u1"))
    assert (field.wire, field.path, field.before, field.after) == ("idpRedirectUrl", "idp.redirectUrl", "u1", "u2")


def test_changes_stand_in_the_kinds_order_whatever_the_manifests() -> None:
    owned = {"domains": ("a.com",), "displayName": "A", "externalId": "a"}
    assert [field.wire for field in diff(ORGANIZATION, owned, live_organization())] == [
        "externalId",
        "displayName",
        "domains",
    ]


@pytest.mark.parametrize(
    ("seen", "stated"),
    [
        (("b.com", "a.com"), ("a.com", "b.com")),
        (("a.com",), ("a.com",)),
        ((), ()),
    ],
)
def test_the_order_of_domains_is_no_difference(seen: tuple[str, ...], stated: tuple[str, ...]) -> None:
    live = live_organization(domains=seen)
    assert diff(ORGANIZATION, {"domains": stated}, live) == ()
    assert not differs(ORGANIZATION, {"domains": stated}, live)


@pytest.mark.parametrize("seen", ["A.com", " a.com", "a.com.", "a.com "])
def test_capitals_blanks_and_dots_of_live_domains_are_drift(seen: str) -> None:
    (field,) = diff(ORGANIZATION, {"domains": ("a.com",)}, live_organization(domains=(seen,)))
    assert (field.before, field.after, field.risk) == ((seen,), ("a.com",), None)


def test_a_domain_that_is_live_twice_is_drift() -> None:
    (field,) = diff(ORGANIZATION, {"domains": ("a.com",)}, live_organization(domains=("a.com", "a.com")))
    assert (field.before, field.risk) == (("a.com", "a.com"), None)


def test_texts_are_compared_byte_for_byte() -> None:
    live = live_connection(1, url="https://idp.example/sso", entity="urn:idp")
    assert diff(CONNECTION, {"idpRedirectUrl": "https://idp.example/sso", "idpEntityId": "urn:idp"}, live) == ()
    for other in ("https://idp.example/sso/", "https://IDP.example/sso", "https://idp.example/sso "):
        assert differs(CONNECTION, {"idpRedirectUrl": other}, live)


def test_certificates_are_compared_by_what_is_in_them() -> None:
    rewrapped = "Subject: someone\r\n" + pem("c1").replace("\n", "\r\n")
    live = structs.replace(live_connection(1), idp_certificate=rewrapped)
    assert not differs(CONNECTION, {"idpCertificate": cert("c1")}, live)
    assert diff(CONNECTION, {"idpCertificate": cert("c1")}, live) == ()
    (field,) = diff(CONNECTION, {"idpCertificate": cert("c2")}, live)
    assert field.after == cert("c2")
    assert isinstance(field.before, Certificate)
    assert field.before.sha256 == cert("c1").sha256


def test_a_certificate_beside_none_differs_in_both_directions() -> None:
    (added,) = diff(CONNECTION, {"idpCertificate": cert("c1")}, live_connection(1))
    assert (added.before, added.after) == ("", cert("c1"))
    (cleared,) = diff(CONNECTION, {"idpCertificate": ""}, live_connection(1, cert="c1"))
    assert isinstance(cleared.before, Certificate)
    assert cleared.after == ""
    assert diff(CONNECTION, {"idpCertificate": ""}, live_connection(1)) == ()


def test_two_certificates_with_one_fingerprint_are_the_same_whatever_else_is_known() -> None:
    field = CONNECTION.field("idpCertificate")
    assert same(field, cert("c1"), structs.replace(cert("c1"), not_after="", pem="other text"))
    assert not same(field, cert("c1"), cert("c2"))
    assert not same(field, cert("c1"), "")


def test_two_lists_of_domains_are_the_same_in_whatever_order() -> None:
    field = ORGANIZATION.field("domains")
    assert same(field, ("b.com", "a.com"), ("a.com", "b.com"))
    assert not same(field, ("a.com", "a.com"), ("a.com",))
    assert not same(field, ("A.com",), ("a.com",))


def test_live_domains_are_shown_sorted_and_otherwise_as_they_are() -> None:
    live = live_organization(domains=("b.com", "A.com", "b.com"))
    assert live_value(ORGANIZATION.field("domains"), live) == ("A.com", "b.com", "b.com")


# -- what is risky ---------------------------------------------------------------------------------

REMOVED, ADDED = ORGANIZATION.field("domains").risk, ORGANIZATION.field("domains").widens


@pytest.mark.parametrize(
    ("seen", "stated", "risk"),
    [
        (("a.com", "b.com"), ("a.com",), REMOVED),
        (("a.com",), ("b.com",), f"{REMOVED}; {ADDED}"),
        (("a.com",), (), "nobody can sign in to an organization without domains"),
        (("a.com",), ("a.com", "b.com"), ADDED),
        (("A.com", "a.com"), ("a.com",), None),
        (("A.com",), ("b.com",), f"{REMOVED}; {ADDED}"),
        ((), ("a.com",), ADDED),
    ],
)
def test_a_removed_domain_keeps_people_out_and_an_added_one_lets_people_in(
    seen: tuple[str, ...], stated: tuple[str, ...], risk: str | None
) -> None:
    assert risks(ORGANIZATION, {"domains": stated}, live_organization(domains=seen)) == {"domains": risk}


def test_changing_a_live_external_id_is_risky_and_giving_one_is_not() -> None:
    for after in ("b", ""):
        found = risks(ORGANIZATION, {"externalId": after}, live_organization(external_id="a"))
        assert found == {"externalId": "products sign people in by the external id"}
    assert risks(ORGANIZATION, {"externalId": "b"}, live_organization()) == {"externalId": None}


def test_a_display_name_is_never_risky() -> None:
    assert risks(ORGANIZATION, {"displayName": "B"}, live_organization(display_name="A")) == {"displayName": None}


@pytest.mark.parametrize(("key", "wire"), [("entity", "idpEntityId"), ("url", "idpRedirectUrl")])
def test_another_identity_provider_keeps_people_out_and_a_first_one_lets_people_in(key: str, wire: str) -> None:
    risk = CONNECTION.field(wire).risk
    assert risk
    for after in ("new", ""):
        (found,) = diff(CONNECTION, {wire: after}, live_connection(1, **{key: "old"}))
        assert found.risk == risk
    (filled,) = diff(CONNECTION, {wire: "new"}, live_connection(1))
    assert filled.risk == NEW_PROVIDER


def test_changing_or_clearing_a_certificate_is_risky_and_a_first_one_lets_people_in() -> None:
    risk = CONNECTION.field("idpCertificate").risk
    for after in (cert("c2"), ""):
        assert risks(CONNECTION, {"idpCertificate": after}, live_connection(1, cert="c1")) == {
            "idp.certificate": risk
        }
    assert risks(CONNECTION, {"idpCertificate": cert("c1")}, live_connection(1)) == {
        "idp.certificate": NEW_PROVIDER
    }


@pytest.mark.parametrize("before", [True, False])
def test_moving_the_primary_is_risky_in_both_directions(before: bool) -> None:
    assert risks(CONNECTION, {"primary": not before}, live_connection(1, primary=before)) == {
        "primary": "sign-in goes through the primary connection"
    }
    assert risks(DIRECTORY, {"primary": not before}, live_directory(1, primary=before)) == {
        "primary": "products read people from the primary directory"
    }


# -- what is created -------------------------------------------------------------------------------


def test_an_identity_provider_created_in_a_live_organization_lets_people_in() -> None:
    owned: dict[str, Value] = {"idpEntityId": "urn:a", "primary": True}
    for below, risk in ((org_id(1), NEW_PROVIDER), (None, None)):
        fields = initial(CONNECTION, owned, below=below)
        assert {field.wire: field.risk for field in fields} == {"idpEntityId": risk, "primary": None}


def test_a_create_states_what_is_not_empty_and_risks_nothing() -> None:
    owned: dict[str, Value] = {"domains": ("a.com",), "externalId": "a", "displayName": ""}
    fields = initial(ORGANIZATION, owned)
    assert [(f.wire, f.path, f.before, f.after, f.risk) for f in fields] == [
        ("externalId", "externalId", None, "a", None),
        ("domains", "domains", None, ("a.com",), None),
    ]
    assert (
        initial(CONNECTION, {"primary": False, "idpCertificate": "", "idpEntityId": "e"})[0].wire == "idpEntityId"
    )
    assert len(initial(CONNECTION, {"primary": False, "idpCertificate": "", "idpEntityId": "e"})) == 1


# -- invariants ------------------------------------------------------------------------------------


def written(kind: Kind, owned: dict[str, Value], live: Live) -> Live:
    """What the server holds after a PATCH of the differences."""
    values = {}
    for field in diff(kind, owned, live):
        value = wire_value(field.after)
        values[kind.field(field.wire).attribute] = tuple(value) if isinstance(value, list) else value
    return structs.replace(live, **values)


domains = st.lists(st.sampled_from(["a.com", "A.com", "b.com", " b.com", "c.com"]), max_size=4).map(tuple)
texts = st.sampled_from(["", "a", "A", "a "])


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "externalId": texts,
            "displayName": texts,
            "domains": st.sets(st.sampled_from(["a.com", "b.com"])).map(lambda found: tuple(sorted(found))),
        },
    ),
    st.builds(live_organization, external_id=texts, display_name=texts, domains=domains),
)
def test_once_an_organizations_differences_are_written_there_are_none(
    owned: dict[str, Value], live: Organization
) -> None:
    after = written(ORGANIZATION, owned, live)
    assert diff(ORGANIZATION, owned, after) == ()
    for field in ORGANIZATION.fields:
        if field.wire not in owned:
            assert getattr(after, field.attribute) == getattr(live, field.attribute)


@given(strategies.declared_connections(max_size=1), strategies.live_connections(max_size=1))
def test_once_a_connections_differences_are_written_there_are_none(declared: Any, seen: Any) -> None:
    for child in declared:
        for live in seen:
            assert diff(CONNECTION, child.owned, written(CONNECTION, child.owned, live)) == ()


@given(strategies.declared_connections(max_size=1), strategies.live_connections(max_size=1))
def test_there_is_a_difference_exactly_where_one_is_listed(declared: Any, seen: Any) -> None:
    for child in declared:
        for live in seen:
            assert differs(CONNECTION, child.owned, live) == bool(diff(CONNECTION, child.owned, live))

"""What is listed of a live organization, which manifest claims it, and what finds it."""

from __future__ import annotations

import pytest
from msgspec import structs

from reconciler.core.adopting.inventory import claimed, inventory, named
from reconciler.model.state import InvalidOrganization, Unreadable
from tests.support.build import (
    PLACE,
    connection,
    desired,
    live,
    live_connection,
    live_directory,
    observed,
    org_id,
    organization,
)
from tests.support.certificates import pem

ACME = live(
    1, "acme", display_name="Acme  Ltd", domains=["Acme.example"], connections=[live_connection(1)], directories=[]
)
GLOBEX = live(2, display_name="Globex", domains=["globex.example"], directories=[live_directory(2, org=2)])
SEEN = observed(ACME, GLOBEX)


def invalid(name: str, **more: str) -> InvalidOrganization:
    return InvalidOrganization(name or None, more.get("id"), more.get("external_id"), "broken", PLACE)


def test_what_is_live_is_listed_with_its_children() -> None:
    listed = inventory(SEEN, None)
    assert (listed.manifests_known, listed.in_git) == (False, 0)
    acme, globex = listed.organizations
    assert (acme.organization, acme.manifest, acme.unreadable) == (ACME.organization, None, ())
    assert [len(each.connections) for each in (acme, globex)] == [1, 0]
    assert [len(each.directories) for each in (acme, globex)] == [0, 1]


def test_the_certificate_that_ends_first_is_told() -> None:
    certificates = [pem(days=days) for days in (90, 30)]
    children = [
        structs.replace(live_connection(number), idp_certificate=certificate)
        for number, certificate in enumerate(certificates, 1)
    ]
    ends = [
        inventory(observed(live(1, connections=some)), None).organizations[0].expires
        for some in (children, children[:1], children[1:], [live_connection(3)])
    ]
    assert ends[0] == ends[2] < ends[1]
    assert ends[3] == ""


def test_what_could_not_be_read_is_told() -> None:
    (acme,) = inventory(observed(live(1, connections=Unreadable("too long"))), None).organizations
    assert (acme.connections, acme.unreadable) == ((), ("too long",))


def test_an_organization_is_claimed_by_its_manifest() -> None:
    listed = inventory(SEEN, desired(organization("acme")))
    assert [each.manifest for each in listed.organizations] == ["acme", None]
    assert (listed.manifests_known, listed.in_git) == (True, 1)


def test_a_manifest_that_cannot_be_applied_claims_too() -> None:
    broken = desired(invalid=[invalid("acme-file", external_id="acme"), invalid("globex", id=org_id(2))])
    assert claimed(SEEN, broken) == {org_id(1): "acme-file", org_id(2): "globex"}
    unnamed = desired(invalid=[invalid("", id=org_id(2))])
    assert claimed(SEEN, unnamed) == {org_id(2): str(PLACE)}


def test_what_two_claim_is_claimed_by_the_first() -> None:
    both = desired(organization("a", id_=org_id(1)), invalid=[invalid("b", id=org_id(1))])
    assert claimed(SEEN, both)[org_id(1)] == "a"


@pytest.mark.parametrize(
    "name", ["acme-handle", org_id(1), "acme", "acme ltd", "ACME LTD", "acme.example", "ACME.example"]
)
def test_any_name_finds_its_organization(name: str) -> None:
    wanted = desired(organization("acme-handle", external_id="acme"))
    assert named(name, wanted, [ACME.organization, GLOBEX.organization]) == (ACME.organization,)


def test_a_pinned_handle_finds_its_organization() -> None:
    wanted = desired(organization("customer", id_=org_id(2), connections=[connection("okta")]))
    assert named("customer", wanted, [ACME.organization, GLOBEX.organization]) == (GLOBEX.organization,)


def test_a_display_name_never_hides_a_handle_or_an_id() -> None:
    shadow = live(3, "", display_name="acme").organization
    assert named("acme", desired(organization("acme")), [ACME.organization, shadow]) == (ACME.organization,)
    assert named("acme", None, [ACME.organization, shadow]) == (ACME.organization,)


def test_an_unknown_name_finds_nothing_and_a_shared_one_all() -> None:
    twin = live(3, display_name="globex").organization
    assert named("nobody", None, [ACME.organization]) == ()
    assert named("Globex", None, [GLOBEX.organization, twin]) == (GLOBEX.organization, twin)

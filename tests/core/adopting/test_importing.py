"""What is live as manifests: what stands in them, what cannot, and what is claimed already."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from reconciler.core.adopting.importing import Folder, Wish, compose, environment_manifest
from reconciler.model.change import Key
from reconciler.model.importing import Adopted, Imported
from reconciler.model.kinds import KindName
from reconciler.model.settings import STRICT, DomainRules
from reconciler.model.state import Desired, InvalidOrganization, ObservedOrganization, Ownership, Unreadable
from reconciler.source.yaml import parse
from tests.support.build import (
    ENVIRONMENT_ID,
    PLACE,
    conn_id,
    desired,
    dir_id,
    live,
    live_connection,
    live_directory,
    observed,
    org_id,
    organization,
)
from tests.support.certificates import NOW, pem

OKTA = {"entity": "http://www.okta.com/exk1", "url": "https://acme.okta.com/app/x/sso/saml"}


def imported(
    *lives: ObservedOrganization,
    folder: Desired | None = None,
    rules: DomainRules = STRICT,
    names: tuple[str, ...] = (),
    **wish: Any,
) -> Imported:
    return compose(observed(*lives), Folder(names, folder, rules), Wish("production", **wish), NOW)


def only(*lives: ObservedOrganization, **more: Any) -> Adopted:
    (adopted,) = imported(*lives, **more).adopted
    return adopted


def read(adopted: Adopted) -> Any:
    """What the manifest says, as a reader of YAML sees it."""
    manifests = parse(adopted.files[-1].text.encode(), adopted.files[-1].path)
    assert manifests.problems == ()
    (document,) = manifests.documents
    return document.value


def spec(*lives: ObservedOrganization, **more: Any) -> Any:
    return read(only(*lives, **more))["spec"]


def comments(adopted: Adopted) -> str:
    return "\n".join(line for line in adopted.files[-1].text.splitlines()[1:] if line.lstrip().startswith("#"))


# -- what stands in a manifest ---------------------------------------------------------------------


def test_an_organization_becomes_a_manifest_with_all_its_pins() -> None:
    acme = live(
        1,
        "4711",
        display_name="Acme",
        domains=["acme.example"],
        connections=[live_connection(1, primary=True, **OKTA), live_connection(2)],
        directories=[live_directory(3, primary=True)],
    )
    adopted = only(acme)
    assert (adopted.id, adopted.name, adopted.children, adopted.oddities) == (org_id(1), "acme", 3, ())
    assert [file.path for file in adopted.files] == ["acme.yaml"]
    assert read(adopted) == {
        "apiVersion": "reconciler/v1",
        "kind": "Organization",
        "metadata": {"name": "acme"},
        "spec": {
            "id": org_id(1),
            "externalId": "4711",
            "displayName": "Acme",
            "domains": ["acme.example"],
            "samlConnections": [
                {"name": "okta", "id": conn_id(1), "primary": True},
                {"name": "saml-1", "id": conn_id(2)},
            ],
            "scimDirectories": [{"name": "scim-1", "id": dir_id(3), "primary": True}],
        },
    }


def test_what_is_empty_is_not_stated() -> None:
    assert spec(live(1, connections=[], directories=[])) == {"id": org_id(1)}


def test_ownership_and_labels_stand_in_each_manifest() -> None:
    adopted = only(live(1, display_name="Acme"), ownership=Ownership.OBSERVE, labels={"wave": "1", "tier": "gold"})
    assert read(adopted)["metadata"] == {"name": "acme", "labels": {"wave": "1", "tier": "gold"}}
    assert read(adopted)["spec"]["ownership"] == "observe"


def test_an_identity_provider_is_stated_only_where_it_is_asked_for() -> None:
    acme = live(
        1,
        display_name="Acme",
        connections=[
            structs.replace(live_connection(1, primary=True, **OKTA), idp_certificate=pem()),
            live_connection(2),
        ],
    )
    assert all("idp" not in child for child in spec(acme)["samlConnections"])
    adopted = only(acme, own_idp=True)
    certificate, manifest = adopted.files
    okta, blank = read(adopted)["spec"]["samlConnections"]
    assert (certificate.path, manifest.path) == ("certs/acme-okta.pem", "acme.yaml")
    assert certificate.text == pem()
    assert okta["idp"] == {
        "entityId": OKTA["entity"],
        "redirectUrl": OKTA["url"],
        "certificate": {"file": "certs/acme-okta.pem"},
    }
    assert "idp" not in blank


def test_the_environment_has_its_pin() -> None:
    (document,) = parse(environment_manifest("production", ENVIRONMENT_ID).text.encode(), "x").documents
    assert document.value["metadata"] == {"name": "production"}
    assert document.value["spec"] == {"id": ENVIRONMENT_ID}


# -- what is imported ------------------------------------------------------------------------------


def test_what_a_manifest_claims_is_left_alone() -> None:
    lives = live(1, "a"), live(2, "b"), live(3, "c")
    bad = InvalidOrganization("b", None, "b", "broken", PLACE)
    made = imported(*lives, folder=desired(organization("a"), invalid=[bad]))
    assert [each.id for each in made.adopted] == [org_id(3)]
    assert (made.in_git, made.left, made.environment) == (3, 0, "production")


def test_a_batch_and_a_selection_leave_the_rest() -> None:
    lives = [live(number) for number in range(1, 6)]
    batch = imported(*lives, batch=2)
    assert [each.id for each in batch.adopted] == [org_id(1), org_id(2)]
    assert (batch.in_git, batch.left) == (2, 3)
    assert [each.id for each in imported(*lives, only=frozenset({org_id(4)})).adopted] == [org_id(4)]


def test_what_could_not_be_read_whole_is_skipped() -> None:
    made = imported(live(1, connections=Unreadable("too long")), live(2))
    assert [(each.id, each.why) for each in made.skipped] == [(org_id(1), "too long")]
    assert [each.id for each in made.adopted] == [org_id(2)]
    assert made.left == 1


def test_names_differ_from_each_other_and_from_what_is_there() -> None:
    twins = [live(number, display_name="Acme") for number in (1, 2)]
    bad = InvalidOrganization("acme-2", None, None, "broken", PLACE)
    unnamed = InvalidOrganization(None, None, None, "broken", PLACE)
    made = imported(*twins, names=("ACME-3",), folder=desired(organization("acme"), invalid=[bad, unnamed]))
    assert [each.name for each in made.adopted] == ["acme-4", "acme-5"]


# -- what cannot stand in a manifest ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("domains", "sound"),
    [
        (["ACME.example", "b.example"], ["acme.example", "b.example"]),
        ([" acme.example"], ["acme.example"]),
        (["acme.example", "acme.example"], ["acme.example"]),
        (["ACME.example", "acme.example"], ["acme.example"]),
        (["https://acme.example/", "x@b.example"], ["acme.example", "b.example"]),
    ],
)
def test_domains_that_are_not_sound_are_left_out_or_put_right(domains: list[str], sound: list[str]) -> None:
    acme = live(1, display_name="Acme", domains=domains)
    adopted = only(acme)
    assert "domains" not in read(adopted)["spec"]
    assert [each.plans for each in adopted.oddities] == [None]
    assert f"domains: [{', '.join(sound)}]" in comments(adopted)

    adopted = only(acme, normalise=True)
    assert read(adopted)["spec"]["domains"] == sound
    assert [each.plans for each in adopted.oddities] == [Key("acme", KindName.ORGANIZATION, "acme")]


@pytest.mark.parametrize(
    "domains",
    [["gmail.com"], ["localhost", "acme.example"], [f"{number}.example" for number in range(2001)]],
    ids=["public mail", "one label", "too many"],
)
def test_domains_that_nobody_can_put_right_are_left_out(domains: list[str]) -> None:
    for normalise in (False, True):
        adopted = only(live(1, domains=domains), normalise=normalise)
        assert "domains" not in read(adopted)["spec"]
        assert [each.plans for each in adopted.oddities] == [None]


def test_a_comment_tells_a_few_faults_and_counts_the_rest() -> None:
    adopted = only(live(1, domains=[f"{number}" for number in range(9)]))
    assert "; 4 more" in comments(adopted)


def test_two_thousand_domains_can_stand_in_a_manifest() -> None:
    domains = [f"{number}.example" for number in range(2000)]
    assert spec(live(1, domains=domains))["domains"] == domains


def test_a_domain_of_two_organizations_is_in_neither_manifest() -> None:
    lives = (
        live(1, display_name="A", domains=["Shared.example"]),
        live(2, display_name="B", domains=["shared.example"]),
    )
    for normalise in (False, True):
        made = imported(*lives, normalise=normalise)
        for adopted, other in zip(made.adopted, (org_id(2), org_id(1)), strict=True):
            assert "domains" not in read(adopted)["spec"]
            assert other in comments(adopted)
    loose = imported(*lives, rules=structs.replace(STRICT, forbid_shared=False), normalise=True)
    assert [read(each)["spec"]["domains"] for each in loose.adopted] == [["shared.example"]] * 2


def test_a_domain_that_another_manifest_states_is_left_out() -> None:
    lives = live(1, domains=["acme.example"]), live(2, "b", domains=["b.example"])
    wishing = desired(organization("b", domains=("b.example", "acme.example")), organization("new", domains=()))
    assert "domains" not in spec(*lives, folder=wishing)
    broken = InvalidOrganization(None, org_id(2), None, "broken", PLACE, ("acme.example",))
    assert "domains" not in spec(*lives, folder=desired(invalid=[broken]))
    assert spec(*lives, folder=desired(organization("b")))["domains"] == ["acme.example"]


@pytest.mark.parametrize(
    ("name", "sound"),
    [("Acme\nLtd", "Acme Ltd"), ("x" * 256, None), ("\x7f", None), (f"ssoready_sk_{'1' * 25}", None)],
)
def test_a_display_name_that_cannot_stand_is_left_out_or_put_on_one_line(name: str, sound: str | None) -> None:
    adopted = only(live(1, display_name=name))
    assert "displayName" not in read(adopted)["spec"]
    assert [each.plans for each in adopted.oddities] == [None]
    assert "ssoready_sk_1" not in adopted.files[-1].text
    assert (f"write displayName: {sound}" in comments(adopted)) == bool(sound)
    assert spec(live(1, display_name=name), normalise=True).get("displayName") == sound


def test_an_external_id_that_cannot_stand_is_left_out() -> None:
    adopted = only(live(1, "4711\n", display_name="Acme"), normalise=True)
    assert "externalId" not in read(adopted)["spec"]
    assert len(adopted.oddities) == 1


def test_without_a_primary_none_is_stated_and_the_only_one_that_works_is_made_it() -> None:
    whole = structs.replace(live_connection(2, **OKTA), idp_certificate=pem())
    acme = live(
        1,
        display_name="Acme",
        connections=[live_connection(1), whole],
        directories=[live_directory(1), live_directory(2, token=True)],
    )
    adopted = only(acme)
    assert [each.path for each in adopted.oddities] == ["samlConnections", "scimDirectories"]
    assert "primary: true on" in comments(adopted)
    assert "primary: true\n" not in adopted.files[-1].text

    adopted = only(acme, normalise=True)
    for key in ("samlConnections", "scimDirectories"):
        assert [child.get("primary", False) for child in read(adopted)["spec"][key]] == [False, True]
    assert [each.plans for each in adopted.oddities] == [
        Key("acme", KindName.CONNECTION, "okta"),
        Key("acme", KindName.DIRECTORY, "scim-2"),
    ]


def test_a_lone_directory_is_made_primary_and_a_connection_that_cannot_work_is_not() -> None:
    acme = live(1, display_name="Acme", connections=[live_connection(1)], directories=[live_directory(2)])
    made = spec(acme, normalise=True)
    assert "primary" not in made["samlConnections"][0]
    assert made["scimDirectories"][0]["primary"] is True


def test_a_lone_directory_is_made_primary_where_the_environment_says_so() -> None:
    empty = desired()
    heals = structs.replace(empty, environment=structs.replace(empty.environment, make_lone_primary=True))
    acme = live(1, display_name="Acme", connections=[live_connection(1)], directories=[live_directory(2)])
    adopted = only(acme, folder=heals)
    assert read(adopted)["spec"]["scimDirectories"][0]["primary"] is True
    assert [each.plans for each in adopted.oddities] == [None, Key("acme", KindName.DIRECTORY, "scim-1")]


def test_two_live_primaries_are_left_to_a_person() -> None:
    acme = live(1, connections=[live_connection(number, primary=True) for number in (1, 2)])
    adopted = only(acme, normalise=True)
    assert "primary: true\n" not in adopted.files[-1].text
    assert [each.plans for each in adopted.oddities] == [None]


def test_more_children_than_a_manifest_may_have_are_left_out() -> None:
    adopted = only(live(1, connections=[live_connection(number) for number in range(201)]))
    assert "samlConnections" not in read(adopted)["spec"]
    assert len(adopted.oddities) == 1


def test_values_of_an_identity_provider_that_cannot_stand_are_left_out() -> None:
    odd = live_connection(1, primary=True, entity="http://www.okta.com/a\nb", url="https://" + "x" * 2048)
    odd = structs.replace(odd, idp_certificate="-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
    adopted = only(live(1, display_name="Acme", connections=[odd]), own_idp=True)
    assert [each.path.split()[-1] for each in adopted.oddities] == ["entityId", "redirectUrl", "certificate"]
    assert "idp" not in read(adopted)["spec"]["samlConnections"][0]
    assert len(adopted.files) == 1

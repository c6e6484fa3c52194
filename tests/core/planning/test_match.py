"""Which live resource is a declared one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from reconciler.core.planning.match import (
    CERTIFICATE,
    ENTITY,
    URL,
    ChildMatch,
    Found,
    OrganizationMatch,
    look_alikes,
    match_children,
    match_organizations,
)
from reconciler.model.change import BlockReason
from reconciler.model.kinds import IDP_FIELDS
from reconciler.model.manifest import Origin
from reconciler.model.state import Child, DesiredChild, InvalidOrganization, ObservedOrganization
from tests.support import strategies
from tests.support.build import (
    CONNECTION,
    DIRECTORY,
    conn_id,
    connection,
    desired,
    dir_id,
    directory,
    live,
    live_connection,
    live_directory,
    observed,
    org_id,
    organization,
)

EQUAL = {"entity": "e1", "url": "u1", "cert": "c1"}
OTHER = {"entity": "e9", "url": "u9", "cert": "c9"}


def match(declared: Sequence[DesiredChild], live: Sequence[Child], distinct: Sequence[str] = ()) -> ChildMatch:
    return match_children(CONNECTION, declared, live, frozenset(distinct))


def pairs(result: ChildMatch) -> dict[str, str]:
    return {name: found.live.id for name, found in result.found.items()}


def only(result: ChildMatch | OrganizationMatch, name: str) -> tuple[BlockReason, str]:
    doubt = result.doubts[name]
    return doubt.reason, doubt.message


def invalid(**identity: str) -> InvalidOrganization:
    values = {"name": None, "id": None, "external_id": None, **identity}
    return InvalidOrganization(**values, message="broken", origin=Origin("bad.yaml"))


def ids(organizations: Sequence[ObservedOrganization]) -> list[str]:
    return [each.organization.id for each in organizations]


# -- organizations ---------------------------------------------------------------------------------


def test_an_organization_is_the_live_one_with_its_external_id() -> None:
    result = match_organizations(desired(organization("acme")), observed(live(1, "acme"), live(2, "acme2")))
    assert {name: each.organization.id for name, each in result.found.items()} == {"acme": org_id(1)}
    assert (result.absent, result.doubts) == (frozenset(), {})
    assert ids(result.unclaimed) == [org_id(2)]


def test_a_pin_decides_against_every_external_id() -> None:
    pinned = organization("acme", id_=org_id(2), external_id="acme")
    result = match_organizations(desired(pinned), observed(live(1, "acme"), live(2, "other")))
    assert result.found["acme"].organization.id == org_id(2)
    assert ids(result.unclaimed) == [org_id(1)]


def test_a_pin_that_is_gone_is_a_doubt_and_never_absent() -> None:
    pinned = organization("acme", id_=org_id(9), external_id="acme")
    result = match_organizations(desired(pinned), observed(live(1, "acme")))
    reason, message = only(result, "acme")
    assert reason is BlockReason.PIN_NOT_FOUND
    assert org_id(9) in message
    assert (result.found, result.absent) == ({}, frozenset())


def test_an_organization_without_counterpart_is_absent() -> None:
    result = match_organizations(desired(organization("acme")), observed(live(1, "ACME")))
    assert result.absent == {"acme"}


def test_nothing_matches_by_having_no_external_id() -> None:
    seen = observed(live(1), live(2), live(3, "x"))
    result = match_organizations(desired(organization("acme", external_id=None)), seen)
    assert result.absent == {"acme"}
    assert ids(result.unclaimed) == [org_id(1), org_id(2), org_id(3)]


def test_two_claims_on_one_live_organization_block_both() -> None:
    declared = (organization("acme"), organization("globex", id_=org_id(1)), organization("initech"))
    result = match_organizations(desired(*declared), observed(live(1, "acme"), live(2, "initech")))
    for name in ("acme", "globex"):
        reason, message = only(result, name)
        assert reason is BlockReason.CLAIMED_TWICE
        assert org_id(1) in message
    assert set(result.found) == {"initech"}
    assert result.unclaimed == ()


@pytest.mark.parametrize(
    "claim", [invalid(external_id="acme"), invalid(id=org_id(1)), invalid(name="acme2", id=org_id(1))]
)
def test_a_broken_manifest_still_claims_what_can_be_read_of_its_identity(claim: InvalidOrganization) -> None:
    world = observed(live(1, "acme"))
    alone = match_organizations(desired(invalid=[claim]), world)
    assert alone.unclaimed == ()
    both = match_organizations(desired(organization("acme"), invalid=[claim]), world)
    assert only(both, "acme")[0] is BlockReason.CLAIMED_TWICE


def test_a_broken_manifest_of_unknown_identity_claims_nothing() -> None:
    result = match_organizations(
        desired(organization("acme"), invalid=[invalid()]), observed(live(1, "acme"), live(2))
    )
    assert set(result.found) == {"acme"}
    assert ids(result.unclaimed) == [org_id(2)]


def test_one_external_id_on_two_live_organizations_asks_for_a_pin() -> None:
    result = match_organizations(desired(organization("acme")), observed(live(1, "acme"), live(2, "acme")))
    reason, message = only(result, "acme")
    assert reason is BlockReason.AMBIGUOUS
    assert f"{org_id(1)}, {org_id(2)}" in message
    assert "'acme'" in message
    assert "Add `id:`" in message
    assert result.unclaimed == ()
    otherwise_listed = structs.replace(observed(), organizations=(live(2, "acme"), live(1, "acme")))
    assert only(match_organizations(desired(organization("acme")), otherwise_listed), "acme") == (reason, message)


@given(strategies.worlds(), st.randoms(use_true_random=False))
def test_matching_organizations_is_total_stable_and_never_two_to_one(world: Any, random: Any) -> None:
    wanted, seen = world
    result = match_organizations(wanted, seen)
    parts = [set(result.found), set(result.absent), set(result.doubts)]
    assert sorted(name for part in parts for name in part) == [each.name for each in wanted.organizations]
    found = [each.organization.id for each in result.found.values()]
    assert len(set(found)) == len(found)
    assert not set(found) & set(ids(result.unclaimed))

    shuffled = list(wanted.organizations)
    random.shuffle(shuffled)
    again = match_organizations(desired(*shuffled), seen)
    assert (again.found, again.absent, again.doubts) == (result.found, result.absent, result.doubts)


# -- look-alikes -----------------------------------------------------------------------------------


def alike(wanted: Any, *unclaimed: ObservedOrganization) -> list[str]:
    return ids(look_alikes(wanted, unclaimed))


def test_a_shared_domain_or_display_name_makes_a_look_alike() -> None:
    wanted = organization("acme", display_name="Acme", domains=("acme.com", "acme.io"))
    by_domain = live(1, domains=["acme.io"], display_name="Another")
    by_name = live(2, display_name="Acme", domains=["another.com"])
    neither = live(3, display_name="Globex", domains=["globex.com"])
    assert alike(wanted, by_domain, by_name, neither) == [org_id(1), org_id(2)]


def test_look_alikes_are_seen_through_capitals_and_blanks() -> None:
    wanted = organization("acme", display_name="Acme  Corp ", domains=("acme.com",))
    assert alike(wanted, live(1, display_name=" ACME corp"), live(2, domains=[" ACME.com."])) == [
        org_id(1),
        org_id(2),
    ]


def test_having_no_name_and_no_domains_is_no_likeness() -> None:
    for other in (live(1), live(1, display_name="x")):
        assert alike(organization("acme", display_name="", domains=()), other) == []
        assert alike(organization("acme"), other) == []


def test_what_is_declared_distinct_is_no_look_alike() -> None:
    wanted = organization("acme", display_name="Acme", distinct_from=[org_id(1)])
    assert alike(wanted, live(1, display_name="Acme"), live(2, display_name="Acme")) == [org_id(2)]


# -- children: pins --------------------------------------------------------------------------------


def test_a_pin_matches_whatever_the_evidence_says() -> None:
    declared = [connection("okta", id_=conn_id(2), **EQUAL)]
    result = match(declared, [live_connection(1, **EQUAL), live_connection(2, **OTHER)])
    assert result.found == {"okta": Found(live_connection(2, **OTHER), ())}
    assert [each.id for each in result.unmanaged] == [conn_id(1)]


def test_a_pin_holds_although_the_live_one_stands_in_distinct_from() -> None:
    result = match([connection("okta", id_=conn_id(1))], [live_connection(1)], [conn_id(1)])
    assert pairs(result) == {"okta": conn_id(1)}
    assert result.unmanaged == ()


def test_a_childs_pin_that_is_gone_is_never_created() -> None:
    result = match([connection("okta", id_=conn_id(9), **EQUAL)], [live_connection(1, **EQUAL)])
    reason, message = only(result, "okta")
    assert reason is BlockReason.PIN_NOT_FOUND
    assert conn_id(9) in message
    assert (result.found, result.absent, result.unpinned) == ({}, frozenset(), {})
    assert [each.id for each in result.unmanaged] == [conn_id(1)]


def test_one_whose_pin_is_gone_is_settled_and_leaves_one_and_one() -> None:
    """So a child that was created beside it is known again, and at most one of the two has values to lose."""
    lost, seen = connection("lost", id_=conn_id(9)), [live_connection(1, **EQUAL)]
    result = match([lost, connection("okta", primary=True)], seen)
    assert pairs(result) == {"okta": conn_id(1)}
    assert only(result, "lost")[0] is BlockReason.PIN_NOT_FOUND
    assert only(match([lost, connection("okta", **OTHER)], seen), "okta")[0] is BlockReason.AMBIGUOUS


def test_a_live_one_that_is_pinned_twice_is_nobodys_and_nothing_is_created_beside_it() -> None:
    declared = [connection("a", id_=conn_id(1)), connection("b", id_=conn_id(1)), connection("c", **EQUAL)]
    result = match(declared, [live_connection(1, **EQUAL)])
    for name in ("a", "b", "c"):
        reason, message = only(result, name)
        assert reason is BlockReason.CLAIMED_TWICE
        assert conn_id(1) in message
    assert (result.found, result.absent, result.unmanaged) == ({}, frozenset(), ())
    both = [*(connection(name, id_=conn_id(2)) for name in "xy"), *declared[:2]]
    assert f"{conn_id(1)} and {conn_id(2)}" in match(both, []).doubts["x"].message


def test_a_pin_that_stands_once_is_good_beside_one_that_stands_twice() -> None:
    declared = [connection(name, id_=conn_id(id_)) for name, id_ in (("a", 1), ("b", 1), ("c", 2))]
    assert pairs(match(declared, [live_connection(1), live_connection(2)])) == {"c": conn_id(2)}


# -- children: evidence ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "basis"),
    [
        ({"entity": "e1", "cert": "c1", "url": "u1"}, (ENTITY, CERTIFICATE, URL)),
        ({"entity": "e1", "cert": "c1", "url": "u2"}, (ENTITY, CERTIFICATE)),
        ({"entity": "e1", "cert": "c1"}, (ENTITY, CERTIFICATE)),
        ({"cert": "c1", "url": "u1"}, (CERTIFICATE, URL)),
        ({"entity": "e1", "cert": "c2", "url": "u1"}, (ENTITY, URL)),
        ({"entity": "e1", "url": "u1"}, (ENTITY, URL)),
        ({"entity": "e1", "cert": "c2", "url": "u2"}, (ENTITY,)),
        ({"entity": "e1"}, (ENTITY,)),
        ({"entity": "e2", "cert": "c1", "url": "u1"}, None),
        ({"cert": "c1", "url": "u2"}, None),
        ({"cert": "c1"}, None),
        ({"url": "u1"}, None),
        ({"cert": "c2", "url": "u1"}, None),
        ({"entity": "e2", "cert": "c2", "url": "u1"}, None),
        ({"entity": "e2", "cert": "c2", "url": "u2"}, None),
    ],
)
def test_each_level_of_evidence(shown: dict[str, str], basis: tuple[str, ...] | None) -> None:
    other = live_connection(2, **OTHER)
    result = match([connection("okta", **EQUAL)], [live_connection(1, **shown), other])
    if basis:
        assert result.found == {"okta": Found(live_connection(1, **shown), basis)}
        assert result.unmanaged == (other,)
    else:
        assert result.found == {}
        assert only(result, "okta")[0] is BlockReason.AMBIGUOUS
        assert result.unmanaged == ()


@pytest.mark.parametrize(
    ("stated", "basis"),
    [
        ({"cert": "c1", "url": "u1"}, (CERTIFICATE, URL)),
        ({"entity": "", "cert": "c1", "url": "u1"}, (CERTIFICATE, URL)),
        ({"entity": "e1", "cert": ""}, (ENTITY,)),
        ({"entity": "e1", "url": "u1"}, (ENTITY, URL)),
    ],
)
def test_what_is_not_stated_or_cleared_does_not_speak(stated: dict[str, str], basis: tuple[str, ...]) -> None:
    result = match([connection("okta", **stated)], [live_connection(1, **EQUAL), live_connection(2, **OTHER)])
    assert result.found == {"okta": Found(live_connection(1, **EQUAL), basis)}


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (EQUAL, {"entity": "e1", "cert": "c1", "url": "u2"}),
        ({"entity": "e1", "cert": "c1", "url": "u2"}, {"cert": "c1", "url": "u1"}),
        ({"entity": "e1", "cert": "c1", "url": "u2"}, {"entity": "e1", "cert": "c2", "url": "u1"}),
        ({"cert": "c1", "url": "u1"}, {"entity": "e1", "cert": "c2", "url": "u1"}),
        ({"entity": "e1", "cert": "c2", "url": "u1"}, {"entity": "e1", "cert": "c2", "url": "u2"}),
    ],
)
def test_the_stronger_evidence_wins(stronger: dict[str, str], weaker: dict[str, str]) -> None:
    for one, two in ((stronger, weaker), (weaker, stronger)):
        seen = [live_connection(1, **one), live_connection(2, **two)]
        expected = conn_id(1 if one is stronger else 2)
        assert pairs(match([connection("okta", **EQUAL)], seen)) == {"okta": expected}


def test_evidence_looks_again_among_what_stronger_evidence_left() -> None:
    declared = [connection("a", entity="e1", cert="c1"), connection("b", entity="e1", cert="c2")]
    seen = [live_connection(1, entity="e1", cert="c1"), live_connection(2, entity="e1", cert="c3")]
    assert pairs(match(declared, seen)) == {"a": conn_id(1), "b": conn_id(2)}


def test_evidence_for_two_live_ones_is_none() -> None:
    declared = [connection("okta", entity="e1", cert="c2")]
    seen = [live_connection(1, entity="e1", cert="c1"), live_connection(2, entity="e1", cert="c1")]
    reason, message = only(match(declared, seen), "okta")
    assert reason is BlockReason.AMBIGUOUS
    assert f"{conn_id(1)} or {conn_id(2)}" in message


def test_evidence_of_two_declared_ones_is_none() -> None:
    declared = [connection("a", entity="e1", cert="c1"), connection("b", entity="e1", cert="c2")]
    result = match(declared, [live_connection(1, entity="e1", cert="c3")])
    assert {name: doubt.reason for name, doubt in result.doubts.items()} == dict.fromkeys(
        "ab", BlockReason.AMBIGUOUS
    )


def test_certificates_are_compared_by_what_is_in_them_not_by_their_text() -> None:
    rewrapped = live_connection(1, **EQUAL)
    text = "some text before\r\n" + rewrapped.idp_certificate.replace("\n", "\r\n")
    seen = structs.replace(rewrapped, idp_certificate=text)
    result = match([connection("okta", **EQUAL)], [seen, live_connection(2, **OTHER)])
    assert result.found["okta"].basis == (ENTITY, CERTIFICATE, URL)


# -- children: what customers do -------------------------------------------------------------------


def test_a_rotated_certificate_is_the_same_connection() -> None:
    seen = [live_connection(1, **EQUAL), live_connection(2, **OTHER)]
    assert pairs(match([connection("okta", entity="e1", cert="c2", url="u1")], seen)) == {"okta": conn_id(1)}


def test_an_identity_provider_replaced_in_place_is_asked_about() -> None:
    result = match([connection("okta", **EQUAL)], [live_connection(1, **OTHER)])
    reason, message = only(result, "okta")
    assert reason is BlockReason.AMBIGUOUS
    assert f"add `id: {conn_id(1)}`" in message
    assert f"distinctFrom: [{conn_id(1)}]" in message


def test_a_connection_that_the_customer_added_is_unmanaged() -> None:
    result = match([connection("okta", **EQUAL)], [live_connection(1, **OTHER), live_connection(2, **EQUAL)])
    assert pairs(result) == {"okta": conn_id(2)}
    assert [each.id for each in result.unmanaged] == [conn_id(1)]


def test_a_blank_one_that_the_customer_left_behind_is_unmanaged() -> None:
    result = match([connection("okta", **EQUAL)], [live_connection(1), live_connection(2, **EQUAL)])
    assert pairs(result) == {"okta": conn_id(2)}
    assert [each.id for each in result.unmanaged] == [conn_id(1)]


def test_two_tenants_of_one_vendor_with_the_same_url_are_told_apart_by_their_entity_ids() -> None:
    declared = [connection("north", entity="north", url="u"), connection("south", entity="south", url="u")]
    seen = [live_connection(1, entity="south", url="u"), live_connection(2, entity="north", url="u")]
    assert pairs(match(declared, seen)) == {"north": conn_id(2), "south": conn_id(1)}
    assert match([declared[0]], [seen[0]]).found == {}


def test_a_self_serve_connection_is_the_only_live_one_whatever_the_customer_entered() -> None:
    result = match([connection("okta")], [live_connection(1, **OTHER)])
    assert result.found == {"okta": Found(live_connection(1, **OTHER), ())}


def test_the_only_live_one_is_configured_if_it_is_blank_and_the_match_rests_on_that() -> None:
    result = match([connection("okta", entity="e1")], [live_connection(1)])
    assert result.found == {"okta": Found(live_connection(1), IDP_FIELDS)}


def test_one_and_one_counts_what_pins_and_evidence_left() -> None:
    declared = [connection("a", id_=conn_id(1)), connection("b", **EQUAL), connection("c")]
    seen = [live_connection(1), live_connection(2, **EQUAL), live_connection(3, **OTHER)]
    assert pairs(match(declared, seen)) == {"a": conn_id(1), "b": conn_id(2), "c": conn_id(3)}


def test_a_create_that_landed_twice_is_left_alone_while_nothing_needs_to_be_written() -> None:
    result = match([connection("okta", **EQUAL)], [live_connection(1, **EQUAL), live_connection(2, **EQUAL)])
    assert result.unpinned == {"okta": (conn_id(1), conn_id(2))}
    assert (result.found, result.absent, result.doubts, result.unmanaged) == ({}, frozenset(), {}, ())
    twins = [live_connection(number, **EQUAL) for number in (2, 1)]
    assert match([connection("okta", **EQUAL)], twins) == result


def test_a_create_that_landed_twice_is_ambiguous_as_soon_as_something_needs_to_be_written() -> None:
    declared = [connection("okta", primary=True, **EQUAL)]
    result = match(declared, [live_connection(1, **EQUAL), live_connection(2, **EQUAL)])
    assert only(result, "okta")[0] is BlockReason.AMBIGUOUS


def test_being_primary_is_no_evidence_but_may_show_that_nothing_needs_to_be_written() -> None:
    declared = [connection("okta", primary=True)]
    result = match(declared, [live_connection(1, **EQUAL), live_connection(2, primary=True, **OTHER)])
    assert result.unpinned == {"okta": (conn_id(1), conn_id(2))}


def test_an_assignment_gives_every_declared_one_a_live_one_of_its_own() -> None:
    # greedy placing would give 1 to a, which leaves none for b: a has to move to 2
    declared = [connection("a", primary=False), connection("b", url="u1")]
    seen = [live_connection(1, url="u1"), live_connection(2, url="u2")]
    result = match(declared, seen)
    assert result.unpinned == {"a": (conn_id(1), conn_id(2)), "b": (conn_id(1), conn_id(2))}
    assert match(declared, [seen[0], live_connection(2, url="u2", primary=True)]).unpinned == {}


def test_more_declared_than_live_is_never_complete() -> None:
    declared = [connection("a", url="u1"), connection("b", url="u1"), connection("c", url="u1")]
    result = match(declared, [live_connection(1, url="u1"), live_connection(2, url="u1")])
    assert set(result.doubts) == {"a", "b", "c"}


def test_the_message_of_a_doubt_names_all_that_a_live_one_may_be() -> None:
    """Otherwise `distinctFrom`, written for one of them, would have the other created once more."""
    result = match([connection("new", **EQUAL), connection("old")], [live_connection(1)])
    for name in ("new", "old"):
        reason, message = only(result, name)
        assert reason is BlockReason.AMBIGUOUS
        assert "'new', 'old'" in message
        assert f"add `id: {conn_id(1)}` to that one" in message
        assert f"`distinctFrom: [{conn_id(1)}]`" in message
        assert "none of" in message


# -- children: distinctFrom ------------------------------------------------------------------------


def test_a_distinct_one_is_not_matched_by_evidence() -> None:
    result = match([connection("okta", **EQUAL)], [live_connection(1, **EQUAL)], [conn_id(1)])
    assert (result.found, result.absent) == ({}, {"okta"})
    assert [each.id for each in result.unmanaged] == [conn_id(1)]


def test_a_distinct_one_is_not_the_only_one() -> None:
    seen = [live_connection(1), live_connection(2, **OTHER)]
    result = match([connection("okta")], seen, [conn_id(1)])
    assert pairs(result) == {"okta": conn_id(2)}
    assert [each.id for each in result.unmanaged] == [conn_id(1)]


def test_a_create_needs_all_that_are_left_to_be_distinct() -> None:
    declared, seen = [connection("okta", **EQUAL)], [live_connection(1, **OTHER), live_connection(2, entity="e8")]
    half = match(declared, seen, [conn_id(1)])
    assert half.absent == frozenset()
    assert f"`id: {conn_id(2)}`" in half.doubts["okta"].message
    assert conn_id(1) not in half.doubts["okta"].message
    assert match(declared, seen, [conn_id(1), conn_id(2)]).absent == {"okta"}


def test_a_distinct_one_is_in_no_assignment() -> None:
    seen = [live_connection(1, **EQUAL), live_connection(2, **EQUAL), live_connection(3, **EQUAL)]
    result = match([connection("okta", **EQUAL)], seen, [conn_id(2)])
    assert result.unpinned == {"okta": (conn_id(1), conn_id(3))}
    assert [each.id for each in result.unmanaged] == [conn_id(2)]


# -- directories -----------------------------------------------------------------------------------


def match_directories(
    declared: Sequence[DesiredChild], live: Sequence[Child], distinct: Sequence[str] = ()
) -> ChildMatch:
    return match_children(DIRECTORY, declared, live, frozenset(distinct))


def test_one_declared_and_one_live_directory_are_the_same() -> None:
    result = match_directories([directory("okta")], [live_directory(1, token=True)])
    assert result.found == {"okta": Found(live_directory(1, token=True), ())}


def test_a_directory_without_pin_beside_two_live_ones_is_unpinned_or_ambiguous() -> None:
    seen = [live_directory(1, primary=True), live_directory(2)]
    assert match_directories([directory("okta")], seen).unpinned == {"okta": (dir_id(1), dir_id(2))}
    assert match_directories([directory("okta", primary=True)], seen).unpinned != {}
    wanting = match_directories([directory("okta", issue_token=True)], seen)
    assert only(wanting, "okta")[0] is BlockReason.AMBIGUOUS
    assert f"`id: {dir_id(1)}`" in wanting.doubts["okta"].message


def test_a_directory_that_has_the_token_it_wants_needs_no_write() -> None:
    seen = [live_directory(1, token=True), live_directory(2)]
    assert match_directories([directory("okta", issue_token=True)], seen).unpinned != {}


def test_a_pinned_directory_leaves_the_other_to_the_one_without_pin() -> None:
    declared = [directory("a", id_=dir_id(2)), directory("b")]
    result = match_directories(declared, [live_directory(1), live_directory(2)])
    assert pairs(result) == {"a": dir_id(2), "b": dir_id(1)}


def test_a_directory_is_absent_where_none_is_left() -> None:
    declared = [directory("a", id_=dir_id(2)), directory("b")]
    assert match_directories(declared, [live_directory(2)]).absent == {"b"}
    assert match_directories(declared[1:], [live_directory(2)], [dir_id(2)]).absent == {"b"}


# -- invariants ------------------------------------------------------------------------------------


@st.composite
def collections(draw: st.DrawFn) -> tuple[Any, tuple[DesiredChild, ...], tuple[Child, ...], frozenset[str]]:
    if draw(st.booleans()):
        seen = draw(strategies.live_connections())
        return CONNECTION, draw(strategies.declared_connections(seen)), seen, draw(strategies.distinct(seen))
    seen = draw(strategies.live_directories())
    return DIRECTORY, draw(strategies.declared_directories(seen)), seen, draw(strategies.distinct(seen))


@given(collections())
def test_every_declared_child_has_exactly_one_fate(collection: Any) -> None:
    kind, declared, seen, distinct = collection
    result = match_children(kind, declared, seen, distinct)
    fates = [set(result.found), set(result.absent), set(result.doubts), set(result.unpinned)]
    assert sorted(name for fate in fates for name in fate) == sorted(child.name for child in declared)


@given(collections())
def test_two_declared_children_never_have_one_live_counterpart(collection: Any) -> None:
    kind, declared, seen, distinct = collection
    result = match_children(kind, declared, seen, distinct)
    matched = list(pairs(result).values())
    assert len(set(matched)) == len(matched)
    unmanaged = [each.id for each in result.unmanaged]
    maybe = {id_ for candidates in result.unpinned.values() for id_ in candidates}
    apart = [*matched, *unmanaged, *maybe]
    assert len(set(apart)) == len(apart)


@given(collections(), st.randoms(use_true_random=False))
def test_the_order_of_neither_side_changes_the_match(collection: Any, random: Any) -> None:
    kind, declared, seen, distinct = collection
    result = match_children(kind, declared, seen, distinct)
    shuffled, pages = list(declared), list(seen)
    random.shuffle(shuffled)
    random.shuffle(pages)
    assert match_children(kind, shuffled, pages, distinct) == result


@given(collections())
def test_two_that_state_different_entity_ids_never_match_without_a_pin(collection: Any) -> None:
    kind, declared, seen, distinct = collection
    stated = {child.name: child for child in declared}
    for name, found in match_children(kind, declared, seen, distinct).found.items():
        wanted, shown = stated[name].owned.get(ENTITY), getattr(found.live, "idp_entity_id", "")
        assert stated[name].id or not wanted or not shown or wanted == shown


@given(collections())
def test_only_a_pin_overrules_distinct_from(collection: Any) -> None:
    kind, declared, seen, distinct = collection
    result = match_children(kind, declared, seen, distinct)
    stated = {child.name: child for child in declared}
    assert all(stated[name].id == id_ or id_ not in distinct for name, id_ in pairs(result).items())


@given(collections())
def test_a_child_is_created_only_where_every_live_one_left_is_ruled_out(collection: Any) -> None:
    kind, declared, seen, distinct = collection
    result = match_children(kind, declared, seen, distinct)
    matched = set(pairs(result).values()) | {child.id for child in declared}
    left = {each.id for each in seen} - matched - distinct
    assert not (result.absent and left)

"""The last decision before a write: what becomes of a change when the world moved since it was planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert, structs

from reconciler.core.applying.merge import (
    Satisfied,
    Stale,
    Write,
    creation,
    merge,
    not_as_meant,
    still_absent,
    wire_value,
)
from reconciler.core.planning.children import plan_collection
from reconciler.core.planning.diff import diff
from reconciler.core.planning.plan import plan
from reconciler.model.change import Collection, Create, FieldChange, Key, Update
from reconciler.model.kinds import CONNECTION, IDP_FIELDS, ORGANIZATION, KindName
from reconciler.model.state import Child, DesiredChild, DesiredOrganization, Organization, SAMLConnection
from tests.support import strategies
from tests.support.build import (
    ENVIRONMENT_ID,
    PLACE,
    cert,
    conn_id,
    connection,
    desired,
    directory,
    live,
    live_connection,
    live_directory,
    observed,
    org_id,
    organization,
    pem,
)
from tests.support.live_model import json_of

FULL = {"entity": "e1", "url": "u1", "cert": "c1"}


def organization_change(wanted: DesiredOrganization, **seen: Any) -> Update:
    (change,) = plan(desired(wanted), observed(live(1, "acme", **seen)), 0).changes
    assert isinstance(change, Update)
    return change


def child_change(child: DesiredChild, *seen: Child) -> Update:
    kind = child.kind
    more: Any = {"connections" if kind is KindName.CONNECTION else "directories": [child]}
    (change,) = plan_collection(organization("acme", **more), kind, seen, org_id(1)).changes
    assert isinstance(change, Update)
    return change


def fresh(**fields: Any) -> Organization:
    return Organization(org_id(1), ENVIRONMENT_ID, external_id="acme", **fields)


def decide(change: Update, seen: Any, **unknown: Any) -> Write | Satisfied | Stale:
    return merge(change, seen, json_of(seen) | unknown)


def stale_about(decision: Any, *paths: str) -> bool:
    return isinstance(decision, Stale) and f"{', '.join(paths)} " in decision.message


# -- write -----------------------------------------------------------------------------------------


def test_the_body_is_the_fresh_answer_with_the_owned_fields_replaced() -> None:
    change = organization_change(organization(display_name="New"), display_name="Old", domains=["a.example"])
    seen = fresh(display_name="Old", domains=("a.example", "b.example"))
    decision = decide(change, seen, futureField={"x": [1]}, anotherOne=None)
    assert decision == Write(
        {
            "id": org_id(1),
            "environmentId": ENVIRONMENT_ID,
            "externalId": "acme",
            "displayName": "New",
            "domains": ["a.example", "b.example"],
            "futureField": {"x": [1]},
            "anotherOne": None,
        }
    )


def test_a_certificate_is_sent_as_pem_and_domains_as_a_list() -> None:
    change = child_change(connection("okta", entity="e1", cert="c2"), live_connection(1, entity="e1", cert="c1"))
    decision = decide(change, live_connection(1, entity="e1", cert="c1"))
    assert isinstance(decision, Write)
    assert decision.body["idpCertificate"] == pem("c2")
    assert wire_value(("a", "b")) == ["a", "b"]
    assert [wire_value(value) for value in ("x", "", True, ())] == ["x", "", True, []]


def test_a_field_that_somebody_already_changed_to_what_is_meant_stops_nothing() -> None:
    change = organization_change(organization(display_name="New", domains=("a.example",)), display_name="Old")
    decision = decide(change, fresh(display_name="New"))
    assert isinstance(decision, Write)
    assert (decision.body["displayName"], decision.body["domains"]) == ("New", ["a.example"])


def test_clearing_sends_the_empty_value() -> None:
    change = organization_change(
        organization(display_name="", domains=()), display_name="A", domains=["a.example"]
    )
    decision = decide(change, fresh(display_name="A", domains=("a.example",)))
    assert isinstance(decision, Write)
    assert (decision.body["displayName"], decision.body["domains"]) == ("", [])


# -- satisfied -------------------------------------------------------------------------------------


def test_a_change_that_somebody_else_made_is_satisfied() -> None:
    change = organization_change(organization(display_name="New"), display_name="Old")
    assert decide(change, fresh(display_name="New")) == Satisfied()


def test_a_certificate_that_was_wrapped_otherwise_is_the_one_that_was_meant() -> None:
    change = child_change(connection("okta", entity="e1", cert="c2"), live_connection(1, entity="e1", cert="c1"))
    seen = structs.replace(live_connection(1, entity="e1"), idp_certificate="text\r\n" + pem("c2"))
    assert decide(change, seen) == Satisfied()


# -- stale -----------------------------------------------------------------------------------------


def test_a_field_to_be_changed_that_is_neither_before_nor_after_is_stale() -> None:
    change = organization_change(organization(display_name="New"), display_name="Old")
    assert stale_about(decide(change, fresh(display_name="Other")), "displayName")


def test_a_domain_list_that_moved_is_stale_also_by_a_domain_more() -> None:
    """Otherwise a domain that its organization got back meanwhile would be lost, or given away."""
    change = organization_change(organization(domains=("a.example",)), domains=["a.example", "b.example"])
    assert stale_about(decide(change, fresh(domains=("a.example", "b.example", "c.example"))), "domains")
    assert decide(change, fresh(domains=("a.example",))) == Satisfied()
    assert isinstance(decide(change, fresh(domains=("b.example", "a.example"))), Write)


def test_an_owned_field_that_was_right_and_moved_is_stale() -> None:
    change = organization_change(organization(display_name="New", domains=("a.example",)), domains=["a.example"])
    assert stale_about(decide(change, fresh(domains=("b.example",))), "domains")


def test_an_external_id_that_the_match_rests_on_and_that_moved_is_stale() -> None:
    change = organization_change(organization(display_name="New"))
    seen = structs.replace(fresh(), external_id="other")
    assert stale_about(decide(change, seen), "externalId")


def test_a_pinned_organization_rests_on_its_pin_alone() -> None:
    wanted = organization("acme", id_=org_id(1), external_id=None, display_name="New")
    change = organization_change(wanted)
    assert change.holds == {}
    assert isinstance(decide(change, structs.replace(fresh(), external_id="other")), Write)


def test_an_unowned_field_that_moved_is_not_stale_and_is_carried_through() -> None:
    change = organization_change(organization(display_name="New"), domains=["a.example"])
    decision = decide(change, fresh(domains=("z.example",)))
    assert isinstance(decision, Write)
    assert decision.body["domains"] == ["z.example"]


def test_the_message_names_every_field_that_moved() -> None:
    change = organization_change(organization(display_name="New", domains=("a.example",)), domains=["a.example"])
    decision = decide(change, fresh(display_name="Other", domains=()))
    assert stale_about(decision, "displayName", "domains")


def test_evidence_that_moved_is_stale() -> None:
    """The customer replaced the identity provider between the read and the write: it may be another one now."""
    change = child_change(connection("okta", **(FULL | {"cert": "c2"})), live_connection(1, **FULL))
    seen = live_connection(1, entity="e9", url="u1", cert="c1")
    assert stale_about(decide(change, seen), "idp.entityId")


@pytest.mark.parametrize("filled", [{"entity": "e9"}, {"url": "u9"}, {"cert": "c9"}, FULL | {"cert": "c9"}])
@pytest.mark.parametrize("stated", [{"entity": "e1"}, {"url": "u1", "cert": "c1"}, FULL])
def test_the_only_blank_one_is_not_configured_once_the_customer_filled_it(
    stated: dict[str, str], filled: dict[str, str]
) -> None:
    change = child_change(connection("okta", **stated), live_connection(1))
    assert isinstance(decide(change, live_connection(1)), Write)
    assert isinstance(decide(change, live_connection(1, **filled)), Stale)


def test_the_only_blank_one_that_was_filled_with_what_is_meant_is_satisfied() -> None:
    change = child_change(connection("okta", **FULL), live_connection(1))
    assert decide(change, live_connection(1, **FULL)) == Satisfied()


def test_a_self_serve_connection_stays_the_same_whatever_the_customer_enters() -> None:
    change = child_change(connection("okta", primary=True), live_connection(1, **FULL))
    seen = live_connection(1, entity="e9", url="u9", cert="c9")
    decision = decide(change, seen)
    assert isinstance(decision, Write)
    assert decision.body == json_of(seen) | {"primary": True}


@pytest.mark.parametrize("missing", ["entity", "url", "cert"])
def test_one_whose_identity_provider_is_no_longer_complete_is_not_promoted(missing: str) -> None:
    change = child_change(connection("okta", primary=True), live_connection(1, **FULL))
    less = live_connection(1, **{key: v for key, v in FULL.items() if key != missing})
    incomplete = decide(change, less)
    assert isinstance(incomplete, Stale)
    stated = {"entity": "e2"} if missing != "entity" else {"url": "u2"}
    with_more = child_change(
        connection("okta", id_=conn_id(1), primary=True, **stated), live_connection(1, **FULL)
    )
    assert len(with_more.fields) == 2
    assert decide(with_more, less) == incomplete


def test_a_promotion_whose_other_fields_moved_writes_nothing_at_all() -> None:
    child = connection("okta", id_=conn_id(1), primary=True, **(FULL | {"url": "u2"}))
    change = child_change(child, live_connection(1, **FULL))
    assert {field.wire for field in change.fields} == {"primary", "idpRedirectUrl"}
    assert stale_about(decide(change, live_connection(1, **(FULL | {"url": "u9"}))), "idp.redirectUrl")


def test_an_incomplete_identity_provider_stops_no_other_write() -> None:
    other = child_change(connection("okta", id_=conn_id(1), url="u2"), live_connection(1, url="u1"))
    assert isinstance(decide(other, live_connection(1, url="u1")), Write)
    promotion = child_change(directory("okta", primary=True), live_directory(1))
    assert isinstance(decide(promotion, live_directory(1)), Write)


def test_one_that_is_primary_again_after_its_sibling_was_promoted_is_not_demoted() -> None:
    """The server demotes when it promotes: what is primary after that was made so by somebody, and it is alone."""
    url = FieldChange("idpRedirectUrl", "idp.redirectUrl", "u1", "u2")
    key = Key("acme", KindName.CONNECTION, "okta")
    fields = (url, FieldChange("primary", "primary", True, False))
    change = Update(key, PLACE, id=conn_id(1), fields=fields)
    assert isinstance(decide(change, live_connection(1, url="u1")), Write)
    assert stale_about(decide(change, live_connection(1, primary=True, url="u1")), "`primary`")


# -- merge, in general -----------------------------------------------------------------------------


@given(
    strategies.declared_connections(max_size=1),
    strategies.live_connections(max_size=1),
    strategies.idp(cleared=False),
    st.booleans(),
    st.dictionaries(st.sampled_from(["x", "y"]), st.none() | st.text(max_size=2)),
)
def test_whatever_happened_meanwhile_only_planned_fields_are_written_and_only_as_planned(
    declared: Any, planned: Any, edited: Any, primary: Any, unknown: Any
) -> None:
    for child, was in zip(declared, planned, strict=False):
        fields = diff(CONNECTION, child.owned, was)
        holds = {f.wire: v for f in CONNECTION.fields if (v := child.owned.get(f.wire)) is not None}
        holds = {wire: value for wire, value in holds.items() if wire not in {f.wire for f in fields}}
        change = Update(Key("a", CONNECTION.name, "b"), PLACE, id=was.id, fields=fields, holds=holds)
        seen = live_connection(1, primary=primary, **edited)
        body = json_of(seen) | unknown
        decision = merge(change, seen, body)
        left = diff(CONNECTION, child.owned, seen)
        as_before = {f.wire for f in diff(CONNECTION, {f.wire: f.before for f in fields}, seen)}
        moved = {f.wire for f in left} & (as_before | set(holds))
        takes = primary and "primary" in {f.wire for f in fields if f.after is False}
        if moved or takes:
            assert isinstance(decision, Stale)
        elif not left:
            assert decision == Satisfied()
        elif isinstance(decision, Write):
            written = {f.wire for f in fields}
            assert {k: v for k, v in decision.body.items() if k not in written} == {
                k: v for k, v in body.items() if k not in written
            }
            assert diff(CONNECTION, child.owned, convert(decision.body, SAMLConnection)) == ()
        else:
            planned_body = body | {f.wire: wire_value(f.after) for f in fields}
            assert isinstance(decision, Stale)
            assert "primary" in {f.wire for f in fields if f.after is True}
            assert not all(planned_body.get(wire) for wire in IDP_FIELDS)


# -- create ----------------------------------------------------------------------------------------


def create(name: str, children: Sequence[DesiredChild], distinct: Sequence[str] = ()) -> Create:
    child = next(each for each in children if each.name == name)
    return Create(
        Key("acme", child.kind, name),
        PLACE,
        fields=tuple(FieldChange(wire, wire, None, value) for wire, value in child.owned.items()),
        collection=Collection(org_id(1), tuple(children), frozenset(distinct)),
    )


def absent(change: Create, seen: Sequence[Child], created: Mapping[str, str]) -> Stale | None:
    assert change.collection
    return still_absent(change, change.collection, seen, created)


def test_the_body_of_a_create_states_its_organization_and_its_fields() -> None:
    change = create("okta", [connection("okta", entity="e1", cert="c1")])
    assert creation(change, org_id(1)) == {
        "organizationId": org_id(1),
        "idpEntityId": "e1",
        "idpCertificate": pem("c1"),
    }
    assert creation(change, None) == {"idpEntityId": "e1", "idpCertificate": pem("c1")}


def test_a_child_is_created_while_nothing_that_may_be_it_is_there() -> None:
    okta, entra = connection("okta", **FULL), connection("entra", entity="e2", url="u2", cert="c2")
    change = create("okta", [okta, entra])
    assert absent(change, [], {}) is None
    assert absent(change, [live_connection(1, entity="e2", url="u2", cert="c2")], {}) is None


def test_a_child_that_appeared_meanwhile_is_not_created_again() -> None:
    change = create("okta", [connection("okta", **FULL)])
    for seen in (live_connection(1, **FULL), live_connection(1), live_connection(1, entity="e9")):
        assert isinstance(absent(change, [seen], {}), Stale)


def test_nothing_is_created_beside_a_sibling_that_changed_beyond_recognition() -> None:
    """It was found by its evidence when planned; now it may as well be the one to be created."""
    children = [connection("okta", **FULL), connection("entra", entity="e2", url="u2", cert="c2")]
    change = create("entra", children)
    assert absent(change, [live_connection(1, **FULL)], {}) is None
    for seen in (live_connection(1), live_connection(1, entity="e9"), live_connection(1, **children[1].owned)):
        assert isinstance(absent(change, [seen], {}), Stale)


def test_a_sibling_that_this_pass_created_is_known_by_its_id() -> None:
    blank, okta = connection("blank"), connection("okta", url="u1")
    change = create("blank", [blank, okta])
    seen = [live_connection(1, url="u1")]
    assert isinstance(absent(change, seen, {}), Stale)
    assert absent(change, seen, {"okta": conn_id(1)}) is None
    assert isinstance(absent(change, [*seen, live_connection(2)], {"okta": conn_id(1)}), Stale)


def test_a_pinned_sibling_is_known_by_its_pin_whatever_became_of_it() -> None:
    children = [connection("okta", id_=conn_id(1), **FULL), connection("entra", entity="e2")]
    assert absent(create("entra", children), [live_connection(1, entity="e9")], {}) is None


def test_one_that_is_ruled_out_does_not_keep_a_child_from_being_created() -> None:
    change = create("okta", [connection("okta", **FULL)], [conn_id(1)])
    assert absent(change, [live_connection(1)], {}) is None
    assert isinstance(absent(change, [live_connection(1), live_connection(2)], {}), Stale)


def test_none_is_created_primary_beside_one_that_became_primary_meanwhile() -> None:
    seen = [live_connection(1, primary=True)]
    child = connection("okta", primary=True, **FULL)
    assert isinstance(absent(create("okta", [child], [conn_id(1)]), seen, {}), Stale)
    assert absent(create("okta", [child], [conn_id(1)]), [live_connection(1)], {}) is None
    two = [*seen, live_connection(2)]
    assert isinstance(absent(create("okta", [child], [conn_id(1), conn_id(2)]), two, {}), Stale)
    plain = connection("okta", primary=False, **FULL)
    assert absent(create("okta", [plain], [conn_id(1)]), seen, {}) is None


def test_none_is_created_without_primary_once_what_was_beside_it_is_gone() -> None:
    """An only child is primary, and the plan knew of another one."""
    one = create("okta", [connection("okta", **FULL)], [conn_id(1)])
    assert absent(one, [live_connection(1, primary=True)], {}) is None
    assert isinstance(absent(one, [], {}), Stale)
    for children in (
        [connection("okta", primary=False, **FULL)],
        [connection("okta", primary=True, **FULL)],
        [connection("okta", **FULL), connection("entra", **FULL)],
    ):
        assert absent(create("okta", children), [], {}) is None


# -- the answer ------------------------------------------------------------------------------------


def test_an_answer_that_says_what_was_sent_is_as_meant() -> None:
    sent = {"displayName": "A", "domains": ["b.example", "a.example"], "unknown": 1, "externalId": None}
    answer = Organization(org_id(1), ENVIRONMENT_ID, "A", "", ("a.example", "b.example"))
    assert not_as_meant(ORGANIZATION, sent, answer) == ()
    wrapped = structs.replace(live_connection(1), idp_certificate="text\n" + pem("c1"))
    assert not_as_meant(CONNECTION, {"idpCertificate": wire_value(cert("c1"))}, wrapped) == ()


@pytest.mark.parametrize(
    ("sent", "answer", "paths"),
    [
        ({"displayName": "A"}, {"display_name": "B"}, ("displayName",)),
        ({}, {"display_name": "B"}, ("displayName",)),
        ({"displayName": None}, {"display_name": "B"}, ("displayName",)),
        ({"displayName": "A", "domains": ["a.example"]}, {}, ("displayName", "domains")),
        ({"domains": ["a.example"]}, {"domains": ("a.example", "a.example")}, ("domains",)),
        ({"externalId": "x"}, {"external_id": ""}, ("externalId",)),
    ],
)
def test_every_field_that_the_answer_gives_otherwise_is_named(
    sent: dict[str, Any], answer: dict[str, Any], paths: tuple[str, ...]
) -> None:
    seen = Organization(org_id(1), ENVIRONMENT_ID, **answer)
    assert not_as_meant(ORGANIZATION, sent, seen) == paths


def test_a_primary_or_a_certificate_that_was_not_taken_over_is_named() -> None:
    sent = {"primary": True, "idpCertificate": pem("c1")}
    assert not_as_meant(CONNECTION, sent, live_connection(1, cert="c2")) == ("idp.certificate", "primary")

"""What one organization's connections and directories need, and that its primary is kept safe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from reconciler.core.planning.children import CollectionPlan, plan_collection
from reconciler.model.change import BlockReason, Create, HintReason, Implied, Key, Update
from reconciler.model.kinds import KindName
from reconciler.model.state import Child, DesiredChild, Ownership, SAMLConnection
from tests.support.build import (
    CONNECTION,
    DIRECTORY,
    conn_id,
    connection,
    dir_id,
    directory,
    live_connection,
    live_directory,
    org_id,
    organization,
)

FULL = {"entity": "e1", "url": "u1", "cert": "c1"}
OTHER = {"entity": "e2", "url": "u2", "cert": "c2"}


def connections(declared: Sequence[DesiredChild], live: Sequence[Child], **more: Any) -> CollectionPlan:
    wanted = organization("acme", connections=declared, **more)
    return plan_collection(wanted, CONNECTION, live, org_id(1))


def directories(declared: Sequence[DesiredChild], live: Sequence[Child], **more: Any) -> CollectionPlan:
    wanted = organization("acme", directories=declared, **more)
    return plan_collection(wanted, DIRECTORY, live, org_id(1))


def shape(made: CollectionPlan) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each change's action and its fields' new values, by handle."""
    return {c.key.name: (str(c.action), {f.wire: f.after for f in c.fields}) for c in made.changes}


def blocks(made: CollectionPlan) -> dict[str | None, BlockReason]:
    return {block.name: block.reason for block in made.blocked}


def only(made: CollectionPlan) -> Any:
    (change,) = made.changes
    return change


# -- updates ---------------------------------------------------------------------------------------


def test_what_is_as_stated_needs_nothing() -> None:
    made = connections([connection("okta", primary=True, **FULL)], [live_connection(1, primary=True, **FULL)])
    assert (made.changes, made.blocked, made.hints) == ((), (), ())


def test_an_update_has_its_differences_and_what_it_rests_on() -> None:
    made = connections([connection("okta", **(FULL | {"cert": "c2"}))], [live_connection(1, **FULL)])
    change = only(made)
    assert (type(change), change.key) == (Update, Key("acme", CONNECTION, "okta"))
    assert (change.id, change.parent) == (conn_id(1), org_id(1))
    assert [field.wire for field in change.fields] == ["idpCertificate"]
    assert change.holds == {"idpEntityId": "e1", "idpRedirectUrl": "u1"}
    assert change.origin.line == 3


def test_a_match_by_being_blank_is_held_to_that_in_every_field() -> None:
    change = only(connections([connection("okta", entity="e1")], [live_connection(1)]))
    assert change.holds == {"idpRedirectUrl": "", "idpCertificate": ""}


def test_a_pinned_connection_is_held_to_what_it_states_alone() -> None:
    declared = connection("okta", id_=conn_id(1), primary=False, entity="e9", url="u1")
    change = only(connections([declared], [live_connection(1, **FULL)]))
    assert change.holds == {"idpRedirectUrl": "u1", "primary": False}


def test_an_identity_provider_replaced_in_git_is_written_over_a_pin_and_asked_about_without() -> None:
    new = {"entity": "e9", "url": "u9", "cert": "c9"}
    pinned = only(connections([connection("okta", id_=conn_id(1), **new)], [live_connection(1, **FULL)]))
    assert {field.wire for field in pinned.fields if field.risk} == {
        "idpEntityId",
        "idpRedirectUrl",
        "idpCertificate",
    }
    unpinned = connections([connection("okta", **new)], [live_connection(1, **FULL)])
    assert (unpinned.changes, blocks(unpinned)) == ((), {"okta": BlockReason.AMBIGUOUS})
    assert unpinned.blocked[0].organization == "acme"
    assert unpinned.blocked[0].kind is CONNECTION
    assert unpinned.blocked[0].origin.line == 3


def test_a_child_beside_what_an_interrupted_rollout_left_is_not_beside_what_a_customer_uses() -> None:
    """What it left is as declared and has no `id:` line; anything else was there before."""
    okta, entra = connection("okta", **FULL), connection("entra", **OTHER)

    def beside(*live: SAMLConnection, pinned: bool = False, **organization: Any) -> bool:
        declared = [connection("okta", id_=conn_id(1), **FULL) if pinned else okta, entra]
        (create,) = [c for c in connections(declared, live, **organization).changes if isinstance(c, Create)]
        assert create.collection
        return create.collection.beside

    left = live_connection(1, **FULL)
    assert not beside(left)
    assert beside(left, pinned=True)
    assert beside(left, id_=org_id(1))
    assert beside(left, live_connection(2, entity="e3"), distinct_from=[conn_id(2)])
    assert beside(structs.replace(left, idp_redirect_url="u9"))
    (first,) = connections([okta], [], id_=org_id(1)).changes
    assert isinstance(first, Create)
    assert first.collection
    assert not first.collection.beside


def test_a_connection_that_the_customer_added_beside_a_blank_one_is_left_alone() -> None:
    """Nothing tells which of the two is meant, and nothing needs to be written."""
    for primary in (None, True):
        made = connections(
            [connection("okta", primary=primary)], [live_connection(1, primary=True), live_connection(2, **FULL)]
        )
        assert (made.changes, made.blocked) == ((), ())
        (hint,) = made.hints
        assert (hint.reason, hint.organization, hint.name) == (HintReason.UNPINNED, "acme", "okta")
        assert f"{conn_id(1)}, {conn_id(2)}" in hint.message
    customers_choice = [live_connection(1), live_connection(2, primary=True, **FULL)]
    assert connections([connection("okta", primary=True)], customers_choice).changes == ()


def test_a_connection_that_the_customer_added_beside_a_known_one_is_unmanaged() -> None:
    made = connections([connection("okta", **FULL)], [live_connection(1, **FULL), live_connection(2, **OTHER)])
    assert (made.changes, made.blocked, made.hints) == ((), (), ())
    assert [each.id for each in made.match.unmanaged] == [conn_id(2)]


# -- creates ---------------------------------------------------------------------------------------


def test_a_create_has_all_that_is_declared_beside_it() -> None:
    children = (connection("okta", primary=False, **FULL), connection("entra", **OTHER))
    made = connections(children, [live_connection(1, **OTHER)], distinct_from=["saml_conn_x"])
    change = only(made)
    assert (type(change), change.parent) == (Create, org_id(1))
    assert {field.wire: field.before for field in change.fields} == dict.fromkeys(
        ("idpEntityId", "idpRedirectUrl", "idpCertificate")
    )
    assert (change.collection.children, change.collection.distinct_from) == (children, {"saml_conn_x"})


@pytest.mark.parametrize(
    ("declared", "live", "primary"),
    [
        ([connection("okta", **FULL)], [], True),
        ([connection("okta", primary=False, **FULL)], [], False),
        ([connection("okta", primary=True, **FULL)], [], True),
        ([connection("okta", **FULL), connection("entra", **OTHER)], [], False),
        ([connection("okta", **FULL), connection("entra", primary=True, **OTHER)], [], False),
        ([connection("okta", primary=True, **FULL), connection("entra", **OTHER)], [], True),
        ([connection("okta", **FULL)], [live_connection(9)], False),
        ([connection("okta", primary=True, **FULL)], [live_connection(9)], True),
    ],
)
def test_a_new_one_is_primary_if_it_says_so_or_is_the_only_one_there_is(
    declared: list[DesiredChild], live: list[Child], primary: bool
) -> None:
    made = connections(declared, live, distinct_from=[conn_id(9)])
    assert shape(made)["okta"] == (
        "create",
        {"idpEntityId": "e1", "idpRedirectUrl": "u1", "idpCertificate": declared[0].owned["idpCertificate"]}
        | ({"primary": True} if primary else {}),
    )


def test_none_is_created_primary_beside_a_live_primary() -> None:
    seen = [live_connection(1, primary=True, **OTHER)]
    made = connections([connection("okta", primary=True, **FULL), connection("entra", **OTHER)], seen)
    assert (made.changes, blocks(made)) == ((), {"okta": BlockReason.PRIMARY})
    assert conn_id(1) in made.blocked[0].message
    later = connections([connection("okta", **FULL), connection("entra", **OTHER)], seen)
    assert set(shape(later)) == {"okta"}
    unknown = connections([connection("okta", primary=True, **FULL)], seen, distinct_from=[conn_id(1)])
    assert (unknown.changes, blocks(unknown)) == ((), {"okta": BlockReason.PRIMARY})
    among = directories(
        [directory("new", primary=True)], [live_directory(1, primary=True)], distinct_from=[dir_id(1)]
    )
    assert (among.changes, blocks(among)) == ((), {"new": BlockReason.PRIMARY})


# -- who is primary --------------------------------------------------------------------------------


def both(okta: bool | None, entra: bool | None, **entra_idp: Any) -> list[DesiredChild]:
    return [connection("okta", primary=okta, **FULL), connection("entra", primary=entra, **(OTHER | entra_idp))]


LIVE_BOTH = [live_connection(1, primary=True, **FULL), live_connection(2, **OTHER)]


def test_a_promotion_shows_who_loses_it_and_is_a_risk() -> None:
    change = only(connections(both(None, True), LIVE_BOTH))
    assert (change.key.name, change.implied) == ("entra", (Implied(conn_id(1), "okta"),))
    assert [field.wire for field in change.fields if field.risk] == ["primary"]


def test_a_demotion_beside_a_promotion_needs_no_write_of_its_own() -> None:
    """The server takes it from the sibling."""
    assert shape(connections(both(False, True), LIVE_BOTH)) == {"entra": ("update", {"primary": True})}


def test_a_demotion_with_other_fields_waits_for_the_promotion() -> None:
    declared = [connection("okta", primary=False, **(FULL | {"url": "u9"})), *both(None, True)[1:]]
    for order in (declared, declared[::-1]):
        made = connections(order, LIVE_BOTH)
        assert shape(made) == {
            "entra": ("update", {"primary": True}),
            "okta": ("update", {"idpRedirectUrl": "u9", "primary": False}),
        }
        needs = {change.key.name: change.needs for change in made.changes}
        assert needs == {"entra": (), "okta": (Key("acme", CONNECTION, "entra"),)}


def test_a_demotion_without_a_promotion_is_blocked_with_all_its_fields() -> None:
    declared = [connection("okta", primary=False, **(FULL | {"url": "u9"})), *both(None, None)[1:]]
    made = connections(declared, LIVE_BOTH)
    assert (made.changes, blocks(made)) == ((), {"okta": BlockReason.PRIMARY})
    assert "samlConnections" in made.blocked[0].message
    assert made.blocked[0].origin == declared[0].origin


@pytest.mark.parametrize("missing", ["entity", "url", "cert"])
def test_one_without_a_complete_identity_provider_is_not_promoted_and_the_other_not_demoted(missing: str) -> None:
    shown = {key: value for key, value in OTHER.items() if key != missing}
    seen = [LIVE_BOTH[0], live_connection(2, **shown)]
    declared = [both(False, None)[0], connection("entra", id_=conn_id(2), primary=True)]
    made = connections(declared, seen)
    assert made.changes == ()
    assert blocks(made) == {"okta": BlockReason.PRIMARY, "entra": BlockReason.INCOMPLETE_IDP}


def test_one_that_becomes_complete_by_the_same_write_is_promoted() -> None:
    seen = [LIVE_BOTH[0], live_connection(2, entity="e2")]
    made = connections(both(None, True), seen)
    assert set(shape(made)["entra"][1]) == {"idpRedirectUrl", "idpCertificate", "primary"}


def test_one_that_is_cleared_by_the_same_write_is_not_promoted() -> None:
    declared = [both(None, None)[0], connection("entra", id_=conn_id(2), primary=True, url="")]
    assert blocks(connections(declared, LIVE_BOTH)) == {"entra": BlockReason.INCOMPLETE_IDP}


def test_a_directory_is_promoted_whatever_it_has() -> None:
    seen = [live_directory(1, primary=True), live_directory(2)]
    made = directories([directory("a", id_=dir_id(1)), directory("b", id_=dir_id(2), primary=True)], seen)
    assert only(made).implied == (Implied(dir_id(1), "a"),)
    lone = directories([directory("a", id_=dir_id(1), primary=False)], seen)
    assert blocks(lone) == {"a": BlockReason.PRIMARY}
    assert "scimDirectories" in lone.blocked[0].message


def test_a_promotion_over_one_that_git_does_not_know_names_its_id() -> None:
    seen = [live_connection(1, primary=True, entity="e9"), live_connection(2, **OTHER)]
    change = only(connections([connection("entra", primary=True, **OTHER)], seen))
    assert change.implied == (Implied(conn_id(1), None),)
    assert change.risks != ()


def test_a_promotion_where_nobody_is_primary_takes_it_from_nobody_and_risks_nothing() -> None:
    seen = [live_connection(1, **FULL), live_connection(2, **OTHER)]
    change = only(connections(both(None, True, url="u9"), seen))
    assert (change.implied, [field.wire for field in change.fields if field.risk]) == ((), ["idpRedirectUrl"])


def test_the_one_that_loses_primary_is_written_to_for_its_other_fields_alone() -> None:
    declared = [connection("okta", **(FULL | {"url": "u9"})), both(None, True)[1]]
    made = connections(declared, LIVE_BOTH)
    assert shape(made)["okta"] == ("update", {"idpRedirectUrl": "u9"})
    okta = next(change for change in made.changes if change.key.name == "okta")
    assert "primary" not in okta.holds


# -- ownership -------------------------------------------------------------------------------------


def test_create_only_adds_what_is_missing_and_never_updates() -> None:
    declared = [*both(False, True), connection("new", entity="e7")]
    made = connections(declared, LIVE_BOTH, ownership=Ownership.CREATE_ONLY)
    assert shape(made) == {"new": ("create", {"idpEntityId": "e7"})}
    assert {hint.name: hint.reason for hint in made.hints} == dict.fromkeys(
        ("okta", "entra"), HintReason.OBSERVED_ONLY
    )
    assert made.blocked == ()


def test_observe_writes_nothing_and_says_what_it_would() -> None:
    declared = [*both(False, True), connection("new")]
    made = connections(declared, LIVE_BOTH, ownership=Ownership.OBSERVE)
    assert made.changes == ()
    assert [hint.name for hint in made.hints] == ["okta", "entra", "new"]
    assert "create: the whole object" in made.hints[2].message


# -- hints -----------------------------------------------------------------------------------------


def test_live_ones_where_none_is_expected_are_warned_about() -> None:
    made = connections([], [live_connection(2), live_connection(1)])
    (hint,) = made.hints
    assert (hint.reason, hint.organization, hint.name) == (HintReason.LIVE_CHILDREN, "acme", None)
    assert f"{conn_id(1)}, {conn_id(2)}" in hint.message
    assert connections([], []).hints == ()
    assert "scimDirectories" in directories([], [live_directory(1)]).hints[0].message


def test_hints_about_untold_ones_stand_by_name() -> None:
    declared = [connection("b", url="u1"), connection("a", url="u1")]
    seen = [live_connection(1, url="u1"), live_connection(2, url="u1")]
    assert [hint.name for hint in connections(declared, seen).hints] == ["a", "b"]


def test_a_kind_has_its_own_keys() -> None:
    change = only(directories([directory("okta")], []))
    assert change.key == Key("acme", KindName.DIRECTORY, "okta")
    assert [field.wire for field in change.fields] == ["primary"]

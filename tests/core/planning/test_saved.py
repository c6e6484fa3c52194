"""Of a saved plan only that is left which would be planned just so again."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import structs

from reconciler.core.planning.plan import plan as planned
from reconciler.core.planning.saved import decode, encode, fingerprint, narrowed, save
from reconciler.core.values.certificate import describe
from reconciler.model.change import Plan
from reconciler.model.errors import WrongPlan
from reconciler.model.kinds import KindName
from reconciler.model.outcome import Result
from reconciler.model.saved import Narrowed, SavedPlan
from reconciler.model.state import Desired, DesiredChild, DesiredOrganization, Observed, Organization
from tests.support.build import (
    BOTH_LINK,
    CONNECTION,
    DIRECTORY,
    ENVIRONMENT_ID,
    PLACE,
    SAML_LINK,
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
from tests.support.certificates import pem

CERTIFICATE = describe(pem())
ACME = organization(display_name="Acme Corporation")
LIVE = live(1, "acme", display_name="Acme", domains=["acme.example"])


def saved(wanted: Desired, then: Observed) -> SavedPlan:
    """A plan that was written to a file and read again."""
    made = save(planned(wanted, then, now=0), wanted, "1")
    document = encode(made, {"kind": "Plan", "digest": made.digest})
    read = decode(msgspec.json.decode(msgspec.json.encode(document)), "1")
    assert read == made
    return read


def left(plan: SavedPlan, now: Observed) -> Narrowed:
    return narrowed(planned(plan.desired, now, now=0), plan)


def ends(*organizations: DesiredOrganization, then: Observed, now: Observed) -> list[tuple[Result, str]]:
    """How the changes end that are not left."""
    outcomes = left(saved(desired(*organizations), then), now).outcomes
    return [(each.result, each.error or "") for each in outcomes]


def test_where_nothing_moved_all_is_left_with_its_digest() -> None:
    plan = saved(desired(ACME), observed(LIVE))
    found = left(plan, observed(LIVE))
    assert (found.left.changes, found.outcomes) == (plan.changes, ())
    assert found.left.digest == found.shown.digest == plan.digest


def test_what_somebody_has_done_is_satisfied_and_a_part_of_it_leaves_the_rest() -> None:
    wanted = organization(display_name="New", domains=("a.example",))
    both = live(1, "acme", display_name="New", domains=["a.example"])
    assert ends(wanted, then=observed(LIVE), now=observed(both)) == [(Result.SATISFIED, "")]
    half = live(1, "acme", display_name="New", domains=["acme.example"])
    plan = saved(desired(wanted), observed(LIVE))
    found = left(plan, observed(half))
    (change,) = found.left.changes
    assert [field.path for field in change.fields] == ["domains"]
    assert found.shown.changes == found.left.changes
    assert (found.left.digest, found.shown.digest) == (plan.digest, plan.digest)
    assert found.left.targets == found.shown.targets == plan.targets


def test_the_whole_plan_is_shown_though_less_is_left() -> None:
    other = organization("globex", display_name="New")
    then = observed(LIVE, live(2, "globex"))
    plan = saved(desired(ACME, other), then)
    found = left(plan, observed(live(1, "acme", display_name="Moved"), live(2, "globex")))
    assert [each.key.organization for each in found.left.changes] == ["globex"]
    assert [each.key.organization for each in found.shown.changes] == ["acme", "globex"]
    assert found.shown.changes[0] == plan.changes[0], "as it was reviewed, and not as it would be now"


def test_a_value_that_moved_is_stale_with_the_three_values() -> None:
    now = observed(live(1, "acme", display_name="", domains=["acme.example"]))
    ((result, error), *_) = ends(ACME, then=observed(LIVE), now=now)
    assert result is Result.STALE
    assert 'planned "Acme Corporation", then "Acme", now nothing' in error
    assert "the organization's displayName was" in error


def test_a_value_that_was_as_wanted_and_moved_is_stale_too() -> None:
    wanted = organization(display_name="New", domains=("acme.example",))
    now = observed(live(1, "acme", display_name="Acme", domains=["acme.example", "b.example"]))
    ((result, error),) = ends(wanted, then=observed(LIVE), now=now)
    assert result is Result.STALE
    assert "domains: planned [acme.example], then [acme.example], now [acme.example, b.example]" in error


def test_the_order_of_live_domains_does_not_count() -> None:
    wanted = organization(display_name="New", domains=("a.example", "c.example"))
    then, now = (
        observed(live(1, "acme", display_name="Acme", domains=each))
        for each in (["a.example", "b.example"], ["b.example", "a.example"])
    )
    assert ends(wanted, then=then, now=now) == []


def test_another_organization_with_the_same_key_is_stale() -> None:
    wanted = organization(connections=(connection("okta", entity="urn:x"),))
    then = observed(live(1, "acme", connections=()))
    now = observed(live(1, "other", connections=()), live(2, "acme", connections=()))
    assert ends(wanted, then=then, now=now) == [(Result.STALE, f"acme was {org_id(1)}, and is {org_id(2)} now")]


def test_a_child_of_an_organization_that_this_plan_renames_is_left_after_the_rename() -> None:
    wanted = organization(
        display_name="New", domains=("a.example",), connections=(connection("okta", entity="urn:x"),)
    )
    then = observed(live(1, "acme", display_name="Acme", connections=()))
    now = observed(live(1, "acme", display_name="New", domains=["a.example"], connections=()))
    assert ends(wanted, then=then, now=now) == [(Result.SATISFIED, "")]


def test_a_name_that_another_organization_was_to_get_is_no_excuse() -> None:
    acme = organization(connections=(connection("okta", entity="urn:x"),))
    globex = organization("globex", display_name="New")
    then = observed(live(1, "acme", display_name="Acme", connections=()), live(2, "globex"))
    now = observed(live(1, "acme", display_name="New", connections=()), live(2, "globex"))
    ((result, error),) = ends(acme, globex, then=then, now=now)
    assert result is Result.STALE
    assert 'was "Acme", and is "New" now' in error


def test_an_organization_that_is_gone_is_stale() -> None:
    other = live(2, "other", display_name="Other")
    ((result, error),) = ends(ACME, then=observed(LIVE, other), now=observed(other))
    assert (result, error.partition(";")[0]) == (Result.STALE, "update was planned, and now it would be create")


def test_a_token_of_a_directory_that_was_created_meanwhile_is_left() -> None:
    wanted = organization(directories=(directory("okta", issue_token=True),))
    then, now = (
        structs.replace(observed(live(1, "acme", directories=each)), records={})
        for each in ((), (live_directory(1),))
    )
    found = left(saved(desired(wanted), then), now)
    assert [each.key.kind for each in found.left.changes] == [KindName.BEARER_TOKEN]
    assert [each.result for each in found.outcomes] == [Result.SATISFIED]


def test_a_flag_that_moved_is_told_in_words() -> None:
    wanted = organization(
        directories=(directory("okta", id_=dir_id(1), primary=True), directory("b", id_=dir_id(2)))
    )
    then, now = (
        observed(
            live(1, "acme", directories=(live_directory(1, primary=each), live_directory(2, primary=not each)))
        )
        for each in (False, True)
    )
    plan = saved(desired(wanted), then)
    (change,) = plan.changes
    moved = structs.replace(change, fields=(structs.replace(change.fields[0], before=True, after=False),))
    (outcome,) = narrowed(structs.replace(planned(plan.desired, then, now=0), changes=(moved,)), plan).outcomes
    assert "primary: planned false, then false, now true" in (outcome.error or "")
    assert [each.result for each in left(plan, now).outcomes] == [Result.SATISFIED]


def test_a_block_of_another_organizations_child_is_not_this_ones() -> None:
    okta = (connection("okta", entity="urn:x"),)
    then = observed(live(1, "acme", connections=()), live(2, "globex", connections=()))
    done = live_connection(1, entity="urn:x")
    now = observed(
        live(1, "acme", connections=(done,)), live(2, "globex", connections=(live_connection(2, org=2),))
    )
    found = ends(
        organization(connections=okta),
        organization("globex", connections=(*okta, connection("next", entity="urn:y"))),
        then=then,
        now=now,
    )
    assert [result for result, _ in found] == [Result.SATISFIED, Result.STALE, Result.STALE]


def test_a_child_of_an_organization_that_was_created_meanwhile_is_left() -> None:
    wanted = organization(display_name="New", connections=(connection("okta", entity="urn:x"),))
    now = observed(live(1, "acme", display_name="New", connections=()))
    assert ends(wanted, then=observed(), now=now) == [(Result.SATISFIED, "")]


def test_what_is_gone_or_another_object_now_is_stale() -> None:
    wanted = organization(connections=(connection("okta", entity="urn:x", url="https://b.example/"),))
    one = live_connection(1, entity="urn:x", url="https://a.example/")
    other = live_connection(2, entity="urn:x", url="https://a.example/")
    then, now = (observed(live(1, "acme", connections=(each,))) for each in (one, other))
    ((result, error),) = ends(wanted, then=then, now=now)
    assert result is Result.STALE
    assert f"{one.id} was meant, and now it would be {other.id}" in error
    ((result, error),) = ends(wanted, then=then, now=observed(live(1, "acme", connections=())))
    assert (result, error) == (Result.STALE, "update was planned, and now it would be create")


def test_what_is_blocked_by_now_is_stale_with_the_reason() -> None:
    wanted = organization(connections=(connection("okta", entity="urn:x"), connection("next", entity="urn:y")))
    blank = live_connection(1)
    then = observed(live(1, "acme", connections=()))
    now = observed(live(1, "acme", connections=(blank,)))
    found = ends(wanted, then=then, now=now)
    assert {result for result, _ in found} == {Result.STALE}
    assert all(error.startswith("blocked by now: ") for _, error in found)
    alike = live(7, "other", display_name="Acme Corporation")
    ((result, error),) = ends(ACME, then=observed(), now=observed(alike))
    assert result is Result.STALE
    assert org_id(7) in error


def test_a_block_of_one_child_leaves_its_siblings() -> None:
    wanted = organization(
        connections=(connection("okta", id_="saml_conn_" + "1" * 25, url="https://b.example/"),),
        directories=(directory("entra"),),
    )
    pinned = structs.replace(live_connection(1, url="https://a.example/"), id="saml_conn_" + "1" * 25)
    then = observed(live(1, "acme", connections=(pinned,), directories=()))
    now = observed(live(1, "acme", connections=(), directories=()))
    plan = saved(desired(wanted), then)
    found = left(plan, now)
    assert [each.change.key.kind for each in found.outcomes] == [CONNECTION]
    assert [each.key.kind for each in found.left.changes] == [DIRECTORY]
    done = observed(live(1, "acme", connections=(), directories=(live_directory(1),)))
    assert [each.result for each in left(plan, done).outcomes] == [Result.SATISFIED, Result.STALE]


def test_certificates_count_by_their_hash_and_flags_are_words() -> None:
    okta = DesiredChild(CONNECTION, "okta", None, {"idpEntityId": "urn:x", "idpCertificate": CERTIFICATE}, PLACE)
    wanted = organization(connections=(okta,))
    then = observed(live(1, "acme", connections=(live_connection(1, entity="urn:x"),)))
    certified = structs.replace(live_connection(1, entity="urn:x"), idp_certificate=pem("other.example"))
    ((result, error),) = ends(wanted, then=then, now=observed(live(1, "acme", connections=(certified,))))
    assert result is Result.STALE
    assert f"certificate: planned sha256:{CERTIFICATE.sha256[:12]}…, then nothing, now sha256:" in error


def test_a_link_for_something_else_is_stale() -> None:
    wanted = organization(setup_link=BOTH_LINK)
    then = structs.replace(observed(live(1, "acme", connections=(), directories=())), records={})
    plan = saved(desired(wanted), then)
    token = live_directory(1, token=True)
    done = structs.replace(observed(live(1, "acme", connections=(), directories=(token,))), records={})
    now = planned(plan.desired, done, now=0)
    assert [each.extent for each in now.changes] == [SAML_LINK]  # type: ignore[union-attr]
    (outcome,) = narrowed(now, plan).outcomes
    assert (outcome.result, outcome.error) == (Result.STALE, "the link would be for something else now")


def test_a_create_of_less_is_stale() -> None:
    plan = saved(desired(organization(display_name="New", domains=("a.example",))), observed())
    now = planned(desired(organization(display_name="New")), observed(), now=0)
    (outcome,) = narrowed(now, plan).outcomes
    assert outcome.error == "fewer fields would be created now"


def test_another_environment_is_refused() -> None:
    plan = saved(desired(ACME), observed(LIVE))
    other = structs.replace(observed(LIVE), environment_id="env_" + "2" * 25)
    for now, key in ((other, "env_2+"), (observed(), "an empty environment")):
        with pytest.raises(WrongPlan, match=f"for {ENVIRONMENT_ID}, and the key belongs to {key}$"):
            left(plan, now)


def test_a_plan_for_a_pinned_environment_that_is_empty_is_its_own() -> None:
    assert saved(desired(ACME, pin=ENVIRONMENT_ID), observed()).pin == ENVIRONMENT_ID


def test_the_order_of_the_files_members_does_not_count() -> None:
    again = json.loads(json.dumps(document(), sort_keys=True))
    assert list(again) != list(document())
    assert decode(again, "1") == decode(document(), "1")


def test_only_what_the_plan_touches_is_saved_whole() -> None:
    untouched = organization("globex", connections=(connection("okta"),), setup_link=SAML_LINK)
    plan = saved(
        desired(ACME, untouched), observed(LIVE, live(2, "globex", connections=(live_connection(1, org=2),)))
    )
    acme, globex = plan.desired.organizations
    assert acme == ACME
    assert (globex.collections, globex.setup_link, globex.owned) == ({}, None, untouched.owned)


def test_the_fingerprint_is_of_what_is_declared_and_of_no_commit() -> None:
    wanted = desired(organization(distinct_from=[org_id(number) for number in range(9)]))
    again = desired(organization(distinct_from=[org_id(number) for number in reversed(range(9))]))
    assert fingerprint(wanted) == fingerprint(structs.replace(again, revision="other"))
    assert fingerprint(wanted) != fingerprint(desired(ACME))


def document(plan: Plan | None = None) -> Any:
    okta = DesiredChild(CONNECTION, "okta", None, {"idpEntityId": "urn:x", "idpCertificate": CERTIFICATE}, PLACE)
    wanted = desired(organization(display_name="New", connections=(okta,)))
    made = save(plan or planned(wanted, observed(), now=0), wanted, "1")
    return encode(made, {"kind": "Plan", "digest": made.digest})


def sealed(changed: Any) -> Any:
    """A document whose seal somebody made again."""
    from reconciler.core.planning import saved as module  # noqa: PLC0415

    changed["seal"] = module._seal(changed)
    return changed


def test_what_was_changed_is_refused_with_or_without_a_new_seal() -> None:
    child = ("saved", "desired", "organizations", 0, "collections", "SAMLConnection", 0)
    for path, value in (
        (("digest",), "f" * 32),
        (("saved", "digest"), "f" * 32),
        (("saved", "environment_id"), ENVIRONMENT_ID),
        (("saved", "changes", 0, "fields", 1, "after"), "Evil"),
        ((*child, "owned", "idpCertificate", "pem"), pem("evil.example")),
        (("saved", "changes"), 1),
    ):  # fmt: skip
        changed = document()
        inner = changed
        for step in path[:-1]:
            inner = inner[step]
        assert inner[path[-1]] != value
        inner[path[-1]] = value
        with pytest.raises(WrongPlan, match="after it was saved"):
            decode(changed, "1")
        with pytest.raises(WrongPlan, match=r"digest|cannot be read"):
            decode(sealed(changed), "1")


@pytest.mark.parametrize("other", [None, [], {}, {"saved": 1}, {"saved": {}}])
def test_what_is_no_saved_plan_is_refused(other: Any) -> None:
    with pytest.raises(WrongPlan, match=r"this is no saved plan|another version"):
        decode(other, "1")


def test_another_versions_plan_is_refused() -> None:
    with pytest.raises(WrongPlan, match="another version than 2"):
        decode(document(), "2")


def test_what_looks_like_a_secret_cannot_be_saved() -> None:
    wanted = desired(organization(display_name="ssoready_sk_" + "a" * 30))
    made = save(planned(wanted, observed(), now=0), wanted, "1")
    with pytest.raises(WrongPlan, match="looks like a secret"):
        encode(made, {"digest": made.digest})


def test_nothing_else_of_the_live_organization_is_compared() -> None:
    moved = structs.replace(
        LIVE, organization=Organization(org_id(1), ENVIRONMENT_ID, "Acme", "acme", ("acme.example",))
    )
    assert ends(ACME, then=observed(LIVE), now=observed(moved)) == []

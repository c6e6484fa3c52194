"""A plan of unusual size, or for the wrong environment, is refused as a whole."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from reconciler.core.planning.guard import (
    COUNT,
    GUARDS,
    PERCENT,
    changed_organizations,
    created_organizations,
    foreign_environment,
    refusals,
    risked_organizations,
    tightened,
)
from reconciler.model.change import (
    NOT_APPROVED,
    Change,
    Collection,
    Create,
    FieldChange,
    Implied,
    Key,
    Plan,
    Target,
)
from reconciler.model.kinds import KindName
from reconciler.model.settings import Limits
from tests.support.build import ENVIRONMENT_ID, cert, create, issue, org_id, update

NONE_STATED: Limits = {}
OTHER_ENVIRONMENT = "env_" + "2" * 25


def key(kind: KindName, organization: str, name: str = "") -> Key:
    return Key(organization, kind, name or organization)


RENAMED = FieldChange("displayName", "displayName", "Acme", "Acme Inc")
RISKY = FieldChange("domains", "domains", (), ("acme.example",), "it widens who may sign in")


def updates(count: int) -> list[Change]:
    return [update(key(KindName.ORGANIZATION, f"o{number}"), RENAMED) for number in range(count)]


def child(number: int, *, beside: bool, name: str = "okta", risk: str | None = None) -> Create:
    """A connection that is created in a live organization."""
    entity = FieldChange("idpEntityId", "idp.entityId", None, "urn:okta", risk)
    made = create(key(KindName.CONNECTION, f"o{number}", name), entity)
    return structs.replace(made, collection=Collection(org_id(number), (), frozenset(), beside))


def creates(count: int) -> list[Change]:
    return [create(key(KindName.ORGANIZATION, f"n{number}")) for number in range(count)]


def made(changes: Iterable[Change], matched: int) -> Plan:
    return Plan(
        environment="production",
        environment_id=ENVIRONMENT_ID,
        pin=None,
        revision="r1",
        digest="d1",
        changes=tuple(changes),
        blocked=(),
        hints=(),
        unmanaged=(),
        pins=(),
        unchanged=0,
        matched=matched,
        suspended={},
    )


def rules(plan: Plan, limits: Limits = NONE_STATED, approved: str | None = None) -> list[str]:
    return [refusal.rule for refusal in refusals(plan, limits, approved)]


# -- the share of organizations that are updated ---------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "matched", "refused"),
    [
        (3, 10, False),
        (4, 10, True),
        (30, 100, False),
        (31, 100, True),
        (9, 9, False),
        (10, 10, True),
        (0, 0, False),
    ],
)
def test_more_than_a_share_of_the_matched_organizations_is_refused_once_ten_are_matched(
    changed: int, matched: int, refused: bool
) -> None:
    assert rules(made(updates(changed), matched)) == (["maxChangedPercent"] if refused else [])


def test_below_ten_not_even_the_smallest_bound_refuses() -> None:
    assert rules(made(updates(9), 9), {"maxChangedPercent": 0}) == []


def test_an_organization_counts_once_however_much_of_it_changes() -> None:
    below = [child(number, beside=True, name=name) for number in range(3) for name in ("okta", "entra")]
    assert rules(made([*updates(3), *below], 10)) == []
    assert changed_organizations(made(below, 10)) == {"o0", "o1", "o2"}


def test_a_child_beside_live_ones_changes_its_organization_and_a_first_one_completes_it() -> None:
    assert rules(made([child(number, beside=True) for number in range(4)], 10)) == ["maxChangedPercent"]
    first = [child(number, beside=False) for number in range(101)]
    assert rules(made(first[:100], 100)) == []
    assert rules(made(first, 101)) == ["maxCreates"]


@pytest.mark.parametrize(
    ("field", "replaces"),
    [
        (RENAMED, True),
        (FieldChange("displayName", "displayName", "Acme", ""), True),
        (FieldChange("displayName", "displayName", "", "Acme"), False),
        (FieldChange("domains", "domains", (), ("a.example",)), False),
        (FieldChange("domains", "domains", ("a.example",), ("a.example", "b.example")), False),
        (FieldChange("domains", "domains", ("a.example", "b.example"), ("a.example",)), True),
        (FieldChange("domains", "domains", ("A.example",), ("a.example",)), True),
        (FieldChange("primary", "primary", False, True), False),
        (FieldChange("primary", "primary", True, False), True),
        (FieldChange("idpCertificate", "idp.certificate", cert("c1"), cert("c2")), True),
    ],
)
def test_only_a_live_value_that_goes_or_is_replaced_is_a_change(field: FieldChange, replaces: bool) -> None:
    plan = made([update(key(KindName.ORGANIZATION, "acme"), field)], 10)
    assert changed_organizations(plan) == ({"acme"} if replaces else set())


def test_a_sibling_that_loses_primary_is_a_change() -> None:
    promoted = update(key(KindName.CONNECTION, "acme", "okta"), FieldChange("primary", "primary", False, True))
    implied = structs.replace(promoted, implied=(Implied("saml_conn_1", None),))
    assert changed_organizations(made([implied], 10)) == {"acme"}


def test_created_organizations_and_their_children_are_no_updates() -> None:
    children = [create(key(KindName.CONNECTION, f"n{number}", "okta")) for number in range(50)]
    plan = made([*creates(50), *children], 10)
    assert rules(plan) == []
    assert created_organizations(plan) == {f"n{number}" for number in range(50)}


def test_secrets_to_be_issued_do_not_count() -> None:
    issues = [issue(key(KindName.SETUP_LINK, f"o{number}", "setup-link")) for number in range(10)]
    assert rules(made([*issues, *updates(3)], 10)) == []


def test_the_message_has_the_figures_and_how_to_approve_exactly_this_plan() -> None:
    (refusal,) = refusals(made(updates(5), 13), {"maxChangedPercent": 12.5}, None)
    figures = ("5 of 13 organizations", "38 %", "12.5 %", "--approve d1")
    assert [figure for figure in figures if figure not in refusal.message] == []
    assert refusal.approvable


# -- how many are created --------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "refused"), [(100, False), (101, True)])
def test_more_creates_than_allowed_are_refused_in_whatever_environment(count: int, refused: bool) -> None:
    for matched in (0, 500):
        assert rules(made(creates(count), matched)) == (["maxCreates"] if refused else [])


def test_only_organizations_count_as_creates() -> None:
    children = [child(0, beside=False, name=f"c{number}") for number in range(200)]
    assert rules(made(children, 10)) == []


# -- how many are at risk --------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "refused"), [(10, False), (11, True)])
def test_more_organizations_at_risk_than_allowed_are_refused(count: int, refused: bool) -> None:
    risky = [update(key(KindName.ORGANIZATION, f"o{number}"), RISKY) for number in range(count)]
    assert rules(made(risky, 500)) == (["maxAtRisk"] if refused else [])
    beside = [child(number, beside=True, risk="it widens") for number in range(count)]
    assert rules(made(beside, 500)) == (["maxAtRisk"] if refused else [])


@pytest.mark.parametrize(("count", "said"), [(1, "1 organization has a"), (2, "2 organizations have a")])
def test_organizations_at_risk_are_counted_in_the_message(count: int, said: str) -> None:
    risky = structs.replace(RENAMED, risk="people may be kept out")
    changes = [update(key(KindName.ORGANIZATION, f"o{number}"), risky) for number in range(count)]
    (refusal,) = refusals(made(changes, 1), {"maxAtRisk": 0}, None)
    assert refusal.message.startswith(f"{said} sign-in risk")


def test_a_first_child_with_a_risk_counts_in_an_adopted_organization_alone() -> None:
    first = [child(0, beside=False, risk="people may come in"), child(1, beside=False, risk="people may come in")]
    targets = {"o0": Target(org_id(1), "A", (), adopted=True), "o1": Target(org_id(2), "B", (), adopted=False)}
    plan = structs.replace(made(first, 2), targets=targets)
    assert risked_organizations(plan) == {"o0"}


def test_one_replaced_field_among_filled_ones_is_a_change() -> None:
    filled = FieldChange("domains", "domains", (), ("a.example",))
    plan = made([update(key(KindName.ORGANIZATION, "acme"), filled, RENAMED)], 10)
    assert changed_organizations(plan) == {"acme"}


def test_what_is_only_created_to_its_end_has_no_risk_that_counts() -> None:
    """Whoever was created a moment ago, before the rollout was interrupted, signs nobody in yet."""
    assert rules(made([child(number, beside=False, risk="it widens") for number in range(40)], 40)) == []


def test_one_organization_is_spoken_of_as_one() -> None:
    for count, words in ((1, "1 organization would"), (2, "2 organizations would")):
        (refusal,) = refusals(made(creates(count), 0), {"maxCreates": 0}, None)
        assert refusal.message.startswith(words)


def test_a_bound_that_is_not_stated_is_the_default_and_zero_refuses_everything() -> None:
    assert rules(made([*updates(10), *creates(101)], 10), {}) == ["maxChangedPercent", "maxCreates"]
    assert rules(made([*updates(3), *creates(100)], 10), {}) == []
    assert rules(made(updates(1), 10), {"maxChangedPercent": 0}) == ["maxChangedPercent"]
    assert rules(made(creates(1), 10), {"maxCreates": 0}) == ["maxCreates"]
    assert rules(made([], 10), {"maxChangedPercent": 0, "maxCreates": 0}) == []


# -- approval --------------------------------------------------------------------------------------


def test_the_digest_of_exactly_this_plan_lifts_every_refusal() -> None:
    plan = made([*updates(10), *creates(101)], 10)
    assert rules(plan, approved="d1") == []
    assert len(rules(plan, approved="d2")) == len(rules(plan, approved="")) == 2


def test_another_digest_than_the_approved_one_is_refused_whether_or_not_a_guard_refuses() -> None:
    small, large = made(updates(1), 10), made(creates(101), 10)
    for only, rules_of_small, rules_of_large in (
        ("d1", [], ["maxCreates"]),
        ("d2", [NOT_APPROVED], [NOT_APPROVED, "maxCreates"]),
    ):
        assert [each.rule for each in refusals(small, {}, None, only)] == rules_of_small
        assert [each.rule for each in refusals(large, {}, None, only)] == rules_of_large
    assert [each.rule for each in refusals(small, {}, small.digest, "d2")] == [NOT_APPROVED]


# -- a folder for another environment --------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({}, True),
        ({"live": 9}, False),
        ({"unpinned": 9}, False),
        ({"claimed": 1}, False),
        ({"pin": ENVIRONMENT_ID}, False),
    ],
)
def test_ten_of_which_none_is_live_are_for_another_environment(more: dict[str, Any], refused: bool) -> None:
    """No approval lifts it; a pin says that the environment is the right one."""
    plan = structs.replace(made(creates(1), 0), **({"live": 10, "unpinned": 10, "claimed": 0} | more))
    assert rules(plan, approved="d1") == (["nothingMatches"] if refused else [])


# -- bounds ----------------------------------------------------------------------------------------


def test_the_repository_may_only_tighten() -> None:
    defaults = {guard.name: guard.default for guard in GUARDS}
    assert tightened({}, {}) == defaults
    for guard in GUARDS:
        for process, repository, bound in ((9, 20, 9), (9, 4, 4), (9, 0, 0), (0, 20, 0)):
            both = tightened({guard.name: process}, {guard.name: repository})
            assert both == {**defaults, guard.name: bound}
        assert tightened({guard.name: 9}, {})[guard.name] == 9
        assert tightened({}, {guard.name: 9})[guard.name] == 9
        assert tightened({}, {guard.name: 1000})[guard.name] == guard.default


def test_a_guards_bound_has_a_name_of_its_own_in_the_configuration_file() -> None:
    assert structs.replace(GUARDS[0], name="aMadeUpName").limit == "a_made_up_name"


def test_a_bound_is_a_number_from_zero_to_what_its_unit_allows() -> None:
    numbers = (-1, 0, 12.5, 100, 100.5, 1_000_000, math.nan)
    assert [number for number in numbers if PERCENT.fits(number)] == [0, 12.5, 100]
    assert [number for number in (-1, 0, 1_000_000, math.nan) if COUNT.fits(number)] == [0, 1_000_000]
    assert (PERCENT.shown(12.5), PERCENT.shown(30), COUNT.shown(1_000_000)) == ("12.5 %", "30 %", "1000000")


BOUNDS = st.fixed_dictionaries(
    {}, optional={guard.name: st.integers(0, int(min(guard.unit.most, 300))) for guard in GUARDS}
)


@given(st.integers(0, 40), st.integers(0, 120), st.integers(0, 40), BOUNDS, BOUNDS)
def test_what_the_process_refuses_no_repository_lets_through(
    changed: int, created: int, matched: int, process: Limits, repository: Limits
) -> None:
    plan = made([*updates(min(changed, matched)), *creates(created)], matched)
    assert set(rules(plan, process)) <= set(rules(plan, tightened(process, repository)))


# -- the environment -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("live", "pins"),
    [
        (ENVIRONMENT_ID, (ENVIRONMENT_ID, ENVIRONMENT_ID)),
        (ENVIRONMENT_ID, (None, ENVIRONMENT_ID)),
        (ENVIRONMENT_ID, (None, None)),
        (ENVIRONMENT_ID, ()),
        (None, (ENVIRONMENT_ID, None)),
        (None, ()),
    ],
)
def test_the_pinned_environment_is_the_right_one(live: str | None, pins: tuple[str | None, ...]) -> None:
    assert foreign_environment(live, pins) is None


def test_another_environment_than_the_pinned_one_is_named_with_it() -> None:
    said = foreign_environment(OTHER_ENVIRONMENT, (None, ENVIRONMENT_ID))
    assert said
    assert said.index(OTHER_ENVIRONMENT) < said.index(ENVIRONMENT_ID)


@pytest.mark.parametrize("live", [None, ENVIRONMENT_ID, OTHER_ENVIRONMENT])
def test_pins_that_disagree_fit_no_environment_and_are_named_in_order(live: str | None) -> None:
    pins = [*(f"env_{letter}" for letter in "hgfedcba"), ENVIRONMENT_ID]
    for stated in (pins, pins[-2:]):
        assert ", ".join(sorted(stated)) in str(foreign_environment(live, (*stated, None)))

"""The whole plan: which organizations are written, created or left alone, and what it says about each."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from reconciler.core.planning.digest import digest
from reconciler.core.planning.plan import plan
from reconciler.model.change import (
    BlockReason,
    Create,
    HintReason,
    IssueLink,
    IssueToken,
    Key,
    Pin,
    Plan,
    Ref,
    SharedDomain,
    Target,
    Unmanaged,
    Update,
)
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin
from reconciler.model.settings import Protected
from reconciler.model.state import (
    Desired,
    DesiredOrganization,
    InvalidOrganization,
    Observed,
    Ownership,
    Record,
    RecordState,
    Unreadable,
)
from tests.support.build import (
    BOTH_LINK,
    CONNECTION,
    DIRECTORY,
    ENVIRONMENT_ID,
    SAML_LINK,
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
from tests.support.live_model import LiveModel

FULL = {"entity": "e1", "url": "u1", "cert": "c1"}
OTHER = {"entity": "e2", "url": "u2", "cert": "c2"}
NOW = 1_700_000_000.0


def planned(wanted: Desired, seen: Observed) -> Plan:
    return plan(wanted, seen, NOW)


def of(*wanted: DesiredOrganization, seen: Observed) -> Plan:
    return planned(desired(*wanted), seen)


def keys(made: Plan) -> list[tuple[str, str, str]]:
    return [(str(c.action), str(c.key.kind), f"{c.key.organization}/{c.key.name}") for c in made.changes]


def blocks(made: Plan) -> list[tuple[str, str | None, BlockReason]]:
    return [(block.organization, block.name, block.reason) for block in made.blocked]


def only(made: Plan) -> Any:
    (change,) = made.changes
    return change


# -- organizations ---------------------------------------------------------------------------------


def test_what_is_as_stated_is_unchanged() -> None:
    wanted = organization("acme", display_name="Acme", connections=[connection("okta", **FULL)])
    made = of(
        wanted, seen=observed(live(1, "acme", display_name="Acme", connections=[live_connection(1, **FULL)]))
    )
    assert (made.changes, made.blocked, made.hints, made.unmanaged) == ((), (), (), ())
    assert (made.unchanged, made.matched) == (2, 1)


def test_an_update_names_the_live_one_and_what_it_rests_on() -> None:
    wanted = organization("acme", display_name="Acme", domains=("a.example",))
    change = only(of(wanted, seen=observed(live(1, "acme", display_name="Old", domains=["a.example"]))))
    assert (type(change), change.key) == (Update, Key("acme", KindName.ORGANIZATION, "acme"))
    assert (change.id, change.parent, change.needs, change.origin) == (org_id(1), None, (), Origin("acme.yaml"))
    assert [(field.wire, field.before, field.after) for field in change.fields] == [("displayName", "Old", "Acme")]
    assert change.holds == {"externalId": "acme", "domains": ("a.example",)}


def test_an_update_rests_on_the_key_it_was_found_by_although_git_does_not_own_it() -> None:
    wanted = structs.replace(organization("acme"), owned={"displayName": "New"})
    assert only(of(wanted, seen=observed(live(1, "acme")))).holds == {"externalId": "acme"}
    pinned = structs.replace(wanted, id=org_id(1), external_id=None)
    assert only(of(pinned, seen=observed(live(1, "acme")))).holds == {}


def test_an_organization_that_is_not_live_is_created_with_its_children_behind_it() -> None:
    wanted = organization(
        "acme",
        display_name="Acme",
        domains=("a.example",),
        connections=[connection("okta", **FULL)],
        directories=[directory("okta", issue_token=True)],
        setup_link=SAML_LINK,
    )
    made = planned(desired(wanted), structs.replace(observed(), records={}))
    assert keys(made) == [
        ("create", "Organization", "acme/acme"),
        ("create", "SAMLConnection", "acme/okta"),
        ("create", "SCIMDirectory", "acme/okta"),
        ("issue", "SetupLink", "acme/setup-link"),
        ("issue", "BearerToken", "acme/okta"),
    ]
    parent = Key("acme", KindName.ORGANIZATION, "acme")
    create, *below = made.changes
    assert {field.wire: field.after for field in create.fields} == {
        "externalId": "acme",
        "displayName": "Acme",
        "domains": ("a.example",),
    }
    assert (type(create), create.parent, create.needs) == (Create, None, ())
    assert all(change.parent == Ref(parent) for change in below)
    child = Key("acme", DIRECTORY, "okta")
    assert [change.needs for change in below] == [(parent,), (parent,), (parent,), (child,)]
    assert isinstance(below[3], IssueToken)
    assert below[3].directory == Ref(child)
    assert (made.environment_id, made.matched, made.unchanged) == (None, 0, 0)


@pytest.mark.parametrize("more", [{}, {"display_name": ""}, {"domains": ()}, {"display_name": "", "domains": ()}])
def test_one_without_a_name_and_without_domains_is_never_created(more: dict[str, Any]) -> None:
    wanted = organization("acme", connections=[connection("okta", **FULL)], setup_link=BOTH_LINK, **more)
    made = planned(desired(wanted), structs.replace(observed(), records={}))
    assert (made.changes, blocks(made)) == ((), [("acme", None, BlockReason.NO_IDENTITY)])
    assert made.blocked[0].kind is KindName.ORGANIZATION
    assert made.blocked[0].origin == wanted.origin


@pytest.mark.parametrize("more", [{"display_name": "Acme"}, {"domains": ("a.example",)}])
def test_a_name_or_a_domain_is_enough_to_be_created(more: dict[str, Any]) -> None:
    assert keys(of(organization("acme", **more), seen=observed())) == [("create", "Organization", "acme/acme")]


def test_a_renamed_manifest_is_asked_about_and_not_created_again() -> None:
    renamed = organization("acme-corp", display_name="Acme", domains=("a.example",))
    made = of(renamed, seen=observed(live(1, "acme", display_name="Acme", domains=["a.example"])))
    assert (made.changes, blocks(made)) == ((), [("acme-corp", None, BlockReason.AMBIGUOUS)])
    message = made.blocked[0].message
    assert f"add `id: {org_id(1)}`" in message
    assert f"add `distinctFrom: [{org_id(1)}]`" in message
    assert made.unmanaged == ()  # the message names it already

    adopted = organization(
        "acme-corp", id_=org_id(1), external_id=None, display_name="Acme", domains=("a.example",)
    )
    assert of(adopted, seen=observed(live(1, "acme", display_name="Acme", domains=["a.example"]))).changes == ()


def test_several_look_alikes_are_all_named() -> None:
    found = (live(2, "y", domains=["A.example"]), live(1, "x", display_name="acme"))
    otherwise_listed = structs.replace(observed(), organizations=found)
    made = of(organization("acme", display_name="Acme", domains=("a.example",)), seen=otherwise_listed)
    assert f"[{org_id(1)}, {org_id(2)}]" in made.blocked[0].message


def test_an_external_id_that_another_live_one_has_is_not_set() -> None:
    """The server would refuse it at every pass."""
    seen = observed(live(1, "4711"), live(2, "4712", connections=[]))
    moved = organization("globex", id_=org_id(2), external_id="4711", connections=[connection("okta")])
    made = of(moved, seen=seen)
    assert blocks(made) == [("globex", None, BlockReason.EXTERNAL_ID_HELD)]
    assert org_id(1) in made.blocked[0].message
    assert made.changes == ()
    free = organization("globex", id_=org_id(2), external_id="4713")
    assert keys(of(free, seen=seen)) == [("update", "Organization", "globex/globex")]
    named = organization("globex", id_=org_id(2), external_id=None, display_name="4711")
    assert keys(of(named, seen=seen)) == [("update", "Organization", "globex/globex")]
    cleared = structs.replace(named, owned={"externalId": ""})
    assert keys(of(cleared, seen=observed(live(1), live(2, "4712")))) == [
        ("update", "Organization", "globex/globex")
    ]


def test_one_that_is_declared_distinct_is_created_beside_it_but_does_not_get_its_domain() -> None:
    seen = observed(live(1, "x", display_name="Acme", domains=["a.example"]))
    named = organization("acme", display_name="Acme", distinct_from=[org_id(1)])
    assert keys(of(named, seen=seen)) == [("create", "Organization", "acme/acme")]
    greedy = organization("acme", display_name="Acme", domains=("a.example",), distinct_from=[org_id(1)])
    assert blocks(of(greedy, seen=seen)) == [("acme", None, BlockReason.DOMAIN_HELD)]
    allowed = planned(desired(greedy, forbid_shared=False), seen)
    assert keys(allowed) == [("create", "Organization", "acme/acme")]


def test_a_pinned_organization_that_was_deleted_is_blocked_with_all_below_it() -> None:
    wanted = organization("acme", id_=org_id(9), display_name="Acme", connections=[connection("okta")])
    made = planned(desired(wanted), structs.replace(observed(), records={}))
    assert (made.changes, blocks(made)) == ((), [("acme", None, BlockReason.PIN_NOT_FOUND)])


def test_an_organization_whose_pin_was_removed_is_not_created_again() -> None:
    """Its external id is another one, so the name is no key to it."""
    seen = observed(live(1, "4711", display_name="Acme"))
    pinned = organization("acme", id_=org_id(1), external_id=None, display_name="Acme")
    assert of(pinned, seen=seen).changes == ()
    assert blocks(of(organization("acme", display_name="Acme"), seen=seen)) == [
        ("acme", None, BlockReason.AMBIGUOUS)
    ]


def test_an_unpinned_organization_that_was_deleted_is_created_again() -> None:
    assert keys(of(organization("acme", display_name="Acme"), seen=observed(live(2, "other")))) == [
        ("create", "Organization", "acme/acme")
    ]


def test_a_collection_that_could_not_be_read_blocks_its_organization_and_no_other() -> None:
    broken = organization(
        "acme", display_name="New", connections=[connection("okta")], directories=[directory("d")]
    )
    made = planned(
        desired(broken, organization("globex", display_name="New")),
        structs.replace(
            observed(live(1, "acme", connections=Unreadable("it broke"), directories=[]), live(2, "globex")),
            records={},
        ),
    )
    assert keys(made) == [("update", "Organization", "globex/globex")]
    assert [(block.organization, block.reason, block.message) for block in made.blocked] == [
        ("acme", BlockReason.UNREADABLE, "it broke")
    ]
    assert (made.matched, made.unchanged) == (2, 0)


# -- manifests that cannot be used -----------------------------------------------------------------

BROKEN = InvalidOrganization("acme", None, "acme", "acme.yaml:3:1: it is broken", Origin("acme.yaml", 3))


def test_a_broken_manifest_blocks_itself_and_keeps_its_organization_from_being_unmanaged() -> None:
    made = planned(
        desired(organization("globex", display_name="New"), invalid=[BROKEN]),
        observed(live(1, "acme"), live(2, "globex")),
    )
    assert keys(made) == [("update", "Organization", "globex/globex")]
    assert blocks(made) == [("acme", None, BlockReason.INVALID_MANIFEST)]
    assert (made.blocked[0].message, made.blocked[0].origin) == (BROKEN.message, BROKEN.origin)
    assert made.unmanaged == ()


def test_a_broken_manifest_without_a_name_is_known_by_its_place() -> None:
    made = planned(desired(invalid=[structs.replace(BROKEN, name=None)]), observed())
    assert made.blocked[0].organization == "acme.yaml:3:1"


def test_while_a_file_cannot_be_read_nothing_is_created_and_nothing_called_unmanaged() -> None:
    made = planned(
        desired(
            organization("new", display_name="New"),
            organization("globex", display_name="New", connections=[connection("okta", **FULL)], directories=[]),
            complete=False,
        ),
        observed(live(1, "unknown"), live(2, "globex", connections=[], directories=[live_directory(1)])),
    )
    assert keys(made) == [
        ("update", "Organization", "globex/globex"),
        ("create", "SAMLConnection", "globex/okta"),
    ]
    assert blocks(made) == [("new", None, BlockReason.INCOMPLETE_SOURCE)]
    assert made.unmanaged == ()


# -- ownership and suspension ----------------------------------------------------------------------


def test_a_suspended_organization_is_left_alone_and_stays_claimed() -> None:
    wanted = organization("acme", display_name="New", suspend="ask Kim", connections=[connection("okta", **FULL)])
    made = of(wanted, organization("globex", display_name="G"), seen=observed(live(1, "acme", connections=[])))
    assert keys(made) == [("create", "Organization", "globex/globex")]
    assert (made.blocked, made.unmanaged, made.pins) == ((), (), ())
    assert (made.suspended, made.matched, made.unchanged) == ({"acme": "ask Kim"}, 1, 0)


def test_create_only_updates_no_organization_but_adds_children() -> None:
    wanted = organization(
        "acme", display_name="New", ownership=Ownership.CREATE_ONLY, connections=[connection("okta", **FULL)]
    )
    made = of(wanted, seen=observed(live(1, "acme", display_name="Old", connections=[])))
    assert keys(made) == [("create", "SAMLConnection", "acme/okta")]
    assert [(hint.reason, hint.name) for hint in made.hints] == [(HintReason.OBSERVED_ONLY, None)]
    assert "displayName" in made.hints[0].message
    assert made.pins == (Pin(KindName.ORGANIZATION, "acme", "acme", org_id(1), Origin("acme.yaml")),)
    assert made.unchanged == 1
    created = of(organization("new", display_name="New", ownership=Ownership.CREATE_ONLY), seen=observed())
    assert keys(created) == [("create", "Organization", "new/new")]


def test_observe_writes_nothing_anywhere() -> None:
    made = planned(
        desired(
            organization(
                "acme",
                display_name="New",
                ownership=Ownership.OBSERVE,
                connections=[connection("okta", **FULL)],
                directories=[directory("okta", issue_token=True)],
                setup_link=SAML_LINK,
            ),
            organization("new", display_name="New", ownership=Ownership.OBSERVE, connections=[connection("okta")]),
        ),
        structs.replace(
            observed(live(1, "acme", connections=[], directories=[live_directory(1, primary=True)])), records={}
        ),
    )
    assert (made.changes, made.blocked) == ((), ())
    assert [(hint.organization, hint.name) for hint in made.hints] == [
        ("acme", None),
        ("acme", "okta"),
        ("new", None),
    ]


# -- domains that move -----------------------------------------------------------------------------

SPLIT = (
    organization("acme", display_name="Acme", domains=("a.example",)),
    organization("acme-labs", display_name="Acme Labs", domains=("b.example",), connections=[connection("okta")]),
)
WHOLE = observed(live(1, "acme", display_name="Acme", domains=["a.example", "b.example"]))


def test_an_organization_is_split_in_two_and_the_new_one_waits_for_its_domain() -> None:
    made = of(*SPLIT, seen=WHOLE)
    assert keys(made) == [
        ("update", "Organization", "acme/acme"),
        ("create", "Organization", "acme-labs/acme-labs"),
        ("create", "SAMLConnection", "acme-labs/okta"),
    ]
    assert made.changes[1].needs == (made.changes[0].key,)
    assert [field.risk for field in made.changes[0].fields] == ["people of a removed domain can no longer sign in"]
    model = LiveModel(WHOLE)
    model.apply(made)
    assert {each.external_id: each.domains for each in model.organizations()} == {
        "acme": ("a.example",),
        "acme-labs": ("b.example",),
    }


@pytest.mark.parametrize(
    "giver",
    [
        structs.replace(SPLIT[0], suspend="later"),
        structs.replace(SPLIT[0], ownership=Ownership.OBSERVE),
        structs.replace(SPLIT[0], ownership=Ownership.CREATE_ONLY),
        structs.replace(SPLIT[0], owned={"externalId": "acme"}),
    ],
)
def test_a_domain_is_not_taken_from_one_that_this_plan_does_not_write(giver: DesiredOrganization) -> None:
    made = of(giver, SPLIT[1], seen=WHOLE)
    assert (made.changes, blocks(made)) == ((), [("acme-labs", None, BlockReason.DOMAIN_HELD)])
    assert org_id(1) in made.blocked[0].message


def test_a_domain_is_not_taken_from_one_whose_manifest_is_broken_or_was_not_selected() -> None:
    broken = planned(desired(SPLIT[1], invalid=[BROKEN]), WHOLE)
    assert blocks(broken)[1:] == [("acme-labs", None, BlockReason.DOMAIN_HELD)]
    selected = plan(desired(*SPLIT), WHOLE, NOW, lambda wanted: wanted.name == "acme-labs")
    assert (selected.changes, blocks(selected)) == ((), [("acme-labs", None, BlockReason.DOMAIN_HELD)])


def test_one_that_may_not_take_a_domain_is_left_alone_with_its_children_and_secrets() -> None:
    """Whatever is below it may belong to another customer."""
    wanted = organization(
        "globex",
        display_name="New",
        domains=("b.example",),
        connections=[connection("x", **FULL)],
        setup_link=SAML_LINK,
    )
    seen = observed(live(1, "other", domains=["b.example"]), live(2, "globex", connections=[]), records={})
    made = of(wanted, seen=seen)
    assert made.changes == ()
    assert blocks(made) == [("globex", None, BlockReason.DOMAIN_HELD)]
    assert made.pins == (Pin(KindName.ORGANIZATION, "globex", "globex", org_id(2), Origin("globex.yaml")),)
    assert (made.unchanged, made.matched) == (0, 1)


def test_with_swapped_external_ids_nobodys_connection_is_made_in_the_others_organization() -> None:
    """Each manifest matches the other's organization, and the domains that they would swap refuse both."""
    wanted = [
        organization(
            name,
            external_id=key,
            domains=(f"{name}.example",),
            connections=[connection("okta", entity=f"urn:{name}")],
        )
        for name, key in (("acme", "2"), ("globex", "1"))
    ]
    seen = observed(
        live(1, "1", domains=["acme.example"], connections=[]),
        live(2, "2", domains=["globex.example"], connections=[]),
    )
    made = of(*wanted, seen=seen)
    assert made.changes == ()
    assert blocks(made) == [(name, None, BlockReason.DOMAIN_HELD) for name in ("acme", "globex")]


def test_what_is_below_an_organization_waits_for_its_own_change() -> None:
    """An organization that is not as it was planned for may be another customer's."""
    wanted = organization("acme", display_name="New", connections=[connection("okta")], setup_link=SAML_LINK)
    made = of(wanted, seen=observed(live(1, "acme", display_name="Old", connections=[]), records={}))
    own, *below = made.changes
    assert [str(change.key.kind) for change in below] == ["SAMLConnection", "SetupLink"]
    assert [change.needs for change in below] == [(own.key,)] * 2


TAKER = organization("acme-labs", domains=("b.example",))
SEPARATE = observed(live(1, "acme", display_name="Acme", domains=["a.example", "b.example"]), live(2, "acme-labs"))


@pytest.mark.parametrize(
    "taker",
    [
        structs.replace(TAKER, suspend="later"),
        structs.replace(TAKER, ownership=Ownership.OBSERVE),
        structs.replace(TAKER, ownership=Ownership.CREATE_ONLY),
        structs.replace(TAKER, id=org_id(9)),
        structs.replace(TAKER, labels={"tier": "not selected"}),
        structs.replace(TAKER, owned={"domains": ("b.example", "held.example")}),
    ],
    ids=["suspended", "observed", "only created", "pinned to nothing", "not selected", "blocked"],
)
def test_a_domain_whose_taker_cannot_take_it_stays_where_it_is(taker: DesiredOrganization) -> None:
    held = live(3, "other", domains=["held.example"])
    seen = structs.replace(SEPARATE, organizations=(*SEPARATE.organizations, held))
    made = plan(desired(SPLIT[0], taker), seen, NOW, lambda wanted: not wanted.labels)
    assert made.changes == ()
    kept = next(block for block in made.blocked if block.organization == "acme")
    assert kept.reason is BlockReason.DOMAIN_KEPT
    assert ("b.example" in kept.message, "acme-labs" in kept.message) == (True, True)
    (told,) = (hint for hint in made.hints if hint.reason is HintReason.DOMAIN_STAYS)
    assert (told.organization, "b.example stays with acme" in told.message) == ("acme-labs", True)


def test_a_domain_whose_taker_is_invalid_or_cannot_be_read_stays_where_it_is() -> None:
    invalid = structs.replace(BROKEN, name="acme-labs", external_id="acme-labs", domains=("B.example",))
    for wanted in (desired(SPLIT[0], invalid=[invalid]), desired(SPLIT[0], complete=False)):
        made = planned(wanted, SEPARATE)
        assert made.changes == ()
        assert ("acme", None, BlockReason.DOMAIN_KEPT) in blocks(made)


def test_a_domain_that_nobody_states_any_more_is_removed() -> None:
    made = of(SPLIT[0], structs.replace(TAKER, owned={}), seen=SEPARATE)
    assert keys(made) == [("update", "Organization", "acme/acme")]


def test_a_domain_that_the_suspended_one_shares_already_is_removed_from_the_other() -> None:
    seen = observed(SEPARATE.organizations[0], live(2, "acme-labs", domains=["b.example"]))
    made = of(SPLIT[0], structs.replace(TAKER, suspend="later"), seen=seen)
    assert keys(made) == [("update", "Organization", "acme/acme")]


def test_who_waits_for_one_that_keeps_its_domain_waits_too() -> None:
    """Acme keeps b for its suspended taker, so it cannot give c, which its other taker then cannot take."""
    seen = observed(live(1, "acme", domains=["b.example", "c.example"]), live(2, "acme-labs"), live(3, "other"))
    suspended = structs.replace(TAKER, suspend="later")
    other = organization("other", domains=("c.example",))
    made = of(organization("acme", domains=()), suspended, other, seen=seen)
    assert made.changes == ()
    assert {block[::2] for block in blocks(made)} == {
        ("acme", BlockReason.DOMAIN_KEPT),
        ("other", BlockReason.DOMAIN_HELD),
    }


# -- external ids that move ------------------------------------------------------------------------


def pinned(**external_ids: str) -> list[DesiredOrganization]:
    """Organizations by name, pinned in that order, each with its new external id."""
    return [
        organization(name, id_=org_id(number), external_id=key)
        for number, (name, key) in enumerate(external_ids.items(), 1)
    ]


def test_a_chain_of_external_ids_moves_in_one_pass_from_its_end() -> None:
    made = of(*pinned(a="2", b="3", c="4"), seen=observed(live(1, "1"), live(2, "2"), live(3, "3")))
    needs = {change.key.name: [need.name for need in change.needs] for change in made.changes}
    assert (needs, made.blocked) == ({"a": ["b"], "b": ["c"], "c": []}, ())
    model = LiveModel(observed(live(1, "1"), live(2, "2"), live(3, "3")))
    model.apply(made)
    assert [each.external_id for each in model.organizations()] == ["2", "3", "4"]


def test_two_that_swap_external_ids_are_refused_with_the_two_commits_to_make() -> None:
    made = of(*pinned(a="2", b="1"), seen=observed(live(1, "1"), live(2, "2")))
    assert made.changes == ()
    assert blocks(made) == [(name, None, BlockReason.EXTERNAL_ID_HELD) for name in ("a", "b")]
    assert "in one commit, and the right ones in the next" in made.blocked[0].message


def test_shared_domains_may_be_allowed() -> None:
    made = planned(
        desired(SPLIT[1], forbid_shared=False), structs.replace(WHOLE, organizations=(live(1, "acme"),))
    )
    assert made.changes[0].needs == ()


# -- what is below ---------------------------------------------------------------------------------


def test_a_collection_that_is_not_declared_is_left_alone() -> None:
    made = of(organization("acme"), seen=observed(live(1, "acme", connections=[live_connection(1)])))
    assert (made.changes, made.unmanaged, made.unchanged) == ((), (), 1)


def test_what_is_live_and_not_in_git_is_listed() -> None:
    seen = observed(
        live(1, "acme", connections=[live_connection(1, **FULL), live_connection(2, **OTHER)]),
        live(2, "other", display_name="Other"),
    )
    made = of(organization("acme", connections=[connection("okta", **FULL)]), seen=seen)
    assert made.unmanaged == (
        Unmanaged(KindName.ORGANIZATION, org_id(2), "Other", None),
        Unmanaged(CONNECTION, conn_id(2), "", "acme"),
    )
    assert made.unchanged == 2


def test_every_match_without_a_pin_gives_the_line_to_paste() -> None:
    seen = observed(
        live(
            1, "acme", connections=[live_connection(1, **FULL)], directories=[live_directory(1), live_directory(2)]
        )
    )
    wanted = organization(
        "acme",
        connections=[connection("okta", **FULL)],
        directories=[directory("a", id_=dir_id(1)), directory("b")],
    )
    assert {(pin.kind, pin.organization, pin.name, pin.id) for pin in of(wanted, seen=seen).pins} == {
        (KindName.ORGANIZATION, "acme", "acme", org_id(1)),
        (CONNECTION, "acme", "okta", conn_id(1)),
        (DIRECTORY, "acme", "b", dir_id(2)),
    }
    pinned = organization("acme", id_=org_id(1), external_id=None, connections=[connection("x", id_=conn_id(1))])
    assert of(pinned, seen=seen).pins == ()


def test_a_blocked_child_is_not_counted_as_unchanged() -> None:
    declared = [connection("okta", primary=False, **FULL), connection("entra", **OTHER)]
    seen = observed(
        live(1, "acme", connections=[live_connection(1, primary=True, **FULL), live_connection(2, **OTHER)])
    )
    made = of(organization("acme", connections=declared), seen=seen)
    assert (len(made.blocked), made.unchanged) == (1, 2)


def test_those_that_nobody_can_tell_apart_count_as_unchanged() -> None:
    seen = observed(live(1, "acme", connections=[live_connection(1), live_connection(2)]))
    made = of(organization("acme", connections=[connection("okta")]), seen=seen)
    assert (made.unchanged, made.unmanaged) == (2, ())


def test_a_token_is_issued_for_a_directory_that_is_found_or_created_and_for_no_other() -> None:
    wanted = organization(
        "acme",
        directories=[
            directory("found", id_=dir_id(1), issue_token=True),
            directory("new", issue_token=True),
            directory("lost", id_=dir_id(9), issue_token=True),
            directory("plain", id_=dir_id(2)),
        ],
    )
    seen = observed(live(1, "acme", directories=[live_directory(1), live_directory(2)]), records={})
    made = of(wanted, seen=seen)
    assert keys(made) == [
        ("create", "SCIMDirectory", "acme/new"),
        ("issue", "BearerToken", "acme/found"),
        ("issue", "BearerToken", "acme/new"),
    ]
    tokens = [change.directory for change in made.changes if isinstance(change, IssueToken)]
    assert tokens == [
        dir_id(1),
        Ref(Key("acme", DIRECTORY, "new")),
    ]


def test_a_directory_that_may_not_be_created_gets_no_token() -> None:
    wanted = organization(
        "acme", directories=[directory("new", primary=True, issue_token=True), directory("old", id_=dir_id(1))]
    )
    made = of(wanted, seen=observed(live(1, "acme", directories=[live_directory(1, primary=True)]), records={}))
    assert (made.changes, blocks(made)) == ((), [("acme", "new", BlockReason.PRIMARY)])


def test_a_setup_link_needs_no_managed_collection() -> None:
    wanted = organization("acme", setup_link=SAML_LINK)
    made = of(wanted, seen=observed(live(1, "acme", connections=[live_connection(1)]), records={}))
    assert keys(made) == [("issue", "SetupLink", "acme/setup-link")]
    assert made.changes[0].live_id == org_id(1)
    done = of(wanted, seen=observed(live(1, "acme", connections=[live_connection(1, **FULL)]), records={}))
    assert done.changes == ()


# -- the plan as a whole ---------------------------------------------------------------------------


def test_identity_is_decided_among_all_and_only_the_selected_are_planned() -> None:
    wanted = desired(
        organization("acme", display_name="New"),
        organization("globex", id_=org_id(1)),
        organization("initech", display_name="New"),
    )
    seen = observed(live(1, "acme"), live(2, "initech"), live(3, "other"))
    made = plan(wanted, seen, NOW, lambda each: each.name in {"acme", "initech"})
    assert keys(made) == [("update", "Organization", "initech/initech")]
    assert blocks(made) == [("acme", None, BlockReason.CLAIMED_TWICE)]
    assert [each.id for each in made.unmanaged] == [org_id(3)]
    assert made.matched == 1


def test_a_plan_says_what_it_was_made_from_and_its_digest_is_its_writes() -> None:
    wanted = desired(organization("acme", display_name="New"), pin=ENVIRONMENT_ID)
    made = planned(wanted, observed(live(1, "acme")))
    assert (made.environment, made.environment_id, made.pin) == ("production", ENVIRONMENT_ID, ENVIRONMENT_ID)
    assert (made.revision, made.refusals) == ("r1", ())
    assert made.digest == digest(ENVIRONMENT_ID, made.changes)
    unpinned = planned(desired(organization("acme", display_name="New")), observed(live(1, "acme")))
    assert (unpinned.pin, unpinned.digest) == (None, made.digest)
    for pin, environment in ((None, "production"), (ENVIRONMENT_ID, ENVIRONMENT_ID)):
        empty = planned(desired(organization("acme", display_name="New"), pin=pin), observed())
        assert empty.digest == digest(environment, empty.changes)


@pytest.mark.parametrize(
    ("stated", "adopted"),
    [
        ({}, True),
        ({"display_name": "Demo"}, True),
        ({"display_name": "Demo", "domains": ("other.example",)}, True),
        ({"display_name": "Victim Bank"}, False),
        ({"display_name": "Demo", "domains": ("bank.example", "other.example")}, False),
    ],
)
@pytest.mark.parametrize("by", ["id", "external id"])
def test_an_organization_that_nothing_says_is_meant_is_adopted(
    stated: dict[str, Any], adopted: bool, by: str
) -> None:
    """Whoever reads the manifest alone does not see whose organization it is, so the plan shows it."""
    claim: dict[str, Any] = {"id_": org_id(1)} if by == "id" else {"external_id": "bank"}
    wanted = organization(
        "demo", **claim, **stated, connections=[connection("okta", **FULL)], setup_link=SAML_LINK
    )
    bank = live(1, "bank", display_name="Victim Bank", domains=["Bank.example"], connections=[])
    made = of(wanted, seen=observed(bank, records={}))
    assert made.targets == {"demo": Target(org_id(1), "Victim Bank", ("Bank.example",), adopted)}
    link = next(change for change in made.changes if isinstance(change, IssueLink))
    assert bool(link.risks) is adopted
    record = Record(RecordState.ISSUED, org_id(1), None, saml=True, scim=False, issued_at=0, expires_at=None)
    known = of(wanted, seen=observed(bank, records={("demo", None): record}))
    assert not known.targets["demo"].adopted
    others = of(wanted, seen=observed(bank, records={("other", None): record}))
    assert others.targets["demo"].adopted is adopted


@pytest.mark.parametrize(
    "protected",
    [
        Protected(organizations=frozenset({org_id(1)})),
        Protected(domains=frozenset({"bank.example"})),
        Protected(domains=frozenset({"taken.example"})),
    ],
    ids=["id", "live domain", "stated domain"],
)
def test_nothing_is_written_to_what_the_process_protects(protected: Protected) -> None:
    bank = live(1, "bank", display_name="Bank", domains=["Bank.example"], connections=[])
    wanted = organization(
        "demo", id_=org_id(1), domains=("taken.example",), connections=[connection("okta", **FULL)]
    )
    other = organization("other", display_name="Other")
    made = plan(desired(wanted, other), observed(bank), NOW, protected=protected)
    assert keys(made) == [("create", "Organization", "other/other")]
    assert blocks(made) == [("demo", None, BlockReason.PROTECTED)]
    watched = structs.replace(wanted, ownership=Ownership.OBSERVE)
    assert plan(desired(watched), observed(bank), NOW, protected=protected).blocked == ()


def test_a_refusal_names_all_that_is_protected_in_order() -> None:
    domains = [f"{letter}.example" for letter in "gfedcba"]
    protected = Protected(organizations=frozenset({org_id(1)}), domains=frozenset(domains))
    bank = observed(live(1, "bank", domains=domains))
    (block,) = plan(desired(organization("bank")), bank, NOW, protected=protected).blocked
    assert f"protects {', '.join((*sorted(domains), org_id(1)))}, so" in block.message


def test_a_refusal_names_nothing_else_and_nobody_else_is_refused() -> None:
    seen = observed(
        live(1, "bank", domains=["bank.example", "old.example"]), live(2, "other", domains=["o.example"])
    )
    wanted = (organization("bank", domains=("new.example",)), organization("other", display_name="New"))
    protected = Protected(frozenset({org_id(9)}), frozenset({"bank.example"}))
    made = plan(desired(*wanted), seen, NOW, protected=protected)
    assert (blocks(made), keys(made)) == (
        [("bank", None, BlockReason.PROTECTED)],
        [("update", "Organization", "other/other")],
    )
    assert "protects bank.example, so" in made.blocked[0].message


def test_a_plan_counts_who_is_live_claimed_and_unpinned() -> None:
    """The guard against a folder for another environment compares these."""
    wanted = (organization("a"), organization("b", id_=org_id(2)), organization("gone", display_name="Gone"))
    broken = structs.replace(BROKEN, external_id="broken")
    seen = observed(*(live(number, name) for number, name in enumerate(["a", "b", "c", "d", "broken"], 1)))
    made = planned(desired(*wanted, invalid=[broken]), seen)
    assert (made.live, made.claimed, made.unpinned, made.matched) == (5, 3, 2, 2)


def test_a_plan_has_the_duplicates_of_organizations_before_those_of_children() -> None:
    twins = [live_connection(1, **FULL), live_connection(2, **FULL)]
    wanted = organization("acme", domains=("a.example",), connections=[connection("okta", **FULL)])
    seen = observed(live(1, "acme", domains=["a.example"], connections=twins), live(2, domains=["a.example"]))
    assert [each.ids for each in of(wanted, seen=seen).duplicates] == [
        (org_id(1), org_id(2)),
        (conn_id(1), conn_id(2)),
    ]


def test_what_the_plan_does_not_write_to_is_no_target() -> None:
    made = of(organization("acme"), organization("new", display_name="New"), seen=observed(live(1, "acme")))
    assert made.targets == {}


def test_live_domains_that_several_share_are_told_whatever_is_in_git() -> None:
    seen = observed(live(1, domains=["a.example"]), live(2, domains=["A.example"]), live(3, domains=["b.example"]))
    assert of(seen=seen).shared_domains == (SharedDomain("a.example", (org_id(1), org_id(2))),)


def test_a_secret_that_cannot_be_delivered_is_a_hint_or_blocks_itself_alone() -> None:
    wanted = organization("acme", setup_link=SAML_LINK, directories=[directory("okta", issue_token=True)])
    seen = live(1, "acme", connections=[], directories=[live_directory(1, primary=True)])
    made = of(wanted, seen=observed(seen))
    assert [(hint.reason, hint.name) for hint in made.hints] == [
        (HintReason.NO_TARGET, None),
        (HintReason.NO_TARGET, "okta"),
    ]
    unreadable = Unreadable("it is not a delivery record")
    made = of(wanted, seen=observed(seen, records={("acme", None): unreadable}))
    assert blocks(made) == [("acme", "setup-link", BlockReason.UNUSABLE_RECORD)]
    assert keys(made) == [("issue", "BearerToken", "acme/okta")]
    made = of(wanted, seen=observed(seen, records={("acme", "okta"): unreadable}))
    assert blocks(made) == [("acme", "okta", BlockReason.UNUSABLE_RECORD)]
    assert keys(made) == [("issue", "SetupLink", "acme/setup-link")]


def test_now_decides_whether_a_delivered_link_is_still_good() -> None:
    record = Record(RecordState.ISSUED, org_id(1), None, saml=True, scim=False, issued_at=0, expires_at=100.0)
    seen = observed(live(1, "acme", connections=[]), records={("acme", None): record})
    wanted = desired(organization("acme", setup_link=SAML_LINK))
    assert plan(wanted, seen, 99.0).changes == ()
    assert len(plan(wanted, seen, 100.0).changes) == 1


def test_an_environment_that_has_lone_directories_made_primary_plans_that() -> None:
    whole = desired(organization("acme", directories=[directory("okta")]))
    seen = observed(live(1, "acme", directories=[live_directory(1)]))
    assert plan(whole, seen, 0.0).changes == ()
    heals = structs.replace(whole, environment=structs.replace(whole.environment, make_lone_primary=True))
    assert [change.key.name for change in plan(heals, seen, 0.0).changes] == ["okta"]

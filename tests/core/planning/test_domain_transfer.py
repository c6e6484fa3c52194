"""Domains that move between organizations: never two that hold one, whatever is missing from the plan."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.core.planning.domain_transfer import hand_over
from reconciler.model.change import Create, FieldChange, Key, Update
from reconciler.model.kinds import KindName
from tests.support import build
from tests.support.build import live, org_id

A, B, C, D = "a.example", "b.example", "c.example", "d.example"


def key(name: str) -> Key:
    return Key(name, KindName.ORGANIZATION, name)


def update(name: str, number: int, before: Sequence[str], after: Sequence[str]) -> Update:
    field = FieldChange("domains", "domains", tuple(before), tuple(after))
    return build.update(key(name), field, id_=org_id(number))


def create(name: str, *domains: str) -> Create:
    fields = (
        FieldChange("displayName", "displayName", None, name),
        FieldChange("domains", "domains", None, domains),
    )
    return build.create(key(name), *fields)


def test_a_domain_that_nobody_holds_is_taken_at_once() -> None:
    change = update("acme", 1, [A], [A, B])
    assert hand_over([change], [live(1, "acme", domains=[A])]) == ((change,), {})


def test_a_taker_waits_for_the_giver_and_the_giver_for_nobody() -> None:
    giver, taker = update("acme", 1, [A, B], [A]), update("globex", 2, [], [B])
    tied, refused = hand_over([giver, taker], [live(1, domains=[A, B]), live(2)])
    assert {change.key.name: change.needs for change in tied} == {"acme": (), "globex": (giver.key,)}
    assert refused == {}


def test_an_organization_split_in_two_is_created_after_the_old_one_gave_its_domain_up() -> None:
    giver, taker = update("acme", 1, [A, B], [A]), create("acme-labs", B)
    tied, refused = hand_over([taker, giver], [live(1, "acme", domains=[A, B])])
    assert [(change.key.name, change.needs) for change in tied] == [("acme-labs", (giver.key,)), ("acme", ())]
    assert refused == {}


def test_a_domain_of_a_live_one_that_this_plan_leaves_alone_is_not_taken() -> None:
    """Unmanaged, suspended, not selected, invalid or held back by ownership: there is no change that gives it."""
    taker = update("globex", 2, [], [B])
    tied, refused = hand_over([taker], [live(1, domains=[B]), live(2)])
    assert tied == ()
    assert [word in refused[taker.key].message for word in (B, org_id(1), "forbidShared")] == [True] * 3


@pytest.mark.parametrize("held", ["B.example", " b.example", "b.example.", "B.EXAMPLE "])
def test_a_domain_is_held_and_given_up_in_whatever_spelling(held: str) -> None:
    taker = create("globex", B)
    assert set(hand_over([taker], [live(1, domains=[held])])[1]) == {taker.key}
    giver = update("acme", 1, [held], [])
    tied, refused = hand_over([giver, taker], [live(1, domains=[held])])
    assert ([change.needs for change in tied], refused) == ([(), (giver.key,)], {})


def test_a_giver_that_only_puts_the_spelling_right_gives_nothing() -> None:
    tidy, taker = update("acme", 1, ["B.example"], [B]), create("globex", B)
    tied, refused = hand_over([tidy, taker], [live(1, domains=["B.example"])])
    assert ([change.key.name for change in tied], set(refused)) == (["acme"], {taker.key})


def test_putting_a_spelling_right_takes_the_domain_from_whoever_holds_it_rightly() -> None:
    """`A.example` lets nobody in, so turning it into `a.example` opens a door that another one owns."""
    tidy = update("acme", 1, ["A.example"], [A])
    seen = [live(1, domains=["A.example"]), live(2, domains=[A])]
    assert set(hand_over([tidy], seen)[1]) == {tidy.key}
    giver = update("globex", 2, [A], [])
    tied, refused = hand_over([tidy, giver], seen)
    assert ([change.needs for change in tied], refused) == ([(giver.key,), ()], {})


def test_what_is_shared_already_and_stays_so_is_not_added() -> None:
    change = update("acme", 1, [A, B], [A])
    assert hand_over([change], [live(1, domains=[A, B]), live(2, domains=[A])]) == ((change,), {})


def test_every_holder_has_to_give_it_up() -> None:
    one, taker = update("acme", 1, [A], []), create("new", A)
    seen = [live(1, domains=[A]), live(2, domains=[A])]
    assert f"{A} belongs to {org_id(2)}" in hand_over([one, taker], seen)[1][taker.key].message
    two = update("globex", 2, [A], [])
    tied, refused = hand_over([one, two, taker], seen)
    assert ([change.needs for change in tied], refused) == ([(), (), (one.key, two.key)], {})


def test_the_givers_stand_by_name() -> None:
    givers = [update(letter, number, [f"{letter}.example"], []) for number, letter in enumerate("hgfedcba")]
    taker = create("new", *(f"{letter}.example" for letter in "abcdefgh"))
    seen = [live(number, domains=[f"{letter}.example"]) for number, letter in enumerate("hgfedcba")]
    tied = hand_over([*givers, taker], seen)[0]
    assert [need.name for need in tied[-1].needs] == list("abcdefgh")


def test_one_missing_giver_among_several_domains_refuses_the_taker_whole() -> None:
    giver, taker = update("acme", 1, [A, B], []), create("new", A, B, C)
    seen = [live(1, domains=[A, B]), live(2, domains=[C])]
    tied, refused = hand_over([giver, taker], seen)
    assert ([change.key.name for change in tied], set(refused)) == (["acme"], {taker.key})
    assert refused[taker.key].message.startswith(C)


def test_a_chain_of_takers_goes_link_by_link() -> None:
    first, second = update("acme", 1, [A], []), update("globex", 2, [B], [A])
    third = create("initech", B)
    tied, refused = hand_over([third, second, first], [live(1, domains=[A]), live(2, domains=[B])])
    assert [change.needs for change in tied] == [(second.key,), (first.key,), ()]
    assert refused == {}


def test_two_that_swap_domains_are_both_refused_and_told_of_each_other() -> None:
    one, two = update("acme", 1, [A], [B]), update("globex", 2, [B], [A])
    tied, refused = hand_over([one, two], [live(1, domains=[A]), live(2, domains=[B])])
    assert tied == ()
    assert "from globex," in refused[one.key].message
    assert "from acme, whose" in refused[two.key].message
    assert "in one commit, and add it here in the next" in refused[two.key].message


def test_a_ring_of_three_refuses_its_members_and_who_waits_for_them_and_nobody_else() -> None:
    ring = [
        update("r1", 1, [A], [B]),
        update("r2", 2, [B, D], [C]),
        update("r3", 3, [C], [A]),
    ]
    waiting, free = create("waiting", D), update("free", 4, [], ["free.example"])
    seen = [live(1, domains=[A]), live(2, domains=[B, D]), live(3, domains=[C]), live(4)]
    tied, refused = hand_over([*ring, waiting, free], seen)
    assert tied == (free,)
    assert set(refused) == {*(change.key for change in ring), waiting.key}
    assert "from r2" in refused[waiting.key].message


def test_who_waits_for_one_that_is_refused_is_refused_too() -> None:
    """The giver's PATCH is one: it cannot give up one domain while it may not take another."""
    giver, taker = update("acme", 1, [A], [B]), create("new", A)
    tied, refused = hand_over([giver, taker], [live(1, domains=[A]), live(2, domains=[B])])
    assert tied == ()
    assert f"{B} belongs to {org_id(2)}" in refused[giver.key].message
    assert "from acme" in refused[taker.key].message


def test_clearing_all_domains_gives_all_of_them_up() -> None:
    giver, taker = update("acme", 1, [A, B], []), create("new", A, B)
    tied, refused = hand_over([giver, taker], [live(1, domains=[A, B])])
    assert ([change.needs for change in tied], refused) == ([(), (giver.key,)], {})


def test_a_change_of_other_fields_takes_and_gives_nothing() -> None:
    named = build.update(key("acme"), FieldChange("displayName", "displayName", "a", "b"))
    seen = [live(1, domains=[A]), live(2, domains=[A])]
    assert hand_over([named], seen) == ((named,), {})
    taker = create("new", A)
    assert set(hand_over([named, taker], seen[:1])[1]) == {taker.key}


def test_of_several_that_are_held_the_first_by_name_and_holder_is_told() -> None:
    for group in range(8):  # an order by chance would not be the right one eight times
        names = [f"{letter}{group}.example" for letter in "hgfedcba"]
        taker = create("new", *names)
        seen = [live(10 * group + number, domains=names) for number in (9, 8, 7, 6, 5, 4, 3, 2)]
        said = hand_over([taker], seen)[1][taker.key].message
        assert said.startswith(f"a{group}.example belongs to {org_id(10 * group + 2)}")


def test_who_waits_is_told_of_those_that_cannot_go_by_name_and_of_no_other() -> None:
    letters = "hgfedcba"
    rings = [
        change
        for number, letter in enumerate(letters)
        for change in (
            update(
                f"{letter}1", 10 + number, [f"{letter}1.example", f"{letter}3.example"], [f"{letter}2.example"]
            ),
            update(f"{letter}2", 20 + number, [f"{letter}2.example"], [f"{letter}1.example"]),
        )
    ]
    good = update("good", 1, [A], [])
    taker = create("taker", A, *(f"{letter}3.example" for letter in letters))
    seen = [live(int(str(change.id)[-2:]), domains=change.fields[0].before) for change in [*rings, good]]
    refused = hand_over([*rings, good, taker], seen)[1]
    assert "from a1, b1, c1, d1, e1, f1, g1, h1," in refused[taker.key].message

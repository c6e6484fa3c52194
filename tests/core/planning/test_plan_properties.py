"""What holds for every plan, whatever the manifests say and whatever is live."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from reconciler.core.planning.diff import live_value
from reconciler.core.planning.match import match_children, match_organizations
from reconciler.core.planning.order import position
from reconciler.core.planning.plan import plan
from reconciler.model.change import Issue, Plan, Update
from reconciler.model.kinds import CHILD_KINDS, KINDS
from reconciler.model.outcome import GOOD, Result
from reconciler.model.state import Desired, Observed, Organization, Ownership
from tests.support import strategies
from tests.support.build import pem
from tests.support.live_model import LiveModel

NOW = 1_700_000_000.0
RANDOM = st.randoms(use_true_random=False)
FEW = settings(max_examples=60)  # making a world takes longer than looking at its plan


def writes(made: Plan) -> list[Any]:
    return [change for change in made.changes if not isinstance(change, Issue)]


@FEW
@given(strategies.all_worlds(), RANDOM)
def test_the_same_inputs_make_the_same_plan_in_whatever_order_they_come(world: Any, random: Any) -> None:
    wanted, seen = world
    made = plan(wanted, seen, NOW)
    assert plan(wanted, seen, NOW) == made
    shuffled = list(wanted.organizations)
    random.shuffle(shuffled)
    again = plan(structs.replace(wanted, organizations=tuple(shuffled)), _pages_shuffled(seen, random), NOW)
    assert (again.changes, again.digest) == (made.changes, made.digest)
    assert set(again.blocked) == set(made.blocked)


def _pages_shuffled(seen: Observed, random: Any) -> Observed:
    def mixed(children: Any) -> Any:
        found = list(children)
        random.shuffle(found)
        return tuple(found)

    organizations = [
        structs.replace(each, collections={kind: mixed(found) for kind, found in each.collections.items()})
        for each in seen.organizations
    ]
    return structs.replace(seen, organizations=mixed(organizations))


@FEW
@given(strategies.all_worlds())
def test_changes_stand_in_a_total_order_and_no_resource_has_two_writes(world: Any) -> None:
    made = plan(*world, NOW)
    positions = [position(change) for change in made.changes]
    assert positions == sorted(positions)
    assert len(set(positions)) == len({change.key for change in made.changes}) == len(positions)


@given(strategies.all_worlds())
def test_a_plan_carried_out_leaves_nothing_to_write(world: Any) -> None:
    wanted, seen = world
    made = plan(wanted, seen, NOW)
    model = LiveModel(seen)
    assert set(model.apply(made).values()) <= GOOD
    again = plan(wanted, model.observed(), NOW)
    assert writes(again) == []
    # beside a child that is blocked, another may be created that could be it: then both are in doubt
    assert {block.organization for block in again.blocked} <= {block.organization for block in made.blocked}


@given(strategies.all_worlds(), RANDOM, st.data())
def test_at_no_moment_does_a_collection_lose_its_primary_or_a_domain_have_two_organizations(
    world: Any, random: Any, data: Any
) -> None:
    """Whichever changes fail, and however the organizations run side by side."""
    wanted, seen = world
    made = plan(wanted, seen, NOW)
    keys = [change.key for change in made.changes]
    failing = frozenset(data.draw(st.lists(st.sampled_from(keys), max_size=3)) if keys else ())
    model = LiveModel(seen)
    had, shared = set(model.primaries()), model.shared_domains()
    for _ in model.steps(made, random.choice, failing):
        assert had <= set(model.primaries())
        had = set(model.primaries())
        if wanted.environment.forbid_shared:
            assert model.shared_domains() <= shared
            shared = model.shared_domains()


@given(strategies.all_worlds())
def test_no_domain_that_a_manifest_states_loses_its_last_organization(world: Any) -> None:
    wanted, seen = world
    model = LiveModel(seen)
    stated = {name for each in wanted.organizations for name in each.owned.get("domains", ())}
    held = {name for each in model.organizations() for name in each.domains} & stated
    model.apply(plan(wanted, seen, NOW))
    assert held <= {name for each in model.organizations() for name in each.domains}


@given(strategies.all_worlds())
def test_nothing_is_written_but_stated_fields_of_what_git_owns(world: Any) -> None:
    wanted, seen = world
    made = plan(wanted, seen, NOW)
    model = LiveModel(seen)
    before = dict(model.objects)
    model.apply(made)
    demoted = {implied.id for change in made.changes for implied in change.implied}
    owned = _owned(wanted, seen)
    for id_, was in before.items():
        for field in KINDS[_kind(was)].fields:
            now = getattr(model.objects[id_], field.attribute)
            if field.wire in owned.get(id_, ()) or (field.wire == "primary" and id_ in demoted):
                continue
            assert _plain(now) == _plain(getattr(was, field.attribute)), (id_, field.path)


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, tuple) else value


def _kind(live: Any) -> Any:
    return next(kind.name for kind in KINDS.values() if live.id.startswith(kind.id_prefix))


def _owned(wanted: Desired, seen: Observed) -> dict[str, set[str]]:
    """The stated fields of every live object that a manifest may update, by id."""
    found: dict[str, set[str]] = {}
    match = match_organizations(wanted, seen)
    for each in wanted.organizations:
        live = match.found.get(each.name)
        if live is None or each.suspend or each.ownership is not Ownership.FULL:
            continue
        found[live.organization.id] = set(each.owned)
        for kind in CHILD_KINDS:
            declared = each.collections.get(kind.name, ())
            children: Any = live.collections.get(kind.name, ())
            matched = match_children(kind.name, declared, children, each.distinct_from).found
            found |= {matched[c.name].live.id: set(c.owned) for c in declared if c.name in matched}
    return found


@given(strategies.all_worlds())
def test_every_declared_resource_is_created_at_most_once_and_what_is_live_never_again(world: Any) -> None:
    wanted, seen = world
    model = LiveModel(seen)
    for _ in range(3):
        model.results.clear()
        model.apply(plan(wanted, model.observed(), NOW))
    external_ids = [each.external_id for each in model.organizations() if each.external_id]
    assert len(set(external_ids)) == len(external_ids)
    declared = sum(1 + sum(map(len, each.collections.values())) for each in wanted.organizations)
    assert len(model.objects) - len(LiveModel(seen).objects) <= declared


@FEW
@given(strategies.all_worlds())
def test_every_live_resource_below_a_chosen_organization_is_counted_once(world: Any) -> None:
    """Unmanaged, unchanged, updated or blocked: nothing is counted twice."""
    made = plan(*world, NOW)
    _, seen = world
    objects = LiveModel(seen).objects
    updates = sum(isinstance(change, Update) for change in made.changes)
    assert made.unchanged >= 0
    assert made.unchanged + updates + len(made.unmanaged) <= len(objects)
    organizations = sum(isinstance(each, Organization) for each in objects.values())
    assert made.matched <= organizations


EDITS: dict[str, tuple[Any, ...]] = {
    "display_name": ("", "Acme", "Edited"),
    "external_id": ("", "edited"),
    "domains": ((), ("one.example",), ("edited.example",)),
    "idp_entity_id": ("", "e1", "edited"),
    "idp_redirect_url": ("", "u1", "edited"),
    "idp_certificate": ("", pem("c1"), pem("edited")),
}


@given(strategies.all_worlds(), st.data())
def test_an_edit_between_the_plan_and_its_write_is_never_undone_by_it(world: Any, data: Any) -> None:
    """An edited field is what it was edited to, unless that is what the plan started from or was to bring."""
    made = plan(*world, NOW)
    model = LiveModel(world[1])
    updates = {change.id: change for change in made.changes if isinstance(change, Update)}
    edited: dict[str, str] = {}
    for id_ in updates:
        live = model.objects[str(id_)]
        attribute = data.draw(st.sampled_from([name for name in EDITS if hasattr(live, name)] or ["primary"]))
        value = data.draw(st.sampled_from(EDITS.get(attribute, (True, False))))
        model.objects[live.id] = structs.replace(live, **{attribute: value})
        edited[live.id] = attribute
    before = dict(model.objects)
    model.apply(made)
    for id_, attribute in edited.items():
        change = updates[id_]
        planned = {KINDS[change.key.kind].field(field.wire).attribute: field for field in change.fields}
        was, now = getattr(before[id_], attribute), getattr(model.objects[id_], attribute)
        if _plain(was) != _plain(now) and attribute != "primary":
            field = planned[attribute]
            shown = live_value(KINDS[change.key.kind].field(field.wire), before[id_])
            assert field.before == shown
            assert model.results[change.key] is Result.APPLIED

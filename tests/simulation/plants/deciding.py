"""Mistakes in what a plan decides: who may be written to, what differs, who waits for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from msgspec import structs

from reconciler.core.applying import merge
from reconciler.core.manifests import resolve
from reconciler.core.planning import children as collection
from reconciler.core.planning import diff, domain_transfer, moves, order, plan
from reconciler.core.values import certificate, domain
from reconciler.engine import reconcile, write
from reconciler.engine.runtime import RecentWrites
from reconciler.model.change import Change, Create, Update
from reconciler.model.kinds import Compare, Field, Kind, KindName
from reconciler.model.state import (
    Certificate,
    Desired,
    DesiredOrganization,
    Live,
    Observed,
    Ownership,
    Unreadable,
    Value,
)
from tests.simulation import process
from tests.simulation.oracle.breach import Breach
from tests.simulation.planting import Promise, plant, swap, together

Faulty = AbstractContextManager[Any]
Any_ = Callable[..., Any]


def _misread(change: Callable[[DesiredOrganization], DesiredOrganization]) -> Faulty:
    """Manifests that are taken for others."""

    def of(given: Any_) -> Any_:
        def misread(desired: Desired) -> Any:
            return given(structs.replace(desired, organizations=tuple(map(change, desired.organizations))))

        return misread

    return swap(process, "given", of)


def _owned_as(found: Ownership, taken_for: Ownership) -> Faulty:
    return _misread(lambda each: structs.replace(each, ownership=taken_for) if each.ownership is found else each)


# -- who may be written to -------------------------------------------------------------------------


@plant(Promise.HANDS_OFF, Breach.HANDS_OFF)
def write_to_suspended_organizations() -> Faulty:
    """A reason to suspend is a comment."""
    return _misread(lambda each: structs.replace(each, suspend=None))


@plant(Promise.HANDS_OFF, Breach.HANDS_OFF)
def write_to_observed_organizations() -> Faulty:
    """`observe` is taken for `full`."""
    return _owned_as(Ownership.OBSERVE, Ownership.FULL)


@plant(Promise.HANDS_OFF, Breach.HANDS_OFF)
def create_in_observed_organizations() -> Faulty:
    """`observe` is taken for `createOnly`."""
    return _owned_as(Ownership.OBSERVE, Ownership.CREATE_ONLY)


@plant(Promise.HANDS_OFF, Breach.HANDS_OFF)
def update_what_is_only_created() -> Faulty:
    """`createOnly` is taken for `full`."""
    return _owned_as(Ownership.CREATE_ONLY, Ownership.FULL)


@plant(Promise.DONE, Breach.UNDONE)
def create_nothing_where_creates_are_allowed() -> Faulty:
    """`createOnly` is taken for `observe`."""
    return _owned_as(Ownership.CREATE_ONLY, Ownership.OBSERVE)


@plant(Promise.TIGHTEN, Breach.HANDS_OFF, sure=["protected"])
def write_to_protected_organizations() -> Faulty:
    """What the process protects is not looked at."""
    return patch.object(plan, "_guarded", lambda *args: args[1])


@plant(Promise.TIGHTEN, Breach.HANDS_OFF, sure=["protected"])
def protect_stated_domains_alone() -> Faulty:
    """A protected domain counts only where a manifest states it."""

    def stated(guarded: Any_) -> Any_:
        return lambda *args: guarded(*args[:2], structs.replace(args[2], found={}), args[3])

    return swap(plan, "_guarded", stated)


@plant(Promise.ALONE, Breach.BLOCKED)
def apply_invalid_manifests() -> Faulty:
    """Two manifests that clash are both applied."""

    def all_good(desired: Any_) -> Any_:
        return lambda manifests, settings, declared, faulty: desired(
            manifests, settings, declared, {index: [] for index in faulty}
        )

    return swap(resolve, "_desired", all_good)


@plant(Promise.ALONE, Breach.BLOCKED)
def write_below_a_blocked_organization() -> Faulty:
    """What is blocked is blocked by itself, without its children."""

    def below(with_children: Any_) -> Any_:
        def planned(wanted: Any, own: Any, *args: Any) -> Any:
            part = with_children(wanted, structs.replace(own, blocked=()), *args)
            return structs.replace(part, blocked=(*own.blocked, *part.blocked))

        return planned

    return swap(plan, "_with_children", below)


@plant(Promise.ALONE, Breach.UNDONE)
def one_block_stops_the_rest() -> Faulty:
    """A plan in which anything is blocked changes nothing."""

    def nothing(planned: Any_) -> Any_:
        def made(*args: Any) -> Any:
            whole = planned(*args)
            return structs.replace(whole, changes=()) if whole.blocked else whole

        return made

    return swap(reconcile, "plan_changes", nothing)


@plant(Promise.LIST, Breach.BLOCKED)
def take_an_unread_list_for_empty() -> Faulty:
    """A collection that could not be read has nothing in it."""

    def empty(planned: Any_) -> Any_:
        def made(desired: Desired, observed: Observed, *args: Any) -> Any:
            return planned(desired, structs.replace(observed, organizations=_read(observed)), *args)

        return made

    return swap(reconcile, "plan_changes", empty)


def _read(observed: Observed) -> Any:
    return tuple(
        structs.replace(
            each,
            collections={
                kind: () if isinstance(rows, Unreadable) else rows for kind, rows in each.collections.items()
            },
        )
        for each in observed.organizations
    )


@plant(Promise.ONCE, Breach.BLOCKED)
def create_beside_a_look_alike() -> Faulty:
    """A renamed manifest is a new organization."""
    return patch.object(plan, "look_alikes", lambda *_: ())


@plant(Promise.ONCE, Breach.BLOCKED)
def create_while_a_file_is_broken() -> Faulty:
    """Whoever stands in a file that cannot be parsed is thought to be another."""

    def sure(refused: Any_) -> Any_:
        return lambda *args, **_: refused(*args, complete=True)

    return swap(plan, "_may_not_be_created", sure)


# -- how much of it --------------------------------------------------------------------------------


def _refusing(refuse: Callable[[Any_, Any, Any, Any, Any], Any]) -> Faulty:
    return swap(reconcile, "refusals", lambda original: lambda *args: refuse(original, *args))


@plant(Promise.SIZE, Breach.UNUSUAL, sure=["guarded"])
def refuse_nothing() -> Faulty:
    """Whatever its size, a plan is carried out."""
    return _refusing(lambda *_: ())


@plant(Promise.SIZE, Breach.UNUSUAL, sure=["guarded"])
def take_any_approval() -> Faulty:
    """Who approved a plan approved every other one, too."""
    return patch.object(RecentWrites, "approves", lambda _, __, approval: approval is not None)


@plant(Promise.SIZE, Breach.UNUSUAL, sure=["guarded"])
def allow_what_the_defaults_allow() -> Faulty:
    """The limits of the process are not looked at."""
    return _refusing(lambda refusals, made, _, *args: refusals(made, {}, *args))


@plant(Promise.SIZE, Breach.UNDONE, sure=["guarded"])
def refuse_what_was_approved() -> Faulty:
    """An approval lifts nothing, and so every guarded plan stops for ever."""
    return _refusing(lambda refusals, made, limits, _, *args: refusals(made, limits, None, *args))


@plant(Promise.SIZE, Breach.UNDONE, sure=["guarded"])
def refuse_one_too_early() -> Faulty:
    """A plan of just the limit is refused."""

    def below(refusals: Any_, made: Any, limits: Mapping[str, float], *args: Any) -> Any:
        return refusals(made, {name: most - 1 for name, most in limits.items()}, *args)

    return _refusing(below)


# -- what differs ----------------------------------------------------------------------------------


def _both_diffs(make: Callable[[Any_], Any_]) -> Faulty:
    return together(swap(plan, "diff", make), swap(collection, "diff", make))


@plant(Promise.ABSENT, Breach.NOT_DUE, 10)
def treat_absent_as_empty() -> Faulty:
    """A field that a manifest does not state is cleared."""

    def everything(original: Any_) -> Any_:
        def wrapped(kind: Kind, owned: Mapping[str, Value], live: Live) -> Any:
            blank = {field.wire: field.empty for field in kind.fields if field.wire != "externalId"}
            return original(kind, {**blank, **owned}, live)

        return wrapped

    return _both_diffs(everything)


@plant(Promise.DONE, Breach.UNDONE)
def leave_null_alone() -> Faulty:
    """What a manifest clears is thought to be absent."""

    def filled(original: Any_) -> Any_:
        return lambda kind, owned, live: original(
            kind, {wire: each for wire, each in owned.items() if each not in ("", ())}, live
        )

    return _both_diffs(filled)


@plant(Promise.DONE, Breach.UNDONE)
def update_nothing() -> Faulty:
    """Nothing that is live differs."""
    return _both_diffs(lambda _: lambda *_: ())


@plant(Promise.DONE, Breach.UNDONE)
def create_no_children() -> Faulty:
    """What is missing below an organization is left to somebody else."""
    return patch.object(collection, "_create", lambda *_: None)


@plant(Promise.DONE, Breach.UNDONE)
def overlook_capitals_in_domains() -> Faulty:
    """A live domain that no sign-in matches counts as the stated one."""

    def meant(meaning: Any_) -> Any_:
        def same(field: Field, value: Any) -> Any:
            return (
                {domain.normal(each) for each in value}
                if field.compare is Compare.DOMAINS
                else meaning(field, value)
            )

        return same

    return swap(diff, "_meaning", meant)


@plant(Promise.DONE, Breach.UNDONE)
def overlook_capitals_in_names() -> Faulty:
    """A display name in other letters is the same."""

    def meant(meaning: Any_) -> Any_:
        def same(field: Field, value: Any) -> Any:
            return value[:1] if field.wire == "displayName" else meaning(field, value)

        return same

    return swap(diff, "_meaning", meant)


@plant(Promise.OBJECT, Breach.MISJUDGED, 10)
def compare_certificates_as_text() -> Faulty:
    """Two spellings of a certificate count as two certificates."""
    parse = certificate.parse

    def as_written(text: Any, **more: Any) -> Any:
        found, faults = parse(text, **more)
        return (structs.replace(found, pem=text) if found and isinstance(text, str) else found), faults

    def is_live(field: Field, stated: Value, live: Live) -> bool:
        if isinstance(stated, Certificate):
            return bool(getattr(live, field.attribute) == stated.pem)
        return diff.same(field, stated, diff.live_value(field, live))

    return together(patch.object(certificate, "parse", as_written), patch.object(diff, "_is_live", is_live))


# -- what moves between organizations --------------------------------------------------------------


@plant(Promise.DOMAIN, Breach.BLOCKED)
def add_a_domain_that_another_has() -> Faulty:
    """Who has a domain already is not asked."""
    return patch.object(domain_transfer, "_holders", lambda _: {})


@plant(Promise.DOMAIN, Breach.TOO_EARLY)
def take_a_domain_at_once() -> Faulty:
    """Who takes a domain does not wait until it was given."""

    def at_once(hand_over: Any_) -> Any_:
        def tied(*args: Any, **more: Any) -> Any:
            changes, refused = hand_over(*args, **more)
            return tuple(structs.replace(each, needs=()) for each in changes), refused

        return tied

    return swap(moves, "hand_over", at_once)


@plant(Promise.DOMAIN, Breach.BLOCKED)
def give_a_domain_that_nobody_can_take() -> Faulty:
    """A giver does not ask whether its taker may be written to."""
    return patch.object(moves, "kept_domains", lambda *_, **__: {})


@plant(Promise.DOMAIN, Breach.TOO_EARLY)
def write_children_before_their_organization() -> Faulty:
    """The update of an organization comes last, after what is below it."""
    level = order.level

    def is_update(change: Change) -> bool:
        return isinstance(change, Update) and change.key.kind is KindName.ORGANIZATION

    def loose(after: Any_) -> Any_:
        return lambda own, below: below if any(map(is_update, own.changes)) else after(own, below)

    return together(
        swap(plan, "_after", loose),
        patch.object(order, "level", lambda change: 9 if is_update(change) else level(change)),
    )


# -- which one is primary --------------------------------------------------------------------------


def _sets_primary(change: Change, value: bool) -> bool:
    return any(field.wire == "primary" and field.after is value for field in change.fields)


def _bold(decide: Any_) -> Any_:
    """Demotes what is primary all the same."""

    def decided(change: Update, live: Live, body: dict[str, Any]) -> Any:
        if _sets_primary(change, value=False):
            return merge.Write(body | {field.wire: merge.wire_value(field.after) for field in change.fields})
        return decide(change, live, body)

    return decided


@plant(Promise.PRIMARY, Breach.BLOCKED)
def demote_before_promoting() -> Faulty:
    """The old primary goes first, by a write of its own, also where it is the live one."""
    keep, level = collection._keep_a_primary, order.level

    def eager(scope: Any, changes: Sequence[Create | Update]) -> Any:
        safe, refused = keep(scope, changes)
        demotions = tuple(change for change in changes if _sets_primary(change, value=False))
        others = tuple(change for change in safe if change.key not in {each.key for each in demotions})
        return (*(structs.replace(each, needs=()) for each in demotions), *others), refused

    return together(
        patch.object(collection, "_keep_a_primary", eager),
        patch.object(order, "level", lambda change: 0 if _sets_primary(change, value=False) else level(change)),
        swap(write, "merge", _bold),
    )


@plant(Promise.PRIMARY, Breach.BLOCKED)
def demote_the_last_primary() -> Faulty:
    """A collection may be left without any primary."""

    def eager(keep: Any_) -> Any_:
        def kept(scope: Any, changes: Sequence[Create | Update]) -> Any:
            promotes = any(_sets_primary(change, value=True) for change in changes)
            return keep(scope, changes) if promotes else (tuple(changes), ())

        return kept

    return together(swap(collection, "_keep_a_primary", eager), swap(write, "merge", _bold))


@plant(Promise.PRIMARY, Breach.BLOCKED)
def promote_what_is_incomplete() -> Faulty:
    """A connection becomes primary before anybody could sign in by it."""

    def updates_pass(no_good: Any_) -> Any_:
        return lambda scope, change: None if isinstance(change, Update) else no_good(scope, change)

    return together(
        swap(collection, "_no_good_primary", updates_pass),
        patch.object(merge, "_promotes_incomplete", lambda *_: False),
    )


@plant(Promise.PRIMARY, Breach.BLOCKED)
def create_a_primary_beside_another() -> Faulty:
    """A new connection takes the sign-ins before its customer knows of it."""

    def creates_pass(no_good: Any_) -> Any_:
        return lambda scope, change: None if isinstance(change, Create) else no_good(scope, change)

    return together(
        swap(collection, "_no_good_primary", creates_pass),
        patch.object(collection, "_with_implied", lambda _, promotion: promotion),
        patch.object(merge, "_takes_primary", lambda _: False),
    )


@plant(Promise.PRIMARY, Breach.NOT_DUE)
def make_an_only_child_secondary() -> Faulty:
    """The first of a collection is not primary by itself."""

    def unstated(initial: Any_) -> Any_:
        def fields(kind: Kind, owned: Mapping[str, Value], **more: Any) -> Any:
            return tuple(each for each in initial(kind, owned, **more) if each.wire != "primary")

        return fields

    return swap(collection, "initial", unstated)

"""Mistakes in what a write says, and in the moment that it is made for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from msgspec import structs

from reconciler.api.footing import Footing
from reconciler.api.lane import Lane
from reconciler.core.applying import merge
from reconciler.engine import write
from reconciler.engine.pass_state import PassState
from reconciler.model.change import Collection, Create, Ref, Update
from reconciler.model.kinds import KINDS, KindName
from reconciler.model.outcome import Outcome
from reconciler.model.state import Live
from tests.simulation import process
from tests.simulation.oracle.breach import Breach
from tests.simulation.planting import Promise, plant, swap, together
from tests.support.passes import always

Faulty = AbstractContextManager[Any]
Decide = Callable[[Update, Live, dict[str, Any]], Any]


def _rewritten(rewrite: Callable[[Update, dict[str, Any]], dict[str, Any]]) -> Faulty:
    """Updates whose body is another one."""

    def of(decide: Decide) -> Decide:
        def decided(change: Update, live: Live, body: dict[str, Any]) -> Any:
            decision = decide(change, live, body)
            return merge.Write(rewrite(change, decision.body)) if isinstance(decision, merge.Write) else decision

        return decided

    return swap(write, "merge", of)


@plant(Promise.PLAN, Breach.PLAN_WROTE)
def apply_whatever_was_decided() -> Faulty:
    """A plan that was asked for alone is carried out."""

    def applied(reconcile: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def made(environment: Any, load: Any, runtime: Any, hooks: Any, stop: Any) -> Any:
            return await reconcile(environment, load, runtime, structs.replace(hooks, may_apply=always), stop)

        return made

    return swap(process, "reconcile", applied)


@plant(Promise.ABSENT, Breach.LOST_VALUE, 10)
def patch_without_merging() -> Faulty:
    """The body holds the changed fields alone."""
    return _rewritten(lambda change, _: {field.wire: merge.wire_value(field.after) for field in change.fields})


@plant(Promise.ABSENT, Breach.LOST_VALUE)
def leave_out_what_is_false() -> Faulty:
    """A field whose value is empty is thought to need no mention, and one that is not text either."""
    return _rewritten(lambda _, body: {wire: each for wire, each in body.items() if each is not True})


@plant(Promise.ABSENT, Breach.LOST_VALUE)
def clear_the_external_id_beside_a_pin() -> Faulty:
    """What is pinned needs no external id."""
    return _rewritten(lambda change, body: body | {"externalId": ""} if "externalId" not in change.holds else body)


@plant(Promise.OBJECT, Breach.WRONG_VALUE)
def write_the_first_domain_alone() -> Faulty:
    """Of several domains one is sent."""
    return _rewritten(lambda _, body: body | {"domains": body["domains"][:1]} if "domains" in body else body)


@plant(Promise.OBJECT, Breach.WRONG_VALUE)
def write_what_was_there_before() -> Faulty:
    """An update of several fields writes back the old value of the last."""

    def back(change: Update, body: dict[str, Any]) -> dict[str, Any]:
        last = change.fields[-1]
        return body | {last.wire: merge.wire_value(last.before or "")} if len(change.fields) > 1 else body

    return _rewritten(back)


@plant(Promise.MOVED, Breach.STALE)
def ignore_stale() -> Faulty:
    """What moved since the plan is overwritten."""

    def always_writes(change: Update, live: Live, body: dict[str, Any]) -> Any:
        del live
        return merge.Write(body | {field.wire: merge.wire_value(field.after) for field in change.fields})

    return patch.object(write, "merge", always_writes)


@plant(Promise.MOVED, Breach.WRONG_VALUE)
def forget_what_the_match_rests_on() -> Faulty:
    """Only the fields to change are compared with those that were planned for."""

    def careless(decide: Decide) -> Decide:
        return lambda change, live, body: decide(structs.replace(change, holds={}), live, body)

    return swap(write, "merge", careless)


@plant(Promise.MOVED, Breach.STALE)
def write_what_was_read_once() -> Faulty:
    """An object that was read before is not read again."""
    known: dict[str, Any] = {}

    def remembering(get: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def got(self: Lane, kind: Any, id_: str) -> Any:
            if id_ not in known:
                known[id_] = await get(self, kind, id_)
            return known[id_]

        return got

    return swap(Lane, "get", remembering)


@plant(Promise.ONCE, Breach.NOT_DUE)
def forget_the_list_before_a_create() -> Faulty:
    """What the list right before a create shows is not looked at."""
    return patch.object(write, "still_absent", lambda *_: None)


@plant(Promise.ONCE, Breach.STALE)
def skip_the_list_before_a_create() -> Faulty:
    """The plan's own list is thought to be fresh enough."""

    async def blind(change: Create, collection: Collection, state: PassState, lane: Lane) -> Outcome:
        body = merge.creation(change, state.resolve(collection.parent))
        created = await lane.create(KINDS[change.key.kind], body)
        return write._as_meant(change, merge.Write(body), created)

    return patch.object(write, "_create_child", blind)


@plant(Promise.OBJECT, Breach.WRONG_PLACE)
def create_children_in_another_organization() -> Faulty:
    """The children of all that is new go into the first that is."""

    def first(resolve: Callable[..., str]) -> Callable[..., str]:
        def resolved(self: PassState, reference: str | Ref) -> str:
            new = [id_ for key, id_ in self._ids.items() if key.kind is KindName.ORGANIZATION]
            return new[0] if isinstance(reference, Ref) and new else resolve(self, reference)

        return resolved

    return swap(PassState, "resolve", first)


@plant(Promise.OBJECT, Breach.NOT_DUE)
def create_with_half_of_the_values() -> Faulty:
    """A create states its first field alone."""

    def half(creation: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def body(change: Create, parent_id: str | None) -> dict[str, Any]:
            return creation(structs.replace(change, fields=change.fields[:1]), parent_id)

        return body

    return swap(write, "creation", half)


@plant(Promise.WAITING, Breach.STALE, 20)
def wait_between_a_read_and_its_write() -> Faulty:
    """Each request waits for its own turn, whatever was read before."""
    return together(
        patch.object(Footing, "turns_to_read", lambda _: 1),
        patch.object(Footing, "turns_to_write", lambda _: 1),
        patch.object(Footing, "age_s", lambda *_: 0.0),
    )

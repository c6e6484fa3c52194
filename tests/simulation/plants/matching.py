"""Mistakes in what is taken for what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from msgspec import structs

from reconciler.core.planning import children as collection
from reconciler.core.planning import match, plan
from reconciler.model.change import BlockReason
from reconciler.model.state import Child, DesiredChild
from tests.simulation.oracle.breach import Breach
from tests.simulation.planting import Promise, plant, swap, together
from tests.simulation.plants.deciding import _misread

Faulty = AbstractContextManager[Any]
Any_ = Callable[..., Any]
ENTITY, URL, CERTIFICATE = match.IDP_FIELDS


@plant(Promise.OBJECT, Breach.NOT_DUE)
def match_by_list_order() -> Faulty:
    """The first declared one is the first live one."""

    def in_order(declared: Mapping[str, DesiredChild], live: Mapping[str, Child]) -> Any:
        return [((name, id_), ()) for name, id_ in zip(declared, live, strict=False)]

    return patch.object(match, "_by_evidence", in_order)


@plant(Promise.OBJECT, Breach.MISTAKEN)
def adopt_although_entity_ids_contradict() -> Faulty:
    """An equal certificate and URL are enough, whatever the entity ids say."""

    def agree(wanted: Mapping[str, str], seen: Mapping[str, str], fields: tuple[str, ...]) -> bool:
        return all(field in wanted and wanted[field] == seen.get(field) for field in fields)

    return patch.object(match, "_agree", agree)


@plant(Promise.OBJECT, Breach.MISTAKEN)
def take_an_equal_url_for_evidence() -> Faulty:
    """Whoever redirects to the same address is the same, though vendors share them."""
    return patch.object(match, "EVIDENCE", (*match.EVIDENCE, (URL,)))


@plant(Promise.OBJECT, Breach.MISTAKEN)
def adopt_the_only_one_left() -> Faulty:
    """One declared and one live left are the same, whatever they say."""

    def whatever(declared: Mapping[str, DesiredChild], live: Mapping[str, Child]) -> Any:
        if len(declared) != 1 or len(live) != 1:
            return None
        (child,), (only,) = declared.values(), live.values()
        return child, match.Found(only, ())

    return patch.object(match, "_one_and_one", whatever)


@plant(Promise.OBJECT, Breach.MISTAKEN)
def take_the_first_of_several() -> Faulty:
    """Where several may be meant, the first is."""

    def first(matched: Any_) -> Any_:
        def found(name: Any, declared: Any, live: Any, distinct_from: Any) -> Any:
            result = matched(name, declared, live, distinct_from)
            doubted = [each for each, doubt in result.doubts.items() if doubt.reason is BlockReason.AMBIGUOUS]
            taken = {each.live.id for each in result.found.values()}
            free = [each for each in live if each.id not in taken and each.id not in distinct_from]
            extra = {each: match.Found(row, ()) for each, row in zip(doubted, free, strict=False)}
            doubts = {each: doubt for each, doubt in result.doubts.items() if each not in extra}
            return structs.replace(result, found={**result.found, **extra}, doubts=doubts)

        return found

    return swap(collection, "match_children", first)


@plant(Promise.ONCE, Breach.NOT_DUE)
def create_again_what_is_pinned() -> Faulty:
    """A pinned organization that is gone is created again."""

    def gone(doubt: Any_) -> Any_:
        return lambda wanted, lives, claimants: doubt(wanted, lives, claimants) if lives else None

    return swap(match, "_doubt_of_claim", gone)


@plant(Promise.OBJECT, Breach.MISJUDGED)
def ignore_the_pins_of_children() -> Faulty:
    """What an `id:` line says of a child does not matter."""

    def unpinned(each: Any) -> Any:
        collections = {
            kind: tuple(structs.replace(child, id=None) for child in children)
            for kind, children in each.collections.items()
        }
        return structs.replace(each, collections=collections)

    return _misread(unpinned)


@plant(Promise.OBJECT, Breach.MISJUDGED)
def ignore_distinct_from() -> Faulty:
    """What a manifest says to be another is thought to be it all the same."""
    return _misread(lambda each: structs.replace(each, distinct_from=frozenset()))


@plant(Promise.DONE, Breach.UNDONE)
def call_everything_ambiguous() -> Faulty:
    """Nothing below an organization is ever certain enough."""

    def doubtful(matched: Any_) -> Any_:
        def found(*args: Any) -> Any:
            result = matched(*args)
            doubt = match.Doubt(BlockReason.AMBIGUOUS, "it may be any")
            doubts = {**result.doubts, **dict.fromkeys((*result.found, *result.absent), doubt)}
            return structs.replace(result, found={}, absent=frozenset(), doubts=doubts)

        return found

    return swap(collection, "match_children", doubtful)


@plant(Promise.DONE, Breach.UNDONE)
def call_every_organization_ambiguous() -> Faulty:
    """No live organization is ever certain enough."""

    def doubtful(matched: Any_) -> Any_:
        def found(*args: Any) -> Any:
            result = matched(*args)
            doubt = match.Doubt(BlockReason.AMBIGUOUS, "it may be any")
            return structs.replace(
                result, found={}, doubts={**result.doubts, **dict.fromkeys(result.found, doubt)}
            )

        return found

    return swap(plan, "match_organizations", doubtful)


@plant(Promise.OBJECT, Breach.MISJUDGED)
def call_the_open_ambiguous() -> Faulty:
    """What needs nothing is blocked where it may be any of several."""
    return together(patch.object(match, "_some_assignment_writes_nothing", lambda *_: False))

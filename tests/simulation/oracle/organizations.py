"""Which live organization each manifest means, and what may be written to it itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from typing import Any

from msgspec import Struct

from reconciler.emulator.rows import Organization as Live
from reconciler.model.change import BlockReason
from reconciler.model.kinds import KindName
from tests.simulation.oracle.breach import Breach
from tests.simulation.oracle.declared import (
    CREATE_ONLY,
    FULL,
    OBSERVE,
    Declared,
    Organization,
    bare,
    folded,
    row_values,
)

Lives = Mapping[str, Live]
Thing = tuple[str, str]  # a domain or an external id
DOMAIN, KEY = "domain", "external id"


class Standing(Struct, frozen=True):
    """How one manifest stands at a moment.

    `live` is the organization that it means. `due` are the values of its own write, None where nothing is to be
    done; `waits` tells whether another's write comes first. `blocked` says why nothing is written to it at all.
    """

    live: str | None = None
    due: Mapping[str, Any] | None = None
    waits: bool = False
    blocked: BlockReason | None = None


def stand(
    declared: Declared, lives: Lives, read: Container[tuple[str, KindName]], protected: frozenset[str]
) -> dict[str, Standing]:
    """By handle; suspended ones stand there without anything due. `read` are the collections read whole."""
    means = _meant(declared, lives)
    claimed = Counter(id_ for each in declared.all for id_ in means[each.name])
    standing = {
        name: _alone(each, declared, lives, means[name], claimed, protected, read)
        for name, each in declared.organizations.items()
    }
    return _together(declared, lives, standing)


def _meant(declared: Declared, lives: Lives) -> dict[str, list[str]]:
    return {
        each.name: [
            id_
            for id_, live in lives.items()
            if (id_ == each.id if each.id else each.key and live.external_id == each.key)
        ]
        for each in declared.all
    }


# -- each by itself --------------------------------------------------------------------------------


def _alone(  # noqa: PLR0917 all that it depends on
    wanted: Organization,
    declared: Declared,
    lives: Lives,
    meant: list[str],
    claimed: Mapping[str, int],
    protected: frozenset[str],
    read: Container[tuple[str, KindName]],
) -> Standing:
    live = meant[0] if len(meant) == 1 and claimed[meant[0]] == 1 else None
    if wanted.suspended:
        return Standing(live)
    if live and wanted.ownership != OBSERVE and protected & {live, *map(bare, lives[live].domains)}:
        return Standing(live, blocked=BlockReason.PROTECTED)
    if wanted.ownership != OBSERVE and protected & wanted.domains:
        return Standing(live, blocked=BlockReason.PROTECTED)
    if live and not all((live, kind) in read for kind in wanted.needed):
        return Standing(live, blocked=BlockReason.UNREADABLE)
    if live:
        different = row_values(KindName.ORGANIZATION, lives[live]) | dict(wanted.values)
        changes = different != row_values(KindName.ORGANIZATION, lives[live])
        return Standing(live, different if changes and wanted.ownership == FULL else None)
    why = _why_not_created(wanted, declared, lives, meant, claimed)
    if why:
        return Standing(blocked=why)
    return Standing(due=None if wanted.ownership == OBSERVE else {"domains": (), **wanted.values})


def _why_not_created(
    wanted: Organization, declared: Declared, lives: Lives, meant: list[str], claimed: Mapping[str, int]
) -> BlockReason | None:
    if meant:
        return BlockReason.AMBIGUOUS if len(meant) > 1 else BlockReason.CLAIMED_TWICE
    if wanted.id:
        return BlockReason.PIN_NOT_FOUND
    if not declared.complete:
        return BlockReason.INCOMPLETE_SOURCE
    if not wanted.values.get("displayName") and not wanted.domains:
        return BlockReason.NO_IDENTITY
    strangers = [live for id_, live in lives.items() if not claimed[id_] and id_ not in wanted.distinct]
    return BlockReason.AMBIGUOUS if any(_alike(wanted, live) for live in strangers) else None


def _alike(wanted: Organization, live: Live) -> bool:
    name = folded(wanted.values.get("displayName", ""))
    return (name != "" and folded(live.display_name) == name) or any(
        bare(each) in wanted.domains for each in live.domains
    )


# -- what moves between them -----------------------------------------------------------------------


def _together(declared: Declared, lives: Lives, standing: dict[str, Standing]) -> dict[str, Standing]:
    """Takers wait for givers; who cannot take is blocked, and then each of its givers keeps what it has."""
    while True:
        refused = _refused(lives, standing)
        going = {name: each for name, each in standing.items() if each.due is not None and name not in refused}
        keepers = [name for name in going if _keeps(name, going, declared, lives)]
        if not keepers:
            break
        standing = standing | {name: _stopped(standing[name], BlockReason.DOMAIN_KEPT) for name in keepers}
    blocked = {name: _stopped(standing[name], why) for name, why in refused.items()}
    waiting = {
        name: Standing(each.live, each.due, waits=True)
        for name, each in going.items()
        if any(_holders(thing, each, lives) for thing in _takes(each, lives))
    }
    return standing | blocked | waiting


def _stopped(standing: Standing, why: BlockReason) -> Standing:
    return Standing(standing.live, blocked=why)


def _refused(lives: Lives, standing: Mapping[str, Standing]) -> dict[str, BlockReason]:
    """Those who want what somebody has who does not give it, or cannot give it first."""
    movers = {name: each for name, each in standing.items() if each.due is not None}
    givers = {(each.live, thing): name for name, each in movers.items() for thing in _gives(each, lives)}
    refused: dict[str, BlockReason] = {}
    needs: dict[str, dict[str, set[str]]] = {}  # taker → giver → what moves
    for name, each in movers.items():
        needs[name] = {}
        for thing in sorted(_takes(each, lives)):
            for holder in _holders(thing, each, lives):
                giver = givers.get((holder, thing))
                if giver is None:
                    refused.setdefault(name, _reason({thing[0]}))
                else:
                    needs[name].setdefault(giver, set()).add(thing[0])
    ready: set[str] = set()
    while more := {
        name for name in movers if name not in ready and name not in refused and needs[name].keys() <= ready
    }:
        ready |= more
    for name in movers.keys() - ready - refused.keys():
        late = [what for giver, what in needs[name].items() if giver not in ready]
        refused[name] = _reason(set().union(*late))
    return refused


def _reason(moving: set[str]) -> BlockReason:
    return BlockReason.DOMAIN_HELD if DOMAIN in moving else BlockReason.EXTERNAL_ID_HELD


def _keeps(name: str, going: Mapping[str, Standing], declared: Declared, lives: Lives) -> bool:
    """Whether nobody could sign in by a domain that it gives away, since the one that states it cannot take it."""
    stays = {
        (domain, id_)
        for id_, live in lives.items()
        for domain in live.domains
        if not any(each.live == id_ and (DOMAIN, bare(domain)) in _gives(each, lives) for each in going.values())
    }
    someone = {domain for domain, _ in stays} | {
        what for each in going.values() for kind, what in _takes(each, lives) if kind == DOMAIN
    }
    given = {what for kind, what in _gives(going[name], lives) if kind == DOMAIN and what not in someone}
    others = {bare(domain) for each in declared.all if each.name != name for domain in each.domains}
    return bool(given & others) or (bool(given) and not declared.complete)


def _gives(standing: Standing, lives: Lives) -> set[Thing]:
    if standing.live is None or standing.due is None:
        return set()
    live, due = lives[standing.live], standing.due
    kept = {bare(each) for each in due["domains"]}
    given = {(DOMAIN, bare(each)) for each in live.domains if bare(each) not in kept}
    return given | ({(KEY, live.external_id)} if live.external_id not in {"", due["externalId"]} else set())


def _takes(standing: Standing, lives: Lives) -> set[Thing]:
    if standing.due is None:
        return set()
    live = lives[standing.live] if standing.live else None
    taken = {(DOMAIN, each) for each in standing.due["domains"] if live is None or each not in live.domains}
    key = standing.due.get("externalId")
    return taken | ({(KEY, key)} if key and (live is None or live.external_id != key) else set())


def _holders(thing: Thing, taker: Standing, lives: Lives) -> list[str]:
    what, name = thing
    return [
        id_
        for id_, live in lives.items()
        if id_ != taker.live
        and (live.external_id == name if what == KEY else name in {bare(each) for each in live.domains})
    ]


def closed(wanted: Organization, standing: Standing) -> tuple[Breach, str] | None:
    """What a write below it would break, and why; None if something may be written."""
    if wanted.suspended:
        return Breach.HANDS_OFF, "it is suspended"
    if wanted.ownership == OBSERVE:
        return Breach.HANDS_OFF, "it is only observed"
    if standing.blocked is BlockReason.PROTECTED:
        return Breach.HANDS_OFF, "it is protected"
    return (Breach.BLOCKED, str(standing.blocked)) if standing.blocked else None


def only_creates(wanted: Organization) -> bool:
    """Whether nothing that is live may be changed."""
    return wanted.ownership == CREATE_ONLY

"""Orders the changes by which a domain or an external id moves from one organization, the giver, to the taker.

The list of domains decides who may sign in where, and the server accepts the same domain twice. So a taker gets
a domain only after the giver's write was verified, and the giver keeps it where the taker cannot take it. An
external id is refused by the server while another organization has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, structs

from reconciler.core.values import domain
from reconciler.model.change import BlockReason, Change, Key, SharedDomain, Update
from reconciler.model.state import ObservedOrganization

DOMAIN, EXTERNAL_ID = "domain", "external id"
Thing = tuple[str, str]  # DOMAIN or EXTERNAL_ID, and which one
Holders = Mapping[Thing, set[str]]


class Refused(Struct, frozen=True):
    """Why a change cannot be made."""

    reason: BlockReason
    message: str


def hand_over(
    changes: Iterable[Change], live: Sequence[ObservedOrganization], *, share_domains: bool = False
) -> tuple[tuple[Change, ...], Mapping[Key, Refused]]:
    """Make takers wait for their givers; where organizations may share domains, for external ids alone.

    `changes` are those of organizations, without their children.

    Returns:
        The changes that can be applied, and by key why each other one cannot: its giver is not in this plan, is
        itself refused, or waits for the taker.
    """
    changes = list(changes)
    if not changes:
        return (), {}  # nothing moves in most passes
    holders = _external_ids(live) if share_domains else _external_ids(live) | _holders(live)
    givers = {
        (change.id, thing): change.key
        for change in changes
        if isinstance(change, Update)
        for thing in _gives(change)
    }
    tied: dict[Key, Change] = {}
    refused: dict[Key, Refused] = {}
    for change in changes:
        needs, missing = _needs(change, holders, givers)
        if missing:
            refused[change.key] = missing
        else:
            tied[change.key] = structs.replace(change, needs=(*change.needs, *needs))
    return _without_rings(tied, refused, {change.key: _gives(change) for change in changes})


def kept_domains(
    changes: Sequence[Change],
    live: Sequence[ObservedOrganization],
    wanted: Mapping[str, tuple[str, ...]],
    *,
    complete: bool,
) -> Mapping[Key, tuple[str, str | None]]:
    """Return the givers that have to keep a domain, by key: the domain, and the handle that cannot take it now.

    `changes` are those that will be made; `wanted` are the domains that each manifest states, by handle, also of
    organizations that this plan leaves alone. Unless they are `complete`, one that nobody can read may take it:
    then there is no handle.
    """
    claims: dict[str, list[str]] = {}
    for name, domains in sorted(wanted.items()):
        for each in domains:
            claims.setdefault(domain.normal(each), []).append(name)
    given = {(c.id, name) for c in changes if isinstance(c, Update) for what, name in _gives(c) if what == DOMAIN}
    held = {  # as it is spelled: with capitals or blanks it matches no sign-in
        name for each in live for name in each.organization.domains if (each.organization.id, name) not in given
    }
    held |= {name for change in changes for what, name in _takes(change) if what == DOMAIN}
    kept: dict[Key, tuple[str, str | None]] = {}
    for change in changes:
        for _, name in sorted(thing for thing in _gives(change) if thing[0] == DOMAIN and thing[1] not in held):
            takers = [taker for taker in claims.get(name, ()) if taker != change.key.organization]
            if takers or not complete:
                kept.setdefault(change.key, (name, takers[0] if takers else None))
    return kept


def shared_domains(live: Sequence[ObservedOrganization]) -> tuple[SharedDomain, ...]:
    """Return the live domains that several organizations have, by name."""
    return tuple(
        SharedDomain(name, tuple(sorted(ids))) for (_, name), ids in sorted(_holders(live).items()) if len(ids) > 1
    )


def _holders(live: Sequence[ObservedOrganization]) -> dict[Thing, set[str]]:
    holders: dict[Thing, set[str]] = {}
    for each in live:
        for name in each.organization.domains:
            holders.setdefault((DOMAIN, domain.normal(name)), set()).add(each.organization.id)
    return holders


def _external_ids(live: Sequence[ObservedOrganization]) -> dict[Thing, set[str]]:
    holders: dict[Thing, set[str]] = {}
    for each in live:
        if each.organization.external_id:
            holders.setdefault((EXTERNAL_ID, each.organization.external_id), set()).add(each.organization.id)
    return holders


def _gives(change: Change) -> set[Thing]:
    """Return what the change takes away from its organization."""
    given: set[Thing] = set()
    for field in change.fields:
        if isinstance(field.after, tuple) and isinstance(field.before, tuple):
            given |= {(DOMAIN, name) for name in {domain.normal(each) for each in field.before} - set(field.after)}
        if field.wire == "externalId" and field.before:
            given.add((EXTERNAL_ID, str(field.before)))
    return given


def _takes(change: Change) -> set[Thing]:
    """Return what the change gives its organization.

    A live domain with capitals or blanks matches no sign-in, so correcting it adds the domain.
    """
    taken: set[Thing] = set()
    for field in change.fields:
        if isinstance(field.after, tuple):
            before = field.before if isinstance(field.before, tuple) else ()
            taken |= {(DOMAIN, name) for name in set(field.after) - set(before)}
        if field.wire == "externalId" and field.after:
            taken.add((EXTERNAL_ID, str(field.after)))
    return taken


def _needs(
    change: Change, holders: Holders, givers: Mapping[tuple[str, Thing], Key]
) -> tuple[list[Key], Refused | None]:
    needs: set[Key] = set()
    for thing in sorted(_takes(change)):
        for holder in sorted(holders.get(thing, set()) - {change.live_id}):
            giver = givers.get((holder, thing))
            if giver is None:
                return [], _held(thing, holder)
            needs.add(giver)
    return sorted(needs), None


def _held(thing: Thing, holder: str) -> Refused:
    what, name = thing
    if what == EXTERNAL_ID:
        return Refused(
            BlockReason.EXTERNAL_ID_HELD,
            f"{holder} already has this external id. Change it there first, or state another here.",
        )
    return Refused(
        BlockReason.DOMAIN_HELD,
        f"{name} belongs to {holder}, and this plan does not remove it there. Remove it there first. If "
        "organizations may share domains, set `domains: {forbidShared: false}` in the Environment and "
        "`forbid_shared = false` in reconciler.toml.",
    )


def _without_rings(
    tied: dict[Key, Change], refused: dict[Key, Refused], given: Mapping[Key, set[Thing]]
) -> tuple[tuple[Change, ...], Mapping[Key, Refused]]:
    """Keep the changes that can be ordered; refuse those that depend on a refused one, or on a cycle."""
    ready: dict[Key, Change] = {}
    waiting = dict(tied)
    while moved := [key for key, change in waiting.items() if all(need in ready for need in change.needs)]:
        for key in moved:
            ready[key] = waiting.pop(key)
    for key, change in waiting.items():
        needs = sorted(need for need in change.needs if need not in ready)
        moving = {what for need in needs for what, _ in given[need] & _takes(change)}
        wait = _WAITS_FOR_DOMAIN if DOMAIN in moving else _WAITS_FOR_ID
        names = ", ".join(need.organization for need in needs)
        refused[key] = structs.replace(wait, message=wait.message.format(names))
    return tuple(ready[key] for key in tied if key in ready), refused


_WAITS_FOR_DOMAIN = Refused(
    BlockReason.DOMAIN_HELD,
    "it takes over a domain from {0}, whose change cannot be applied before this one. Remove the domain there in "
    "one commit, and add it here in the next.",
)
_WAITS_FOR_ID = Refused(
    BlockReason.EXTERNAL_ID_HELD,
    "it takes over the external id of {0}, whose change cannot be applied before this one. State an external id "
    "that nobody has there in one commit, and the right ones in the next.",
)

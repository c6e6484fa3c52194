"""Orders the changes by which a domain moves from one organization, the giver, to another, the taker.

The list of domains decides who may sign in where, and the server accepts the same domain twice. So a taker gets
a domain only after the giver's write was verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from reconciler.core.values import domain
from reconciler.model.change import Change, Key, Update
from reconciler.model.state import ObservedOrganization


def hand_over(
    changes: Iterable[Change], live: Sequence[ObservedOrganization]
) -> tuple[tuple[Change, ...], Mapping[Key, str]]:
    """Make takers wait for their givers.

    `changes` are those of organizations, without their children.

    Returns:
        The changes that can be applied, and by key why each other one cannot: its giver is not in this plan, is
        itself refused, or waits for the taker.
    """
    holders = _holders(live)
    changes = list(changes)
    givers = _givers(changes)
    tied: dict[Key, Change] = {}
    refused: dict[Key, str] = {}
    for change in changes:
        needs, missing = _needs(change, holders, givers)
        if missing:
            refused[change.key] = missing
        else:
            tied[change.key] = structs.replace(change, needs=(*change.needs, *needs))
    return _without_rings(tied, refused)


def _holders(live: Sequence[ObservedOrganization]) -> dict[str, set[str]]:
    holders: dict[str, set[str]] = {}
    for each in live:
        for name in each.organization.domains:
            holders.setdefault(domain.normal(name), set()).add(each.organization.id)
    return holders


def _givers(changes: Iterable[Change]) -> dict[tuple[str, str], Key]:
    """Return the updates that remove a domain, by the live organization's id and the domain."""
    givers: dict[tuple[str, str], Key] = {}
    for change in changes:
        if isinstance(change, Update):
            before, after = _domains(change)
            gone = {domain.normal(name) for name in before} - set(after)
            givers.update({(change.id, name): change.key for name in gone})
    return givers


def _needs(
    change: Change, holders: Mapping[str, set[str]], givers: Mapping[tuple[str, str], Key]
) -> tuple[list[Key], str]:
    needs: set[Key] = set()
    before, after = _domains(change)
    # a live domain with capitals or blanks matches no sign-in, so correcting it adds the domain
    for name in sorted(set(after) - set(before)):
        for holder in sorted(holders.get(name, set()) - {change.live_id}):
            giver = givers.get((holder, name))
            if giver is None:
                return [], _held(name, holder)
            needs.add(giver)
    return sorted(needs), ""


def _domains(change: Change) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the domains before and after the change, both empty if it does not change them."""
    for field in change.fields:
        if isinstance(field.after, tuple):
            return field.before if isinstance(field.before, tuple) else (), field.after
    return (), ()


def _held(name: str, holder: str) -> str:
    return (
        f"{name} belongs to {holder}, and this plan does not remove it there. Remove it there first. If "
        "organizations may share domains, set `domains: {forbidShared: false}` in the Environment."
    )


def _without_rings(
    tied: dict[Key, Change], refused: dict[Key, str]
) -> tuple[tuple[Change, ...], Mapping[Key, str]]:
    """Keep the changes that can be ordered; refuse those that depend on a refused one, or on a cycle."""
    ready: dict[Key, Change] = {}
    waiting = dict(tied)
    while moved := [key for key, change in waiting.items() if all(need in ready for need in change.needs)]:
        for key in moved:
            ready[key] = waiting.pop(key)
    for key, change in waiting.items():
        names = ", ".join(sorted({need.organization for need in change.needs if need not in ready}))
        refused[key] = (
            f"it takes over a domain from {names}, whose change cannot be applied before this one. Remove the "
            "domain there in one commit, and add it here in the next."
        )
    return tuple(ready[key] for key in tied if key in ready), refused

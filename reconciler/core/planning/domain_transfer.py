"""Domains that move from one organization to another: the giver's write is verified before the taker's.

Nothing on the server keeps two organizations from claiming one domain, and the domain list decides who may
sign in where, so a domain that another live organization holds is never added before it is seen to be gone.
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
    """Ties takers to givers. Returns the changes that may go, and why each of the others may not.

    `changes` are those of organizations only. A taker whose giver is not in this plan, may not go itself,
    or waits for the taker in turn, is refused.
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
    """Which update takes which domain from which live organization."""
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
    # a live one with capitals or blanks matches no sign-in: putting it right adds the domain
    for name in sorted(set(after) - set(before)):
        for holder in sorted(holders.get(name, set()) - {change.live_id}):
            giver = givers.get((holder, name))
            if giver is None:
                return [], _held(name, holder)
            needs.add(giver)
    return sorted(needs), ""


def _domains(change: Change) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The domains before and after the change; none where it leaves them: no other field's value is a tuple."""
    for field in change.fields:
        if isinstance(field.after, tuple):
            return field.before if isinstance(field.before, tuple) else (), field.after
    return (), ()


def _held(name: str, holder: str) -> str:
    return (
        f"{name} belongs to {holder}, and this plan does not take it from there. Remove it there first; if two "
        "organizations shall really share domains, set `domains: {forbidShared: false}` in the Environment."
    )


def _without_rings(
    tied: dict[Key, Change], refused: dict[Key, str]
) -> tuple[tuple[Change, ...], Mapping[Key, str]]:
    """Keeps what can be put in an order; the rest waits for something refused, or for itself."""
    ready: dict[Key, Change] = {}
    waiting = dict(tied)
    while moved := [key for key, change in waiting.items() if all(need in ready for need in change.needs)]:
        for key in moved:
            ready[key] = waiting.pop(key)
    for key, change in waiting.items():
        names = ", ".join(sorted({need.organization for need in change.needs if need not in ready}))
        refused[key] = (
            f"it takes over a domain from {names}, whose own change cannot be made before this one. Take the "
            "domain away there in one commit, and add it here in the next."
        )
    return tuple(ready[key] for key in tied if key in ready), refused

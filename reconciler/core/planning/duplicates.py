"""Finds what is live more often than declared: a person, or a request that lost its response, made it twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.core.planning.match import ChildMatch, OrganizationMatch, folded, identity, may_be
from reconciler.model.change import Duplicate, SharedDomain
from reconciler.model.kinds import KindName
from reconciler.model.state import Child, DesiredOrganization


def child_duplicates(
    wanted: DesiredOrganization, kind: KindName, live: Sequence[Child], match: ChildMatch
) -> tuple[Duplicate, ...]:
    """Return the live children with one identity of which there are more than declared ones that may be them."""
    if len(match.found) == len(live):
        return ()  # each is a declared one
    handles = {found.live.id: name for name, found in match.found.items()}
    open_ = [child for child in wanted.collections[kind] if child.name not in match.found]
    alike: dict[tuple[tuple[str, str], ...], list[Child]] = {}
    for each in live:
        if each.id not in wanted.distinct_from:
            alike.setdefault(identity(each), []).append(each)
    result = []
    for lives in alike.values():
        names = [handles[each.id] for each in lives if each.id in handles]
        names += [child.name for child in open_ if may_be(child, lives[0])]
        if names and len(lives) > len(names):
            result.append(Duplicate(kind, wanted.name, min(names), tuple(sorted(each.id for each in lives))))
    return tuple(sorted(result, key=lambda each: each.ids))


def organization_duplicates(
    chosen: Iterable[DesiredOrganization], match: OrganizationMatch, shared: Sequence[SharedDomain]
) -> tuple[Duplicate, ...]:
    """Return the live organizations with a common domain and one name, where `chosen` declares fewer of them.

    `shared` are the domains that several live organizations have. One that another manifest claims does not count.
    """
    if not shared:
        return ()
    declared = {match.found[each.name].organization.id: each for each in chosen if each.name in match.found}
    absent = [each for each in chosen if each.name in match.absent]
    spare = {live.organization.id for live in match.unclaimed}
    names = {
        live.organization.id: folded(live.organization.display_name)
        for live in (*match.found.values(), *match.unclaimed)
    }
    found = {}
    for domain in shared:
        for ids in _by_name(domain.ids, names):
            claimants = [declared[id_] for id_ in ids if id_ in declared]
            claimants += [each for each in absent if domain.name in each.domains]
            others = spare.difference(*(each.distinct_from for each in claimants))
            lives = tuple(id_ for id_ in ids if id_ in declared or id_ in others)
            if claimants and len(lives) > len(claimants):
                name = min(each.name for each in claimants)
                found[lives] = Duplicate(KindName.ORGANIZATION, name, name, lives)
    return tuple(found[ids] for ids in sorted(found))


def _by_name(ids: Iterable[str], names: Mapping[str, str]) -> Iterable[list[str]]:
    """Return the ids, those with one name together."""
    alike: dict[str, list[str]] = {}
    for id_ in ids:
        if id_ in names:
            alike.setdefault(names[id_], []).append(id_)
    return alike.values()

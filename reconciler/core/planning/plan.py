"""Makes the plan: compares what the manifests say with what is live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct, structs

from reconciler.core.planning.children import CollectionPlan, owned_hint, plan_collection
from reconciler.core.planning.diff import diff, initial, live_value
from reconciler.core.planning.digest import digest
from reconciler.core.planning.domain_transfer import hand_over
from reconciler.core.planning.match import OrganizationMatch, look_alikes, match_organizations
from reconciler.core.planning.order import position
from reconciler.core.planning.secrets import IssuePlan, plan_link, plan_token
from reconciler.model.change import (
    Blocked,
    BlockReason,
    Change,
    Create,
    Hint,
    Key,
    Pin,
    Plan,
    Ref,
    Unmanaged,
    Update,
)
from reconciler.model.kinds import ORGANIZATION, KindName
from reconciler.model.state import (
    Child,
    Desired,
    DesiredOrganization,
    Observed,
    ObservedOrganization,
    Ownership,
    Unreadable,
)

Selected = Callable[[DesiredOrganization], bool]


class _Part(Struct, frozen=True):
    """The part of the plan that is about one organization."""

    changes: tuple[Change, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    hints: tuple[Hint, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    pins: tuple[Pin, ...] = ()
    found: int = 0  # live resources that match a declared one and may be written


def everything(wanted: DesiredOrganization) -> bool:
    """Select every organization."""
    return bool(wanted.name)


def plan(desired: Desired, observed: Observed, now: float, selected: Selected = everything) -> Plan:
    """Return the plan for the selected organizations; all of them are matched.

    `now` is in Unix seconds; it decides whether a delivered setup link has expired.
    """
    match = match_organizations(desired, observed)
    chosen = [wanted for wanted in desired.organizations if wanted.suspend is None and selected(wanted)]
    own = [_plan_organization(wanted, match, complete=desired.complete) for wanted in chosen]
    own = _with_free_keys(chosen, own, observed)
    own = _handed_over(chosen, own, desired, observed)
    total = _sum(
        _with_children(wanted, part, match, observed, now) for wanted, part in zip(chosen, own, strict=True)
    )
    changes = tuple(sorted(total.changes, key=position))
    environment = desired.environment
    return Plan(
        environment=environment.name,
        environment_id=observed.environment_id,
        pin=environment.id,
        revision=desired.revision,
        digest=digest(environment.id or environment.name, changes),
        changes=changes,
        blocked=(*_invalid(desired), *total.blocked),
        hints=total.hints,
        unmanaged=(*_unmanaged(match), *total.unmanaged) if desired.complete else (),
        pins=total.pins,
        unchanged=total.found - sum(isinstance(change, Update) for change in changes),
        matched=len(match.found),
        suspended={wanted.name: wanted.suspend for wanted in desired.organizations if wanted.suspend is not None},
    )


# -- the organizations themselves ------------------------------------------------------------------


def _plan_organization(wanted: DesiredOrganization, match: OrganizationMatch, *, complete: bool) -> _Part:
    doubt = match.doubts.get(wanted.name)
    if doubt:
        return _Part(blocked=(_blocked(wanted, doubt.reason, doubt.message),))
    live = match.found.get(wanted.name)
    if live:
        return _update(wanted, live)
    refused = _may_not_be_created(wanted, match, complete=complete)
    if refused:
        return _Part(blocked=(refused,))
    create = Create(
        key=_key(wanted),
        origin=wanted.origin,
        fields=initial(ORGANIZATION, wanted.owned),
    )
    if wanted.ownership is Ownership.OBSERVE:
        return _Part(hints=(owned_hint(wanted, create),))
    return _Part(changes=(create,))


def _update(wanted: DesiredOrganization, live: ObservedOrganization) -> _Part:
    unreadable = [each for each in live.collections.values() if isinstance(each, Unreadable)]
    if unreadable:
        return _Part(blocked=(_blocked(wanted, BlockReason.UNREADABLE, unreadable[0].message),))
    pins = () if wanted.id else (_pin(wanted, live),)
    fields = diff(ORGANIZATION, wanted.owned, live.organization)
    if not fields:
        return _Part(pins=pins, found=1)
    changed = {field.wire for field in fields}
    depends_on = (set(wanted.owned) | ({"externalId"} if wanted.id is None else set())) - changed
    update = Update(
        key=_key(wanted),
        origin=wanted.origin,
        id=live.organization.id,
        fields=fields,
        holds={
            field.wire: live_value(field, live.organization)
            for field in ORGANIZATION.fields
            if field.wire in depends_on
        },
    )
    if wanted.ownership is not Ownership.FULL:
        return _Part(hints=(owned_hint(wanted, update),), pins=pins, found=1)
    return _Part(changes=(update,), pins=pins, found=1)


def _may_not_be_created(
    wanted: DesiredOrganization, match: OrganizationMatch, *, complete: bool
) -> Blocked | None:
    if not complete:
        return _blocked(
            wanted,
            BlockReason.INCOMPLETE_SOURCE,
            "another manifest cannot be read, and this organization may be the one in it, renamed. Nothing is "
            "created until every file can be read.",
        )
    if not wanted.owned.get("displayName") and not wanted.owned.get("domains"):
        return _blocked(
            wanted,
            BlockReason.NO_IDENTITY,
            "it is not live, and a create cannot be undone. State `displayName` or `domains`, or pin the live one "
            "with `id:`.",
        )
    alike = sorted(each.organization.id for each in look_alikes(wanted, match.unclaimed))
    if not alike:
        return None
    return _blocked(
        wanted,
        BlockReason.AMBIGUOUS,
        f"same domain or display name as {' and '.join(alike)}, which no manifest claims. To adopt that one, add "
        f"`id: {alike[0]}`; to create another organization, add `distinctFrom: [{', '.join(alike)}]`.",
    )


def _with_free_keys(chosen: list[DesiredOrganization], parts: list[_Part], observed: Observed) -> list[_Part]:
    """Refuse an external id that another live organization has; the server would refuse it in every pass."""
    holders = {each.organization.external_id: each.organization.id for each in observed.organizations}
    result = []
    for wanted, part in zip(chosen, parts, strict=True):
        taken = [
            holders[field.after]
            for change in part.changes
            for field in change.fields
            if field.wire == "externalId" and field.after and field.after in holders
        ]
        message = f"{', '.join(taken)} already has this external id. Change it there first, or state another here."
        result.append(_refused(wanted, part, BlockReason.EXTERNAL_ID_HELD, message) if taken else part)
    return result


def _refused(wanted: DesiredOrganization, part: _Part, reason: BlockReason, message: str) -> _Part:
    """Return the part without the organization's own change."""
    return structs.replace(part, changes=(), blocked=(_blocked(wanted, reason, message),), found=0)


def _handed_over(
    chosen: list[DesiredOrganization], parts: list[_Part], desired: Desired, observed: Observed
) -> list[_Part]:
    if not desired.environment.forbid_shared:
        return parts
    changes = [change for part in parts for change in part.changes]
    tied, refused = hand_over(changes, observed.organizations)
    by_key = {change.key: change for change in tied}
    result = []
    for wanted, part in zip(chosen, parts, strict=True):
        key = _key(wanted)
        if key in refused:
            result.append(_refused(wanted, part, BlockReason.DOMAIN_HELD, refused[key]))
        elif key in by_key:
            result.append(structs.replace(part, changes=(by_key[key],)))
        else:
            result.append(part)
    return result


# -- what is below them ----------------------------------------------------------------------------


def _with_children(
    wanted: DesiredOrganization, own: _Part, match: OrganizationMatch, observed: Observed, now: float
) -> _Part:
    live = match.found.get(wanted.name)
    unreadable = any(block.reason is BlockReason.UNREADABLE for block in own.blocked)
    if unreadable or (live is None and not own.changes):
        return own
    collections = _readable(live.collections if live else {})
    parent: str | Ref = live.organization.id if live else Ref(_key(wanted))
    planned = {
        name: _after_parent(plan_collection(wanted, name, collections.get(name, ()), parent), parent)
        for name in wanted.collections
    }
    link = plan_link(wanted, parent, collections, observed.records, now)
    tokens = _tokens(wanted, planned, parent, observed)
    children = (_part(wanted, name, part) for name, part in planned.items())
    secrets = (_Part(issue.changes, issue.blocked, issue.hints) for issue in (link, *tokens))
    return _sum((own, *children, *secrets))


def _part(wanted: DesiredOrganization, name: KindName, planned: CollectionPlan) -> _Part:
    match = planned.match
    blocked = sum(block.name in match.found for block in planned.blocked)
    return _Part(
        changes=planned.changes,
        blocked=planned.blocked,
        hints=planned.hints,
        unmanaged=tuple(Unmanaged(name, each.id, "", wanted.name) for each in match.unmanaged),
        pins=tuple(_child_pins(wanted, name, planned)),
        found=len(match.found) + len(match.unpinned) - blocked,
    )


def _sum(parts: Iterable[_Part]) -> _Part:
    parts = tuple(parts)
    return _Part(
        changes=tuple(each for part in parts for each in part.changes),
        blocked=tuple(each for part in parts for each in part.blocked),
        hints=tuple(each for part in parts for each in part.hints),
        unmanaged=tuple(each for part in parts for each in part.unmanaged),
        pins=tuple(each for part in parts for each in part.pins),
        found=sum(part.found for part in parts),
    )


def _readable(collections: Mapping[KindName, tuple[Child, ...] | Unreadable]) -> dict[KindName, tuple[Child, ...]]:
    return {name: live for name, live in collections.items() if not isinstance(live, Unreadable)}


def _after_parent(part: CollectionPlan, parent: str | Ref) -> CollectionPlan:
    """Make the children of an organization that this plan creates wait for it."""
    if isinstance(parent, str):
        return part
    changes = tuple(structs.replace(c, needs=(parent.key, *c.needs)) for c in part.changes)
    return structs.replace(part, changes=changes)


def _tokens(
    wanted: DesiredOrganization, parts: Mapping[KindName, CollectionPlan], parent: str | Ref, observed: Observed
) -> Iterable[IssuePlan]:
    directories = parts.get(KindName.DIRECTORY)
    if directories is None:
        return
    written = {change.key.name for change in directories.changes}
    for child in wanted.collections[KindName.DIRECTORY]:
        found = directories.match.found.get(child.name)
        if child.issue_token and (found or child.name in written):
            yield plan_token(wanted, child, found.live if found else None, parent, observed.records)


def _child_pins(wanted: DesiredOrganization, name: KindName, part: CollectionPlan) -> Iterable[Pin]:
    for child in wanted.collections[name]:
        found = part.match.found.get(child.name)
        if child.id is None and found:
            yield Pin(name, wanted.name, child.name, found.live.id, child.origin)


# -- values ----------------------------------------------------------------------------------------


def _key(wanted: DesiredOrganization) -> Key:
    return Key(wanted.name, KindName.ORGANIZATION, wanted.name)


def _pin(wanted: DesiredOrganization, live: ObservedOrganization) -> Pin:
    return Pin(KindName.ORGANIZATION, wanted.name, wanted.name, live.organization.id, wanted.origin)


def _blocked(wanted: DesiredOrganization, reason: BlockReason, message: str) -> Blocked:
    return Blocked(
        reason=reason,
        message=message,
        organization=wanted.name,
        kind=KindName.ORGANIZATION,
        name=None,
        origin=wanted.origin,
    )


def _invalid(desired: Desired) -> Iterable[Blocked]:
    for bad in desired.invalid:
        yield Blocked(
            reason=BlockReason.INVALID_MANIFEST,
            message=bad.message,
            organization=bad.name or str(bad.origin),
            kind=KindName.ORGANIZATION,
            name=None,
            origin=bad.origin,
        )


def _unmanaged(match: OrganizationMatch) -> Iterable[Unmanaged]:
    """Return the live organizations that no manifest claims."""
    for live in match.unclaimed:
        yield Unmanaged(KindName.ORGANIZATION, live.organization.id, live.organization.display_name, None)

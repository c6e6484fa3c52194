"""Makes the plan: compares what the manifests say with what is live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct, structs

from reconciler.core.planning.adoption import target
from reconciler.core.planning.children import CollectionPlan, owned_hint, plan_collection
from reconciler.core.planning.diff import diff, initial, live_value
from reconciler.core.planning.digest import digest
from reconciler.core.planning.domain_transfer import Refused, hand_over, kept_domains, shared_domains
from reconciler.core.planning.match import OrganizationMatch, look_alikes, match_organizations
from reconciler.core.planning.order import position
from reconciler.core.planning.secrets import IssuePlan, plan_link, plan_token
from reconciler.core.values import domain
from reconciler.model.change import (
    Blocked,
    BlockReason,
    Change,
    Create,
    Hint,
    HintReason,
    Issue,
    Key,
    Pin,
    Plan,
    Ref,
    Unmanaged,
    Update,
)
from reconciler.model.kinds import ORGANIZATION, WIDENS, KindName
from reconciler.model.settings import NOTHING_PROTECTED, Protected
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


def plan(
    desired: Desired,
    observed: Observed,
    now: float,
    selected: Selected = everything,
    protected: Protected = NOTHING_PROTECTED,
) -> Plan:
    """Return the plan for the selected organizations; all of them are matched, and `protected` ones left alone.

    `now` is in Unix seconds; it decides whether a delivered setup link has expired.
    """
    match = match_organizations(desired, observed)
    chosen = [wanted for wanted in desired.organizations if wanted.suspend is None and selected(wanted)]
    own = [_plan_organization(wanted, match, complete=desired.complete) for wanted in chosen]
    own = [_guarded(wanted, part, match, protected) for wanted, part in zip(chosen, own, strict=True)]
    own = _handed_over(chosen, own, desired, observed)
    total = _sum(
        _with_children(wanted, part, match, observed, now) for wanted, part in zip(chosen, own, strict=True)
    )
    changes = tuple(sorted(total.changes, key=position))
    environment = desired.environment
    written = {change.key.organization for change in changes}
    return Plan(
        environment=environment.name,
        environment_id=observed.environment_id,
        pin=environment.id,
        revision=desired.revision,
        digest=digest(observed.environment_id or environment.id or environment.name, changes),
        changes=changes,
        blocked=(*_invalid(desired), *total.blocked),
        hints=total.hints,
        unmanaged=(*_unmanaged(match), *total.unmanaged) if desired.complete else (),
        pins=total.pins,
        unchanged=total.found - sum(isinstance(change, Update) for change in changes),
        matched=len(match.found),
        suspended={wanted.name: wanted.suspend for wanted in desired.organizations if wanted.suspend is not None},
        targets={
            wanted.name: target(wanted, match.found[wanted.name].organization, observed.records)
            for wanted in chosen
            if wanted.name in match.found and wanted.name in written
        },
        shared_domains=shared_domains(observed.organizations),
        live=len(observed.organizations),
        claimed=len(observed.organizations) - len(match.unclaimed),
        unpinned=sum(wanted.id is None for wanted in desired.organizations),
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


def _guarded(wanted: DesiredOrganization, part: _Part, match: OrganizationMatch, protected: Protected) -> _Part:
    """Return the part, refused if the organization or a domain of it, stated or live, is protected."""
    live = match.found.get(wanted.name)
    stated = wanted.owned.get("domains")
    domains = {domain.normal(each) for each in live.organization.domains} if live else set()
    domains.update(stated if isinstance(stated, tuple) else ())
    ids = {live.organization.id} if live else set()
    found = sorted((ids & protected.organizations) | (domains & protected.domains))
    if not found or wanted.ownership is Ownership.OBSERVE:
        return part
    message = (
        f"the process protects {', '.join(found)}, so no manifest may write to it. Remove this manifest, or state "
        "`ownership: observe`."
    )
    return _refused(wanted, part, BlockReason.PROTECTED, message)


def _refused(wanted: DesiredOrganization, part: _Part, reason: BlockReason, message: str) -> _Part:
    """Return the part without the organization's own change."""
    return structs.replace(part, changes=(), blocked=(_blocked(wanted, reason, message),), found=0)


def _handed_over(
    chosen: list[DesiredOrganization], parts: list[_Part], desired: Desired, observed: Observed
) -> list[_Part]:
    """Order what moves between them; one that has to keep a domain is refused, which may refuse others."""
    live, wanted = observed.organizations, _stated_domains(desired)
    while True:
        tied, refused = hand_over(
            [change for part in parts for change in part.changes],
            live,
            share_domains=not desired.environment.forbid_shared,
        )
        kept = kept_domains(tied, live, wanted, complete=desired.complete)
        if not kept:
            return _tied(chosen, parts, {change.key: change for change in tied}, refused)
        parts = [
            _keeping(each, part, *kept[_key(each)]) if _key(each) in kept else part
            for each, part in zip(chosen, parts, strict=True)
        ]


def _tied(
    chosen: list[DesiredOrganization],
    parts: list[_Part],
    by_key: Mapping[Key, Change],
    refused: Mapping[Key, Refused],
) -> list[_Part]:
    result = []
    for wanted, part in zip(chosen, parts, strict=True):
        key = _key(wanted)
        if key in refused:
            result.append(_refused(wanted, part, refused[key].reason, refused[key].message))
        elif key in by_key:
            result.append(structs.replace(part, changes=(by_key[key],)))
        else:
            result.append(part)
    return result


def _stated_domains(desired: Desired) -> dict[str, tuple[str, ...]]:
    """Return the domains that each manifest states, by handle, also where it cannot be applied."""
    stated = {bad.name or str(bad.origin): bad.domains for bad in desired.invalid}
    for wanted in desired.organizations:
        domains = wanted.owned.get("domains")
        stated[wanted.name] = domains if isinstance(domains, tuple) else ()
    return stated


def _keeping(wanted: DesiredOrganization, part: _Part, name: str, taker: str | None) -> _Part:
    """Return the part of a giver that keeps a domain; the taker is told, too."""
    if taker is None:
        message = f"{name} stays here until every file can be read: one that cannot may take it."
        return _refused(wanted, part, BlockReason.DOMAIN_KEPT, message)
    message = (
        f"{name} moves to {taker}, which cannot take it now, so nobody could sign in by it. It stays here until "
        f"{taker} can be changed. To remove it all the same, remove it from {taker}, too."
    )
    stays = Hint(
        reason=HintReason.DOMAIN_STAYS,
        message=f"{name} stays with {wanted.name} until this organization can take it.",
        organization=taker,
    )
    refused = _refused(wanted, part, BlockReason.DOMAIN_KEPT, message)
    return structs.replace(refused, hints=(*part.hints, stays))


# -- what is below them ----------------------------------------------------------------------------


def _with_children(
    wanted: DesiredOrganization, own: _Part, match: OrganizationMatch, observed: Observed, now: float
) -> _Part:
    live = match.found.get(wanted.name)
    if own.blocked or (live is None and not own.changes):
        return own
    collections = _readable(live.collections if live else {})
    parent: str | Ref = live.organization.id if live else Ref(_key(wanted))
    planned = {
        name: plan_collection(wanted, name, collections.get(name, ()), parent) for name in wanted.collections
    }
    link = plan_link(wanted, parent, collections, observed.records, now)
    tokens = _tokens(wanted, planned, parent, observed)
    children = (_part(wanted, name, part) for name, part in planned.items())
    adopted = live is not None and target(wanted, live.organization, observed.records).adopted
    secrets = (
        _Part(_risky(issue.changes) if adopted else issue.changes, issue.blocked, issue.hints)
        for issue in (link, *tokens)
    )
    return _after(own, _sum((*children, *secrets)))


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


def _risky(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """Mark the secrets of an adopted organization: whoever gets them can let people in."""
    return tuple(structs.replace(each, risk=f"{WIDENS}: a secret for an adopted organization") for each in issues)


def _after(own: _Part, below: _Part) -> _Part:
    """Return both; what is below an organization waits for the organization's own change, if there is one."""
    first = tuple(change.key for change in own.changes)
    changes = tuple(structs.replace(each, needs=each.needs or first) for each in below.changes)
    return _sum((own, structs.replace(below, changes=changes)))


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

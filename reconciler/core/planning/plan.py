"""Makes the plan: compares what the manifests say with what is live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import structs

from reconciler.core.planning.adoption import target
from reconciler.core.planning.children import CollectionPlan, owned_hint, plan_collection
from reconciler.core.planning.diff import diff, initial, live_value
from reconciler.core.planning.digest import digest
from reconciler.core.planning.domain_transfer import shared_domains
from reconciler.core.planning.duplicates import organization_duplicates
from reconciler.core.planning.lone import no_primary, promoted
from reconciler.core.planning.match import OrganizationMatch, look_alikes, match_organizations
from reconciler.core.planning.moves import handed_over
from reconciler.core.planning.order import position
from reconciler.core.planning.part import Part, blocked, key_of, refuse, total
from reconciler.core.planning.secrets import IssuePlan, plan_link, plan_token
from reconciler.core.values import domain
from reconciler.model.change import (
    Blocked,
    BlockReason,
    Create,
    Issue,
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
    Selected,
    Unreadable,
)


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
    if desired.environment.make_lone_primary:
        chosen = [promoted(wanted, match.found.get(wanted.name)) for wanted in chosen]
    own = [_plan_organization(wanted, match, complete=desired.complete) for wanted in chosen]
    if protected != NOTHING_PROTECTED:
        own = [_guarded(wanted, part, match, protected) for wanted, part in zip(chosen, own, strict=True)]
    own = handed_over(chosen, own, desired, observed)
    whole = total(
        _with_children(wanted, part, match, observed, now) for wanted, part in zip(chosen, own, strict=True)
    )
    changes = tuple(sorted(whole.changes, key=position))
    environment, shared = desired.environment, shared_domains(observed.organizations)
    alike = organization_duplicates(chosen, match, shared) if desired.complete else ()
    written = {change.key.organization for change in changes}
    return Plan(
        environment=environment.name,
        environment_id=observed.environment_id,
        pin=environment.id,
        revision=desired.revision,
        digest=digest(observed.environment_id or environment.id or environment.name, changes),
        changes=changes,
        blocked=(*_invalid(desired), *whole.blocked),
        hints=(*whole.hints, *(h for each in chosen for h in no_primary(each, match.found.get(each.name)))),
        unmanaged=(*_unmanaged(match, whole.candidates), *whole.unmanaged) if desired.complete else (),
        pins=whole.pins,
        unchanged=whole.found - sum(isinstance(change, Update) for change in changes),
        matched=len(match.found),
        suspended={wanted.name: wanted.suspend for wanted in desired.organizations if wanted.suspend is not None},
        duplicates=(*alike, *whole.duplicates),
        targets={
            wanted.name: target(wanted, match.found[wanted.name].organization, observed.records)
            for wanted in chosen
            if wanted.name in match.found and wanted.name in written
        },
        shared_domains=shared,
        live=len(observed.organizations),
        claimed=len(observed.organizations) - len(match.unclaimed),
        unpinned=sum(wanted.id is None for wanted in desired.organizations),
    )


# -- the organizations themselves ------------------------------------------------------------------


def _plan_organization(wanted: DesiredOrganization, match: OrganizationMatch, *, complete: bool) -> Part:
    doubt = match.doubts.get(wanted.name)
    if doubt:
        return Part(blocked=(blocked(wanted, doubt.reason, doubt.message),))
    live = match.found.get(wanted.name)
    if live:
        return _update(wanted, live)
    alike = sorted(each.organization.id for each in look_alikes(wanted, match.unclaimed))
    refused = _may_not_be_created(wanted, alike, complete=complete)
    if refused:
        return Part(blocked=(refused,), candidates=frozenset(alike))
    create = Create(
        key=key_of(wanted),
        origin=wanted.origin,
        fields=initial(ORGANIZATION, wanted.owned),
    )
    if wanted.ownership is Ownership.OBSERVE:
        return Part(hints=(owned_hint(wanted, create),))
    return Part(changes=(create,))


def _update(wanted: DesiredOrganization, live: ObservedOrganization) -> Part:
    unreadable = [each for each in live.collections.values() if isinstance(each, Unreadable)]
    if unreadable:
        return Part(blocked=(blocked(wanted, BlockReason.UNREADABLE, unreadable[0].message),))
    pins = () if wanted.id else (_pin(wanted, live),)
    fields = diff(ORGANIZATION, wanted.owned, live.organization)
    if not fields:
        return Part(pins=pins, found=1)
    changed = {field.wire for field in fields}
    depends_on = (set(wanted.owned) | ({"externalId"} if wanted.id is None else set())) - changed
    update = Update(
        key=key_of(wanted),
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
        return Part(hints=(owned_hint(wanted, update),), pins=pins, found=1)
    return Part(changes=(update,), pins=pins, found=1)


def _may_not_be_created(wanted: DesiredOrganization, alike: list[str], *, complete: bool) -> Blocked | None:
    if not complete:
        return blocked(
            wanted,
            BlockReason.INCOMPLETE_SOURCE,
            "another manifest cannot be read, and this organization may be the one in it, renamed. Nothing is "
            "created until every file can be read.",
        )
    if not wanted.owned.get("displayName") and not wanted.owned.get("domains"):
        return blocked(
            wanted,
            BlockReason.NO_IDENTITY,
            "it is not live, and a create cannot be undone. State `displayName` or `domains`, or pin the live one "
            "with `id:`.",
        )
    if not alike:
        return None
    return blocked(
        wanted,
        BlockReason.AMBIGUOUS,
        f"same domain or display name as {' and '.join(alike)}, which no manifest claims. To adopt that one, add "
        f"`id: {alike[0]}`; to create another organization, add `distinctFrom: [{', '.join(alike)}]`.",
    )


def _guarded(wanted: DesiredOrganization, part: Part, match: OrganizationMatch, protected: Protected) -> Part:
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
    return refuse(wanted, part, BlockReason.PROTECTED, message)


# -- what is below them ----------------------------------------------------------------------------


def _with_children(
    wanted: DesiredOrganization, own: Part, match: OrganizationMatch, observed: Observed, now: float
) -> Part:
    live = match.found.get(wanted.name)
    if own.blocked or (live is None and not own.changes):
        return own
    collections = _readable(live.collections if live else {})
    parent: str | Ref = live.organization.id if live else Ref(key_of(wanted))
    planned = {
        name: plan_collection(wanted, name, collections.get(name, ()), parent) for name in wanted.collections
    }
    link = plan_link(wanted, parent, collections, observed.records, now)
    tokens = _tokens(wanted, planned, parent, observed)
    children = (_part(wanted, name, part) for name, part in planned.items())
    issued = [each for each in (link, *tokens) if each.changes or each.blocked or each.hints]
    adopted = bool(issued) and live is not None and target(wanted, live.organization, observed.records).adopted
    secrets = (
        Part(tuple(map(risky, issue.changes)) if adopted else issue.changes, issue.blocked, issue.hints)
        for issue in issued
    )
    return total((own, *_after(own, (*children, *secrets))))


def _part(wanted: DesiredOrganization, name: KindName, planned: CollectionPlan) -> Part:
    match = planned.match
    blocked = sum(block.name in match.found for block in planned.blocked)
    return Part(
        changes=planned.changes,
        blocked=planned.blocked,
        hints=planned.hints,
        unmanaged=tuple(Unmanaged(name, each.id, "", wanted.name) for each in match.unmanaged),
        pins=tuple(_child_pins(wanted, name, planned)),
        duplicates=planned.duplicates,
        found=len(match.found) + len(match.unpinned) - blocked,
    )


def _readable(collections: Mapping[KindName, tuple[Child, ...] | Unreadable]) -> dict[KindName, tuple[Child, ...]]:
    return {name: live for name, live in collections.items() if not isinstance(live, Unreadable)}


def risky(issue: Issue) -> Issue:
    """Mark the secret of an adopted organization: whoever gets it can let people in."""
    return structs.replace(issue, risk=f"{WIDENS}: a secret for an adopted organization")


def _after(own: Part, below: Iterable[Part]) -> Iterable[Part]:
    """Return what is below an organization, made to wait for the organization's own change, if there is one."""
    first = tuple(change.key for change in own.changes)
    if not first:
        return below
    return [
        structs.replace(
            part, changes=tuple(structs.replace(each, needs=each.needs or first) for each in part.changes)
        )
        for part in below
    ]


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


def _pin(wanted: DesiredOrganization, live: ObservedOrganization) -> Pin:
    return Pin(KindName.ORGANIZATION, wanted.name, wanted.name, live.organization.id, wanted.origin)


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


def _unmanaged(match: OrganizationMatch, candidates: frozenset[str]) -> Iterable[Unmanaged]:
    """Return the live organizations that no manifest claims, without those that a message has named already."""
    for live in match.unclaimed:
        if live.organization.id in candidates:
            continue
        yield Unmanaged(KindName.ORGANIZATION, live.organization.id, live.organization.display_name, None)

"""Plans one collection of an organization: creates, updates, and which child is primary."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from reconciler.core.planning.diff import diff, initial, live_value
from reconciler.core.planning.duplicates import child_duplicates
from reconciler.core.planning.match import ChildMatch, Found, match_children
from reconciler.model.change import (
    Blocked,
    BlockReason,
    Collection,
    Create,
    Duplicate,
    Hint,
    HintReason,
    Implied,
    Key,
    Ref,
    Update,
)
from reconciler.model.kinds import IDP_FIELDS, KINDS, Kind, KindName
from reconciler.model.state import Child, DesiredChild, DesiredOrganization, Ownership

PRIMARY = "primary"


class CollectionPlan(Struct, frozen=True):
    """The plan for one collection, and the match that it is made from."""

    changes: tuple[Create | Update, ...]
    blocked: tuple[Blocked, ...]
    hints: tuple[Hint, ...]
    match: ChildMatch
    duplicates: tuple[Duplicate, ...]


class _Scope(Struct, frozen=True):
    """One collection: its organization as declared, its live children, their match, and the organization's id."""

    wanted: DesiredOrganization
    kind: Kind
    live: Sequence[Child]
    match: ChildMatch
    parent: str | Ref

    @property
    def declared(self) -> tuple[DesiredChild, ...]:
        return self.wanted.collections[self.kind.name]

    @property
    def holder(self) -> Child | None:
        """The live child that is primary."""
        return next((each for each in self.live if each.primary), None)


def plan_collection(
    wanted: DesiredOrganization, name: KindName, live: Sequence[Child], parent: str | Ref
) -> CollectionPlan:
    """Match, compare, drop what ownership forbids, and keep a working primary. `live` must be complete."""
    declared = wanted.collections[name]
    match = match_children(name, declared, live, wanted.distinct_from)
    scope = _Scope(wanted, KINDS[name], live, match, parent)
    doubted = [
        blocked_child(wanted, child, match.doubts[child.name].reason, match.doubts[child.name].message)
        for child in declared
        if child.name in match.doubts
    ]
    changes = [change for child in declared if (change := _change(scope, child))]
    owned, held_back = _as_owned(wanted, changes)
    safe, refused = _keep_a_primary(scope, owned)
    return CollectionPlan(
        changes=safe,
        blocked=(*doubted, *refused),
        hints=(*held_back, *_hints(scope)),
        match=match,
        duplicates=child_duplicates(wanted, name, live, match),
    )


def blocked_child(wanted: DesiredOrganization, child: DesiredChild, reason: BlockReason, message: str) -> Blocked:
    """Return the block of a child."""
    return Blocked(
        reason=reason,
        message=message,
        organization=wanted.name,
        kind=child.kind,
        name=child.name,
        origin=child.origin,
    )


# -- what differs ----------------------------------------------------------------------------------


def _change(scope: _Scope, child: DesiredChild) -> Create | Update | None:
    if child.name in scope.match.found:
        return _update(scope, child, scope.match.found[child.name])
    return _create(scope, child) if child.name in scope.match.absent else None


def _create(scope: _Scope, child: DesiredChild) -> Create:
    """An only child is primary, unless its manifest says otherwise."""
    alone = not scope.live and len(scope.declared) == 1
    return Create(
        key=Key(scope.wanted.name, scope.kind.name, child.name),
        origin=child.origin,
        fields=initial(scope.kind, {PRIMARY: alone, **child.owned}, below=scope.parent),
        collection=Collection(scope.parent, scope.declared, scope.wanted.distinct_from, _beside(scope)),
    )


def _beside(scope: _Scope) -> bool:
    """Return whether live children are there that an interrupted rollout cannot have left.

    What it leaves stands in no `id:` line yet, and is as declared.
    """
    declared = {child.name: child for child in scope.declared}
    left = {
        found.live.id
        for name, found in scope.match.found.items()
        if declared[name].id is None and not diff(scope.kind, declared[name].owned, found.live)
    }
    return any(scope.wanted.id is not None or each.id not in left for each in scope.live)


def _update(scope: _Scope, child: DesiredChild, found: Found) -> Update | None:
    fields = diff(scope.kind, child.owned, found.live)
    if not fields:
        return None
    depends_on = {*child.owned, *found.basis} - {field.wire for field in fields}
    return Update(
        key=Key(scope.wanted.name, scope.kind.name, child.name),
        origin=child.origin,
        id=found.live.id,
        parent=found.live.organization_id,
        fields=fields,
        holds={
            field.wire: live_value(field, found.live) for field in scope.kind.fields if field.wire in depends_on
        },
    )


# -- what may be written ---------------------------------------------------------------------------


def _keep_a_primary(
    scope: _Scope, changes: Sequence[Create | Update]
) -> tuple[tuple[Create | Update, ...], tuple[Blocked, ...]]:
    """Refuse what would leave the collection without a working primary; make demotions wait for the promotion.

    When a child becomes primary, the server demotes its sibling, so a demotion alone needs no write.
    """
    children = {child.name: child for child in scope.declared}
    refused = {change.key: no for change in changes if (no := _no_good_primary(scope, change))}
    promotion = next((c for c in changes if _sets(c, primary=True) and c.key not in refused), None)
    safe: list[Create | Update] = []
    for change in changes:
        if change.key in refused:
            continue
        if change is promotion:
            safe.append(_with_implied(scope, change))
        elif not _sets(change, primary=False):
            safe.append(change)
        elif promotion is None:
            refused[change.key] = (BlockReason.PRIMARY, _LEAVES_NONE.format(scope.kind.collection))
        elif len(change.fields) > 1:
            safe.append(structs.replace(change, needs=(promotion.key,)))
    return tuple(safe), tuple(
        blocked_child(scope.wanted, children[key.name], reason, message)
        for key, (reason, message) in refused.items()
    )


_NOT_YET_KNOWN = (
    "{} is primary, and the customer cannot have set this one up yet, since it does not exist. Leave `primary` "
    "out, give the customer its address (`reconciler show`), and make it primary in a later commit."
)
_INCOMPLETE = (
    "a primary connection needs an entity id, a redirect URL and a certificate; without them nobody can sign in. "
    "Make it primary once its identity provider is configured."
)
_LEAVES_NONE = (
    "it is primary, and without it {} would have no primary. State `primary: true` on the one that takes over."
)


def _no_good_primary(scope: _Scope, change: Create | Update) -> tuple[BlockReason, str] | None:
    """Return why the child that the change makes primary cannot be; None if it can, or if none is made primary."""
    if not _sets(change, primary=True):
        return None
    if isinstance(change, Create):
        holder = scope.holder
        return (BlockReason.PRIMARY, _NOT_YET_KNOWN.format(holder.id)) if holder else None
    live = scope.match.found[change.key.name].live
    after = {field.wire: field.after for field in change.fields}
    incomplete = scope.kind.name is KindName.CONNECTION and not all(
        after.get(wire, getattr(live, scope.kind.field(wire).attribute)) for wire in IDP_FIELDS
    )
    return (BlockReason.INCOMPLETE_IDP, _INCOMPLETE) if incomplete else None


def _with_implied(scope: _Scope, promotion: Create | Update) -> Create | Update:
    """Name the sibling that loses `primary`. If there is none, sign-in does not move, and there is no risk."""
    holder = scope.holder
    if holder:
        names = {found.live.id: name for name, found in scope.match.found.items()}
        return structs.replace(promotion, implied=(Implied(holder.id, names.get(holder.id)),))
    fields = (structs.replace(f, risk=None) if f.wire == PRIMARY else f for f in promotion.fields)
    return structs.replace(promotion, fields=tuple(fields))


def _sets(change: Create | Update, *, primary: bool) -> bool:
    return any((field.wire, field.after) == (PRIMARY, primary) for field in change.fields)


def _as_owned(
    wanted: DesiredOrganization, changes: Sequence[Create | Update]
) -> tuple[tuple[Create | Update, ...], tuple[Hint, ...]]:
    """Drop the writes that the organization's ownership forbids, with a hint for each."""
    if wanted.ownership is Ownership.FULL:
        return tuple(changes), ()
    creates = tuple(change for change in changes if isinstance(change, Create))
    kept = creates if wanted.ownership is Ownership.CREATE_ONLY else ()
    dropped = [change for change in changes if change not in kept]
    return kept, tuple(owned_hint(wanted, change) for change in dropped)


def owned_hint(wanted: DesiredOrganization, change: Create | Update) -> Hint:
    """Return the hint that ownership forbids a write."""
    paths = ", ".join(field.path for field in change.fields) or "the whole object"
    return Hint(
        reason=HintReason.OBSERVED_ONLY,
        message=f"`ownership: {wanted.ownership}` holds back this {change.action}: {paths}.",
        organization=wanted.name,
        name=None if change.key.kind is KindName.ORGANIZATION else change.key.name,
    )


def _hints(scope: _Scope) -> tuple[Hint, ...]:
    match, collection = scope.match, scope.kind.collection
    hints = [
        Hint(
            reason=HintReason.UNPINNED,
            message=f"it may be any of {', '.join(ids)}. Nothing has to be written now; add `id:` with the right "
            "one before you change it.",
            organization=scope.wanted.name,
            name=name,
        )
        for name, ids in sorted(match.unpinned.items())
    ]
    if not scope.declared and scope.live:
        ids = ", ".join(each.id for each in match.unmanaged)
        hints.append(
            Hint(
                reason=HintReason.LIVE_CHILDREN,
                message=f"`{collection}: []` expects none, but these are live: {ids}. The API cannot delete them.",
                organization=scope.wanted.name,
            )
        )
    return tuple(hints)

"""Plans which secrets to issue and deliver: bearer tokens and setup links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from reconciler.core.planning.children import blocked_child
from reconciler.model.change import Blocked, BlockReason, Hint, HintReason, Issue, IssueLink, IssueToken, Key, Ref
from reconciler.model.kinds import IDP_FIELDS, KINDS, KindName
from reconciler.model.state import (
    Child,
    DesiredChild,
    DesiredOrganization,
    Ownership,
    Record,
    RecordState,
    SAMLConnection,
    SCIMDirectory,
    SetupLink,
    Unreadable,
)

Records = Mapping[tuple[str, str | None], Record | Unreadable]
LINK = "setup-link"


class IssuePlan(Struct, frozen=True):
    """The secrets to issue for one organization."""

    changes: tuple[Issue, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    hints: tuple[Hint, ...] = ()


def configured(live: Mapping[KindName, Sequence[Child]]) -> SetupLink:
    """Return which parts are configured: a connection with all IdP values, a directory with a token."""
    attributes = [KINDS[KindName.CONNECTION].field(wire).attribute for wire in IDP_FIELDS]
    saml = any(
        all(getattr(each, attribute) for attribute in attributes)
        for each in live.get(KindName.CONNECTION, ())
        if isinstance(each, SAMLConnection)
    )
    scim = any(
        each.has_client_bearer_token
        for each in live.get(KindName.DIRECTORY, ())
        if isinstance(each, SCIMDirectory)
    )
    return SetupLink(saml=saml, scim=scim)


def plan_link(
    wanted: DesiredOrganization,
    parent: str | Ref,
    live: Mapping[KindName, Sequence[Child]],
    records: Records | None,
    now: float,
) -> IssuePlan:
    """Plan a setup link for the wanted parts that are not configured, unless a usable one is delivered.

    `now` is in Unix seconds; `records` is None without a delivery target.
    """
    if wanted.setup_link is None or wanted.ownership is Ownership.OBSERVE:
        return IssuePlan()
    done = configured(live)
    missing = SetupLink(
        saml=wanted.setup_link.saml and not done.saml, scim=wanted.setup_link.scim and not done.scim
    )
    if not missing.saml and not missing.scim:
        return IssuePlan()
    if records is None:
        return IssuePlan(hints=(_no_target(wanted, None, "a setup link"),))
    record = records.get((wanted.name, None))
    unusable = _unusable(record, record.organization_id if isinstance(record, Record) else None, parent)
    if unusable:
        return IssuePlan(blocked=(_blocked_link(wanted, unusable),))
    if _still_good(record, missing, now):
        return IssuePlan()
    change = IssueLink(
        key=Key(wanted.name, KindName.SETUP_LINK, LINK),
        origin=wanted.origin,
        parent=parent,
        extent=missing,
    )
    return IssuePlan(changes=(change,))


def _unusable(record: Record | Unreadable | None, recorded_for: str | None, live: str | Ref) -> str:
    """Return why no secret may replace this record; "" if one may."""
    if isinstance(record, Unreadable):
        return record.message
    if record is None or recorded_for == live:
        return ""
    return (
        f"the delivery target holds a record of {recorded_for} under this name. Move it away if that secret is no "
        "longer needed; it is not overwritten."
    )


def _blocked_link(wanted: DesiredOrganization, message: str) -> Blocked:
    return Blocked(
        reason=BlockReason.UNUSABLE_RECORD,
        message=message,
        organization=wanted.name,
        kind=KindName.SETUP_LINK,
        name=LINK,
        origin=wanted.origin,
    )


def _still_good(record: Record | Unreadable | None, missing: SetupLink, now: float) -> bool:
    """Return whether a valid link for these parts is delivered. A second link does not harm the first."""
    if not isinstance(record, Record) or record.state is not RecordState.ISSUED:
        return False
    covers = (record.saml or not missing.saml) and (record.scim or not missing.scim)
    return covers and (record.expires_at or 0) > now


def plan_token(
    wanted: DesiredOrganization,
    child: DesiredChild,
    live: Child | None,
    parent: str | Ref,
    records: Records | None,
) -> IssuePlan:
    """Plan a bearer token for a directory that has none; `live` is None if this plan creates the directory."""
    if wanted.ownership is Ownership.OBSERVE:
        return IssuePlan()
    record = records.get((wanted.name, child.name)) if records is not None else None
    if isinstance(live, SCIMDirectory) and live.has_client_bearer_token:
        lost = (
            isinstance(record, Record) and record.state is RecordState.PENDING and record.directory_id == live.id
        )
        return IssuePlan(blocked=(_token_lost(wanted, child, live),)) if lost else IssuePlan()
    if records is None:
        return IssuePlan(hints=(_no_target(wanted, child.name, "a bearer token"),))
    key = Key(wanted.name, KindName.DIRECTORY, child.name)
    directory = live.id if live else Ref(key)
    unusable = _unusable(record, record.directory_id if isinstance(record, Record) else None, directory)
    if unusable:
        return IssuePlan(blocked=(blocked_child(wanted, child, BlockReason.UNUSABLE_RECORD, unusable),))
    change = IssueToken(
        key=Key(wanted.name, KindName.BEARER_TOKEN, child.name),
        origin=child.origin,
        parent=parent,
        directory=directory,
        needs=() if live else (key,),
    )
    return IssuePlan(changes=(change,))


def _token_lost(wanted: DesiredOrganization, child: DesiredChild, live: SCIMDirectory) -> Blocked:
    return blocked_child(
        wanted,
        child,
        BlockReason.TOKEN_LOST,
        f"{live.id} has a bearer token that was issued but never delivered. Run `reconciler rotate-token "
        f"{wanted.name} {child.name}` to issue a new one, which the customer has to enter.",
    )


def _no_target(wanted: DesiredOrganization, name: str | None, what: str) -> Hint:
    return Hint(
        reason=HintReason.NO_TARGET,
        message=f"{what} is wanted, but no delivery target is configured. Pass --deliver, or set `deliver` in "
        "reconciler.toml.",
        organization=wanted.name,
        name=name,
    )

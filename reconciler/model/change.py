"""The plan: every write that would be made, as a value that exists before any of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin
from reconciler.model.state import DesiredChild, SetupLink, Value


class Action(StrEnum):
    """What a change does. An issue makes and delivers a secret; it counts for no guard and no digest."""

    CREATE = "create"
    UPDATE = "update"
    ISSUE = "issue"


class Key(Struct, frozen=True, gc=False, order=True):
    """Names a desired resource for ever: the organization's handle, the kind, the child's handle."""

    organization: str
    kind: KindName
    name: str


class Ref(Struct, frozen=True, gc=False):
    """An id that a create of this plan will bring: apply resolves it."""

    key: Key


class FieldChange(Struct, frozen=True):
    """One field's way from before to after; None means that there was no object. `risk` says why it is one."""

    wire: str
    path: str
    before: Value | None
    after: Value
    risk: str | None = None


class Implied(Struct, frozen=True):
    """A sibling that loses `primary` because the server gives it to the one this change promotes."""

    id: str
    name: str | None  # its handle, None if it is not in git


class Collection(Struct, frozen=True):
    """Where a child is created: `parent` is its organization's id or create, `children` are all declared there.

    `distinct_from` are live ids that are none of them.
    """

    parent: str | Ref
    children: tuple[DesiredChild, ...]
    distinct_from: frozenset[str]


class _Planned(Struct, frozen=True):
    """What every change has. `needs` are the changes that must succeed before it starts."""

    key: Key
    origin: Origin
    needs: tuple[Key, ...] = ()


class _WithFields(_Planned, frozen=True, kw_only=True):
    """What a create and an update have in common."""

    fields: tuple[FieldChange, ...] = ()

    @property
    def risks(self) -> tuple[FieldChange, ...]:
        """The fields whose change may stop people from signing in."""
        return tuple(field for field in self.fields if field.risk)


class Create(_WithFields, frozen=True, kw_only=True):
    """Makes an organization, or, where `collection` says so, a child of one."""

    action: ClassVar[Action] = Action.CREATE
    live_id: ClassVar[None] = None
    implied: ClassVar[tuple[Implied, ...]] = ()

    collection: Collection | None = None

    @property
    def parent(self) -> str | Ref | None:
        """The organization's id or create; None for an organization."""
        return self.collection.parent if self.collection else None


class Update(_WithFields, frozen=True, kw_only=True):
    """Changes the live object `id`; `parent` is its organization's id, None for an organization.

    `holds` are the fields that the update does not change but rests on: the other owned ones, and the evidence
    of the match. When one of them differs right before the write, the update is stale.
    """

    action: ClassVar[Action] = Action.UPDATE

    id: str
    parent: str | None = None
    holds: Mapping[str, Value] = {}
    implied: tuple[Implied, ...] = ()

    @property
    def live_id(self) -> str:
        """The id of the object that the change is about."""
        return self.id


class _Issue(_Planned, frozen=True, kw_only=True):
    """`parent` is the organization's id or create."""

    action: ClassVar[Action] = Action.ISSUE
    fields: ClassVar[tuple[FieldChange, ...]] = ()
    implied: ClassVar[tuple[Implied, ...]] = ()
    risks: ClassVar[tuple[FieldChange, ...]] = ()

    parent: str | Ref


class IssueToken(_Issue, frozen=True, kw_only=True):
    """Makes and delivers a bearer token for `directory`: its id or create."""

    directory: str | Ref

    @property
    def live_id(self) -> str | None:
        """The directory's id, where it is live."""
        return self.directory if isinstance(self.directory, str) else None


class IssueLink(_Issue, frozen=True, kw_only=True):
    """Makes and delivers a setup link for what `extent` says."""

    extent: SetupLink

    @property
    def live_id(self) -> str | None:
        """The organization's id, where it is live."""
        return self.parent if isinstance(self.parent, str) else None


Issue = IssueToken | IssueLink
Change = Create | Update | Issue


class BlockReason(StrEnum):
    """Why a resource is left alone although it differs."""

    AMBIGUOUS = "Ambiguous"
    PIN_NOT_FOUND = "PinNotFound"
    CLAIMED_TWICE = "ClaimedTwice"
    NO_IDENTITY = "NoIdentity"  # neither a display name nor domains: never created
    DOMAIN_HELD = "DomainHeld"
    EXTERNAL_ID_HELD = "ExternalIdHeld"
    PRIMARY = "Primary"
    INCOMPLETE_IDP = "IncompleteIdp"
    UNREADABLE = "Unreadable"
    INVALID_MANIFEST = "InvalidManifest"
    TOKEN_LOST = "TokenLost"
    UNUSABLE_RECORD = "UnusableRecord"  # the delivery target holds another object's record, or an unreadable one
    INCOMPLETE_SOURCE = "IncompleteSource"  # some file cannot be parsed, so nothing is created


class Blocked(Struct, frozen=True):
    """A resource that is left alone, why, and what to do. `name` is None for the organization itself."""

    reason: BlockReason
    message: str
    organization: str
    kind: KindName
    name: str | None
    origin: Origin


class HintReason(StrEnum):
    """Why a person may want to look although nothing is wrong."""

    UNPINNED = "Unpinned"
    OBSERVED_ONLY = "ObservedOnly"  # ownership keeps a difference from being written
    LIVE_CHILDREN = "LiveChildren"  # `[]` was declared, but some are live
    NO_TARGET = "NoTarget"  # a secret is wanted, but no delivery target is configured


class Hint(Struct, frozen=True):
    """Something worth knowing that stops nothing."""

    reason: HintReason
    message: str
    organization: str
    name: str | None = None


class Unmanaged(Struct, frozen=True):
    """Live, but not in git: listed and counted, never touched."""

    kind: KindName
    id: str
    display_name: str
    organization: str | None  # the handle of its organization, where that is in git


class Pin(Struct, frozen=True):
    """A match without a pin: the `id:` line that would make it certain."""

    kind: KindName
    organization: str
    name: str
    id: str
    origin: Origin


class Refusal(Struct, frozen=True):
    """A guard's no to a whole plan. One that `approvable` is False for cannot be approved by digest."""

    rule: str
    message: str
    approvable: bool = True


class Plan(Struct, frozen=True):
    """All that apply would do, in the order it would do it, and all that it would leave alone.

    `environment_id` is the live environment's, None while it is empty; `pin` what the manifest states.
    """

    environment: str
    environment_id: str | None
    pin: str | None
    revision: str
    digest: str
    changes: tuple[Change, ...]
    blocked: tuple[Blocked, ...]
    hints: tuple[Hint, ...]
    unmanaged: tuple[Unmanaged, ...]
    pins: tuple[Pin, ...]
    unchanged: int
    matched: int  # organizations in git that are live: what maxChangedPercent is a percentage of
    suspended: Mapping[str, str]  # handle → reason
    refusals: tuple[Refusal, ...] = ()

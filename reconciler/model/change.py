"""The plan: every write that would be made, as a value that exists before any of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

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
    """What a child's create rests on: all that is declared beside it, and which live ones it is not."""

    children: tuple[DesiredChild, ...]
    distinct_from: frozenset[str]


class Change(Struct, frozen=True):
    """One write.

    `id` is the live object's: None for a create, the directory for a token, the organization for a link.
    `parent` is the organization's id, or a Ref to its create; None for an organization. `holds` are the
    fields of an update that it does not change, but rests on: owned ones and the evidence of the match;
    when one has moved, the change is stale. `needs` are changes that must have succeeded before.
    `collection` is there for a child's create, `link` for a setup link.
    """

    action: Action
    key: Key
    origin: Origin
    id: str | Ref | None = None
    parent: str | Ref | None = None
    fields: tuple[FieldChange, ...] = ()
    holds: Mapping[str, Value] = {}
    implied: tuple[Implied, ...] = ()
    needs: tuple[Key, ...] = ()
    collection: Collection | None = None
    link: SetupLink | None = None

    @property
    def risks(self) -> tuple[FieldChange, ...]:
        """The fields whose change may stop people from signing in."""
        return tuple(field for field in self.fields if field.risk)


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

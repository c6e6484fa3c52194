"""The plan: a value that holds every change before the first one is applied."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin
from reconciler.model.state import DesiredChild, SetupLink, Value


class Action(StrEnum):
    """What a change does. An issue makes and delivers a secret; guards and the digest do not count it."""

    CREATE = "create"
    UPDATE = "update"
    ISSUE = "issue"


class Key(Struct, frozen=True, gc=False, order=True):
    """Identifies a desired resource: the organization's handle, the kind, the child's handle."""

    organization: str
    kind: KindName
    name: str


class Ref(Struct, frozen=True, gc=False):
    """Stands for the id of an object that this plan creates; apply resolves it."""

    key: Key


class FieldChange(Struct, frozen=True):
    """One field's values before and after; `before` is None for a create. `risk` says why the change is one."""

    wire: str
    path: str
    before: Value | None
    after: Value
    risk: str | None = None


class Implied(Struct, frozen=True):
    """A sibling that loses `primary`: the server takes it away when this change makes another one primary."""

    id: str
    name: str | None  # its handle, None if it is not in git


class Collection(Struct, frozen=True):
    """The collection that a child is created in.

    `parent` is the organization's id, or a Ref if this plan creates it; `children` are all declared ones;
    `distinct_from` are the ids of live objects that are none of them. `beside` tells whether live children are in
    it that an interrupted rollout cannot have left, so that the create changes what a customer already uses.
    """

    parent: str | Ref
    children: tuple[DesiredChild, ...]
    distinct_from: frozenset[str]
    beside: bool = False


class _Planned(Struct, frozen=True):
    """What every change has. It starts only after all changes in `needs` have succeeded."""

    key: Key
    origin: Origin
    needs: tuple[Key, ...] = ()


class _WithFields(_Planned, frozen=True, kw_only=True):
    """What a create and an update have in common."""

    risk: ClassVar[None] = None

    fields: tuple[FieldChange, ...] = ()

    @property
    def risks(self) -> tuple[str, ...]:
        """Why the changed fields may keep people out or let people in."""
        return tuple(field.risk for field in self.fields if field.risk)


class Create(_WithFields, frozen=True, kw_only=True, tag=True):
    """Creates an organization, or with a `collection`, a child in it."""

    action: ClassVar[Action] = Action.CREATE
    live_id: ClassVar[None] = None
    implied: ClassVar[tuple[Implied, ...]] = ()

    collection: Collection | None = None

    @property
    def parent(self) -> str | Ref | None:
        """The organization's id or Ref; None if this creates the organization itself."""
        return self.collection.parent if self.collection else None


class Update(_WithFields, frozen=True, kw_only=True, tag=True):
    """Changes the live object `id`; `parent` is its organization's id, None for an organization.

    `holds` are unchanged fields that the update depends on: the other owned ones, and those that identified the
    object. If one of them differs right before the write, the update is stale.
    """

    action: ClassVar[Action] = Action.UPDATE

    id: str
    parent: str | None = None
    holds: Mapping[str, Value] = {}
    implied: tuple[Implied, ...] = ()

    @property
    def live_id(self) -> str:
        """The id of the updated object."""
        return self.id


class _Issue(_Planned, frozen=True, kw_only=True):
    """`parent` is the organization's id or Ref; `risk` says why the secret may let people in."""

    action: ClassVar[Action] = Action.ISSUE
    fields: ClassVar[tuple[FieldChange, ...]] = ()
    implied: ClassVar[tuple[Implied, ...]] = ()

    parent: str | Ref
    risk: str | None = None

    @property
    def risks(self) -> tuple[str, ...]:
        """Why the secret may let people in."""
        return (self.risk,) if self.risk else ()


class IssueToken(_Issue, frozen=True, kw_only=True, tag=True):
    """Makes and delivers a bearer token for `directory`, an id or a Ref."""

    directory: str | Ref

    @property
    def live_id(self) -> str | None:
        """The directory's id; None if this plan creates it."""
        return self.directory if isinstance(self.directory, str) else None


class IssueLink(_Issue, frozen=True, kw_only=True, tag=True):
    """Makes and delivers a setup link; `extent` is what the customer may configure with it."""

    extent: SetupLink

    @property
    def live_id(self) -> str | None:
        """The organization's id; None if this plan creates it."""
        return self.parent if isinstance(self.parent, str) else None


Issue = IssueToken | IssueLink
Change = Create | Update | Issue


class BlockReason(StrEnum):
    """Why a resource that differs is not changed."""

    AMBIGUOUS = "Ambiguous"
    PIN_NOT_FOUND = "PinNotFound"
    CLAIMED_TWICE = "ClaimedTwice"
    NO_IDENTITY = "NoIdentity"  # has neither a display name nor domains, so it is never created
    DOMAIN_HELD = "DomainHeld"
    PROTECTED = "Protected"  # the process names it as one that manifests may not write to
    DOMAIN_KEPT = "DomainKept"  # it would give up a domain that its taker cannot take now
    EXTERNAL_ID_HELD = "ExternalIdHeld"
    PRIMARY = "Primary"
    INCOMPLETE_IDP = "IncompleteIdp"
    UNREADABLE = "Unreadable"
    INVALID_MANIFEST = "InvalidManifest"
    TOKEN_LOST = "TokenLost"
    UNUSABLE_RECORD = "UnusableRecord"  # the delivery target holds another object's record, or an unreadable one
    INCOMPLETE_SOURCE = "IncompleteSource"  # a file cannot be parsed, so nothing is created


class Blocked(Struct, frozen=True):
    """A resource that is not changed; `message` says why and what to do. `name` is None for an organization."""

    reason: BlockReason
    message: str
    organization: str
    kind: KindName
    name: str | None
    origin: Origin


class HintReason(StrEnum):
    """Why a hint is given."""

    UNPINNED = "Unpinned"
    OBSERVED_ONLY = "ObservedOnly"  # the organization's ownership forbids the write
    LIVE_CHILDREN = "LiveChildren"  # `[]` is declared, but some are live
    DOMAIN_STAYS = "DomainStays"  # a domain that it states stays where it is
    NO_PRIMARY = "NoPrimary"  # its only directory is not primary
    NO_TARGET = "NoTarget"  # a secret is wanted, but no delivery target is configured


class Hint(Struct, frozen=True):
    """Something worth knowing that is not an error."""

    reason: HintReason
    message: str
    organization: str
    name: str | None = None


class Unmanaged(Struct, frozen=True):
    """A live object that is not in git: listed and counted, never changed."""

    kind: KindName
    id: str
    display_name: str
    organization: str | None  # its organization's handle; None if that is not in git either


class Pin(Struct, frozen=True):
    """The `id:` line that a match is missing in its manifest."""

    kind: KindName
    organization: str
    name: str
    id: str
    origin: Origin


class Target(Struct, frozen=True):
    """A live organization that a plan writes to: its name and domains as they are live.

    If `adopted`, neither a delivery record nor a name or domain in the manifest says that it is the one meant.
    """

    id: str
    display_name: str
    domains: tuple[str, ...]
    adopted: bool


class SharedDomain(Struct, frozen=True):
    """A domain that several live organizations have, with their ids: its people may sign in to any of them."""

    name: str
    ids: tuple[str, ...]


class Duplicate(Struct, frozen=True):
    """Live objects that nothing tells apart, fewer of which are declared; `name` is a declared one's handle."""

    kind: KindName
    organization: str
    name: str
    ids: tuple[str, ...]

    @property
    def message(self) -> str:
        """What is wrong and what to do."""
        return (
            f"nothing tells {' and '.join(self.ids)} apart, and fewer are declared. The API cannot delete one. "
            "Add `id:` with the right one, and list the others in the organization's `distinctFrom`."
        )


class Released(Struct, frozen=True):
    """A live organization that a manifest meant before a change and none does after it; it is left alone."""

    id: str
    display_name: str
    domains: tuple[str, ...]
    organization: str  # its handle
    file: str


class Scope(Struct, frozen=True):
    """What a plan looked at: of the `declared` organizations those `touched` since the commit `base`."""

    base: str
    touched: int
    declared: int


NOT_APPROVED = "notApproved"


class Refusal(Struct, frozen=True):
    """Why a guard refuses the whole plan. If `approvable`, approving the plan's digest lifts it.

    The rule NOT_APPROVED says that another plan was approved.
    """

    rule: str
    message: str
    approvable: bool = True


class Plan(Struct, frozen=True):
    """All that apply would do, in order, and all that it would leave alone.

    `environment_id` is the live environment's id, None while that is empty; `pin` is the id that the manifests
    or the process state. `targets` are the live organizations that it writes to, by handle; `loosened` are the
    rules that the process lets an Environment loosen. With a `scope` it is only about what a change touches. Of
    the `live` organizations, `claimed` are those that a manifest names; `unpinned` manifests name theirs without
    an `id:` line.
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
    matched: int  # how many organizations in git are live
    suspended: Mapping[str, str]  # handle → reason
    refusals: tuple[Refusal, ...] = ()
    targets: Mapping[str, Target] = {}
    shared_domains: tuple[SharedDomain, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    loosened: tuple[str, ...] = ()
    released: tuple[Released, ...] = ()
    scope: Scope | None = None
    age_s: float | None = None  # how old the file was that said what is live
    live: int = 0
    claimed: int = 0
    unpinned: int = 0

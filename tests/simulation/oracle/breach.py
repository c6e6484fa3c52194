"""Names what must never be, so that a planted fault can say which of it it causes."""

from __future__ import annotations

from enum import StrEnum


class Breach(StrEnum):
    """A rule that was broken."""

    HANDS_OFF = "hands off"  # suspended, observed, createOnly, protected
    BLOCKED = "blocked"  # written although a rule blocks it
    WRONG_PLACE = "wrong place"  # created in another organization
    NOT_DUE = "not due"  # written for nothing that the manifests ask for
    TOO_EARLY = "too early"  # before a write that it has to wait for
    WRONG_VALUE = "wrong value"
    LOST_VALUE = "lost value"  # a field that the manifest does not state was not carried through
    STALE = "stale"  # written although it had moved
    AGAIN = "sent again"
    UNSETTLED = "unsettled"  # before the effect of an earlier write could show
    AFTER_STOP = "after stop"
    NOT_RECORDED = "not recorded"
    NOT_DELIVERED = "not delivered"
    UNDONE = "undone"  # due, and not done
    MISJUDGED = "misjudged"  # blocked, or not blocked, against the rules
    MISTAKEN = "mistaken"  # taken for another object than it is
    PLAN_WROTE = "plan wrote"
    DUPLICATE = "duplicate"
    UNPLANNED = "unplanned"
    PARTIAL = "partial"  # a plan made of less than there is
    PRIMARY_LOST = "primary lost"
    DOMAIN_SHARED = "domain shared"
    UNUSUAL = "unusual size"  # written although nobody approved exactly this
    WRONG_ENVIRONMENT = "wrong environment"
    LEAKED = "leaked"
    CRASH = "crash"

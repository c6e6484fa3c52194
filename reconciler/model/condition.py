"""Conditions: what is true of an organization between passes, for people and alerts."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class ConditionType(StrEnum):
    """The types of condition; an organization can have several. The last are an environment's alone."""

    READY = "Ready"
    SUSPENDED = "Suspended"
    BLOCKED = "Blocked"
    CREATE_UNCERTAIN = "CreateUncertain"
    TOKEN_LOST = "TokenLost"
    DUPLICATE = "Duplicate"
    NO_PRIMARY = "NoPrimary"  # beside `Ready`: it is as git has it, and products read people from no directory
    STOPPED = "Stopped"
    MANIFESTS_VANISHED = "ManifestsVanished"


class Condition(Struct, frozen=True):
    """`since` is when `status` last changed, in Unix seconds; `reason` is a stable word, `message` for people."""

    type: ConditionType
    status: bool
    reason: str
    message: str
    revision: str
    since: float

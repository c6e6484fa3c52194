"""What the commands about one customer show, as values that every output format reads."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reconciler.model.state import Certificate, Organization, SAMLConnection, SCIMDirectory


class Customer(Struct, frozen=True):
    """One live organization and all in it; `certificates` are the connections' own, by connection id."""

    organization: Organization
    connections: tuple[SAMLConnection, ...]
    directories: tuple[SCIMDirectory, ...]
    certificates: Mapping[str, Certificate]


class TokenRotation(Struct, frozen=True):
    """Whether the bearer token of a directory was replaced, and the new one delivered."""

    directory_id: str
    delivered: bool

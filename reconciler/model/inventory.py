"""What `list` shows, as values that every output format reads."""

from __future__ import annotations

from msgspec import Struct

from reconciler.model.state import Organization, SAMLConnection, SCIMDirectory


class Listed(Struct, frozen=True):
    """A live organization and what is in it.

    `expires` is the earliest end of its certificates (ISO 8601), "" without any. `manifest` is the handle that
    claims it, None if none does. `unreadable` says why a collection is missing.
    """

    organization: Organization
    connections: tuple[SAMLConnection, ...]
    directories: tuple[SCIMDirectory, ...]
    expires: str
    manifest: str | None
    unreadable: tuple[str, ...]


class Inventory(Struct, frozen=True):
    """All live organizations; `manifests_known` is False where no manifests were named."""

    environment_id: str | None
    organizations: tuple[Listed, ...]
    manifests_known: bool

    @property
    def in_git(self) -> int:
        """How many organizations a manifest claims."""
        return sum(each.manifest is not None for each in self.organizations)

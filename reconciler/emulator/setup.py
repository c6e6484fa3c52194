"""The page behind a setup link, where a customer's administrator changes connections and directories."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from reconciler.emulator.rows import SAMLConnection, SCIMDirectory, settable
from reconciler.emulator.store import C, Store


class SetupPage:
    """One organization's page. Opening it uses up its link. A change keeps the fields that are not given.

    Raises:
        LookupError: The link was opened before or never made, or the organization has no such object.
        PermissionError: The link does not allow it.
    """

    def __init__(self, store: Store, url: str) -> None:
        tokens = parse_qs(urlsplit(url).query).get("one-time-token", [""])
        link = store.open_setup_link(tokens[0])
        if link is None:
            raise LookupError("this setup link was opened before or never made")
        self._store = store
        self._link = link

    @property
    def organization_id(self) -> str:
        """The id of the organization whose page this is."""
        return self._link.organization_id

    def connections(self) -> list[SAMLConnection]:
        """Return the organization's connections, in order of id."""
        self._require(SAMLConnection)
        return self._store.connections(self.organization_id)

    def directories(self) -> list[SCIMDirectory]:
        """Return the organization's directories, in order of id."""
        self._require(SCIMDirectory)
        return self._store.directories(self.organization_id)

    def create_connection(self, **fields: Any) -> SAMLConnection:
        """Make a connection; `fields` as in `Store.put_connection`."""
        self._require(SAMLConnection)
        return self._store.put_connection(self.organization_id, **fields)

    def change_connection(self, connection_id: str, **fields: Any) -> SAMLConnection:
        """Change a connection; `fields` as in `Store.put_connection`."""
        known = self._own(SAMLConnection, connection_id)
        kept = {name: getattr(known, name) for name in settable(SAMLConnection)}
        return self._store.put_connection(self.organization_id, row_id=known.id, **{**kept, **fields})

    def create_directory(self, *, primary: bool = False) -> SCIMDirectory:
        """Make a directory."""
        self._require(SCIMDirectory)
        return self._store.put_directory(self.organization_id, primary=primary)

    def change_directory(self, directory_id: str, *, primary: bool) -> SCIMDirectory:
        """Make a directory primary, or not."""
        known = self._own(SCIMDirectory, directory_id)
        return self._store.put_directory(self.organization_id, row_id=known.id, primary=primary)

    def rotate_bearer_token(self, directory_id: str) -> str:
        """Return a new bearer token, for the administrator to enter at their identity provider."""
        return self._store.rotate_bearer_token(self._own(SCIMDirectory, directory_id).id)

    def _require(self, kind: type[C]) -> None:
        allowed = self._link.can_manage_saml if issubclass(kind, SAMLConnection) else self._link.can_manage_scim
        if not allowed:
            raise PermissionError(f"this setup link does not allow managing a {kind.__name__}")

    def _own(self, kind: type[C], row_id: str) -> C:
        self._require(kind)
        row = self._store.find(kind, row_id)
        if row is None or row.organization_id != self.organization_id:
            raise LookupError(f"no {kind.__name__} {row_id} in this organization")
        return row

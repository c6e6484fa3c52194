"""What a customer's administrator does behind a setup link, at any moment, while others write over the API."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from reconciler.emulator.rows import SAMLConnection, SCIMDirectory, settable
from reconciler.emulator.store import C, Store


class SetupPage:
    """The self-serve page of one organization, open until it is forgotten; its link is spent by opening it.

    A change sends the whole object, as the page does: fields that are not given keep their values.

    Raises:
        LookupError: the link was opened before or never made; no such object in this organization.
        PermissionError: the link does not allow it.
    """

    def __init__(self, store: Store, url: str) -> None:
        tokens = parse_qs(urlsplit(url).query).get("one-time-token", [""])
        link = store.open_setup_link(tokens[0])
        if link is None:
            raise LookupError("this setup link was opened before, or never made")
        self._store = store
        self._link = link

    @property
    def organization_id(self) -> str:
        """Whose page it is."""
        return self._link.organization_id

    def connections(self) -> list[SAMLConnection]:
        """The organization's connections."""
        self._require(SAMLConnection)
        return self._store.connections(self.organization_id)

    def directories(self) -> list[SCIMDirectory]:
        """The organization's directories."""
        self._require(SCIMDirectory)
        return self._store.directories(self.organization_id)

    def create_connection(self, **fields: Any) -> SAMLConnection:
        """A new connection; fields as in `Store.put_connection`."""
        self._require(SAMLConnection)
        return self._store.put_connection(self.organization_id, **fields)

    def change_connection(self, connection_id: str, **fields: Any) -> SAMLConnection:
        """A connection with other values; fields as in `Store.put_connection`."""
        known = self._own(SAMLConnection, connection_id)
        kept = {name: getattr(known, name) for name in settable(SAMLConnection)}
        return self._store.put_connection(self.organization_id, row_id=known.id, **{**kept, **fields})

    def create_directory(self, *, primary: bool = False) -> SCIMDirectory:
        """A new directory."""
        self._require(SCIMDirectory)
        return self._store.put_directory(self.organization_id, primary=primary)

    def change_directory(self, directory_id: str, *, primary: bool) -> SCIMDirectory:
        """A directory that becomes primary, or ceases to be."""
        known = self._own(SCIMDirectory, directory_id)
        return self._store.put_directory(self.organization_id, row_id=known.id, primary=primary)

    def rotate_bearer_token(self, directory_id: str) -> str:
        """A new bearer token, which the administrator enters into their identity provider."""
        return self._store.rotate_bearer_token(self._own(SCIMDirectory, directory_id).id)

    def _require(self, kind: type[C]) -> None:
        allowed = self._link.can_manage_saml if issubclass(kind, SAMLConnection) else self._link.can_manage_scim
        if not allowed:
            raise PermissionError(f"this setup link does not allow to manage a {kind.__name__}")

    def _own(self, kind: type[C], row_id: str) -> C:
        self._require(kind)
        row = self._store.find(kind, row_id)
        if row is None or row.organization_id != self.organization_id:
            raise LookupError(f"no {kind.__name__} {row_id} in this organization")
        return row

"""Everything the emulator holds, and the only code that changes it.

The routes change it for requests; tests and setup pages call the same functions for people who work outside the
Management API. Only one caller may use a store at a time, so each change is a transaction.
"""

from __future__ import annotations

import hashlib
import random
from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from reconciler.emulator import certificates, ids
from reconciler.emulator.exchange import Refusal
from reconciler.emulator.rows import (
    Child,
    Contents,
    Environment,
    Organization,
    Row,
    SAMLConnection,
    SCIMDirectory,
    SetupLink,
)

AUTH_URL = "https://auth.emulator.example"
ENVIRONMENTS = ("production", "development")
PAGE_SIZE = 10

R = TypeVar("R", bound=Row)
C = TypeVar("C", bound=Child)


class SQLError(Refusal):
    """The database refuses a change; nothing was done. The message is the database's."""

    def __init__(self, reason: str, state: str) -> None:
        super().__init__(f"store: ERROR: {reason} (SQLSTATE {state})")


class Store:
    """Two environments and what is in them. `revision` grows with every change."""

    def __init__(self, contents: Contents, rng: random.Random) -> None:
        self.rng = rng
        self.revision = 0
        self.environments = contents.environments
        self.environment_of_key = {
            key: environment
            for environment in contents.environments.values()
            for key in (environment.key, environment.unprivileged_key)
        }
        self._rows: dict[str, Row] = {}
        self._listed: dict[tuple[type[Struct], str], list[str]] = {}
        self._by_external_id: dict[tuple[str, str], str] = {}
        self._bearer_tokens = dict(contents.bearer_tokens)
        self._setup_links = dict(contents.setup_links)
        rows: list[Row] = [*contents.organizations, *contents.saml_connections, *contents.scim_directories]
        for row in rows:
            self._keep(row)

    @classmethod
    def fresh(cls, rng: random.Random) -> Store:
        """Return a store with two empty environments and new keys."""
        environments = {
            name: Environment(ids.ENVIRONMENT.new(rng), ids.API_KEY.new(rng), ids.API_KEY.new(rng))
            for name in ENVIRONMENTS
        }
        return cls(Contents(environments, [], [], [], {}, {}), rng)

    def contents(self) -> Contents:
        """Return everything, to be written to a file."""
        rows = self._rows.values()
        return Contents(
            dict(self.environments),
            [row for row in rows if isinstance(row, Organization)],
            [row for row in rows if isinstance(row, SAMLConnection)],
            [row for row in rows if isinstance(row, SCIMDirectory)],
            dict(self._bearer_tokens),
            dict(self._setup_links),
        )

    # Reading

    def find(self, kind: type[R], row_id: str, environment_id: str | None = None) -> R | None:
        """Return the row with that id; None if there is none, or it is in another environment."""
        row = self._rows.get(row_id)
        if not isinstance(row, kind):
            return None
        if environment_id is not None and self._environment_id(row) != environment_id:
            return None
        return row

    def page(self, kind: type[R], parent_id: str, start: str) -> tuple[list[R], str]:
        """Return ten rows of a list from the id `start` on, and the next page's first id, empty at the end."""
        listed = self._listed.get((kind, parent_id), [])
        first = bisect_left(listed, start)
        page = listed[first : first + PAGE_SIZE + 1]
        following = page.pop() if len(page) > PAGE_SIZE else ""
        return self._all(kind, page), following

    def organizations(self, environment: str) -> list[Organization]:
        """Return the organizations of the environment with that name, in order of id."""
        return self._children(Organization, self.environments[environment].id)

    def connections(self, organization_id: str) -> list[SAMLConnection]:
        """Return an organization's connections, in order of id."""
        return self._children(SAMLConnection, organization_id)

    def directories(self, organization_id: str) -> list[SCIMDirectory]:
        """Return an organization's directories, in order of id."""
        return self._children(SCIMDirectory, organization_id)

    def is_bearer_token(self, directory_id: str, token: str) -> bool:
        """Return whether the directory accepts this token now."""
        return self._bearer_tokens.get(directory_id) == _digest(token)

    # Changing. Without `row_id` a put makes a row; with it, it replaces one, and clears what is not given.

    def put_organization(
        self,
        environment_id: str,
        *,
        row_id: str = "",
        display_name: str = "",
        external_id: str = "",
        domains: Iterable[str] = (),
    ) -> Organization:
        """Make or replace an organization.

        Raises:
            SQLError: The external id is taken in this environment, or a value holds a NUL.
        """
        row = Organization(
            row_id or ids.ORGANIZATION.new(self.rng),
            environment_id,
            display_name,
            external_id,
            tuple(sorted(domains)),
        )
        _check_storable(display_name, external_id, *row.domains)
        if external_id and self._by_external_id.get((environment_id, external_id), row.id) != row.id:
            constraint = "organizations_environment_id_external_id_key"
            raise SQLError(f'duplicate key value violates unique constraint "{constraint}"', "23505")
        return self._keep(row)

    def put_connection(
        self, organization_id: str, *, row_id: str = "", idp_certificate: str = "", **fields: Any
    ) -> SAMLConnection:
        """Make or replace a connection. `fields` are the others that a client may set.

        If it is primary, its siblings are not any more.

        Raises:
            Refusal: The certificate is not one.
            SQLError: A value holds a NUL.
        """
        certificate = certificates.reencoded(idp_certificate)
        _check_storable(*(value for value in fields.values() if isinstance(value, str)))
        row_id = row_id or ids.CONNECTION.new(self.rng)
        address = f"{AUTH_URL}/v1/saml/{row_id}"
        return self._keep_only_primary(
            SAMLConnection(
                id=row_id,
                organization_id=organization_id,
                idp_certificate=certificate,
                sp_entity_id=address,
                sp_acs_url=f"{address}/acs",
                **fields,
            )
        )

    def put_directory(self, organization_id: str, *, row_id: str = "", primary: bool = False) -> SCIMDirectory:
        """Make or replace a directory. If it is primary, its siblings are not any more. Its token stays."""
        row_id = row_id or ids.DIRECTORY.new(self.rng)
        address = f"{AUTH_URL}/v1/scim/{row_id}"
        return self._keep_only_primary(
            SCIMDirectory(row_id, organization_id, primary, address, row_id in self._bearer_tokens)
        )

    def rotate_bearer_token(self, directory_id: str) -> str:
        """Return a new bearer token for a directory; the old one stops working.

        Raises:
            KeyError: There is no such directory.
        """
        row = self.find(SCIMDirectory, directory_id)
        if row is None:
            raise KeyError(directory_id)
        token = ids.BEARER_TOKEN.new(self.rng)
        self._bearer_tokens[directory_id] = _digest(token)
        self._keep(replace(row, has_client_bearer_token=True))
        return token

    def make_setup_link(self, link: SetupLink) -> str:
        """Return the one-time token of a new setup link."""
        token = ids.ONE_TIME_TOKEN.new(self.rng)
        self._setup_links[_digest(token)] = link
        self.revision += 1
        return token

    def open_setup_link(self, token: str) -> SetupLink | None:
        """Return what the link allows, once; None if it was opened before or never made."""
        link = self._setup_links.pop(_digest(token), None)
        self.revision += link is not None
        return link

    def delete(self, row_id: str) -> None:
        """Remove a row and its children, as an operator can outside the Management API."""
        row = self._rows[row_id]
        if isinstance(row, Organization):
            children: list[Child] = [*self.connections(row_id), *self.directories(row_id)]
            for child in children:
                self.delete(child.id)
            self._by_external_id.pop((row.environment_id, row.external_id), None)
        del self._rows[row_id]
        self._listed[type(row), row.parent_id].remove(row_id)
        self._bearer_tokens.pop(row_id, None)
        self.revision += 1

    # Within

    def _children(self, kind: type[R], parent_id: str) -> list[R]:
        return self._all(kind, self._listed.get((kind, parent_id), []))

    def _all(self, kind: type[R], row_ids: Iterable[str]) -> list[R]:
        found = (self._rows[row_id] for row_id in row_ids)
        return [row for row in found if isinstance(row, kind)]

    def _environment_id(self, row: Row) -> str:
        return row.parent_id if isinstance(row, Organization) else self._rows[row.parent_id].parent_id

    def _keep(self, row: R) -> R:
        known = self._rows.get(row.id)
        if known is None:
            insort(self._listed.setdefault((type(row), row.parent_id), []), row.id)
        if isinstance(row, Organization):
            if isinstance(known, Organization):
                self._by_external_id.pop((row.environment_id, known.external_id), None)
            if row.external_id:
                self._by_external_id[row.environment_id, row.external_id] = row.id
        self._rows[row.id] = row
        self.revision += 1
        return row

    def _keep_only_primary(self, row: C) -> C:
        if row.primary:
            for sibling in self._children(type(row), row.organization_id):
                if sibling.primary and sibling.id != row.id:
                    self._keep(replace(sibling, primary=False))
        return self._keep(row)


def _check_storable(*texts: str) -> None:
    if any("\0" in text for text in texts):
        raise SQLError('invalid byte sequence for encoding "UTF8": 0x00', "22021")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

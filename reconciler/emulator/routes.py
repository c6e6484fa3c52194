"""The Management API's routes as a table, and the few functions behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from reconciler.emulator import ids, paging
from reconciler.emulator.exchange import Refusal
from reconciler.emulator.fields import body_of
from reconciler.emulator.ids import Format
from reconciler.emulator.rows import Environment, Organization, Row, SAMLConnection, SCIMDirectory, SetupLink
from reconciler.emulator.store import Store

ADMIN_URL = "https://admin.emulator.example/setup"


class Kind(Struct, frozen=True):
    """A kind of object: where it is, how responses wrap it, how it is stored, and what bodies may hold."""

    row: type[Row]
    format: Format
    path: str
    one: str
    many: str
    put: Callable[..., Row]
    body: type[Struct]


ORGANIZATIONS = Kind(
    Organization,
    ids.ORGANIZATION,
    "/v1/organizations",
    "organization",
    "organizations",
    Store.put_organization,
    body_of(Organization),
)
CONNECTIONS = Kind(
    SAMLConnection,
    ids.CONNECTION,
    "/v1/saml-connections",
    "samlConnection",
    "samlConnections",
    Store.put_connection,
    body_of(SAMLConnection),
)
DIRECTORIES = Kind(
    SCIMDirectory,
    ids.DIRECTORY,
    "/v1/scim-directories",
    "scimDirectory",
    "scimDirectories",
    Store.put_directory,
    body_of(SCIMDirectory),
)


class Call(Struct, frozen=True):
    """An authenticated request, read: what a route's function gets. `row_id` is the id in the path."""

    store: Store
    environment: Environment
    row_id: str
    query: Mapping[str, str]
    body: dict[str, Any]


class Route(Struct, frozen=True):
    """What a method does at a path, and which body and query parameters it takes."""

    act: Callable[[Call, Kind], dict[str, Any]]
    kind: Kind
    body: type[Struct] | None = None
    parameters: frozenset[str] = frozenset()


def _list(call: Call, kind: Kind) -> dict[str, Any]:
    parent_id = _parent_id(call, kind, call.query)
    start = kind.format.prefix + paging.unseal(call.query.get("page_token", ""))
    rows, following = call.store.page(kind.row, parent_id, start)
    response: dict[str, Any] = {kind.many: rows} if rows else {}
    if following:
        response["nextPageToken"] = paging.seal(following.removeprefix(kind.format.prefix), call.store.rng)
    return response


def _get(call: Call, kind: Kind) -> dict[str, Any]:
    return {kind.one: _find(call, kind, call.row_id)}


def _create(call: Call, kind: Kind) -> dict[str, Any]:
    return {kind.one: _put(call, kind, _parent_id(call, kind, call.body), "")}


def _update(call: Call, kind: Kind) -> dict[str, Any]:
    known = _find(call, kind, call.row_id)
    return {kind.one: _put(call, kind, known.parent_id, known.id)}


def _rotate(call: Call, kind: Kind) -> dict[str, Any]:
    return {"bearerToken": call.store.rotate_bearer_token(_find(call, kind, call.row_id).id)}


def _setup_url(call: Call, kind: Kind) -> dict[str, Any]:
    _find(call, kind, call.body["organization_id"])
    token = call.store.make_setup_link(SetupLink(**call.body))
    return {"url": f"{ADMIN_URL}?one-time-token={token}"}


def _find(call: Call, kind: Kind, row_id: str) -> Row:
    kind.format.check(row_id)
    row = call.store.find(kind.row, row_id, call.environment.id)
    if row is None:
        raise Refusal("store: no rows in result set")
    return row


def _parent_id(call: Call, kind: Kind, given: Mapping[str, Any]) -> str:
    if kind is ORGANIZATIONS:
        return call.environment.id
    return _find(call, ORGANIZATIONS, given.get("organization_id", "")).id


def _put(call: Call, kind: Kind, parent_id: str, row_id: str) -> Row:
    values = {name: value for name, value in call.body.items() if name != "organization_id"}
    return kind.put(call.store, parent_id, row_id=row_id, **values)


def _collection(kind: Kind) -> dict[str, dict[str, Route]]:
    owner = frozenset() if kind is ORGANIZATIONS else frozenset({"organization_id"})
    return {
        kind.path: {
            "GET": Route(_list, kind, parameters=owner | {"page_token"}),
            "POST": Route(_create, kind, kind.body),
        },
        f"{kind.path}/*": {"GET": Route(_get, kind), "PATCH": Route(_update, kind, kind.body)},
    }


# By path, in which `*` stands for an id, then by method.
ROUTES: Mapping[str, Mapping[str, Route]] = {
    **_collection(ORGANIZATIONS),
    **_collection(CONNECTIONS),
    **_collection(DIRECTORIES),
    f"{DIRECTORIES.path}/*/rotate-bearer-token": {"POST": Route(_rotate, DIRECTORIES)},
    "/v1/setup-urls": {"POST": Route(_setup_url, ORGANIZATIONS, body_of(SetupLink))},
}

"""The Management API's routes: one row each, and the few functions that they share.

The rows say in which words a route refuses: `scope` stands before every message of its service, `parse`, `find`
and `write` before those about a malformed id, a missing object and the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from reconciler.emulator import ids, messages, paging
from reconciler.emulator.exchange import Refusal, Request
from reconciler.emulator.ids import Format
from reconciler.emulator.messages import Message
from reconciler.emulator.protojson import Type
from reconciler.emulator.rows import (
    Environment,
    Organization,
    Row,
    SAMLConnection,
    SCIMDirectory,
    SetupLink,
    settable,
)
from reconciler.emulator.store import SQLError, Store

ADMIN_URL = "https://admin.emulator.example/setup"


class Kind(Struct, frozen=True):
    """A kind of object: its row, its id, how answers wrap it, how it is stored."""

    row: type[Row]
    format: Format
    one: str
    many: str
    parent: str
    put: Callable[..., Row]


ORGANIZATIONS = Kind(
    Organization,
    ids.ORGANIZATION,
    "organization",
    "organizations",
    "environment_id",
    Store.put_organization,
)
CONNECTIONS = Kind(
    SAMLConnection,
    ids.CONNECTION,
    "samlConnection",
    "samlConnections",
    "organization_id",
    Store.put_connection,
)
DIRECTORIES = Kind(
    SCIMDirectory,
    ids.DIRECTORY,
    "scimDirectory",
    "scimDirectories",
    "organization_id",
    Store.put_directory,
)


class Call(Struct, frozen=True):
    """One authenticated request: what a route's function gets."""

    store: Store
    environment: Environment
    route: Route
    message: Mapping[str, Any]


class Route(Struct, frozen=True):
    """A method and a path (`*` is an id), the message it takes, what it does, and its words of refusal."""

    method: str
    path: str
    request: Message
    act: Callable[[Call, Kind], dict[str, Any]]
    kind: Kind
    body_field: str | None = None  # which field the body fills; "*": the body is the message; None: no body
    scope: str = ""
    parse: str = ""
    find: str = ""
    write: str = ""

    def message(self, request: Request, path_id: str | None) -> dict[str, Any]:
        """The message in a request to this route."""
        if self.body_field == "*":
            return messages.filled_whole(self.request, request)
        return messages.filled(self.request, self.body_field, path_id, request)


def _list(call: Call, kind: Kind) -> dict[str, Any]:
    parent_id = call.environment.id
    if kind is not ORGANIZATIONS:
        parent_id = _find(call, ORGANIZATIONS, call.message.get("organization_id", "")).id
    start = kind.format.prefix + paging.unseal(call.message.get("page_token", ""))
    rows, following = call.store.page(kind.row, parent_id, start)
    answer: dict[str, Any] = {kind.many: rows} if rows else {}
    if following:
        answer["nextPageToken"] = paging.seal(following.removeprefix(kind.format.prefix), call.store.rng)
    return answer


def _get(call: Call, kind: Kind) -> dict[str, Any]:
    return {kind.one: _find(call, kind, call.message["id"])}


def _create(call: Call, kind: Kind) -> dict[str, Any]:
    given = _given(call)
    parent_id = call.environment.id
    if kind is not ORGANIZATIONS:
        parent_id = _find(call, ORGANIZATIONS, given.get("organization_id", "")).id
    return {kind.one: _put(call, kind, parent_id, "")}


def _update(call: Call, kind: Kind) -> dict[str, Any]:
    known = _find(call, kind, call.message["id"])
    return {kind.one: _put(call, kind, getattr(known, kind.parent), known.id)}


def _rotate(call: Call, kind: Kind) -> dict[str, Any]:
    return {"bearerToken": call.store.rotate_bearer_token(_find(call, kind, call.message["id"]).id)}


def _setup_url(call: Call, kind: Kind) -> dict[str, Any]:
    organization = _find(call, kind, call.message.get("organization_id", ""))
    allowed = (call.message.get("can_manage_saml", False), call.message.get("can_manage_scim", False))
    token = call.store.make_setup_link(SetupLink(organization.id, *allowed))
    return {"url": f"{ADMIN_URL}?one-time-token={token}"}


def _find(call: Call, kind: Kind, row_id: str) -> Row:
    route = call.route
    try:
        kind.format.check(row_id)
    except Refusal as refusal:
        raise Refusal(route.scope + route.parse + refusal.message) from refusal
    row = call.store.find(kind.row, row_id, call.environment.id)
    if row is None:
        raise Refusal(f"{route.scope}{route.find}no rows in result set")
    return row


def _put(call: Call, kind: Kind, parent_id: str, row_id: str) -> Row:
    route = call.route
    values = {name: value for name, value in _given(call).items() if name in settable(kind.row)}
    try:
        return kind.put(call.store, parent_id, row_id=row_id, **values)
    except SQLError as error:
        raise Refusal(route.scope + route.write + error.message) from error
    except Refusal as refusal:
        raise Refusal(route.scope + refusal.message) from refusal


def _given(call: Call) -> Mapping[str, Any]:
    given: Mapping[str, Any] = call.message[str(call.route.body_field)]
    return given


def _message(name: str, **fields: Type | Message) -> Message:
    return Message(f"{name}Request", fields)


_ID = Type.STRING
_PAGE = {"page_token": Type.STRING}
_CHILDREN = {"organization_id": _ID, **_PAGE}
_SETUP = {"organization_id": _ID, "can_manage_saml": Type.BOOL, "can_manage_scim": Type.BOOL}
_STORE = "store: "
_CONNECTION_WORDS = {
    "scope": _STORE,
    "parse": "parse saml connection id: ",
    "find": "get saml connection: ",
    "write": "update saml connection: ",
}
_DIRECTORY_WORDS = {"parse": "parse scim directory id: ", "find": "get scim directory: "}

ROUTES = (
    Route("GET", "/v1/organizations", _message("ListOrganizations", **_PAGE), _list, ORGANIZATIONS, scope=_STORE),
    Route("GET", "/v1/organizations/*", _message("GetOrganization", id=_ID), _get, ORGANIZATIONS, scope=_STORE),
    Route(
        "POST",
        "/v1/organizations",
        _message("CreateOrganization", organization=messages.ORGANIZATION),
        _create,
        ORGANIZATIONS,
        "organization",
        scope=_STORE,
    ),
    Route(
        "PATCH",
        "/v1/organizations/*",
        _message("UpdateOrganization", id=_ID, organization=messages.ORGANIZATION),
        _update,
        ORGANIZATIONS,
        "organization",
        scope=_STORE,
    ),
    Route(
        "GET",
        "/v1/saml-connections",
        _message("ListSAMLConnections", **_CHILDREN),
        _list,
        CONNECTIONS,
        scope=_STORE,
    ),
    Route("GET", "/v1/saml-connections/*", _message("GetSAMLConnection", id=_ID), _get, CONNECTIONS, scope=_STORE),
    Route(
        "POST",
        "/v1/saml-connections",
        _message("CreateSAMLConnection", saml_connection=messages.CONNECTION),
        _create,
        CONNECTIONS,
        "saml_connection",
        scope=_STORE,
    ),
    Route(
        "PATCH",
        "/v1/saml-connections/*",
        _message("UpdateSAMLConnection", id=_ID, saml_connection=messages.CONNECTION),
        _update,
        CONNECTIONS,
        "saml_connection",
        **_CONNECTION_WORDS,
    ),
    Route("GET", "/v1/scim-directories", _message("ListSCIMDirectories", **_CHILDREN), _list, DIRECTORIES),
    Route(
        "GET",
        "/v1/scim-directories/*",
        _message("GetSCIMDirectory", id=_ID),
        _get,
        DIRECTORIES,
        **_DIRECTORY_WORDS,
    ),
    Route(
        "POST",
        "/v1/scim-directories",
        _message("CreateSCIMDirectory", scim_directory=messages.DIRECTORY),
        _create,
        DIRECTORIES,
        "scim_directory",
        parse="parse organization id: ",
    ),
    Route(
        "PATCH",
        "/v1/scim-directories/*",
        _message("UpdateSCIMDirectory", id=_ID, scim_directory=messages.DIRECTORY),
        _update,
        DIRECTORIES,
        "scim_directory",
        **_DIRECTORY_WORDS,
    ),
    Route(
        "POST",
        "/v1/scim-directories/*/rotate-bearer-token",
        _message("RotateSCIMDirectoryBearerToken", id=_ID),
        _rotate,
        DIRECTORIES,
        **_DIRECTORY_WORDS,
    ),
    Route(
        "POST",
        "/v1/setup-urls",
        _message("CreateSetupURL", **_SETUP),
        _setup_url,
        ORGANIZATIONS,
        "*",
        scope=_STORE,
        parse="parse organization id: ",
        find="get organization: ",
    ),
)

"""Bounds what a neighbour can do to the endpoints' port: how long a connection lives, and how many there are.

A probe always gets in: where all places are taken, the oldest connection makes room.
"""

from __future__ import annotations

import asyncio
import hmac
import resource
from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any

from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from reconciler.model.settings import Access

HEAD_S = 5.0  # until the head of a request is whole
LIFE_S = 30.0  # of a connection, also of one that reads its response slowly
CONNECTIONS_MAX = 64
DESCRIPTORS_SHARE = 4  # at most a quarter of the process's files: the pass needs the rest
MAX_HEAD_BYTES = 16 * 1024
PROBES = frozenset({"/livez", "/readyz", "/healthz"})

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


def places() -> int:
    """How many connections there may be at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(4, min(CONNECTIONS_MAX, soft // DESCRIPTORS_SHARE)) if soft > 0 else CONNECTIONS_MAX


class Bounded(H11Protocol):
    """A connection for one request, with an end whatever its other side does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Takes a place; the oldest connection leaves if there is none."""
        super().connection_made(transport)
        self._deadlines = [
            self.loop.call_later(HEAD_S, self._end_without_head),
            self.loop.call_later(LIFE_S, transport.abort),
        ]
        self._since = self.loop.time()
        while len(self.connections) > places():
            oldest = min(self.connections, key=lambda each: getattr(each, "_since", 0.0))
            self.connections.discard(oldest)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives the place back."""
        for deadline in self._deadlines:
            deadline.cancel()
        super().connection_lost(exc)

    def _end_without_head(self) -> None:
        if getattr(self, "cycle", None) is None:
            self.transport.abort()


class Guard:
    """Lets a request through whose `Host` is ours and that has the token, if there is one; probes need neither."""

    def __init__(self, app: App, access: Access, listen: str) -> None:
        self._app = app
        self._token = access.token
        own = listen.rpartition(":")[0].strip("[]").lower()
        self._hosts = {"localhost", own, *(host.lower() for host in access.hosts)}

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Passes the request on, or refuses it."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", ())}
        if scope["path"] in PROBES:
            await self._app(scope, receive, send)
        elif not self._is_ours(headers.get("host", "")):
            refused = PlainTextResponse("this host's name is not allowed here: see daemon.hosts\n", 421)
            await refused(scope, receive, send)
        elif not self._may(headers.get("authorization", "")):
            challenge = {"www-authenticate": "Bearer"}
            await PlainTextResponse("a bearer token is needed\n", 401, challenge)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        """Whether a browser that was led here by a name of somebody else did not send this."""
        name = host.rpartition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
        try:
            ip_address(name)
        except ValueError:
            return name.lower() in self._hosts
        return True  # an address is nobody's name

    def _may(self, authorization: str) -> bool:
        if self._token is None:
            return True
        return hmac.compare_digest(authorization.encode("latin-1"), f"Bearer {self._token.reveal()}".encode())

"""The emulator over HTTP: reads requests, adds latency and faults, and runs the server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from reconciler.emulator.emulator import Emulator
from reconciler.emulator.exchange import Request, Response
from reconciler.emulator.faults import RESET, RESPONSES, Trouble, strike

GRACE_S = 1  # how long requests may go on when the server stops

_CONNECTION = "connection"
_LINGER_0 = struct.pack("ii", 1, 0)  # close with a reset


def application(emulator: Emulator, trouble: Trouble, changed: Callable[[], None]) -> ASGIApp:
    """Return the ASGI application. It calls `changed` after a request's effect and before its response."""

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = await _read(scope, receive)
        except ClientDisconnect:
            return  # the body was cut off, so nothing is done
        if trouble.latency_s:
            await asyncio.sleep(trouble.latency_s)
        fault = strike(trouble.faults, emulator.store.rng)
        if fault is None or fault.after:
            response: Response | None = emulator.handle(request)
            changed()
        if fault is not None:
            response = RESPONSES[fault.kind]
        if response is not None:
            await HttpResponse(response.body, response.status, response.headers)(scope, receive, send)
        elif fault is not None and fault.kind == RESET:
            _reset(scope["state"][_CONNECTION])
        else:
            await _gone(receive)

    return endpoint


def server(app: ASGIApp) -> Server:
    """Return a server for the application."""
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config)


class Server(uvicorn.Server):
    """Serves until `stopping` is set; the caller takes care of signals, sockets and logs."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the caller."""
        yield

    async def main_loop(self) -> None:
        """Wait until `stopping` is set."""
        await self.stopping.wait()


class _Protocol(H11Protocol):
    """Hands the connection to the application, so that a fault can reset it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in its base
        super().connection_made(transport)
        self.app_state = {**self.app_state, _CONNECTION: transport}


async def _read(scope: Scope, receive: Receive) -> Request:
    body = await HttpRequest(scope, receive).body()
    query: bytes = scope["query_string"]
    target: bytes = scope["raw_path"] + (b"?" + query if query else b"")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request.of(scope["method"], target.decode("latin-1"), headers, body)


def _reset(transport: asyncio.Transport) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
    transport.abort()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

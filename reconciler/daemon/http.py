"""Serves /livez, /readyz, /healthz, /metrics and /status."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reconciler.daemon.metrics import Metrics
from reconciler.daemon.port import MAX_HEAD_BYTES, Bounded, Guard
from reconciler.daemon.status import Status
from reconciler.model.errors import UsageError
from reconciler.model.settings import OPEN, Access

HEARTBEAT_MAX_S = 60.0
BACKLOG = 512
GRACE_S = 2  # for responses under way when the process ends


def application(status: Status, metrics: Metrics) -> Starlette:
    """The endpoints; none of them sends a request to the API."""

    def livez(_: Request) -> Response:
        alive = asyncio.get_running_loop().time() - status.beat < HEARTBEAT_MAX_S
        return PlainTextResponse("ok\n" if alive else "the loop stands still\n", 200 if alive else 503)

    def readyz(_: Request) -> Response:
        ready = status.ready
        return PlainTextResponse("ok\n" if ready else "not read yet\n", 200 if ready else 503)

    async def on_loop(request: Request) -> Response:
        return {"/livez": livez, "/readyz": readyz, "/healthz": livez}[request.url.path](request)

    # these two are plain functions, which run in a thread: with 10,000 organizations they take a while
    def answer_status(_: Request) -> Response:
        return Response(status.body(), media_type="application/json")

    def answer_metrics(_: Request) -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(
        routes=[
            *(Route(path, on_loop) for path in ("/livez", "/readyz", "/healthz")),
            Route("/status", answer_status),
            Route("/metrics", answer_metrics),
        ]
    )


class _Server(uvicorn.Server):
    """Installs no signal handlers: the loop has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(listen: str, status: Status, metrics: Metrics, access: Access = OPEN) -> AsyncIterator[str]:
    """Serves while the context lasts; gives the address, or raises UsageError if it cannot listen there."""
    listener = _bound(listen)
    config = uvicorn.Config(
        Guard(application(status, metrics), access, listen),
        http=Bounded,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        headers=[("connection", "close")],
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    host, port = listener.getsockname()[:2]
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await task


def _bound(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
        listener.listen(BACKLOG)  # before anybody is told the address
    except (OSError, ValueError, OverflowError):
        listener.close()
        raise UsageError(f"cannot listen at {listen}", "Name a free HOST:PORT with --listen.") from None
    return listener

"""A host with several addresses is reached at the first that answers, and a cancelled attempt leaves no socket."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
from typing import Any

import pytest

from reconciler.model.errors import Unsent
from tests.support.build import org_id
from tests.support.raw_server import RawServer, Talk, client, create, full_backlog

HOST = "several.example"
GOOD, DEAD = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the host have these addresses."""
    real = socket.getaddrinfo

    def to(*addresses: str) -> None:
        def found(host: Any, port: Any, *more: Any, **named: Any) -> Any:
            names = addresses if host == HOST else (host,)
            return [each for name in names for each in real(name, port, *more, **named)]

        monkeypatch.setattr(socket, "getaddrinfo", found)

    return to


def port_of(server: RawServer) -> int:
    return int(server.url.rpartition(":")[2])


def test_an_address_where_nobody_listens_is_passed_over(resolve: Any) -> None:
    resolve(DEAD, DEAD, GOOD)

    async def main() -> list[str]:
        server = RawServer(Talk.behave)
        async with server.listening(), client(f"http://{HOST}:{port_of(server)}") as api:
            return await create(api)

    assert asyncio.run(main()) == [org_id(1)]


def test_an_address_that_does_not_answer_takes_no_more_than_its_part_of_the_time(resolve: Any) -> None:
    resolve(DEAD, GOOD)

    async def main() -> tuple[list[str], float]:
        server = RawServer(Talk.behave)
        async with (
            full_backlog(DEAD) as (port, _),
            server.listening(port=port),
            client(f"http://{HOST}:{port}", timeout_s=1.0) as api,
        ):
            started = asyncio.get_running_loop().time()
            result = await create(api)
            return result, asyncio.get_running_loop().time() - started

    result, took_s = asyncio.run(main())
    assert result == [org_id(1)]
    assert 0.5 <= took_s < 4


@pytest.mark.parametrize(("addresses", "said"), [((DEAD,), "refused"), ((DEAD, DEAD), "refused")])
def test_a_host_that_nobody_answers_for_is_unsent(resolve: Any, addresses: tuple[str, ...], said: str) -> None:
    resolve(*addresses)

    async def main() -> Unsent:
        async with client(f"http://{HOST}:9") as api:
            with pytest.raises(Unsent, match="cannot connect") as caught:
                await create(api)
            return caught.value

    assert said in asyncio.run(main()).message


@pytest.mark.parametrize("turns", range(12))
def test_an_attempt_that_is_cancelled_leaves_no_socket(turns: int) -> None:
    """Cancelled after so many turns of the event loop, wherever that is between looking up and answering."""

    async def main() -> None:
        server = RawServer(Talk.behave)
        async with server.listening():
            async with client(server.url) as api:
                task = asyncio.create_task(create(api))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await asyncio.sleep(0.01)

    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    gc.disable()
    try:
        asyncio.run(main())
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    finally:
        gc.enable()

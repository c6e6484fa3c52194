"""When a pass is made: at start, on a change, at a resync, after a failure, on SIGHUP; and how the loop ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.daemon import triggers
from reconciler.daemon.loop import BUSY_SHARE, next_pass_s
from tests.support.certificates import pem
from tests.support.daemons import A_WHILE_S, Api, Daemon, daemon, environment, organization, source, write

PROMPT_S = 3.0  # what would be waited for lasts ten times as long


def success(status: dict[str, Any]) -> bool:
    return bool(status["result"] == "success")


async def converges(api: Api, here: Daemon, *names: str) -> None:
    """The live environment gets these organizations, without a word from anybody."""
    await here.becomes(lambda _: api.names() == set(names))


async def stays(here: Daemon, number: int) -> None:
    """No further pass comes for a while."""
    await asyncio.sleep(A_WHILE_S)
    assert await here.passes() == number


def test_it_makes_a_pass_at_start_and_ends_when_asked(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme", "globex")

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            await here.becomes(success)
            assert api.names() == {"acme", "globex"}
            assert await here.stop() < PROMPT_S

    asyncio.run(work())


def test_a_file_event_makes_a_pass_long_before_the_poll(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            await here.becomes(success)
            await asyncio.sleep(0.1)
            write(folder, "globex")
            await converges(api, here, "acme", "globex")
            (folder / "acme.yaml").write_text(organization("acme", "  domains: [acme.example]\n"))
            domains = {("acme.example",), ()}
            await here.becomes(lambda _: {o.domains for o in api.store.organizations("production")} == domains)

    asyncio.run(work())


def test_without_file_events_the_poll_finds_every_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(_: str, __: asyncio.Event, moved: asyncio.Event, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await moved.wait()
            await asyncio.sleep(0)

    monkeypatch.setattr(triggers, "_events", none)
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")

    async def work() -> None:
        async with daemon(api, source(folder, api.key()), poll_s=0.05) as here:
            await here.becomes(success)
            write(folder / "below" / "it", "globex")
            await converges(api, here, "acme", "globex")
            await asyncio.sleep(A_WHILE_S)  # a file that is made and then filled may make two passes
            await stays(here, await here.passes())

    asyncio.run(work())


def test_a_file_written_beside_the_folder_wakes_nobody(tmp_path: Path) -> None:
    """Or a log beside the manifests would make the daemon wake itself for ever."""
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            await here.ended(1)
            await asyncio.sleep(0.1)
            for number in range(5):
                (tmp_path / "log.txt").write_text(f"{number}")
                await asyncio.sleep(0.02)
            await stays(here, 1)

    asyncio.run(work())


async def _made_anew(tmp: Path, names: list[str], converged: Callable[[int], Awaitable[None]]) -> None:
    """And then changed within: the watch is on the new one."""
    for number in (2, 4):
        shutil.rmtree(tmp / "m")
        await asyncio.sleep(0.15)
        environment(tmp / "m", "production", *names[: number - 1])
        await converged(number - 1)
        write(tmp / "m", names[number - 1])
        await converged(number)


async def _link_swapped(tmp: Path, names: list[str], converged: Callable[[int], Awaitable[None]]) -> None:
    """As git-sync does: a new worktree, and the link's name moved onto it by a rename."""
    for number in range(2, len(names) + 1):
        environment(tmp / f"worktree-{number}" / "manifests", "production", *names[:number])
        (tmp / "new").symlink_to(f"worktree-{number}")
        (tmp / "new").rename(tmp / "link")
        shutil.rmtree(tmp / f"worktree-{number - 1}")
        await converged(number)


async def _config_map(tmp: Path, names: list[str], converged: Callable[[int], Awaitable[None]]) -> None:
    """As the kubelet does: files are links through `..data`, which is swapped by a rename."""
    mount = tmp / "mount"
    for number in range(2, len(names) + 1):
        environment(mount / f"..{number}", "production", *names[:number])
        (mount / "..new").symlink_to(f"..{number}")
        (mount / "..new").rename(mount / "..data")
        for path in (mount / f"..{number}").iterdir():
            if not (mount / path.name).is_symlink():
                (mount / path.name).symlink_to(f"..data/{path.name}")
        shutil.rmtree(mount / f"..{number - 1}")
        await converged(number)


def _begin_made_anew(tmp: Path) -> Path:
    return environment(tmp / "m", "production", "a")


def _begin_link_swapped(tmp: Path) -> Path:
    environment(tmp / "worktree-1" / "manifests", "production", "a")
    (tmp / "link").symlink_to("worktree-1")
    return tmp / "link" / "manifests"


def _begin_config_map(tmp: Path) -> Path:
    mount = tmp / "mount"
    environment(mount / "..1", "production", "a")
    (mount / "..data").symlink_to("..1")
    for path in (mount / "..1").iterdir():
        (mount / path.name).symlink_to(f"..data/{path.name}")
    return mount


@pytest.mark.parametrize(
    ("begin", "go_on"),
    [
        (_begin_made_anew, _made_anew),
        (_begin_link_swapped, _link_swapped),
        (_begin_config_map, _config_map),
    ],
    ids=["a folder deleted and made anew", "a git-sync link swapped", "a ConfigMap swapped"],
)
def test_a_watch_survives(
    tmp_path: Path,
    begin: Callable[[Path], Path],
    go_on: Callable[[Path, list[str], Callable[[int], Awaitable[None]]], Awaitable[None]],
) -> None:
    """Three times over, on file events alone."""
    api, names = Api(), ["a", "b", "c", "d"]

    async def work() -> None:
        async with daemon(api, source(begin(tmp_path), api.key())) as here:
            await here.becomes(success)

            async def converged(number: int) -> None:
                await converges(api, here, *names[:number])
                await here.becomes(success)
                await asyncio.sleep(0.1)

            await go_on(tmp_path, names, converged)

    asyncio.run(work())


def test_a_drift_nobody_announced_is_put_right_at_the_resync(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")

    async def work() -> None:
        async with daemon(api, source(folder, api.key()), resync_s=0.1) as here:
            await here.becomes(success)
            live = api.store.organizations("production")[0]
            api.store.put_organization(
                live.environment_id, row_id=live.id, external_id="acme", display_name="Other"
            )
            await here.becomes(lambda _: api.store.organizations("production")[0].display_name == "Acme")

    asyncio.run(work())


def test_it_stays_up_while_the_api_is_away_and_tries_again(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")
    api.away = True

    async def work() -> None:
        async with daemon(api, source(folder, api.key()), retry_s=0.05) as here:
            status = await here.ended(3)
            assert status["conditions"][0]["reason"] == "Unsent"
            assert "cannot connect" in status["message"]
            assert (await here.get("/livez")).status_code == 200
            assert (await here.get("/readyz")).status_code == 200
            api.away = False
            await here.becomes(success)
            assert api.names() == {"acme"}

    asyncio.run(work())


def test_sighup_makes_a_pass(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            await here.ended(1)
            os.kill(os.getpid(), signal.SIGHUP)
            await here.ended(2)
            await stays(here, 2)

    asyncio.run(work())


def test_a_file_that_is_not_read_wakes_nobody_however_often_it_is_written(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")

    async def work() -> None:
        async with daemon(api, source(folder, api.key()), poll_s=0.02) as here:
            await here.becomes(success)
            for number in range(10):
                (folder / "log.txt").write_text(f"{number}")
                await asyncio.sleep(0.02)
            await stays(here, 1)

    asyncio.run(work())


def test_a_change_of_a_file_that_a_manifest_refers_to_makes_a_pass(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production")
    idp = "{entityId: e, redirectUrl: 'https://idp.example/', certificate: {file: acme.pem}}"
    write(folder, "acme", organization("acme", f"  samlConnections: [{{name: okta, idp: {idp}}}]\n"))

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            await here.becomes(lambda status: status["errors"] == 1)
            (folder / "acme.pem").write_text(pem())
            await here.becomes(success)
            assert api.names() == {"acme"}

    asyncio.run(work())


def test_triggers_without_end_are_one_within_the_distance_of_two_passes(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")
    distance_s = 0.4

    async def work() -> None:
        async with daemon(api, source(folder, api.key()), distance_s=distance_s) as here:
            await here.becomes(success)
            started = time.monotonic()
            for number in range(100):
                os.kill(os.getpid(), signal.SIGHUP)
                (folder / "acme.yaml").write_text(organization("acme", f"  # {number}\n"))
                await asyncio.sleep(0.01)
            most = (time.monotonic() - started) / distance_s + 2
            assert await here.passes() <= most
            await here.ended(2)

    asyncio.run(work())


def test_the_distance_of_two_passes_does_not_delay_the_end(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")

    async def work() -> None:
        async with daemon(api, source(folder, api.key()), distance_s=30.0) as here:
            await here.becomes(success)
            os.kill(os.getpid(), signal.SIGHUP)
            await stays(here, 1)
            assert await here.stop() < PROMPT_S

    asyncio.run(work())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_running_write_ends_and_no_other_starts(tmp_path: Path, number: int) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", *(f"o{n}" for n in range(20)))
    api.put("there")  # the live environment is known, so that organizations are created side by side
    held, go = asyncio.Event(), asyncio.Event()

    async def hold(_: Any) -> None:
        held.set()
        await go.wait()

    async def work() -> None:
        api.on_write = hold
        async with daemon(api, source(folder, api.key())) as here:
            await held.wait()
            await asyncio.sleep(0.05)
            under_way = len(api.writes)
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.05)
            ended_early = here.task.done()
            go.set()
            await here.task
            assert not ended_early
            assert 1 <= under_way <= 4
            assert len(api.writes) == under_way
            assert len(api.names()) == 1 + under_way

    asyncio.run(work())


def test_a_wait_for_things_to_settle_does_not_delay_the_end(tmp_path: Path) -> None:
    api = Api()
    api.put("acme", display_name="Acme")
    folder = environment(tmp_path / "m", "production")
    write(folder, "acme", organization("acme", "  scimDirectories: [{name: okta}]\n"))

    async def work() -> None:
        async with daemon(api, source(folder, api.key(), settle_s=30.0)) as here:
            await asyncio.sleep(0.2)
            assert await here.stop() < PROMPT_S
            assert not api.writes

    asyncio.run(work())


def test_a_pause_before_a_read_is_repeated_does_not_delay_the_end(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")
    api.away = True

    async def work() -> None:
        async with daemon(api, source(folder, api.key()), attempts=1000) as here:
            await asyncio.sleep(0.3)
            assert await here.stop() < PROMPT_S

    asyncio.run(work())


def test_a_slow_disk_stops_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in threads: the endpoints answer meanwhile."""
    from reconciler.delivery.directory import Directory  # noqa: PLC0415 patched here alone

    reading = Directory.read
    begun, ended = threading.Event(), threading.Event()

    def slow(self: Directory, *handle: Any) -> Any:
        if not begun.is_set():
            begun.set()
            time.sleep(1.5)
            ended.set()
        return reading(self, *handle)

    monkeypatch.setattr(Directory, "read", slow)
    api, folder = Api(), environment(tmp_path / "m", "production")
    write(folder, "acme", organization("acme", "  setupLink: {saml: true}\n"))

    async def work() -> None:
        async with daemon(api, source(folder, api.key(), deliver_path=str(tmp_path / "out"))) as here:
            await asyncio.to_thread(begun.wait, 5)
            assert (await here.get("/livez")).status_code == 200
            assert not ended.is_set()
            await here.becomes(success)

    asyncio.run(work())


times = st.floats(0.001, 1e5)
jitters = st.floats(0, 1, exclude_max=True)


@given(times, times, jitters)
def test_after_a_good_pass_the_api_is_left_alone_for_twenty_times_its_length(
    took_s: float, resync_s: float, jitter: float
) -> None:
    pause_s = next_pass_s(0, took_s, resync_s, jitter)
    assert pause_s >= BUSY_SHARE * took_s
    assert pause_s >= 0.9 * resync_s
    assert pause_s <= max(BUSY_SHARE * took_s, 1.1 * resync_s)


@given(st.integers(1, 10_000), times, times, jitters)
def test_after_a_failure_the_next_pass_comes_sooner_and_then_later_and_later(
    failures: int, took_s: float, resync_s: float, jitter: float
) -> None:
    resync = next_pass_s(0, took_s, resync_s, jitter)
    pause_s = next_pass_s(failures, took_s, resync_s, jitter)
    assert 0 < pause_s <= resync
    assert pause_s <= next_pass_s(failures + 1, took_s, resync_s, jitter)
    assert next_pass_s(10_000, took_s, resync_s, 0.99) >= 0.9 * min(resync_s, resync)


def test_processes_that_started_together_do_not_come_back_together() -> None:
    assert len({next_pass_s(0, 1, 600, jitter / 10) for jitter in range(10)}) == 10
    assert len({next_pass_s(3, 1, 600, jitter / 10) for jitter in range(10)}) == 10

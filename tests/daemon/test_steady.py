"""The daemon reads a folder that is not swapped as a whole only after it stood still for a second."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from reconciler.daemon.steady import MAX_LOOKS, steady
from reconciler.engine.runtime import RecentWrites, Runtime
from reconciler.model.errors import Interrupted, SourceError
from reconciler.model.state import Loaded
from reconciler.source.snapshot import FolderDigest
from tests.simulation.clock import run
from tests.support.folders import organization, sound

Act = Callable[[], None]


def read(folder: Path, *acts: tuple[float, Act], stop_at_s: float | None = None) -> tuple[Loaded, float]:
    """What was read, and when, while somebody acts at these times."""

    async def main() -> tuple[Loaded, float]:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for at_s, act in acts:
            loop.call_at(at_s, act)
        if stop_at_s is not None:
            loop.call_at(stop_at_s, stop.set)
        load = await steady(FolderDigest(str(folder)), Runtime(recent_writes=RecentWrites(0.0)), stop)
        return load(str(folder), now=0.0, allow_empty=False), loop.time()

    return run(main)


def write(path: Path, text: str) -> None:
    path.write_text(text)


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "commit.gpgsign=false")
    run_ = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return run_.stdout.strip()


def names(loaded: Loaded) -> list[str]:
    assert loaded.desired
    return [each.name for each in loaded.desired.organizations]


def test_a_folder_that_stands_still_is_read_after_a_second(tmp_path: Path) -> None:
    loaded, at_s = read(sound(tmp_path, {}))
    assert (names(loaded), at_s) == (["sound"], 1.0)


def test_a_manifest_that_is_written_in_two_pieces_is_never_read_by_half(tmp_path: Path) -> None:
    folder, path = sound(tmp_path, {}), tmp_path / "acme.yaml"
    whole = organization("acme", "\n  domains: [acme.example, acme.test]")
    loaded, at_s = read(
        folder,
        (0.5, lambda: write(path, whole.replace(", acme.test", ""))),
        (1.5, lambda: write(path, whole)),
    )
    assert at_s == 3.0
    assert loaded.problems == ()
    assert names(loaded) == ["acme", "sound"]


def test_a_folder_behind_a_link_is_read_at_once(tmp_path: Path) -> None:
    sound(tmp_path / "worktree", {})
    (tmp_path / "current").symlink_to("worktree")
    loaded, at_s = read(tmp_path / "current")
    assert (names(loaded), at_s) == (["sound"], 0.0)


def test_what_changed_since_the_look_is_not_believed(tmp_path: Path) -> None:
    folder = sound(tmp_path, {})

    async def main() -> None:
        load = await steady(FolderDigest(str(folder)), Runtime(recent_writes=RecentWrites(0.0)), asyncio.Event())
        (folder / "late.yaml").write_text(organization("late"))
        load(str(folder), now=0.0, allow_empty=False)

    with pytest.raises(SourceError, match="changed while it was read"):
        run(main)


def test_a_folder_that_never_stands_still_is_an_error(tmp_path: Path) -> None:
    folder, path = sound(tmp_path, {}), tmp_path / "log.yaml"
    acts = [(n + 0.5, partial(write, path, "# " * n)) for n in range(MAX_LOOKS + 1)]
    with pytest.raises(SourceError, match="does not stop changing"):
        read(folder, *acts)


def test_a_clone_below_a_linked_parent_is_read_only_after_a_second(tmp_path: Path) -> None:
    sound(tmp_path / "disk" / "repository" / "manifests", {})
    git(tmp_path / "disk" / "repository", "init", "--quiet")
    (tmp_path / "home").symlink_to("disk")
    loaded, at_s = read(tmp_path / "home" / "repository" / "manifests")
    assert (names(loaded), at_s) == (["sound"], 1.0)


CHECKOUTS, FILES = 8, 40


def test_a_real_checkout_in_the_middle_is_never_read_by_half(tmp_path: Path) -> None:
    """Whatever is believed is one commit, whole, under its own name, while git checks out two in turn."""
    repository, commits = tmp_path / "repository", {}
    for branch in ("a", "b"):
        for number in range(FILES):
            sound(repository / "m", {f"{number}.yaml": organization(f"{branch}{number}")})
        if branch == "a":
            git(repository, "init", "--quiet", "--initial-branch=a")
        else:
            git(repository, "checkout", "--quiet", "-b", "b")
        git(repository, "add", ".")
        git(repository, "commit", "--quiet", f"--message={branch}")
        commits[git(repository, "rev-parse", "HEAD")] = branch

    def check_out() -> None:
        for number in range(CHECKOUTS):
            git(repository, "checkout", "--quiet", "ab"[number % 2])
            time.sleep(0.02 * number)

    async def main() -> int:
        runtime = Runtime(recent_writes=RecentWrites(0.0), aside=asyncio.to_thread, look_again_s=0.1)
        working, whole, last = asyncio.create_task(asyncio.to_thread(check_out)), 0, False
        while not last:
            last = working.done()
            try:
                load = await steady(FolderDigest(str(repository / "m")), runtime, asyncio.Event())
                loaded = await asyncio.to_thread(partial(load, str(repository / "m"), now=0.0, allow_empty=False))
            except SourceError:
                continue
            branch = commits[loaded.revision]
            assert names(loaded) == sorted(["sound", *(f"{branch}{number}" for number in range(FILES))])
            whole += 1
        await working
        return whole

    assert asyncio.run(main()) >= 1


def test_who_is_asked_to_stop_waits_no_longer(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        read(sound(tmp_path, {}), stop_at_s=0.25)

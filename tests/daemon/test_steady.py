"""The daemon reads a folder that is not swapped as a whole only after it stood still for a second."""

from __future__ import annotations

import asyncio
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


def test_who_is_asked_to_stop_waits_no_longer(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        read(sound(tmp_path, {}), stop_at_s=0.25)

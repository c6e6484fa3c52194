"""Kills the reconciler at a boundary, starts it again, and judges: each object once, no torn file, no lost secret.

python -m tests.e2e.kills --all      every boundary of `apply` and of `run --once`, with the figures
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from msgspec import Struct

from reconciler.emulator import Store
from reconciler.emulator.rows import SCIMDirectory, SetupLink
from tests.e2e.stage import Boundary, Hook, Stage, Torn, stage

APPLY = ("apply", "--yes")
ONCE = ("run", "--once")
PLAN = ["plan", "--detailed-exitcode", "--output", "json"]
NEXT_RUNS = 3  # one repairs; a write that lands late makes the first stale, and the second repairs
ROTATE = "POST /v1/scim-directories/{id}/rotate-bearer-token"


class Case(Struct, frozen=True):
    """A command, how many requests at once, and what happens to it where."""

    command: tuple[str, ...]
    lanes: int
    boundary: Boundary
    signal: int = signal.SIGKILL

    def __str__(self) -> str:
        blow = signal.Signals(self.signal).name
        return f"{' '.join(self.command)} with {self.lanes} lanes: {blow} {self.boundary}"

    @property
    def argv(self) -> list[str]:
        return [*self.command, "--concurrency", str(self.lanes)]


class Figures(Struct):
    """What a campaign came to."""

    kills: int = 0
    asked_to_stop: int = 0
    boundaries: int = 0
    next_runs: int = 0
    tokens_lost: int = 0
    duplicates: int = 0
    torn_files: int = 0
    failures: int = 0
    writes_after_signal_max: int = 0

    def __str__(self) -> str:
        return (
            f"{self.kills} killed and {self.asked_to_stop} asked to stop at {self.boundaries} boundaries; "
            f"{self.next_runs} runs converged them; {self.duplicates} duplicates, {self.torn_files} torn files, "
            f"{self.tokens_lost} tokens lost on the way and said to be, at most {self.writes_after_signal_max} "
            "writes per lane after a signal"
        )


def judge(on: Stage, case: Case, figures: Figures) -> None:
    """Plays one case; AssertionError says what does not hold."""
    store, folder, hook = on.set(), on.folder(), on.hook
    place = case.boundary
    hook.begin(store, None if place.of_a_file else place, case.signal)
    code = on.run(folder, case.argv, place if place.of_a_file else None)
    figures.boundaries += 1
    if case.signal == signal.SIGKILL:
        assert code == -signal.SIGKILL, f"the boundary was not met: exit code {code}\n{on.said()}"
        figures.kills += 1
    else:
        _drained(on, case, code, figures)
    _converges(on, folder, case, figures)


def _drained(on: Stage, case: Case, code: int, figures: Figures) -> None:
    """Asked to stop, it ends what runs and says that it was interrupted, unless nothing was left."""
    after = on.hook.after_signal
    assert after is not None, "the boundary was not met"
    writes = sum(not route.startswith("GET") for route in after)
    assert writes <= case.lanes, f"{writes} writes after the signal: {after}"
    assert code in {0, 5}, f"exit code {code}\n{on.said()}"
    assert (code == 0) == (shape(on.hook.store) == FINAL), f"exit code {code}\n{on.said()}"
    assert "Traceback" not in on.said()
    figures.asked_to_stop += 1
    figures.writes_after_signal_max = max(figures.writes_after_signal_max, -(-writes // case.lanes))


def _converges(on: Stage, folder: Path, case: Case, figures: Figures) -> None:
    hook, late = on.hook, on.hook.late
    made = rotations(hook)
    on.records(folder)  # whole, also right after the kill
    for _ in range(NEXT_RUNS):
        hook.begin(hook.store)
        hook.late, late = late, None
        code = on.run(folder, case.argv)
        figures.next_runs += 1
        made += rotations(hook)
        lost = code == 4 and tokens_lost(on, folder)
        if code == 0 or (lost and shape(hook.store) == FINAL):
            break
        assert code == 4, f"exit code {code}\n{on.said()}"
    found = shape(hook.store)
    figures.duplicates += max(0, objects(found) - objects(FINAL))
    assert found == FINAL, found
    _secrets(on, folder, made, figures)
    hook.begin(hook.store)
    code = on.run(folder, PLAN)
    plan = json.loads(on.said())
    assert plan["changes"] == []
    assert code in ({4} if plan["blocked"] else {0})


def _secrets(on: Stage, folder: Path, made: int, figures: Figures) -> None:
    """A token is delivered and good, or said to be lost; none is ever made twice."""
    store, records = on.hook.store, on.records(folder)
    assert made == 2, f"{made} tokens were made for 2 directories"
    for handle in ("acme", "globex"):
        record = records[f"{handle}/scim-okta.json"]
        directory = record["directoryId"]
        live = store.find(SCIMDirectory, directory)
        assert live
        assert live.has_client_bearer_token
        if record["state"] == "issued":
            assert store.is_bearer_token(directory, record["bearerToken"])
            assert record["scimBaseUrl"] == live.scim_base_url
        else:
            figures.tokens_lost += 1
            assert handle in tokens_lost(on, folder)
    link = records["initech/setup-link.json"]
    assert link["state"] == "issued"
    opened = store.open_setup_link(link["url"].partition("one-time-token=")[2])
    assert opened == SetupLink(link["organizationId"], can_manage_saml=True, can_manage_scim=True)


def rotations(hook: Hook) -> int:
    """How many tokens were made in the last run: one that was killed before a request is not served it."""
    unserved = hook.boundary is not None and hook.boundary.what == ROTATE and hook.boundary.moment == "before"
    dead = hook.signal == signal.SIGKILL and hook.seen.get(ROTATE, 0) >= 1
    return hook.seen.get(ROTATE, 0) - (1 if unserved and dead else 0)


def tokens_lost(on: Stage, folder: Path) -> set[str]:
    """The organizations of which a plan says that a token was lost."""
    on.hook.begin(on.hook.store)
    on.run(folder, PLAN)
    return {block["organization"] for block in json.loads(on.said())["blocked"] if block["reason"] == "TokenLost"}


def objects(live: list[Any]) -> int:
    """How many organizations, connections and directories there are."""
    return sum(1 + len(connections) + len(directories) for *_, connections, directories in live)


def shape(store: Store) -> list[Any]:
    """What is live, without ids."""
    return [
        [
            each.external_id,
            each.display_name,
            sorted(each.domains),
            sorted(
                [c.idp_entity_id, c.idp_redirect_url, bool(c.idp_certificate), c.primary]
                for c in store.connections(each.id)
            ),
            [[d.primary, d.has_client_bearer_token] for d in store.directories(each.id)],
        ]
        for each in sorted(store.organizations("production"), key=lambda each: each.external_id)
    ]


FINAL: list[Any] = [
    [
        "acme",
        "acme Inc",
        ["acme.example", "moving.example"],
        [["", "", False, False], ["https://okta.example", "https://okta.example/sso", True, True]],
        [[True, True]],
    ],
    [
        "globex",
        "globex Inc",
        ["globex.example"],
        [
            ["https://new.example", "https://new.example/sso", True, True],
            ["https://old.example", "https://old.example/sso", True, False],
        ],
        [[True, True]],
    ],
    ["initech", "initech Inc", [], [["", "", False, True]], []],
]


# -- the campaign


def cases(on: Stage) -> Iterator[Case]:
    """Every boundary there is, found by letting each command run undisturbed."""
    for command in (APPLY, ONCE):
        for lanes in (1, 4):
            on.hook.begin(on.set())
            folder = on.folder()
            assert on.run(folder, [*command, "--concurrency", str(lanes)]) == 0, on.said()
            assert shape(on.hook.store) == FINAL
            for line in on.hook.log:
                yield from _of_request(command, lanes, *line.rsplit(" ", 1))
            for line in on.steps() if lanes == 1 else ():
                kind, number = line.split()
                for moment in ("before", "after", *(("torn",) if kind == "flush" else ())):
                    yield Case(command, lanes, Boundary(moment, f"file {kind}", int(number)))


def _of_request(command: tuple[str, ...], lanes: int, route: str, number: str) -> Iterator[Case]:
    for moment in ("before", "after", *(() if route.startswith("GET") else ("late",))):
        yield Case(command, lanes, Boundary(moment, route, int(number)))
    for blow in (signal.SIGTERM, signal.SIGINT):
        yield Case(command, lanes, Boundary("before", route, int(number)), blow)


def campaign(jobs: int = 2, every: int = 1, tell: Callable[[str], object] = print) -> Figures:
    """Plays every n-th case, and tells of each that does not hold."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as home, stage(Path(home)) as on:
        chosen = list(cases(on))[::every]

    def share(job: int) -> Figures:
        own = Figures()
        with tempfile.TemporaryDirectory() as home, stage(Path(home)) as on:
            for case in chosen[job::jobs]:
                try:
                    judge(on, case, own)
                except AssertionError as error:
                    own.failures += 1
                    own.torn_files += isinstance(error, Torn)
                    tell(f"FAILED {case}: {error}")
        return own

    with ThreadPoolExecutor(jobs) as pool:
        for own in pool.map(share, range(jobs)):
            _add(figures, own)
    return figures


def _add(total: Figures, own: Figures) -> None:
    for name in Figures.__struct_fields__:
        join = max if name.endswith("_max") else sum
        setattr(total, name, join((getattr(total, name), getattr(own, name))))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.kills", description="kill at every boundary")
    parser.add_argument("--all", action="store_true", help="every boundary, not every tenth")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    figures = campaign(chosen.jobs, 1 if chosen.all else 10)
    print(f"{figures}, in {time.monotonic() - started:.0f} s")  # noqa: T201 the figures
    return 1 if figures.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

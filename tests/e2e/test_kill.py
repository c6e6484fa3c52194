"""Killed at a boundary, or asked to stop there: the next run converges, and nothing is there twice or half."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.kills import APPLY, ONCE, ROTATE, Case, Figures, judge
from tests.e2e.stage import Boundary, Stage, stage

# One of every kind; `python -m tests.e2e.kills --all` plays them all.
KILLS = [
    (APPLY, "before", "GET /v1/organizations", 1),
    (APPLY, "after", "POST /v1/organizations", 1),
    (ONCE, "before", "POST /v1/organizations", 2),
    (ONCE, "after", "PATCH /v1/organizations/{id}", 1),
    (APPLY, "after", "GET /v1/saml-connections", 2),
    (APPLY, "before", "POST /v1/saml-connections", 1),
    (ONCE, "after", "POST /v1/saml-connections", 3),
    (APPLY, "late", "POST /v1/saml-connections", 2),
    (APPLY, "after", "PATCH /v1/saml-connections/{id}", 1),
    (ONCE, "before", "PATCH /v1/saml-connections/{id}", 2),
    (ONCE, "after", "POST /v1/scim-directories", 1),
    (APPLY, "late", "POST /v1/scim-directories", 1),
    (APPLY, "before", ROTATE, 1),
    (ONCE, "after", ROTATE, 2),
    (ONCE, "late", ROTATE, 1),
    (APPLY, "after", "POST /v1/setup-urls", 1),
    (APPLY, "after", "file create", 1),
    (ONCE, "torn", "file flush", 2),
    (APPLY, "before", "file rename", 2),
    (ONCE, "after", "file rename", 4),
]
STOPS = [
    (APPLY, signal.SIGTERM, "POST /v1/organizations", 1),
    (APPLY, signal.SIGINT, "PATCH /v1/saml-connections/{id}", 1),
    (ONCE, signal.SIGTERM, ROTATE, 1),
    (ONCE, signal.SIGINT, "POST /v1/saml-connections", 1),
]


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("kills")) as made:
        yield made


@pytest.mark.parametrize(
    "case",
    [Case(command, 1, Boundary(moment, what, number)) for command, moment, what, number in KILLS],
    ids=str,
)
def test_killed_at_a_boundary_the_next_run_converges(on: Stage, case: Case) -> None:
    figures = Figures()
    judge(on, case, figures)
    assert (figures.kills, figures.duplicates) == (1, 0)


@pytest.mark.parametrize(
    "case",
    [Case(command, 4, Boundary("before", what, number), blow) for command, blow, what, number in STOPS],
    ids=str,
)
def test_asked_to_stop_at_most_one_write_per_lane_ends_and_the_next_run_converges(on: Stage, case: Case) -> None:
    figures = Figures()
    judge(on, case, figures)
    assert figures.asked_to_stop == 1
    assert figures.writes_after_signal_max <= 1


@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_in_a_storm_of_creates_no_further_one_starts(on: Stage, tmp_path: Path, blow: int) -> None:
    """Sixty organizations wait for four lanes when the signal comes."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "environment.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"
    )
    for number in range(60):
        (folder / f"o{number}.yaml").write_text(
            f"apiVersion: reconciler/v1\nkind: Organization\nmetadata: {{name: o{number}}}\n"
            f"spec: {{displayName: Number {number}}}\n"
        )
    store = on.set()
    on.hook.begin(store, Boundary("before", "POST /v1/organizations", 10), blow)
    command = [*APPLY, "--concurrency", "4"]
    assert on.run(folder, command) == 5
    assert on.hook.after_signal is not None
    assert len(on.hook.after_signal) <= 3
    assert len(store.organizations("production")) <= 1 + 10 + 3
    on.hook.begin(store)
    assert on.run(folder, command) == 0
    assert len(store.organizations("production")) == 61

"""The benchmarks at a toy size: that they run, measure what they say, and notice a miss. No baseline is needed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from bench import clients, figures, growth, network, offline
from bench.figures import Bound, Figure
from bench.fleet import Tenant, manifest, tenants
from bench.processes import server
from bench.server import State

FLEET = tenants(20)
ANY = Bound()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def test_a_manifest_is_as_long_as_real_ones() -> None:
    text = manifest(FLEET[0])
    assert len(text.splitlines()) == 35
    assert 1_000 < len(text.encode()) < 1_300


def test_the_product_finds_the_stand_in_as_the_manifests_declare_it(scratch: Path) -> None:
    desired = network.desired_of(FLEET, scratch)
    with server(fleet=network.fleet_file(FLEET, scratch), latency_ms=1) as url, clients.logging():
        plan, took = asyncio.run(clients.plan(url, desired))
    assert clients.unchanged(plan, len(FLEET))
    assert took.requests == 42


def test_a_first_apply_creates_everything_and_a_plan_after_it_is_empty(scratch: Path) -> None:
    desired = network.desired_of(FLEET, scratch)
    with server() as url, clients.logging():
        report, took = asyncio.run(clients.apply(url, desired))
        plan, _ = asyncio.run(clients.plan(url, desired))
    assert clients.applied(report, len(FLEET))
    assert clients.unchanged(plan, len(FLEET))
    assert took.requests == 60


def test_the_stand_in_pages_by_ten_in_order_of_id() -> None:
    state, token, ids = State(FLEET), "", []
    for _ in range(2):
        page = msgspec.json.decode(state.answer(b"GET", f"/v1/organizations?pageToken={token}".encode(), b""))
        assert len(page["organizations"]) == 10
        ids += [each["id"] for each in page["organizations"]]
        token = page.get("nextPageToken", "")
    assert ids == sorted(set(ids))
    assert token == ""


def test_every_part_without_a_baseline_gives_figures(scratch: Path) -> None:
    found = [
        *network.ceiling(FLEET, scratch, requests=240),
        *offline.startup(FLEET, scratch, rounds=1),
        *growth.growth(FLEET, scratch, rounds=1, memory=ANY, planning=ANY),
    ]
    assert len(found) == 8
    assert all(figure.value > 0 for figure in found)


def figure(value: float) -> Figure:
    return Figure(
        "read", own="9/s", value=value, unit="x", bound=Bound(at_least=2, goal=3), baseline="3/s", cause="slow"
    )


@pytest.mark.parametrize(
    ("value", "verdict"), [(1.9, "MISSED"), (2.0, "kept, goal missed"), (3.0, "kept"), (9.0, "kept")]
)
def test_a_bound_is_kept_or_missed(value: float, verdict: str) -> None:
    assert figure(value).verdict == verdict
    assert figure(value).kept is (value >= 2)


def test_a_miss_names_the_figure_the_bound_and_the_cause() -> None:
    assert figure(1.9).complaint == "read: 1.9x, bound at least 2x (goal 3x); slow"


def test_the_table_replaces_the_marked_block_of_a_document_alone() -> None:
    document = f"# Before\n\n{figures.BEGIN}\nold\n{figures.END}\n\nAfter.\n"
    block = figures.markdown([figure(4)], "2 cores.")
    written = figures.written_into(document, block)
    assert written == figures.written_into(written, block)
    assert written.startswith("# Before\n")
    assert written.endswith("\n\nAfter.\n")
    assert "old" not in written
    assert "| read | 3/s | 9/s | 4x | at least 2x (goal 3x) | kept |" in written
    with pytest.raises(ValueError, match="has no"):
        figures.written_into("nothing", block)


def test_the_published_figures_have_their_place() -> None:
    document = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()
    assert figures.written_into(document, "new").count("new") >= 1


def test_customers_are_the_same_ones_each_time() -> None:
    again: tuple[Tenant, ...] = tenants(3)
    assert again == FLEET[:3]

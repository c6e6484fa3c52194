"""docs/daemon.md names every endpoint, field, condition, metric and log event, and no other."""

from __future__ import annotations

import ast
import json

import pytest
from prometheus_client.metrics import MetricWrapperBase
from starlette.routing import Route

from reconciler.core.applying.verdict import PassResult
from reconciler.daemon.claims import WAIT_S
from reconciler.daemon.declared import VANISHED_PERCENT
from reconciler.daemon.http import application
from reconciler.daemon.loop import BUSY_SHARE, Surroundings
from reconciler.daemon.metrics import STATUSES, Metrics
from reconciler.daemon.status import PROBLEMS_MAX, EnvironmentStatus, Status
from reconciler.model.condition import ConditionType
from reconciler.model.settings import DaemonSettings
from tests.docs.pages import ROOT, codes, first_codes, page, sentences, table

PAGE, SENTENCES = page("daemon.md"), sentences("daemon.md")


def test_every_endpoint_is_described_and_no_other() -> None:
    routes = application(Status(0.0), Metrics(["production"])).routes
    known = {route.path for route in routes if isinstance(route, Route)}
    assert set(first_codes(table(PAGE, "path"))) == known


def test_every_field_of_a_status_is_described_and_no_other() -> None:
    status = Status(0.0)
    status.environments["production"] = EnvironmentStatus()
    shown = json.loads(status.body())["environments"]["production"]
    assert first_codes(table(PAGE, "of an environment")) == list(shown)
    (condition,) = shown["conditions"]
    sentence = next(each for each in SENTENCES.split(". ") if "Each condition has" in each)
    assert set(condition) <= set(codes(sentence))
    assert f"the first {PROBLEMS_MAX} are shown" in SENTENCES


def test_every_condition_is_described_and_no_other() -> None:
    assert first_codes(table(PAGE, "condition")) == list(ConditionType)


def metrics() -> dict[str, tuple[str, ...]]:
    """Every metric as /metrics names it, with its labels."""
    own = [each for each in vars(Metrics(["production"])).values() if isinstance(each, MetricWrapperBase)]
    counters = {each: "_total" if type(each).__name__ == "Counter" else "" for each in own}
    return {f"{each._name}{end}": tuple(each._labelnames) for each, end in counters.items()}


def test_every_metric_is_described_with_its_labels_and_no_other() -> None:
    described = {codes(row[0])[0]: tuple(codes(row[1])) for row in table(PAGE, "metric")}
    assert described == metrics()


def test_every_metric_is_answered_under_the_name_that_is_described() -> None:
    answered = Metrics(["production"]).text().decode()
    assert [name for name in metrics() if f"\n{name}" not in f"\n{answered}"] == ["reconciler_source_info"]


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        ("reconciler_passes_total", tuple(PassResult)),
        ("reconciler_resources", STATUSES),
    ],
)
def test_every_value_of_a_label_is_named(metric: str, values: tuple[str, ...]) -> None:
    meaning = next(row[2] for row in table(PAGE, "metric") if codes(row[0]) == [metric])
    assert tuple(codes(meaning)) == values


def events() -> set[str]:
    """Every event that the daemon can log."""
    found = set()
    for path in (*(ROOT / "reconciler" / "daemon").glob("*.py"), ROOT / "reconciler" / "cli" / "logs.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found |= {node.args[0].value} if name in {"debug", "info", "warning", "error", "write"} else set()
    return found


def test_every_log_event_is_described_and_no_other() -> None:
    assert set(first_codes(table(PAGE, "event"))) == events()


def test_the_times_are_the_codes_own() -> None:
    assert f"never sooner than {BUSY_SHARE} times" in SENTENCES
    assert f"a look every {Surroundings().poll_s:g} seconds" in SENTENCES
    assert f"after another than {Surroundings().distance_s:g} seconds" in SENTENCES
    assert f"more than {VANISHED_PERCENT} % of its organizations" in SENTENCES
    assert f"or {WAIT_S:g} seconds have passed" in SENTENCES
    assert f"{DaemonSettings().resync_s / 60:g} minutes" in SENTENCES

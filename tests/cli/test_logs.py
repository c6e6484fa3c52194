"""Logs: one JSON object per line with the published fields, constant events, and nothing secret or steering."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from reconciler.cli import logs
from reconciler.model.change import FieldChange
from reconciler.model.event import ChangeDone, Listed, RequestDone, Retrying
from reconciler.model.outcome import Outcome, Result
from reconciler.model.secret import Secret
from reconciler.render.words import value
from tests.support.build import conn_id, org_id
from tests.support.plans import ACME, ENTRA, NEW, OKTA, OLD, REPORT
from tests.support.shell import EXAMPLES, Shell

KEY = "ssoready_sk_" + "a" * 25
FIELDS = {
    *("timestamp", "level", "event", "reconcile_id", "environment", "revision", "organization", "kind", "name"),
    *("id", "action", "fields", "duration_ms", "attempt", "http_status", "route", "digest"),
    *("result", "error", "exit_code", "changes", "blocked", "unchanged", "duplicates"),  # beside cli.md's
    *("before", "after", "risk"),
}


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out, err = capsys.readouterr()
    assert out == "", "logs go to stderr"
    return [json.loads(line) for line in err.splitlines()]


def test_a_change_is_one_line_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logs.watch(ChangeDone(Outcome(OKTA, Result.APPLIED, conn_id(9)), 0.0123))
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "change",
        "action": "update",
        "kind": "SAMLConnection",
        "organization": "acme",
        "name": "okta",
        "id": conn_id(9),
        "fields": ["idp.certificate", "idp.redirectUrl", "primary"],
        "before": {"idp.certificate": value(OLD), "idp.redirectUrl": "https://idp.example/", "primary": False},
        "after": {"idp.certificate": value(NEW), "idp.redirectUrl": "", "primary": True},
        "risk": ["risk", "risk", "risk"],
        "result": "applied",
        "duration_ms": 12,
    }


def test_a_created_ones_id_is_the_new_one_and_a_bad_end_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logs.watch(ChangeDone(Outcome(ENTRA, Result.APPLIED, conn_id(1)), 0.0))
    logs.watch(ChangeDone(Outcome(ENTRA, Result.UNKNOWN, None, "no answer"), 0.0))
    made, unknown = lines(capsys)
    assert made["id"] == conn_id(1)
    assert (unknown["level"], unknown["error"]) == ("warning", "no answer")
    assert "id" not in unknown


def test_values_are_masked_and_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    domains = tuple(f"d{number}.example" for number in range(2000))
    fields = (
        FieldChange("displayName", "displayName", f"Acme {KEY}", "x" * 5000),
        FieldChange("domains", "domains", domains, ()),
    )
    logs.watch(ChangeDone(Outcome(structs.replace(ACME, fields=fields), Result.APPLIED, org_id(1)), 0.0))
    (line,) = lines(capsys)
    assert line["before"]["displayName"] == "Acme ***"
    assert len(line["after"]["displayName"]) == logs.TEXT_MAX
    assert line["before"]["domains"] == [*domains[: logs.ITEMS_MAX], "and 1900 more"]
    assert line["after"]["domains"] == []


def test_a_retry_names_its_route_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logs.watch(Retrying("GET", "/v1/organizations", 2, 0.1, "GET /v1/organizations: cannot connect: refused"))
    (line,) = lines(capsys)
    assert (line["event"], line["route"], line["attempt"]) == ("retry", "GET /v1/organizations", 2)


def test_nothing_is_said_for_a_request_or_what_did_not_change(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logs.watch(RequestDone("GET", "/v1/organizations", 200, 0.1))
    logs.watch(Listed(10, 0, 0))
    assert lines(capsys) == []


def test_a_pass_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logs.summary(REPORT, 5)
    (line,) = lines(capsys)
    assert (line["event"], line["digest"], line["revision"], line["exit_code"]) == ("pass", "9f31c2d0", "r1", 5)
    assert set(line) <= FIELDS


def test_a_whole_apply_logs_only_known_events_and_fields(shell: Shell) -> None:
    done = shell(
        *("apply", EXAMPLES / "production", "--yes", "--deliver", shell.home / "d"),
        *("--log-format", "json", "--log-level", "debug"),
    )
    said = [json.loads(line) for line in done.err.splitlines()]
    assert {line["event"] for line in said} == {"request", "change", "pass"}
    assert {field for line in said for field in line} <= FIELDS
    assert sum(line["event"] == "change" for line in said) == done.out.count("applied   ")
    assert len({line["id"] for line in said if line["event"] == "change" and line["action"] == "create"}) == 9


@pytest.mark.parametrize(
    ("level", "events"), [("info", ["a", "b", "c"]), ("warning", ["b", "c"]), ("error", ["c"])]
)
def test_levels(level: str, events: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", level)
    log = structlog.get_logger()
    log.info("a")
    log.warning("b")
    log.error("c")
    assert [line["event"] for line in lines(capsys)] == events


class Odd:
    def __repr__(self) -> str:
        return f"<{KEY}>"


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_value_of_any_type_shows_a_secret(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(form, "info")
    nested = {"deep": [KEY, {KEY: (KEY,)}], "key": Secret(KEY), "odd": Odd(), "error": ValueError(KEY)}
    structlog.get_logger().info(f"event {KEY}", **nested, text=f"Bearer {KEY}", url=f"x?one-time-token={KEY}")
    err = capsys.readouterr().err
    assert "***" in err
    assert KEY not in err
    assert "a" * 25 not in err


@pytest.mark.parametrize("form", ["json", "console"])
@given(text=st.text(st.characters(), max_size=20))
def test_no_text_steers_a_terminal_or_breaks_a_line(form: str, text: str) -> None:
    with redirect_stderr(io.StringIO()) as err:
        logs.configure(form, "info")
        structlog.get_logger().info("change", name=text, error=f"\x1b[2J{text}")
    assert err.getvalue().endswith("\n")
    assert err.getvalue().removesuffix("\n").isprintable()


def test_the_format_is_json_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(None, "info")
    logs.watch(ChangeDone(Outcome(OKTA, Result.APPLIED, org_id(1)), 0.0))
    assert lines(capsys)[0]["event"] == "change"


# -- for a person who looks for a fault ------------------------------------------------------------


def test_each_request_is_a_line_when_debugging_and_at_no_other_level(shell: Shell) -> None:
    plan = ("plan", EXAMPLES / "production", "--log-format", "json", "--log-level")
    assert '"request"' not in shell(*plan, "info").err
    said = shell(*plan, "debug").err
    (line,) = [json.loads(line) for line in said.splitlines() if '"request"' in line]
    assert (line["level"], line["route"], line["http_status"], line["attempt"]) == (
        *("debug", "GET /v1/organizations"),
        *(200, 1),
    )
    assert set(line) == {"level", "event", "route", "http_status", "attempt", "duration_ms", "timestamp"}
    assert shell.environment.key not in said


CRASHES = ["reconciler.core.planning.plan.match_organizations", "reconciler.engine.apply._write"]


@pytest.mark.parametrize("where", CRASHES)
@pytest.mark.parametrize("wanted", [True, False])
def test_a_traceback_is_for_who_asks_for_it_and_has_no_secrets(shell: Shell, where: str, wanted: bool) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError(f"crashed with {shell.environment.key}\x1b[2J")

    shell.variables.setattr(where, crash)
    if wanted:
        shell.variables.setenv("RECONCILER_TRACEBACK", "1")
    done = shell("apply", EXAMPLES / "production", "--yes")
    assert done.code == 1
    assert ("Traceback (most recent call last)" in done.err) is wanted
    assert ("RuntimeError: crashed with ***" in done.err) is wanted
    assert shell.environment.key not in done.err
    assert "\x1b" not in done.err

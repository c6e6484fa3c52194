"""A fault gets its place late, and a message repeats nothing that could be a secret."""

from __future__ import annotations

import pytest

from reconciler.core.values.problems import Fault, shown, warning, worst_first
from reconciler.model.manifest import Origin, Problem, Severity

HERE = Origin("acme.yaml", 3, 5)


def test_a_fault_becomes_a_problem_at_its_place() -> None:
    assert Fault("a/b", "wrong", "right").at(HERE) == Problem("a/b", Severity.ERROR, HERE, "wrong", "right")
    assert warning("a/b", "odd").at(HERE) == Problem("a/b", Severity.WARNING, HERE, "odd", "")


def test_a_fault_of_another_file_names_it() -> None:
    assert Fault("a/b", "wrong").at(HERE, "x.pem").message == "x.pem: wrong"


@pytest.mark.parametrize(
    ("text", "as_shown"),
    [
        ("", "``"),
        ("acme", "`acme`"),
        ("x" * 60, f"`{'x' * 60}`"),
        ("x" * 61, f"`{'x' * 59}…`"),
        ("-----BEGIN PRIVATE KEY-----", "a private key"),
        ("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg", "`MIGHAgEA…`"),
        ("key: ssoready_sk_1", "`key: ***`"),
    ],
)
def test_a_text_is_shown_short_and_without_what_looks_like_a_key(text: str, as_shown: str) -> None:
    assert shown(text) == as_shown


def test_errors_come_before_warnings_and_then_the_places_count() -> None:
    late, early = Origin("b", 1), Origin("a", 9)
    found = [warning("a/b", "w").at(early), Fault("a/b", "z").at(late), Fault("b/a", "y").at(early)]
    assert [each.message for each in worst_first(found)] == ["y", "z", "w"]

"""The values between the stages: frozen, comparable, with the few things they know about themselves."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from reconciler.model import change, condition, customer, event, kinds, manifest, outcome, settings, state
from reconciler.model.change import FieldChange, Key
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin, Problem, Severity, Validation, attachment
from reconciler.model.settings import Selection
from tests.support.build import update

MODULES = (change, condition, customer, event, kinds, manifest, outcome, settings, state)
VALUES = sorted(
    {
        each
        for module in MODULES
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Struct) and each is not Struct
    },
    key=lambda each: each.__name__,
)


@pytest.mark.parametrize("value", VALUES)
def test_every_value_is_frozen(value: Any) -> None:
    assert value.__struct_config__.frozen


def test_a_place_is_written_as_editors_read_it_and_sorts_by_file_then_line() -> None:
    assert str(Origin("acme.yaml", 4, 2)) == "acme.yaml:4:2"
    assert str(Origin("acme.yaml")) == "acme.yaml:1:1"
    places = [Origin("b", 1, 1), Origin("a", 10, 1), Origin("a", 2, 5), Origin("a", 2, 1)]
    assert sorted(places) == [Origin("a", 2, 1), Origin("a", 2, 5), Origin("a", 10, 1), Origin("b", 1, 1)]


@pytest.mark.parametrize(
    ("file", "reference", "path"),
    [
        ("acme.yaml", "certs/a.pem", "certs/a.pem"),
        ("teams/acme.yaml", "certs/a.pem", "teams/certs/a.pem"),
        ("teams/acme.yaml", "../certs/./a.pem", "certs/a.pem"),
        ("acme.yaml", "../a.pem", "../a.pem"),
        ("teams/acme.yaml", "../../a.pem", "../a.pem"),
        ("teams/acme.yaml", "/etc/a.pem", "/etc/a.pem"),
    ],
)
def test_a_reference_is_relative_to_the_manifest_that_makes_it(file: str, reference: str, path: str) -> None:
    assert attachment(Origin(file), reference) == path


def test_what_a_check_found_has_errors_and_warnings() -> None:
    problems = tuple(Problem("a/b", severity, Origin("a"), "wrong") for severity in Severity)
    assert (Validation(problems, 1, 1).errors, Validation((), 1, 1).errors) == (1, 0)


def test_a_changes_risks_are_those_of_its_fields() -> None:
    safe, risky = FieldChange("a", "a", "x", "y"), FieldChange("b", "b", "x", "y", "why")
    key = Key("acme", KindName.ORGANIZATION, "acme")
    assert update(key, safe, risky).risks == ("why",)
    assert update(key, safe).risks == ()


def test_a_selection_is_everything_unless_a_name_or_a_label_narrows_it() -> None:
    assert Selection().everything
    assert not Selection(targets=frozenset({"acme"})).everything
    assert not Selection(selector=(("tier", "free"),)).everything


def test_keys_stand_by_organization_then_kind_then_name() -> None:
    keys = [
        Key("b", KindName.ORGANIZATION, "b"),
        Key("a", KindName.CONNECTION, "z"),
        Key("a", KindName.CONNECTION, "b"),
    ]
    assert [(key.organization, key.name) for key in sorted(keys)] == [("a", "b"), ("a", "z"), ("b", "b")]

"""The gate decides, jsonschema explains: the two agree, and every fault is told in words, with place and hint."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.planning.guard import GUARDS, Unit
from reconciler.model.manifest import Document, Origin, Problem
from reconciler.source import explain, schemas
from reconciler.source.yaml import parse
from tests.support import corruption as mutate
from tests.support.folders import organization, write


def problems(text: str) -> list[Problem]:
    """What is wrong with the one document of a text."""
    (document,) = parse(text.encode(), "f").documents
    found = list(schemas.check(document))
    assert all(each.rule.startswith("schema/") and each.message and each.hint for each in found)
    return found


def placed(text: str) -> list[tuple[str, str]]:
    return [(each.rule.removeprefix("schema/"), str(each.origin).removeprefix("f:")) for each in problems(text)]


ID = "1" * 25
LIMITS = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: a}\nspec: {limits: {%s}}"
# a spec → the rule, the place and what the message or the hint has to name
FAULTS = {
    "dispalyName: x": ("unknown-key", "5:3", "did you mean `displayName`?"),
    "zzz: x": ("unknown-key", "5:3", "scimDirectories"),
    "domains: acme.example": ("type", "5:3", "`acme.example`"),
    "domains:": ("type", "5:3", "null"),
    "domains: [[a]]": ("type", "5:13", "item 1 of `domains`"),
    "setupLink: [a]": ("type", "5:3", "mapping"),
    'setupLink: {saml: "true"}': ("type", "5:15", "true or false"),
    "suspend: true": ("type", "5:3", '"true"'),
    "displayName: &a 1.25": ("type", "5:3", '"1.25"'),
    "displayName: 0x1F": ("type", "5:3", '"0x1F"'),
    "ownership: Full": ("value", "5:3", "write `full`"),
    "ownership: 5": ("value", "5:3", "`createOnly`"),
    "scimDirectories: [{name: a, bearerToken: isue}]": ("value", "5:31", "write `issue`"),
    "displayName: ''": ("empty", "5:3", "null"),
    "suspend: ''": ("empty", "5:3", "remove"),
    "setupLink: {}": ("empty", "5:3", "saml, scim"),
    f"displayName: {'x' * 256}": ("too-long", "5:3", "256"),
    'displayName: "a\\nb"': ("form", "5:3", "line breaks"),
    'displayName: "a\\n"': ("form", "5:3", "line breaks"),
    'displayName: "a\\0"': ("form", "5:3", "control characters"),
    "id: org_1": ("form", "5:3", "`org_1`"),
    f'id: "org_{ID[1:]}\\n"': ("form", "5:3", "`org_`"),
    "distinctFrom: [x]": ("form", "5:18", "item 1 of `distinctFrom`"),
    f"distinctFrom: [org_{ID}, org_{ID}]": ("duplicate", "5:3", "`distinctFrom`"),
    "samlConnections: [{name: A}]": ("form", "5:22", "hyphens"),
    "samlConnections: [{}]": ("missing-key", "5:21", "`name`"),
    "samlConnections: [{name: a, id: x}]": ("form", "5:31", "`saml_conn_`"),
    "scimDirectories: [{name: a, id: x}]": ("form", "5:31", "`scim_directory_`"),
    "samlConnections: [{name: a, idp: {certificate: {file: x, pem: y1}}}]": ("combination", "5:37", "`pem`"),
    "samlConnections: [{name: a, idp: {metadata: {file: x}, entityId: y1}}]": ("combination", "5:31", "all three"),
    f"domains: [{'a.example, ' * 2001}]": ("too-many", "5:3", "2,001"),
}
LIMIT_FAULTS = {
    "maxChangedPercent: 101": ("value", "4:17", "100"),
    "maxCreates: -1": ("value", "4:17", "`-1`"),
    "maxCreates: 1.5": ("type", "4:17", "whole number"),
    "maxChangedPercent: x": ("type", "4:17", "number"),
}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        *((organization(spec=f"\n  {spec}"), fault) for spec, fault in FAULTS.items()),
        *((LIMITS % limits, fault) for limits, fault in LIMIT_FAULTS.items()),
    ],
    ids=[*FAULTS, *LIMIT_FAULTS],
)
def test_a_fault_has_its_rule_and_place_and_names_what_matters(text: str, fault: tuple[str, str, str]) -> None:
    rule, place, word = fault
    assert placed(text) == [(rule, place)]
    (problem,) = problems(text)
    assert word in f"{problem.message} {problem.hint}"


def test_what_is_missing_at_the_top_and_a_version_that_is_not_known() -> None:
    assert placed("kind: Organization\napiVersion: v2") == [
        ("missing-key", "1:1"),
        ("missing-key", "1:1"),
        ("value", "2:1"),
    ]


def test_labels_have_bounds_of_their_own() -> None:
    head = "apiVersion: reconciler/v1\nkind: Organization\nmetadata:\n  name: a\n  labels:\n"
    long = f"{head}    {'k' * 256}: x\n    b: {'v' * 256}\nspec: {{}}"
    assert placed(long) == [("too-long", "6:5"), ("too-long", "7:5")]
    many = "".join(f"    k{n}: x\n" for n in range(65))
    assert placed(f"{head}{many}spec: {{}}") == [("too-many", "5:3")]


def test_all_faults_are_told_in_order_of_place_up_to_a_limit() -> None:
    found = placed(organization(spec="".join(f"\n  k{n}: 1" for n in range(300))))
    assert found == [
        *(("unknown-key", f"{n}:3") for n in range(5, 104)),
        ("too-many-problems", "104:3"),
        ("unknown-key", "104:3"),
    ]
    assert len(found) == explain.MAX_PROBLEMS + 1


def test_a_fault_without_words_is_still_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the gate and jsonschema ever disagree, the document is refused all the same."""

    class Never:
        def is_valid(self, _: Any) -> bool:
            return False

    monkeypatch.setattr(schemas, "_gate", lambda _: Never())
    assert placed(organization()) == [("invalid", "1:1")]


def test_published_schemas_are_schemas_and_others_are_not_there() -> None:
    for name in schemas.PUBLISHED:
        jsonschema_rs.meta.validate(json.loads(schemas.text(name)))
    with pytest.raises(KeyError):
        schemas.text("../pyproject")


def test_an_installed_package_has_the_schemas_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path, {"schemas/organization.schema.json": "{}"})
    monkeypatch.setattr(schemas, "files", lambda _: tmp_path)
    assert schemas.text("organization") == "{}"
    assert schemas.text("environment") != "{}"


@pytest.mark.parametrize("name", schemas.MANIFEST_KINDS.values())
def test_every_pattern_of_a_schema_has_its_words_beside_it(name: str) -> None:
    patterns = [each for each in members(json.loads(schemas.text(name))) if "pattern" in each]
    assert patterns
    assert [each for each in patterns if not (each.get("patternErrorMessage") and each.get("x-hint"))] == []


def members(schema: Any) -> list[dict[str, Any]]:
    """Every mapping in a schema."""
    below = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return [*([schema] if isinstance(schema, dict) else []), *(each for part in below for each in members(part))]


# -- the gate and the words agree ------------------------------------------------------------------


def agree(value: Any) -> bool:
    """Whether the two say the same; returns what they say."""
    name = schemas.MANIFEST_KINDS[value["kind"]]
    gate = schemas._gate(name).is_valid(value)
    words = list(explain._validator(schemas.text(name)).iter_errors(value))
    assert gate == (not words), words
    document = Document(value, Origin("f"), lambda path: Origin("f", 1, len(path) + 1))
    told = schemas.check(document)
    assert bool(told) != gate
    assert all(problem.rule != "schema/invalid" for problem in told)
    assert all(problem.message and problem.hint for problem in told)
    return gate


@settings(max_examples=200)
@given(mutate.values())
def test_the_gate_and_the_words_agree_about_damaged_values(value: Any) -> None:
    agree(value)


@given(st.sampled_from(["Organization", "Environment"]), mutate.ANY, mutate.ANY, mutate.ANY)
def test_the_gate_and_the_words_agree_about_anything(kind: str, version: Any, metadata: Any, spec: Any) -> None:
    agree({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})


def test_the_gate_and_the_words_agree_about_sound_values() -> None:
    assert all(agree(value) for value in mutate.VALUES)


@settings(max_examples=150)
@given(mutate.texts())
def test_the_gate_and_the_words_agree_about_damaged_texts(text: str) -> None:
    for document in parse(text.encode("utf-8", "replace"), "f").documents:
        if isinstance(document.value, dict) and document.value.get("kind") in ("Organization", "Environment"):
            agree(document.value)


def test_an_environment_may_state_the_bound_of_every_guard_and_no_other() -> None:
    environment = json.loads(schemas.text("environment"))
    stated = environment["properties"]["spec"]["properties"]["limits"]["properties"]
    assert stated == {guard.name: _number(guard.unit) for guard in GUARDS}


def _number(unit: Unit) -> dict[str, Any]:
    bounds = {"minimum": 0} | ({"maximum": unit.most} if math.isfinite(unit.most) else {})
    return {"type": "integer" if unit.type is int else "number"} | bounds

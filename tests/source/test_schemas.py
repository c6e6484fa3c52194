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

from reconciler.core.manifests.validate import validate
from reconciler.core.planning.guard import GUARDS, Unit
from reconciler.model.manifest import Document, Manifests, Origin
from reconciler.source import explain, schemas
from reconciler.source.yaml import parse
from tests.support import corruption as mutate
from tests.support.folders import found, organization, write


def problems(text: str) -> list[tuple[str, str, str, str]]:
    """Rule, place, message and hint of each."""
    (document,) = parse(text.encode(), "f").documents
    return [
        (each.rule.removeprefix("schema/"), each.place.removeprefix("f:"), each.message, each.hint)
        for each in map(found, schemas.check(document))
    ]


def spec(text: str) -> list[tuple[str, str, str, str]]:
    return problems(organization(spec=f"\n  {text}"))


ID = "1" * 25
COPY = "copy the whole id, as a plan or `reconciler show` prints it"
ONE_LINE = "write it on one line, without them"
HANDLE = "choose a handle such as `acme-corp`; the name for people is `displayName`"
KNOWN = (
    "known here: externalId, id, ownership, suspend, distinctFrom, displayName, domains, samlConnections, "
    "scimDirectories, setupLink"
)
FAULTS = {
    "dispalyName: x": ("unknown-key", "5:3", "`dispalyName` is not known; did you mean `displayName`?", KNOWN),
    "zzz: x": ("unknown-key", "5:3", "`zzz` is not known", KNOWN),
    "domains: acme.example": (
        "type",
        "5:3",
        "`domains` must be a list, not the text `acme.example`",
        "write one item per line below it, each beginning with `- `, or all in brackets",
    ),
    "domains:": ("type", "5:3", "`domains` must be a list, not null", "give it a value, or remove the line"),
    "domains: [[a]]": ("type", "5:13", "item 1 of `domains` must be text, not a list", "write a single text"),
    "setupLink: [a]": (
        "type",
        "5:3",
        "`setupLink` must be a mapping, not a list",
        "write `key: value` lines, indented below it",
    ),
    'setupLink: {saml: "true"}': (
        "type",
        "5:15",
        "`saml` must be true or false, not the text `true`",
        "write true or false, without quotes",
    ),
    "suspend: true": ("type", "5:3", "`suspend` must be text, not `true`", 'write "true"'),
    "displayName: &a 1.25": (
        "type",
        "5:3",
        "`displayName` must be text or null, not the number `1.25`",
        'write "1.25"',
    ),
    "ownership: Full": (
        "value",
        "5:3",
        "`ownership` must be `full` or `createOnly` or `observe`, not `Full`",
        "write `full`",
    ),
    "ownership: 5": (
        "value",
        "5:3",
        "`ownership` must be `full` or `createOnly` or `observe`, not the number `5`",
        "write `full`",
    ),
    "scimDirectories: [{name: a, bearerToken: isue}]": (
        "value",
        "5:31",
        "`bearerToken` must be `issue`, not `isue`",
        "write `issue`",
    ),
    "displayName: ''": (
        "empty",
        "5:3",
        "`displayName` is empty",
        "write null to clear it, or remove the line to leave it as it is",
    ),
    "suspend: ''": ("empty", "5:3", "`suspend` is empty", "give it a value, or remove the line"),
    "setupLink: {}": (
        "empty",
        "5:3",
        "`setupLink` is empty",
        "state one of these in it, or remove it: saml, scim",
    ),
    f"displayName: {'x' * 256}": (
        "too-long",
        "5:3",
        "`displayName` has 256 characters; at most 255 are allowed",
        "shorten it",
    ),
    'displayName: "a\\nb"': (
        "form",
        "5:3",
        "`displayName` has control characters or line breaks: `a\nb`",
        ONE_LINE,
    ),
    'displayName: "a\\n"': ("form", "5:3", "`displayName` has control characters or line breaks: `a\n`", ONE_LINE),
    'displayName: "a\\0"': ("form", "5:3", "`displayName` has control characters or line breaks: `a\0`", ONE_LINE),
    "id: org_1": ("form", "5:3", "`id` is not `org_` and 25 of 0-9 and a-z: `org_1`", COPY),
    f'id: "org_{ID[1:]}\\n"': ("form", "5:3", f"`id` is not `org_` and 25 of 0-9 and a-z: `org_{ID[1:]}\n`", COPY),
    "distinctFrom: [x]": ("form", "5:18", "item 1 of `distinctFrom` is not the id of a live object: `x`", COPY),
    f"distinctFrom: [org_{ID}, org_{ID}]": ("duplicate", "5:3", "`distinctFrom` holds an item twice", "keep one"),
    "samlConnections: [{name: A}]": (
        "form",
        "5:22",
        "`name` may hold only a-z, 0-9 and hyphens, and no hyphen at either end: `A`",
        HANDLE,
    ),
    "samlConnections: [{}]": ("missing-key", "5:21", "`name` is missing", "add `name:`"),
    "samlConnections: [{name: a, id: x}]": (
        "form",
        "5:31",
        "`id` is not `saml_conn_` and 25 of 0-9 and a-z: `x`",
        COPY,
    ),
    "scimDirectories: [{name: a, id: x}]": (
        "form",
        "5:31",
        "`id` is not `scim_directory_` and 25 of 0-9 and a-z: `x`",
        COPY,
    ),
    "samlConnections: [{name: a, idp: {certificate: {file: x, pem: y1}}}]": (
        "combination",
        "5:37",
        "`certificate` may hold one key only, not `file`, `pem`",
        "keep one of them",
    ),
    "samlConnections: [{name: a, idp: {metadata: {file: x}, entityId: y1}}]": (
        "combination",
        "5:31",
        "`idp` may hold one key only, not `metadata`, `entityId`",
        "`metadata` gives all three values: remove the others, or remove it",
    ),
    f"domains: [{'a.example, ' * 101}]": (
        "too-many",
        "5:3",
        "`domains` has 101 items; at most 100 are allowed",
        "remove some, or ask whether one organization needs so many",
    ),
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_told_in_words(text: str) -> None:
    assert spec(text) == [FAULTS[text]]


ENVIRONMENTS = {
    "limits: {maxChangedPercent: 101}": (
        "value",
        "4:17",
        "`maxChangedPercent` must be at most 100, not `101`",
        "write a number that is at most 100",
    ),
    "limits: {maxCreates: -1}": (
        "value",
        "4:17",
        "`maxCreates` must be at least 0, not `-1`",
        "write a number that is at least 0",
    ),
    "limits: {maxCreates: 1.5}": (
        "type",
        "4:17",
        "`maxCreates` must be a whole number, not the number `1.5`",
        "write digits, without quotes",
    ),
    "limits: {maxChangedPercent: x}": (
        "type",
        "4:17",
        "`maxChangedPercent` must be a number, not the text `x`",
        "write digits, without quotes",
    ),
    "id: x": ("form", "4:8", "`id` is not `env_` and 25 of 0-9 and a-z: `x`", COPY),
}


@pytest.mark.parametrize("text", ENVIRONMENTS)
def test_a_fault_of_an_environment_is_told_in_words(text: str) -> None:
    head = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: a}\n"
    assert problems(f"{head}spec: {{{text}}}") == [ENVIRONMENTS[text]]


def test_what_is_missing_at_the_top_and_a_version_that_is_not_known() -> None:
    assert problems("kind: Organization\napiVersion: v2") == [
        ("missing-key", "1:1", "`metadata` is missing", "add `metadata:`"),
        ("missing-key", "1:1", "`spec` is missing", "add `spec:`"),
        ("value", "2:1", "`apiVersion` must be `reconciler/v1`, not `v2`", "write `reconciler/v1`"),
    ]


def test_labels_have_bounds_of_their_own() -> None:
    key, text = "k" * 256, "v" * 256
    head = "apiVersion: reconciler/v1\nkind: Organization\nmetadata:\n  name: a\n  labels:\n"
    assert problems(f"{head}    {key}: x\n    b: {text}\nspec: {{}}") == [
        ("too-long", "6:5", "a key in `labels` has more than 255 characters", "shorten it"),
        ("too-long", "7:5", "`b` has 256 characters; at most 255 are allowed", "shorten it"),
    ]
    many = "".join(f"    k{n}: x\n" for n in range(65))
    assert [each[:3] for each in problems(f"{head}{many}spec: {{}}")] == [
        ("too-many", "5:3", "`labels` has 65 keys; at most 64 are allowed")
    ]


def test_all_faults_are_told_in_order_of_place_up_to_a_limit() -> None:
    found = spec("\n".join(f"  k{n}: 1" for n in range(300)).strip())
    assert len(found) == explain.MAX_PROBLEMS + 1
    assert found[0][:3] == ("unknown-key", "5:3", "`k0` is not known")
    assert [each for each in found if each[0] == "too-many-problems"] == [
        (
            "too-many-problems",
            "104:3",
            "this document has more than 100 problems; these are the first",
            "mend these, then validate again",
        )
    ]


def test_a_fault_without_words_is_still_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the gate and jsonschema ever disagree, the document is refused all the same."""

    class Never:
        def is_valid(self, _: Any) -> bool:
            return False

    monkeypatch.setattr(schemas, "_gate", lambda _: Never())
    ((rule, place, message, hint),) = problems(organization())
    assert (rule, place) == ("invalid", "1:1")
    assert message == "the document does not keep its schema, and no words were found for it"
    assert "report this" in hint


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("kind: Organisation", "1:1", "the kind `Organisation` is not known"),
        ("a: 1\nkind: 5", "2:1", "`kind` must be text"),
        ("a: 1", "1:1", "`kind` is missing"),
        ("[a]", "1:1", "a manifest is a mapping"),
        ("~", "1:1", "a manifest is a mapping"),
    ],
)
def test_a_document_of_no_known_kind(text: str, place: str, message: str) -> None:
    documents = parse(text.encode(), "f").documents
    (problem,) = validate(Manifests("r", documents, {}, (), frozenset(), 1), schemas.check)
    assert (str(problem.origin), problem.message) == (f"f:{place}", message)
    assert problem.hint


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


def test_every_pattern_of_the_schemas_has_words() -> None:
    found: set[str] = set()

    def walk(value: Any) -> None:
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            if key == "pattern":
                found.add(member)
            elif isinstance(member, dict | list):
                walk(member)

    for name in schemas.MANIFEST_KINDS.values():
        walk(json.loads(schemas.text(name)))
    assert found == set(explain._FORMS)


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

"""Each document is judged as what it says it is, and one that says nothing is told so."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.manifests.validate import validate
from reconciler.core.values.problems import Budget
from reconciler.model.manifest import Document, Manifests, Problem
from tests.support.documents import document, environment, error, organization


def check(document: Document, explained: bool) -> tuple[Problem, ...]:
    if not explained:
        return (error(document.origin.file, 9),) if document.origin.file != "sound.yaml" else ()
    return (error(document.origin.file, 1), error(document.origin.file, 2))


def judged(*documents: Document, budget: int = 100) -> list[tuple[str, str]]:
    found = validate(Manifests("r", documents, {}, (), frozenset(), 1), check, Budget(budget))
    return [(each.rule, str(each.origin)) for each in found]


def test_once_the_budget_is_spent_a_document_is_told_of_one_problem_at_most() -> None:
    holding = document({"kind": "Organization", "spec": {"displayName": KEY}}, "sound.yaml")
    sound = document({"kind": "Organization"}, "sound.yaml")
    assert judged(organization("a"), organization("b"), sound, holding, budget=1) == [
        ("schema/type", "a.yaml:1:1"),
        ("schema/type", "a.yaml:2:1"),
        ("schema/type", "b.yaml:9:1"),
        ("secret/in-manifest", "sound.yaml:1:1"),
    ]


KEY = "ssoready_sk_" + "a" * 25
PRIVATE = "-----BEGIN PRIVATE KEY-----\nMIIE"


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ({"spec": {"displayName": f"Acme {KEY}"}}, ["acme.yaml#spec/displayName:1:1"]),
        ({"metadata": {"annotations": {KEY: "x"}}}, [f"acme.yaml#metadata/annotations/{KEY}:1:1"]),
        ({"a": [1, None, [PRIVATE]], "b": True}, ["acme.yaml#a/2/0:1:1"]),
        ({"idp": {"certificate": {"pem": PRIVATE}}}, []),  # certificate/private-key says more
        ({"idp": {"certificate": {"pem": "-----BEGIN CERTIFICATE-----"}}}, []),
    ],
)
def test_what_looks_like_a_secret_is_an_error_wherever_it_stands(value: Any, places: list[str]) -> None:
    assert judged(document({"kind": "Organization", **value}))[2:] == [
        ("secret/in-manifest", each) for each in places
    ]


def test_every_document_of_a_known_kind_is_checked_and_every_fault_is_told() -> None:
    assert judged(organization("a"), environment()) == [
        ("schema/type", "a.yaml:1:1"),
        ("schema/type", "a.yaml:2:1"),
        ("schema/type", "environment.yaml:1:1"),
        ("schema/type", "environment.yaml:2:1"),
    ]


@pytest.mark.parametrize(
    ("value", "rule", "place"),
    [
        (None, "type", "acme.yaml:1:1"),
        (["a"], "type", "acme.yaml:1:1"),
        ({}, "kind", "acme.yaml:1:1"),
        ({"kind": None}, "kind", "acme.yaml#kind:1:1"),
        ({"kind": ["Organization"]}, "kind", "acme.yaml#kind:1:1"),
        ({"kind": "organization"}, "kind", "acme.yaml#kind:1:1"),
        ({"kind": "x" * 1000}, "kind", "acme.yaml#kind:1:1"),
    ],
)
def test_a_document_of_no_known_kind_is_not_checked_further(value: Any, rule: str, place: str) -> None:
    assert judged(document(value)) == [(f"schema/{rule}", place)]

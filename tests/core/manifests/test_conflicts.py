"""What two manifests may not both say, and how each is told of the other."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.manifests import conflicts as clashes
from reconciler.core.manifests.conflicts import Claim
from reconciler.core.values.problems import Budget
from reconciler.model.manifest import Document, Problem
from reconciler.model.settings import STRICT, DomainRules
from tests.support.build import org_id
from tests.support.documents import document, environment, error, organization, resolved


def clashing(*documents: Document, **settings: Any) -> list[tuple[str, str]]:
    """Rule and place of every clash."""
    broken = [error(each.origin.file) for each in documents if "kind" not in each.value]
    problems = resolved(environment(**settings), *documents, problems=broken).problems
    return sorted((each.rule, each.origin.file) for each in problems if each.rule in clashes._HINTS)


def both(rule: str, one: str, other: str) -> list[tuple[str, str]]:
    return [(rule, one), (rule, other)]


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (organization("a"), organization("b"), []),
        (
            organization("a", file="1.yaml"),
            organization("a", file="2.yaml"),
            both("name/duplicate", "1.yaml#metadata/name", "2.yaml#metadata/name"),
        ),
        (
            organization("a", externalId="b"),
            organization("b"),
            both("external-id/duplicate", "a.yaml#spec/externalId", "b.yaml#metadata/name"),
        ),
        (organization("a", id=org_id(1)), organization("b", id=org_id(2)), []),
        (
            organization("a", id=org_id(1)),
            organization("b", id=org_id(1)),
            both("id/duplicate", "a.yaml#spec/id", "b.yaml#spec/id"),
        ),
        (organization("a", externalId="a"), organization("b", id=org_id(1), externalId="b"), []),
        (organization("x", id=org_id(1)), organization("y", externalId="x"), []),
        (
            organization("a", domains=["acme.example"]),
            organization("b", domains=["other.example", "ACME.example."]),
            both("domain/shared", "a.yaml#spec/domains/0", "b.yaml#spec/domains/1"),
        ),
        (
            organization("a", samlConnections=[{"name": "x", "id": "saml_conn_1"}]),
            organization("b", samlConnections=[{"name": "x", "id": "saml_conn_1"}]),
            both("id/duplicate", "a.yaml#spec/samlConnections/0/id", "b.yaml#spec/samlConnections/0/id"),
        ),
        (
            organization("a", scimDirectories=[{"name": "x"}, {"name": "x"}]),
            organization("b", samlConnections=[{"name": "x"}], scimDirectories=[{"name": "x"}]),
            both("name/duplicate", "a.yaml#spec/scimDirectories/0/name", "a.yaml#spec/scimDirectories/1/name"),
        ),
        (organization("a", domains=["acme.example", "acme.example"]), organization("b"), []),
    ],
    ids=range(11),
)
def test_what_two_manifests_may_not_both_say(
    first: Document, second: Document, found: list[tuple[str, str]]
) -> None:
    assert clashing(first, second) == found


def test_a_broken_document_claims_what_can_be_read_of_it() -> None:
    broken = document(
        {
            "metadata": {"name": "a"},
            "spec": {
                "externalId": 5,
                "domains": [1, "acme.example"],
                "samlConnections": [1, {"name": 2, "id": 3}, {}],
            },
        },
        "broken.yaml",
    )
    assert clashing(broken, organization("a", domains=["acme.example"])) == [
        ("domain/shared", "a.yaml#spec/domains/0"),
        ("domain/shared", "broken.yaml#spec/domains/1"),
        ("name/duplicate", "a.yaml#metadata/name"),
        ("name/duplicate", "broken.yaml#metadata/name"),
    ]


def test_shared_domains_may_be_allowed_where_the_process_allows_it() -> None:
    two = [organization(name, domains=["acme.example"]) for name in "ab"]
    loose = environment(domains={"forbidShared": False})
    for rules, found in (
        (DomainRules(forbid_shared=False), []),
        (STRICT, ["environment/no-effect", "domain/shared", "domain/shared"]),
    ):
        problems = resolved(loose, *two, domains=rules).problems
        assert sorted(each.rule for each in problems) == sorted(found)
    strict = resolved(environment(), *two, domains=DomainRules(forbid_shared=False)).problems
    assert [each.rule for each in strict] == ["domain/shared"] * 2


def claims(owners: list[int], *, stated: bool = True, budget: int = 1000) -> list[tuple[int, Problem]]:
    documents = [document({}, f"{number}.yaml") for number in range(max(owners) + 1)]
    found = [Claim("domain/shared", "x", "the domain ", "x", owner, (), stated) for owner in owners]
    return list(clashes.find(lambda: iter(found), documents, Budget(budget)))


def test_each_is_told_of_three_others_and_how_many_more_there_are() -> None:
    messages = [problem.message for _, problem in claims(list(range(6)))]
    named = [re.findall(r"(\d)\.yaml", message) for message in messages]
    assert (named[0], named[1], named[5]) == (["1", "2", "3"], ["0", "2", "3"], ["0", "1", "2"])
    assert all("2 more" in message for message in messages)
    assert not any("more" in problem.message for _, problem in claims([0, 1, 2, 3]))


@pytest.mark.parametrize("budget", [0, 1, 2, 5])
def test_beyond_the_budget_each_document_is_told_once_and_without_a_place(budget: int) -> None:
    found = claims([0, 1, 2, 2, 3], budget=budget)
    assert {owner for owner, _ in found} == {0, 1, 2, 3}
    assert len(found) <= budget + 4
    assert all("stands elsewhere too" in problem.message for _, problem in found[max(budget, 0) :])


def test_equal_defaults_alone_are_no_clash() -> None:
    assert claims([0, 1], stated=False) == []


def test_many_that_want_one_thing_cost_no_more_than_they_are() -> None:
    """Each one's place is looked up once, however many clash."""
    looked_up: list[int] = []
    documents = [
        Document({}, document({}).origin, lambda _, number=number: looked_up.append(number) or document({}).origin)
        for number in range(500)
    ]
    found = [Claim("domain/shared", "x", "the domain ", "x", owner, ()) for owner in range(500)]
    assert len(list(clashes.find(lambda: iter(found), documents, Budget()))) == 500
    assert len(looked_up) == 500


NAMES = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.tuples(NAMES, st.none() | NAMES, st.lists(NAMES, max_size=2)), max_size=5))
def test_clashes_are_mutual_and_only_among_those_that_share_something(
    stated: list[tuple[str, str | None, list[str]]],
) -> None:
    documents = []
    for number, (name, external_id, domains) in enumerate(stated):
        spec: dict[str, Any] = {"domains": [f"{each}.example" for each in domains]}
        if external_id is not None:
            spec["externalId"] = external_id
        documents.append(organization(name, file=f"{number}.yaml", **spec))
    told = {file.partition(".")[0] for _, file in clashing(*documents)}
    keys = [
        {("name", name), ("key", external_id or name), *(("domain", each) for each in domains)}
        for name, external_id, domains in stated
    ]
    sharing = {
        str(one)
        for one in range(len(keys))
        for other in range(len(keys))
        if one != other and keys[one] & keys[other]
    }
    assert told == sharing

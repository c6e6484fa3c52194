"""Which documents of a folder may be used, what is told about the others, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.manifests.resolve import Resolution
from reconciler.model.manifest import Origin, Problem, Severity
from tests.support.build import org_id
from tests.support.certificates import pem
from tests.support.documents import document, environment, error, located, organization, resolved, rules


def good(resolution: Resolution) -> list[str]:
    assert resolution.desired is not None
    return [each.name for each in resolution.desired.organizations]


def bad(resolution: Resolution) -> list[tuple[Any, ...]]:
    """Name, pin and key of each that may not be applied."""
    assert resolution.desired is not None
    return [(each.name, each.id, each.external_id) for each in resolution.desired.invalid]


def value(name: str, **spec: Any) -> Any:
    return organization(name, **spec).value


def test_sound_documents_are_used_in_order_of_name() -> None:
    resolution = resolved(organization("b"), environment(), organization("a"))
    assert (good(resolution), bad(resolution), resolution.problems) == (["a", "b"], [], ())
    assert resolution.desired is not None
    assert (resolution.desired.revision, resolution.desired.complete) == ("r1", True)
    assert resolution.desired.environment.name == "production"


def test_a_warning_refuses_nothing() -> None:
    warned = error("a.yaml", severity=Severity.WARNING)
    resolution = resolved(environment(), organization("a"), problems=[warned])
    assert (good(resolution), resolution.problems) == (["a"], (warned,))


def test_an_error_refuses_its_own_document_alone() -> None:
    """Each document of a file has the lines from its beginning to the next one's."""
    documents = [located(value(name), "all.yaml", line) for name, line in (("a", 1), ("b", 5), ("c", 9))]
    for line, refused in ((1, "a"), (4, "a"), (5, "b"), (8, "b"), (9, "c"), (99, "c")):
        resolution = resolved(environment(), *documents, problems=[error("all.yaml", line, "yaml/tag")])
        assert [name for name, *_ in bad(resolution)] == [refused]
        assert good(resolution) == [name for name in "abc" if name != refused]


def test_an_error_before_the_first_document_is_the_first_ones() -> None:
    late = located(value("a"), "a.yaml", 5)
    assert bad(resolved(environment(), late, problems=[error("a.yaml", 2, "yaml/tag")])) == [("a", None, "a")]


def test_an_error_in_a_file_without_documents_refuses_no_organization() -> None:
    other = error("other.yaml", rule="yaml/syntax")
    resolution = resolved(environment(), organization("a"), problems=[other], unparsed=["other.yaml"])
    assert good(resolution) == ["a"]
    assert resolution.desired is not None
    assert not resolution.desired.complete


def test_all_documents_of_a_file_that_was_not_read_to_its_end_are_refused() -> None:
    resolution = resolved(environment(), organization("a"), organization("b"), unparsed=["a.yaml"])
    assert (good(resolution), bad(resolution)) == (["b"], [("a", None, "a")])
    assert resolution.desired is not None
    assert resolution.desired.invalid[0].message


def test_the_first_error_by_place_stands_for_a_document_and_the_others_are_counted() -> None:
    found = [error("a.yaml", 7, "yaml/tag"), error("a.yaml", 3, "yaml/tag"), error("a.yaml", 5, "yaml/tag")]
    resolution = resolved(environment(), located(value("a"), "a.yaml", 1), problems=found)
    assert resolution.desired is not None
    message = resolution.desired.invalid[0].message
    assert message.startswith("a.yaml:3:1: wrong")
    assert "2 more" in message


@pytest.mark.parametrize(
    ("broken", "identity", "certain"),
    [
        ({"metadata": {"name": "x"}, "spec": {"externalId": "k", "id": org_id(1)}}, ("x", org_id(1), "k"), True),
        ({"metadata": {"name": "x"}, "spec": {}}, ("x", None, "x"), True),
        ({"metadata": {"name": "x"}, "spec": {"externalId": 5}}, ("x", None, None), False),
        ({"metadata": {"name": "x"}, "spec": {"id": 5}}, ("x", None, None), False),
        ({"metadata": {"name": 5}, "spec": {"externalId": "k"}}, (None, None, "k"), False),
        ({"metadata": {"name": "x"}, "spec": []}, ("x", None, "x"), False),
        ({}, (None, None, None), False),
        ([], (None, None, None), False),
    ],
    ids=range(8),
)
def test_a_broken_document_keeps_as_much_of_its_identity_as_can_be_read(
    broken: Any, identity: tuple[Any, ...], certain: bool
) -> None:
    """Where it cannot be read, it may be any organization: then none is created and none called unmanaged."""
    resolution = resolved(
        environment(), organization("a"), document(broken, "bad.yaml"), problems=[error("bad.yaml")]
    )
    assert (good(resolution), bad(resolution)) == (["a"], [identity])
    assert resolution.desired is not None
    assert resolution.desired.complete == certain


# -- the folder as a whole -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        ([organization("a")], [("environment/missing", ".")]),
        (
            [organization("a"), environment("1.yaml"), environment("2.yaml")],
            [("environment/two", "1.yaml"), ("environment/two", "2.yaml")],
        ),
        ([organization("a"), environment("x/1.yaml")], [("environment/not-at-root", "x/1.yaml")]),
        ([environment()], [("organization/none", ".")]),
        ([], [("environment/missing", "."), ("organization/none", ".")]),
    ],
    ids=range(5),
)
def test_a_folder_that_makes_no_sense_is_not_used(documents: list[Any], found: list[tuple[str, str]]) -> None:
    resolution = resolved(*documents)
    assert (resolution.desired, rules(resolution.problems)) == (None, found)


def test_a_folder_may_be_meant_to_be_empty() -> None:
    resolution = resolved(environment(), allow_empty=True)
    assert (good(resolution), resolution.problems) == ([], ())


def test_a_file_that_was_not_read_may_hold_what_is_missing() -> None:
    assert resolved(unparsed=["environment.yaml"]).problems == ()
    assert resolved(environment(), unparsed=["a/acme.yaml"]).problems == ()
    below = resolved(organization("a"), unparsed=["below/environment.yaml"])
    assert rules(below.problems) == [("environment/missing", ".")]
    assert resolved(organization("a"), unparsed=["environment.yaml"]).desired is None


def test_a_file_that_was_not_read_does_not_excuse_two_environments() -> None:
    resolution = resolved(organization("a"), environment("1.yaml"), environment("2.yaml"), unparsed=["x.yaml"])
    assert [rule for rule, _ in rules(resolution.problems)] == ["environment/two"] * 2


@pytest.mark.parametrize("how", ["error", "unparsed"])
def test_a_broken_environment_stops_the_folder_and_all_else_is_still_told(how: str) -> None:
    more = {"problems": [error("environment.yaml")]} if how == "error" else {"unparsed": ["environment.yaml"]}
    resolution = resolved(environment(), organization("a", domains=["A.example"]), **more)  # type: ignore[arg-type]
    assert resolution.desired is None
    assert ("domain/capitals", "a.yaml#spec/domains/0") in rules(resolution.problems)


def test_what_an_unknown_environment_might_allow_is_no_fault() -> None:
    documents = [organization(name, domains=["gmail.com"]) for name in "ab"]
    assert rules(resolved(*documents).problems) == [("environment/missing", ".")]


# -- clashes and problems --------------------------------------------------------------------------


def test_two_that_clash_refuse_each_other_and_no_other() -> None:
    resolution = resolved(environment(), organization("a"), organization("b", externalId="a"), organization("c"))
    assert (good(resolution), bad(resolution)) == (["c"], [("a", None, "a"), ("b", None, "a")])


def test_a_broken_one_clashes_too() -> None:
    resolution = resolved(
        environment(), organization("a"), organization("b", externalId="a", x=1), problems=[error("b.yaml")]
    )
    assert (good(resolution), bad(resolution)) == ([], [("a", None, "a"), ("b", None, "a")])


def test_a_reference_that_was_refused_is_not_told_a_second_time_as_missing() -> None:
    manifest = organization("a", samlConnections=[{"name": "x", "idp": {"certificate": {"file": "../x.pem"}}}])
    at = Origin("a.yaml#spec/samlConnections/0/idp/certificate/file")
    refused = Problem("reference/outside", Severity.ERROR, at, "outside", "inside")
    assert resolved(environment(), manifest, problems=[refused]).problems == (refused,)
    (missing,) = resolved(environment(), manifest).problems
    assert missing.rule == "reference/missing"


def test_a_reference_that_was_not_read_refuses_its_organization_so_that_nothing_is_cleared() -> None:
    manifest = organization("a", samlConnections=[{"name": "x", "idp": {"certificate": {"file": "x.pem"}}}])
    at = Origin("a.yaml", 1)
    refused = Problem("reference/missing", Severity.ERROR, at, "missing", "correct")
    assert bad(resolved(environment(), manifest, organization("b"), problems=[refused])) == [("a", None, "a")]
    assert good(resolved(environment(), manifest, attachments={"x.pem": pem().encode()})) == ["a"]


def test_problems_stand_in_order_of_place() -> None:
    problems = [error("b.yaml", 3), error("b.yaml", 1), error("a.yaml", 9), error("b.yaml", 1, "domain/x")]
    found = resolved(environment(), organization("a"), organization("b"), problems=problems).problems
    assert [(str(each.origin), each.rule) for each in found] == [
        ("a.yaml:9:1", "schema/type"),
        ("b.yaml:1:1", "domain/x"),
        ("b.yaml:1:1", "schema/type"),
        ("b.yaml:3:1", "schema/type"),
    ]

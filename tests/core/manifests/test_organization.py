"""What a manifest declares: exactly the fields that it states."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from reconciler.core.manifests.environment import UNKNOWN
from reconciler.core.manifests.organization import Context, declare, inspect
from reconciler.core.values import metadata
from reconciler.core.values.certificate import fingerprint
from reconciler.core.values.problems import Budget
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin, Severity
from reconciler.model.state import Certificate, Ownership, SetupLink
from tests.support.build import org_id
from tests.support.certificates import NOW, entity, pem, private_key
from tests.support.documents import CONTEXT, document, organization, rules

CONNECTION, DIRECTORY = KindName.CONNECTION, KindName.DIRECTORY


def owned(**spec: Any) -> dict[str, Any]:
    found, problems = declare(organization("acme", **spec), CONTEXT)
    assert [problem for problem in problems if problem.severity is Severity.ERROR] == []
    return dict(found.owned)


def idp(stated: dict[str, Any], **attachments: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What one connection owns, and the rule and path of each problem."""
    files = {name.replace("_", "."): text.encode() for name, text in attachments.items()}
    found, problems = declare(
        organization("acme", samlConnections=[{"name": "a", "idp": stated}]), Context(UNKNOWN, files, NOW)
    )
    told = [(rule, file.removeprefix("acme.yaml#spec/samlConnections/0/idp/")) for rule, file in rules(problems)]
    return dict(found.collections[CONNECTION][0].owned), told


def test_absent_is_not_empty() -> None:
    assert owned() == {"externalId": "acme"}
    assert owned(displayName="Acme", domains=["b.example", "a.example"]) == {
        "externalId": "acme",
        "displayName": "Acme",
        "domains": ("a.example", "b.example"),
    }
    assert owned(displayName=None, domains=[]) == {"externalId": "acme", "displayName": "", "domains": ()}


@pytest.mark.parametrize(
    ("spec", "key", "field"),
    [
        ({}, "acme", "acme"),
        ({"externalId": "4711"}, "4711", "4711"),
        ({"id": org_id(1)}, None, None),
        ({"id": org_id(1), "externalId": "4711"}, None, "4711"),
        ({"id": org_id(1), "externalId": None}, None, ""),
    ],
)
def test_the_key_is_the_external_id_unless_there_is_a_pin(
    spec: dict[str, Any], key: str | None, field: str | None
) -> None:
    found, _ = declare(organization("acme", **spec), CONTEXT)
    assert (found.id, found.external_id, found.owned.get("externalId")) == (spec.get("id"), key, field)


def test_everything_about_an_organization_is_read() -> None:
    value = organization("acme", ownership="observe", suspend="later", distinctFrom=["org_2"]).value
    value["metadata"]["labels"] = {"tier": "enterprise"}
    value["spec"]["setupLink"] = {"scim": True}
    found, problems = declare(document(value, "a/b.yaml", 7), CONTEXT)
    assert problems == ()
    assert (found.name, found.ownership, found.suspend) == ("acme", Ownership.OBSERVE, "later")
    assert (found.distinct_from, found.labels) == ({"org_2"}, {"tier": "enterprise"})
    assert (found.setup_link, found.origin) == (SetupLink(saml=False, scim=True), Origin("a/b.yaml", 7))
    assert declare(organization(), CONTEXT)[0].ownership is Ownership.FULL


def test_a_collection_that_is_absent_is_unmanaged_and_an_empty_one_is_not() -> None:
    assert declare(organization(), CONTEXT)[0].collections == {}
    found, _ = declare(
        organization(samlConnections=[], scimDirectories=[{"name": "a", "bearerToken": "issue"}]), CONTEXT
    )
    assert found.collections[CONNECTION] == ()
    (child,) = found.collections[DIRECTORY]
    assert (child.name, child.id, child.owned, child.issue_token) == ("a", None, {}, True)
    assert child.origin.file == "acme.yaml#spec/scimDirectories/0"


def test_a_child_owns_what_it_states() -> None:
    stated = [{"name": "a"}, {"name": "b", "primary": False, "id": "saml_conn_1"}, {"name": "c", "primary": True}]
    found, _ = declare(organization(samlConnections=stated), CONTEXT)
    children = found.collections[CONNECTION]
    assert [dict(child.owned) for child in children] == [{}, {"primary": False}, {"primary": True}]
    assert [child.id for child in children] == [None, "saml_conn_1", None]


def test_each_value_of_an_identity_provider_is_owned_by_itself() -> None:
    assert idp({"entityId": "e"}) == ({"idpEntityId": "e"}, [])
    cleared = {"idpEntityId": "", "idpRedirectUrl": "", "idpCertificate": ""}
    assert idp({"entityId": None, "redirectUrl": None, "certificate": None}) == (cleared, [])


def test_a_certificate_comes_from_the_manifest_or_from_a_file() -> None:
    expected = Certificate(fingerprint(pem()), "2036-11-21T00:00:00Z", pem())
    assert idp({"certificate": {"pem": pem()}}) == ({"idpCertificate": expected}, [])
    assert idp({"certificate": {"file": "x.pem"}}, x_pem=pem()) == ({"idpCertificate": expected}, [])


def test_metadata_gives_all_three_values() -> None:
    found, told = idp({"metadata": {"file": "x.xml"}}, x_xml=entity())
    assert told == []
    assert found == {
        "idpEntityId": "https://idp.example/id",
        "idpRedirectUrl": "https://idp.example/sso",
        "idpCertificate": Certificate(fingerprint(pem()), "2036-11-21T00:00:00Z", pem()),
    }


@pytest.mark.parametrize(
    ("stated", "rule", "where"),
    [
        ({"certificate": {"pem": "x"}}, "certificate/no-pem", "certificate/pem"),
        ({"certificate": {"file": "bad.pem"}}, "certificate/no-pem", "certificate/file"),
        ({"certificate": {"file": "absent.pem"}}, "reference/missing", "certificate/file"),
        ({"certificate": {"file": pem()}}, "reference/pem", "certificate/file"),
        ({"certificate": {"file": private_key()}}, "certificate/private-key", "certificate/file"),
        ({"metadata": {"file": "absent.xml"}}, "reference/missing", "metadata/file"),
        ({"metadata": {"file": "bad.pem"}}, "metadata/not-xml", "metadata/file"),
    ],
    ids=range(7),
)
def test_what_cannot_be_read_is_told_where_it_is_named(stated: dict[str, Any], rule: str, where: str) -> None:
    for spelled in (stated, {**stated, "zzz": 1}):
        _, told = idp(stated, bad_pem="x")
        assert told == [(rule, where)]
        broken = organization("acme", samlConnections=[5, {"idp": spelled}], domains=5)
        problems = inspect(broken, Context(UNKNOWN, {"bad.pem": b"x"}, NOW))
        assert rules(problems) == [(rule, f"acme.yaml#spec/samlConnections/1/idp/{where}")]


def test_a_file_is_relative_to_the_manifest_and_named_in_the_message() -> None:
    manifest = organization("acme", file="a/b/acme.yaml", samlConnections=[
        {"name": "a", "idp": {"certificate": {"file": "../certs/./x.pem"}}}
    ])  # fmt: skip
    _, (problem,) = declare(manifest, Context(UNKNOWN, {"a/certs/x.pem": pem(days=-1).encode()}, NOW))
    assert problem.message.startswith("a/certs/x.pem: ")


def test_days_to_warn_come_from_the_environment() -> None:
    patient = Context(structs.replace(UNKNOWN, warn_days=0), {}, NOW)
    manifest = organization("acme", samlConnections=[{"name": "a", "idp": {"certificate": {"pem": pem(days=5)}}}])
    assert rules(declare(manifest, patient)[1]) == []
    assert [rule for rule, _ in rules(declare(manifest, CONTEXT)[1])] == ["certificate/expires-soon"]


@pytest.mark.parametrize(
    "value",
    [None, [], "x", {}, {"spec": None}, {"spec": {"samlConnections": [{"idp": {"certificate": {"pem": 5}}}]}},
     {"spec": {"samlConnections": [{"idp": {"certificate": {}, "metadata": []}}]}},
     {"spec": {"samlConnections": [{"idp": {"metadata": {"file": 5}}}]}}],
)  # fmt: skip
def test_a_document_of_any_shape_can_be_inspected(value: Any) -> None:
    assert inspect(document(value), CONTEXT) == ()


def test_beyond_the_budget_one_error_is_told_without_its_place() -> None:
    context = Context(UNKNOWN, {}, NOW, budget=Budget(1))
    manifest = organization(domains=["A.example", "B.example", "C.example"], setupLink={"saml": False})
    found, problems = declare(manifest, context)
    assert found.name == "acme"
    assert [str(each.origin) for each in problems] == ["acme.yaml#spec/domains/0:1:1", "acme.yaml:1:1"]


def test_a_file_that_many_refer_to_is_judged_once() -> None:
    """Two that are the same to the byte are one."""
    calls: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch:
        parse = metadata.parse
        patch.setattr(metadata, "parse", lambda data, **more: calls.append(data) or parse(data, **more))
        stated = [{"name": f"c{n}", "idp": {"metadata": {"file": f"{n}.xml"}}} for n in range(50)]
        attachments = {f"{n}.xml": entity().encode() for n in range(50)}
        found, problems = declare(organization(samlConnections=stated), Context(UNKNOWN, attachments, NOW))
    assert [each.rule for each in problems] == ["primary/none"]
    assert len(calls) == 1
    assert len({str(each.owned) for each in found.collections[CONNECTION]}) == 1

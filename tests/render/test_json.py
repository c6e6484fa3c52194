"""Documents for machines: valid against their published schemas, whatever they are about."""

from __future__ import annotations

import json as reader
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import structs

from reconciler.core.planning.plan import plan as planned
from reconciler.model.change import Action, Refusal
from reconciler.model.customer import Customer, TokenRotation
from reconciler.model.errors import ReconcilerError
from reconciler.model.manifest import Origin, Problem, Severity, Validation
from reconciler.model.outcome import Halt, Outcome, Report, Result
from reconciler.model.secret import Secret
from reconciler.model.state import Desired, Observed, Organization, SAMLConnection, SCIMDirectory
from reconciler.render import json
from reconciler.source import schemas
from tests.support import strategies
from tests.support.build import ENVIRONMENT_ID, conn_id, dir_id, org_id
from tests.support.plans import NEW, REFUSED, REPORT, WHOLE

VALIDATORS = {name: Draft202012Validator(reader.loads(schemas.text(name))) for name in schemas.PUBLISHED}
TEXTS = st.text(st.characters(), max_size=10)


def read(document: json.Document, *, secret: bool = False) -> Any:
    """What a machine reads, checked against the schema of its kind."""
    value = reader.loads(json.dumps(document, secret=secret))
    VALIDATORS[value["kind"].lower()].validate(value)
    return value


@settings(max_examples=50)
@given(strategies.worlds(), st.booleans())
def test_any_plan_is_as_its_schema_has_it(world: tuple[Desired, Observed], refused: bool) -> None:
    made = planned(*world, now=0.0)
    if refused:
        made = structs.replace(made, refusals=(Refusal("maxCreates", "too many"),))
    document = read(json.plan(made))
    summary = document["summary"]
    assert sum(summary[action] for action in Action) == len(document["changes"]) == len(made.changes)
    assert summary["blocked"] == len(document["blocked"])
    assert summary["unmanaged"] == len(document["unmanaged"])
    assert document["digest"] == made.digest


@settings(max_examples=50)
@given(st.data(), strategies.worlds())
def test_any_report_is_as_its_schema_has_it(data: st.DataObject, world: tuple[Desired, Observed]) -> None:
    made = planned(*world, now=0.0)
    ends = st.builds(
        Outcome, st.just(None), st.sampled_from(Result), st.none() | st.just(org_id(1)), st.none() | TEXTS
    )
    outcomes = tuple(structs.replace(data.draw(ends), change=change) for change in made.changes)
    halt = data.draw(st.none() | st.builds(Halt, TEXTS, TEXTS, st.just(5)))
    document = read(json.report(Report(made, outcomes, halt)))
    assert sum(document["summary"][result] for result in Result) == len(document["outcomes"])
    assert document["summary"]["blockedInPlan"] == len(document["blocked"])
    assert document["summary"]["duplicates"] == len(document["duplicates"]) == len(made.duplicates)


def test_the_names_that_others_rely_on() -> None:
    plan = read(json.plan(REFUSED))
    assert plan["apiVersion"] == "reconciler/v1"
    assert plan["summary"] == {
        "create": 2,
        "update": 2,
        "issue": 2,
        "unchanged": 40,
        "unmanaged": 2,
        "blocked": 3,
        "duplicates": 1,
        "risks": 3,
    }
    assert [(each["name"], each["ids"]) for each in plan["duplicates"]] == [("okta", [conn_id(9), conn_id(10)])]
    assert (plan["environment"], plan["environmentId"], plan["environmentPin"]) == (
        "production",
        ENVIRONMENT_ID,
        None,
    )
    assert plan["organizations"][1] == {
        "organization": "hooli",
        "id": org_id(5),
        "displayName": "Hooli",
        "domains": [],
        "adopted": True,
    }
    assert plan["sharedDomains"] == [{"domain": "shared.example", "ids": [org_id(3), org_id(77)]}]
    assert plan["changes"][5]["risk"] == "widens who may sign in: a secret"
    assert plan["changes"][1] == {
        "action": "update",
        "kind": "SAMLConnection",
        "organization": "acme",
        "name": "okta",
        "id": conn_id(9),
        "file": "acme.yaml",
        "line": 9,
        "column": 1,
        "fields": [
            {
                "path": "idp.certificate",
                "before": {"sha256": "ab12" * 16, "notAfter": "2026-12-03T00:00:00Z"},
                "after": {"sha256": "77fe" * 16, "notAfter": "2029-01-10T00:00:00Z"},
                "risk": "risk",
            },
            {"path": "idp.redirectUrl", "before": "https://idp.example/", "after": "", "risk": "risk"},
            {"path": "primary", "before": False, "after": True, "risk": "risk"},
        ],
        "risk": None,
        "implied": [{"id": conn_id(8), "name": "adfs"}, {"id": conn_id(7), "name": None}],
    }
    assert plan["unmanaged"][0] == {
        "kind": "Organization",
        "id": org_id(77),
        "displayName": "Initrode",
        "organization": None,
    }
    assert {"kind", "organization", "name", "id", "file", "line"} <= set(plan["pins"][0])
    assert {"reason", "message", "organization", "name", "file", "line", "column"} <= set(plan["blocked"][0])
    assert {"reason", "message", "organization", "name"} <= set(plan["hints"][0])
    assert plan["refusals"] == [{"rule": "maxCreates", "message": "1 organizations would be created."}]


def test_a_report_has_each_change_and_its_end() -> None:
    report = read(json.report(REPORT))
    assert report["summary"] == {
        "applied": 2,
        "satisfied": 0,
        "failed": 1,
        "unknown": 1,
        "stale": 1,
        "blocked": 0,
        "blockedInPlan": 3,
        "duplicates": 1,
    }
    stale = report["outcomes"][1]
    assert (stale["action"], stale["name"], stale["result"], stale["error"]) == (
        *("update", "okta"),
        *("stale", "primary moved."),
    )
    assert report["halt"] == {"code": "Interrupted", "message": "asked to stop"}


@given(
    st.lists(
        st.builds(
            Problem,
            TEXTS,
            st.sampled_from(Severity),
            st.builds(Origin, TEXTS, st.integers(1), st.integers(1)),
            TEXTS,
            TEXTS,
        )
    )
)
def test_any_problems_are_as_their_schema_has_them(problems: list[Problem]) -> None:
    """A file's name may be no text at all, its message anything."""
    document = read(json.validation(Validation(tuple(problems), 3, 4)))
    assert document["summary"]["errors"] + document["summary"]["warnings"] == len(problems)
    severities = [problem["severity"] for problem in document["problems"]]
    assert severities == sorted(severities)


@given(TEXTS, TEXTS)
def test_any_error_is_as_its_schema_has_it(message: str, hint: str) -> None:
    read(json.error(ReconcilerError(message, hint)))


def test_a_customer_and_what_is_made_for_one() -> None:
    organization = Organization(org_id(1), ENVIRONMENT_ID, "Acme", "4711", ("acme.example",))
    connections = (SAMLConnection(conn_id(2), org_id(1), True), SAMLConnection(conn_id(3), org_id(1)))
    directories = (SCIMDirectory(dir_id(4), org_id(1), True, "https://scim.example", True),)
    found = read(json.customer(Customer(organization, connections, directories, {conn_id(2): NEW})))
    assert [each["idpCertificate"] for each in found["samlConnections"]] == [
        {"sha256": "77fe" * 16, "notAfter": "2029-01-10T00:00:00Z"},
        None,
    ]
    assert found["scimDirectories"][0]["hasBearerToken"] is True
    assert read(json.token_rotation(TokenRotation(dir_id(4), delivered=True)))["delivered"] is True


def test_only_a_setup_link_may_hold_a_secret() -> None:
    url = "https://admin.example/setup?one-time-token=abc"
    assert read(json.setup_link(Secret(url)), secret=True)["url"] == url
    assert read(json.setup_link(Secret(url)))["url"] == "https://admin.example/setup?***"
    leaking = structs.replace(WHOLE, suspended={"acme": f"see {url}", "globex": "ssoready_sk_" + "a" * 25})
    assert [each["reason"] for each in read(json.plan(leaking))["suspended"]] == [
        "see https://admin.example/setup?***",
        "***",
    ]


@pytest.mark.parametrize("kind", schemas.PUBLISHED)
def test_every_object_of_a_schema_is_closed(kind: str) -> None:
    """A field that is not published cannot slip out; manifests, where people write, name their free ones."""
    for each in _objects(reader.loads(schemas.text(kind))):
        assert "additionalProperties" in each or "$ref" in each, each


def _objects(schema: Any) -> list[Any]:
    if isinstance(schema, list):
        return [found for each in schema for found in _objects(each)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "object" and "properties" in schema else []
    return own + [found for each in schema.values() for found in _objects(each)]

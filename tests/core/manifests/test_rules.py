"""Rules inside one organization, asked of documents of any shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.manifests import rules as soundness
from reconciler.model.manifest import Severity
from tests.support.documents import place

PIN, DIRECTORY_PIN = "saml_conn_" + "1" * 25, "scim_directory_" + "1" * 25


def found(spec: Any, *, forbid_public_mail: bool = True) -> list[tuple[str, str]]:
    """Rule and path of each fault."""
    faults = soundness.check(spec, forbid_public_mail=forbid_public_mail)
    return [(fault.rule, place(path).removeprefix("spec/")) for path, fault in faults]


def connections(*children: Any) -> dict[str, Any]:
    return {"samlConnections": [{"name": f"c{n}", **each} for n, each in enumerate(children)]}


CASES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({}, []),
    ({"externalId": None}, [("external-id/null", "externalId")]),
    ({"externalId": None, "id": "org_1"}, []),
    ({"externalId": "x"}, []),
    ({"domains": []}, []),
    ({"domains": ["acme.example", "acme.example"]}, [("domain/duplicate", "domains/1")]),
    (
        {"domains": ["A.example", "acme.example", "A.example"]},
        [("domain/capitals", "domains/0"), ("domain/capitals", "domains/2")],
    ),
    (connections({"primary": True}), []),
    (connections({"primary": True}, {"id": PIN}), []),
    (connections({"primary": True}, {"primary": True, "id": PIN}), [("primary/two", "samlConnections/1/primary")]),
    (
        connections({"primary": True}, {"id": PIN}, {"primary": True, "idp": {"entityId": "x"}}),
        [("primary/two", "samlConnections/2/primary")],
    ),
    (connections({}, {"id": PIN}), [("primary/none", "samlConnections")]),
    (connections({"primary": False}, {"id": PIN}), [("primary/none", "samlConnections")]),
    (connections({"primary": True}, {}), [("connection/unidentified", "samlConnections/1")]),
    (
        connections({"primary": True}, {"idp": {"entityId": None}}),
        [("connection/unidentified", "samlConnections/1")],
    ),
    (connections({"primary": True}, {"idp": {"redirectUrl": "https://x.example"}}), []),
    (
        connections({"primary": True}, {"idp": {"redirectUrl": "x"}}),
        [("address/scheme", "samlConnections/1/idp/redirectUrl")],
    ),
    (connections({"idp": {"redirectUrl": None}}), []),
    (connections({"idp": {"redirectUrl": 5}}), []),
    (connections({"primary": True, "idp": {"metadata": {"file": "x"}}}, {}), []),
    ({"scimDirectories": [{"name": "a"}]}, []),
    (
        {"scimDirectories": [{"name": "a", "primary": True}, {"name": "b"}, {"name": "c"}]},
        [("directory/unpinned", "scimDirectories/1"), ("directory/unpinned", "scimDirectories/2")],
    ),
    ({"scimDirectories": [{"name": "a", "primary": True}, {"name": "b", "id": DIRECTORY_PIN}]}, []),
    ({"setupLink": {"saml": True}}, []),
    ({"setupLink": {"saml": False, "scim": False}}, [("setup-link/nothing", "setupLink")]),
    (
        {"setupLink": {"saml": True}, **connections({"idp": {"entityId": "x"}})},
        [("setup-link/idp", "setupLink/saml")],
    ),
    ({"setupLink": {"scim": True}, **connections({"idp": {"entityId": "x"}})}, []),
    ({"setupLink": {"saml": True}, **connections({})}, []),
    (
        {"setupLink": {"scim": True}, "scimDirectories": [{"name": "a", "bearerToken": "issue"}]},
        [("setup-link/token", "setupLink/scim")],
    ),
    ({"setupLink": {"saml": True}, "scimDirectories": [{"name": "a", "bearerToken": "issue"}]}, []),
    ({"domains": [1, None, "A.example"]}, [("domain/capitals", "domains/2")]),
    (
        {"samlConnections": [1, {"primary": True}, {"primary": True, "id": 5}]},
        [("primary/two", "samlConnections/2/primary")],
    ),
    ({"domains": "acme.example", "samlConnections": {}, "setupLink": []}, []),
    (
        {"domains": [*(f"a{n}.example" for n in range(1999)), "A.example", "B.example"]},
        [("domain/capitals", "domains/1999")],
    ),
    (
        {"domains": ["A.example"] * 2000},
        [
            *(("domain/capitals", f"domains/{n}") for n in range(100)),
            ("domain/too-many-problems", "domains/100"),
        ],
    ),
    (
        {"samlConnections": [{"name": "a", "primary": True}] * 300},
        [
            *(("primary/two", f"samlConnections/{n}/primary") for n in range(1, 200)),
            *(("connection/unidentified", f"samlConnections/{n}") for n in range(1, 200)),
        ],
    ),
]


@pytest.mark.parametrize(("spec", "faults"), CASES, ids=range(len(CASES)))
def test_what_is_wrong_inside_one_organization(spec: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    assert found(spec) == faults


def test_public_mail_is_refused_only_where_it_is_forbidden() -> None:
    assert found({"domains": ["gmail.com"]}) == [("domain/public-mail", "domains/0")]
    assert found({"domains": ["gmail.com"]}, forbid_public_mail=False) == []


def test_only_the_missing_primary_is_a_warning() -> None:
    severities = {
        fault.rule: fault.severity
        for spec, _ in CASES
        for _, fault in soundness.check(spec, forbid_public_mail=True)
    }
    assert {rule for rule, severity in severities.items() if severity is Severity.WARNING} == {"primary/none"}


def test_every_fault_says_what_to_do() -> None:
    faults = [fault for spec, _ in CASES for _, fault in soundness.check(spec, forbid_public_mail=True)]
    assert all(fault.hint for fault in faults)
    assert all(len(fault.message) < 200 for fault in faults)


def test_the_one_that_is_primary_already_is_named_unless_it_has_no_name() -> None:
    named = connections({"primary": True}, {"primary": True, "id": PIN})
    nameless = {"samlConnections": [{"primary": True}, {"primary": True, "id": PIN}]}
    (first,), (second,) = (list(soundness.check(spec, forbid_public_mail=True)) for spec in (named, nameless))
    assert "`c0`" in first[1].message
    assert "`" not in second[1].message


KEYS = st.sampled_from(
    [
        "externalId",
        "id",
        "domains",
        "samlConnections",
        "scimDirectories",
        "setupLink",
        "idp",
        "name",
        "primary",
        "saml",
        "scim",
    ]
)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, SHAPES))
def test_no_shape_is_too_odd(spec: dict[str, Any]) -> None:
    for rule, where in found(spec):
        assert "/" in rule
        assert where.partition("/")[0] in spec

"""What the name of a plan depends on, and what it does not."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from reconciler.core.planning.digest import digest, writes
from reconciler.model.change import Change, Create, FieldChange, Implied, Key, Update
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin
from reconciler.model.state import SetupLink
from tests.support.build import cert, conn_id, create, issue, org_id

NAME = FieldChange("displayName", "displayName", "Acme", "Acme Corporation")
DOMAINS = FieldChange("domains", "domains", ("acme.com",), ("acme.com", "acme.io"))
UPDATE = Update(
    Key("acme", KindName.ORGANIZATION, "acme"),
    Origin("acme.yaml", 1, 1),
    id=org_id(1),
    fields=(NAME, DOMAINS),
)
CERTIFICATE = FieldChange("idpCertificate", "idp.certificate", cert("c1"), cert("c2"))
CHILD = Update(
    Key("acme", KindName.CONNECTION, "okta"),
    Origin("acme.yaml", 9, 5),
    id=conn_id(1),
    parent=org_id(1),
    fields=(CERTIFICATE,),
)
CREATE = Create(
    Key("globex", KindName.ORGANIZATION, "globex"),
    Origin("globex.yaml", 1, 1),
    fields=(FieldChange("externalId", "externalId", None, "globex"),),
)
ISSUE = issue(Key("acme", KindName.SETUP_LINK, "setup-link"))


def one(change: Update, **other: Any) -> str:
    return digest("production", [structs.replace(change, **other)])


def field(change: Update, **other: Any) -> str:
    return one(change, fields=(structs.replace(change.fields[0], **other), *change.fields[1:]))


def test_a_digest_is_32_hex_digits_and_stays_the_same_between_versions() -> None:
    fields = '["displayName","Acme","Acme Corporation"],["domains",["acme.com"],["acme.com","acme.io"]]'
    before, after = (cert(name).sha256 for name in ("c1", "c2"))
    certificate = f'["idp.certificate",{{"sha256":"{before}"}},{{"sha256":"{after}"}}]'
    writes = [
        (UPDATE, f'["Organization","acme","acme","update","{org_id(1)}",[{fields}]]'),
        (CHILD, f'["SAMLConnection","acme","okta","update","{conn_id(1)}",[{certificate}]]'),
        (CREATE, '["Organization","globex","globex","create","",[["externalId",null,"globex"]]]'),
    ]
    for change, write in writes:
        text = f'["production",[{write}]]'
        assert digest("production", [change]) == hashlib.sha256(text.encode()).hexdigest()[:32]
    assert digest("production", []) == hashlib.sha256(b'["production",[]]').hexdigest()[:32]


@pytest.mark.parametrize(
    "other",
    [
        {"origin": Origin("moved.yaml", 99, 7)},
        {"parent": org_id(7)},
        {"needs": (CREATE.key,)},
        {"holds": {"primary": True}},
        {"implied": (Implied(conn_id(2), "entra"),)},
    ],
)
def test_what_does_not_change_a_write_does_not_change_the_digest(other: dict[str, Any]) -> None:
    assert one(CHILD, **other) == one(CHILD)


def test_words_about_a_risk_and_the_text_of_a_certificate_do_not_change_the_digest() -> None:
    assert field(CHILD, risk="people sign in by it") == one(CHILD)
    assert field(CHILD, before=structs.replace(cert("c1"), not_after="", pem="rewrapped")) == one(CHILD)


def test_secrets_to_be_issued_change_the_digest_and_so_does_what_they_are_for() -> None:
    token = issue(Key("acme", KindName.BEARER_TOKEN, "okta"))
    narrow = structs.replace(ISSUE, extent=SetupLink(saml=True, scim=False))
    writes: list[list[Change]] = [[UPDATE], [UPDATE, ISSUE], [UPDATE, narrow], [UPDATE, token]]
    assert len({digest("production", changes) for changes in writes}) == len(writes)


@pytest.mark.parametrize(
    "other",
    [
        {"key": Key("globex", KindName.CONNECTION, "okta")},
        {"key": Key("acme", KindName.DIRECTORY, "okta")},
        {"key": Key("acme", KindName.CONNECTION, "entra")},
        {"id": conn_id(2)},
        {"fields": ()},
        {"fields": (CERTIFICATE, NAME)},
    ],
)
def test_another_write_has_another_digest(other: dict[str, Any]) -> None:
    assert one(CHILD, **other) != one(CHILD)


def test_a_create_and_an_update_of_the_same_fields_differ() -> None:
    made = create(CHILD.key, *CHILD.fields)
    assert digest("production", [made]) != digest("production", [structs.replace(CHILD, id="")])


@pytest.mark.parametrize(
    "other",
    [
        {"path": "idp.other"},
        {"before": cert("c3")},
        {"before": ""},
        {"before": None},
        {"after": cert("c3")},
        {"after": ""},
    ],
)
def test_another_value_has_another_digest(other: dict[str, Any]) -> None:
    assert field(CHILD, **other) != one(CHILD)


def test_values_of_different_types_are_different() -> None:
    values: list[Any] = [None, False, True, "", "true", (), ("",), cert("c1"), cert("c1").sha256]
    assert len({field(CHILD, after=value) for value in values}) == len(values)


def test_another_environment_has_another_digest() -> None:
    assert digest("production", [UPDATE]) != digest("development", [UPDATE])


def test_leaving_a_write_out_or_adding_one_changes_the_digest() -> None:
    found = {digest("production", changes) for changes in ([], [UPDATE], [CHILD], [UPDATE, CHILD], [CREATE])}
    assert len(found) == 5


@given(st.permutations([UPDATE, CHILD, CREATE, ISSUE]))
def test_the_order_of_the_changes_does_not_change_the_digest(changes: list[Change]) -> None:
    assert digest("production", changes) == digest("production", [UPDATE, CHILD, CREATE, ISSUE])


@given(st.text(), st.text())
def test_no_value_can_imitate_another(one_value: str, other_value: str) -> None:
    assert (field(UPDATE, after=one_value) == field(UPDATE, after=other_value)) == (one_value == other_value)


def test_the_rest_of_a_plan_is_known_by_its_writes() -> None:
    """What an interruption left is a part of what was approved; another value is not."""
    whole = writes([UPDATE, CHILD, CREATE, ISSUE])
    assert (len(whole), writes([])) == (4, frozenset())
    assert writes([ISSUE, CHILD]) < whole
    other = structs.replace(UPDATE, fields=(structs.replace(NAME, before="Acne"), DOMAINS))
    assert not writes([other]) <= whole

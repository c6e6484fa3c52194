"""An object in an answer is believed only if it is one of the asked kind, environment and organization."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api import wire
from reconciler.model.errors import BadAnswer
from reconciler.model.kinds import CONNECTION, DIRECTORY, KINDS, ORGANIZATION, Kind, KindName
from reconciler.model.state import LIVE_TYPES, Organization, SAMLConnection, SCIMDirectory
from tests.support.build import ENVIRONMENT_ID, conn_id, dir_id, org_id

ROUTE = "GET /v1/things"
# One whole object of each kind, as the server would write it, and how it is understood.
WHOLE: dict[KindName, tuple[dict[str, Any], Any]] = {
    KindName.ORGANIZATION: (
        {
            "id": org_id(1),
            "environmentId": ENVIRONMENT_ID,
            "displayName": "Acme",
            "externalId": "4711",
            "domains": ["a.example", "b.example"],
        },
        Organization(org_id(1), ENVIRONMENT_ID, "Acme", "4711", ("a.example", "b.example")),
    ),
    KindName.CONNECTION: (
        {
            "id": conn_id(1),
            "organizationId": org_id(1),
            "primary": True,
            "idpRedirectUrl": "u",
            "idpCertificate": "c",
            "idpEntityId": "e",
            "spEntityId": "s",
            "spAcsUrl": "a",
        },
        SAMLConnection(conn_id(1), org_id(1), True, "u", "c", "e", "s", "a"),
    ),
    KindName.DIRECTORY: (
        {
            "id": dir_id(1),
            "organizationId": org_id(1),
            "primary": True,
            "scimBaseUrl": "b",
            "hasClientBearerToken": True,
        },
        SCIMDirectory(dir_id(1), org_id(1), True, "b", True),
    ),
}
# The least that makes an object one.
LEAST = {
    KindName.ORGANIZATION: {"id": org_id(1), "environmentId": ENVIRONMENT_ID},
    KindName.CONNECTION: {"id": conn_id(1), "organizationId": org_id(1)},
    KindName.DIRECTORY: {"id": dir_id(1), "organizationId": org_id(1)},
}
ALL = sorted(KINDS.values(), key=lambda kind: kind.name)
KIND = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)


def refused(kind: Kind, body: Any) -> str:
    """What is said of that object, both alone and in a list."""
    with pytest.raises(BadAnswer) as alone:
        wire.one(kind, ROUTE, {kind.one: body})
    with pytest.raises(BadAnswer) as listed:
        wire.page(kind, ROUTE, {kind.many: [LEAST[kind.name], body]})
    assert alone.value.route == listed.value.route == ROUTE
    if isinstance(body, dict):
        assert alone.value.message == listed.value.message
    return listed.value.message.removeprefix(f"{ROUTE}: ")


# -- what is believed


@KIND
def test_an_object_is_understood_field_by_field(kind: Kind) -> None:
    body, live = WHOLE[kind.name]
    assert wire.one(kind, ROUTE, {kind.one: body}) == wire.Fresh(live, body)
    assert set(body) == {field.encode_name for field in msgspec.structs.fields(LIVE_TYPES[kind.name])}


@KIND
def test_absent_means_default(kind: Kind) -> None:
    body = LEAST[kind.name]
    live = wire.one(kind, ROUTE, {kind.one: body}).live
    assert live == LIVE_TYPES[kind.name](*body.values())


@KIND
def test_unknown_fields_are_tolerated_and_kept_for_writing_back(kind: Kind) -> None:
    """A PATCH clears what it leaves out, so they must come back; in the comparison they play no part."""
    body, live = WHOLE[kind.name]
    more = body | {"later": {"deep": [1, None]}, "primaryish": "x"}
    fresh = wire.one(kind, ROUTE, {kind.one: more, "trace": "t"})
    assert fresh == wire.Fresh(live, more)
    assert wire.page(kind, ROUTE, {kind.many: [more], "trace": "t"}) == wire.Page((live,), "")


@KIND
def test_a_page_has_its_objects_and_what_comes_next(kind: Kind) -> None:
    body, live = WHOLE[kind.name]
    assert wire.page(kind, ROUTE, {kind.many: [body], "nextPageToken": "t"}) == wire.Page((live,), "t")
    assert wire.page(kind, ROUTE, {kind.many: [body, body]}) == wire.Page((live, live), "")


@KIND
@pytest.mark.parametrize("more", [{}, {"nextPageToken": ""}, {"later": 1}])
def test_a_list_may_be_empty(kind: Kind, more: dict[str, Any]) -> None:
    assert wire.page(kind, ROUTE, {kind.many: []} | more) == wire.Page((), "")
    assert wire.page(kind, ROUTE, {}) == wire.Page((), "")


# -- what is not


@KIND
@pytest.mark.parametrize(
    "document",
    [
        {},
        {"organisation": {}},
        {"error": "x"},
        *({other.one: LEAST[other.name]} for other in ALL),
        *({each.one: value} for each in ALL for value in (None, [], "x", 5, True)),
    ],
)
def test_an_object_without_its_wrapper_is_none(kind: Kind, document: dict[str, Any]) -> None:
    if isinstance(document.get(kind.one), dict):
        document = {kind.many: document[kind.one]}
    with pytest.raises(BadAnswer, match=f"the answer has no `{kind.one}`"):
        wire.one(kind, ROUTE, document)


@KIND
@pytest.mark.parametrize(
    "document",
    [
        {"nextPageToken": "t"},
        {"nextPageToken": ""},
        {"code": 2, "message": "x"},
        {"things": []},
        *({other.one: LEAST[other.name]} for other in ALL),
    ],
)
def test_a_list_without_its_wrapper_is_none(kind: Kind, document: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match=f"the answer has no `{kind.many}`, but other things"):
        wire.page(kind, ROUTE, document)


@KIND
def test_another_kind_s_list_is_none(kind: Kind) -> None:
    for other in ALL:
        if other is not kind:
            with pytest.raises(BadAnswer, match="but other things"):
                wire.page(kind, ROUTE, {other.many: []})


@KIND
@pytest.mark.parametrize("value", [None, {}, "x", 5, True])
def test_a_list_must_be_one_and_a_token_text(kind: Kind, value: Any) -> None:
    with pytest.raises(BadAnswer, match=f"the answer is no list of `{kind.many}`"):
        wire.page(kind, ROUTE, {kind.many: value})
    if value != "x":
        with pytest.raises(BadAnswer, match=f"the answer is no list of `{kind.many}`"):
            wire.page(kind, ROUTE, {kind.many: [], "nextPageToken": value})


@KIND
@pytest.mark.parametrize("body", [None, [], "x", 5, True])
def test_what_is_no_object_is_none(kind: Kind, body: Any) -> None:
    with pytest.raises(BadAnswer, match=f"a `{kind.one}` in the answer is not one"):
        wire.page(kind, ROUTE, {kind.many: [body]})


WRONG = [None, 5, 1.5, True, [], {}, ["x"], {"a": "b"}, "x", "true", [5], [None], [["x"]]]


@KIND
def test_every_field_has_its_type(kind: Kind) -> None:
    """A null, a number in a text, a text in a flag: each is an error that names the field, never the value."""
    for name, good in WHOLE[kind.name][0].items():
        fitting = {str: str, bool: bool, list: list}[type(good)]
        for wrong in WRONG:
            if name in {"id", "organizationId", "environmentId"} and isinstance(wrong, str):
                continue
            if type(wrong) is fitting and (fitting is not list or all(type(each) is str for each in wrong)):
                continue
            message = refused(kind, WHOLE[kind.name][0] | {name: wrong})
            assert f"a `{kind.one}` in the answer is not one: " in message
            assert f"$.{name}" in message


@KIND
def test_what_makes_an_object_one_must_be_there(kind: Kind) -> None:
    for name in LEAST[kind.name]:
        body = {key: value for key, value in LEAST[kind.name].items() if key != name}
        assert f"missing required field `{name}`" in refused(kind, body)


def not_ids(prefix: str) -> list[str]:
    good = prefix + "0" * 25
    return [
        "",
        prefix,
        good[:-1],
        good + "0",
        good + "\n",
        " " + good,
        good[:-1] + "A",
        good[:-1] + "-",
        "0" * 25,
    ] + [other + "0" * 25 for other in ("org_", "saml_conn_", "scim_directory_", "env_") if other != prefix]


@KIND
def test_ids_have_the_form_of_their_kind(kind: Kind) -> None:
    for bad in not_ids(kind.id_prefix):
        assert (
            refused(kind, LEAST[kind.name] | {"id": bad}) == f"a `{kind.one}` in the answer has no id of its kind"
        )


def test_an_organization_stands_in_an_environment() -> None:
    for bad in not_ids("env_"):
        message = refused(ORGANIZATION, LEAST[KindName.ORGANIZATION] | {"environmentId": bad})
        assert message == "an organization in the answer has no environment"


@pytest.mark.parametrize("kind", [CONNECTION, DIRECTORY], ids=lambda kind: kind.name)
def test_a_child_stands_in_an_organization(kind: Kind) -> None:
    for bad in not_ids("org_"):
        message = refused(kind, LEAST[kind.name] | {"organizationId": bad})
        assert message == f"a `{kind.one}` in the answer has no organization"


def test_a_child_of_another_organization_is_refused() -> None:
    live = SAMLConnection(conn_id(1), org_id(1))
    assert wire.child_of(org_id(1), live, ROUTE) is live
    with pytest.raises(BadAnswer, match=f"{conn_id(1)} belongs to another organization than the one asked for"):
        wire.child_of(org_id(2), live, ROUTE)
    with pytest.raises(BadAnswer, match="belongs to another organization"):
        wire.child_of(org_id(1), Organization(org_id(1), ENVIRONMENT_ID), ROUTE)


def test_a_text_is_there_and_not_empty() -> None:
    assert wire.text("url", ROUTE, {"url": "u", "later": 1}) == "u"
    for document in ({}, {"url": ""}, {"url": None}, {"url": 5}, {"url": ["u"]}, {"bearerToken": "u"}):
        with pytest.raises(BadAnswer, match="the answer has no `url`"):
            wire.text("url", ROUTE, document)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([org_id(1), ENVIRONMENT_ID]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "environmentId", "organizationId", "organizations", "domains", "primary", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from([each.many for each in ALL] + ["nextPageToken", "x"]), JSON_VALUES, max_size=3)
)
def test_any_json_is_a_page_of_the_kind_or_our_error(document: dict[str, Any]) -> None:
    for kind in ALL:
        try:
            page = wire.page(kind, ROUTE, document)
        except BadAnswer:
            continue
        assert all(isinstance(item, LIVE_TYPES[kind.name]) for item in page.items)
        assert document == {} or len(page.items) == len(document[kind.many])

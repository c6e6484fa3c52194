"""An object in a response is accepted only if it is one of the kind, environment and organization asked for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api import wire
from reconciler.model.errors import BadAnswer
from reconciler.model.kinds import CONNECTION, DIRECTORY, KINDS, ORGANIZATION, Kind
from reconciler.model.state import LIVE_TYPES, Organization, SAMLConnection, SCIMDirectory
from tests.support.build import ENVIRONMENT_ID, conn_id, dir_id, org_id

ROUTE = "GET /v1/things"
# One whole object of each kind, as the server would write it, and how it is understood.
WHOLE: dict[Kind, tuple[dict[str, Any], Any]] = {
    ORGANIZATION: (
        {"id": org_id(1), "environmentId": ENVIRONMENT_ID, "displayName": "Acme", "externalId": "4711",
         "domains": ["a.example", "b.example"]},
        Organization(org_id(1), ENVIRONMENT_ID, "Acme", "4711", ("a.example", "b.example")),
    ),
    CONNECTION: (
        {"id": conn_id(1), "organizationId": org_id(1), "primary": True, "idpRedirectUrl": "u",
         "idpCertificate": "c", "idpEntityId": "e", "spEntityId": "s", "spAcsUrl": "a"},
        SAMLConnection(conn_id(1), org_id(1), True, "u", "c", "e", "s", "a"),
    ),
    DIRECTORY: (
        {"id": dir_id(1), "organizationId": org_id(1), "primary": True, "scimBaseUrl": "b",
         "hasClientBearerToken": True},
        SCIMDirectory(dir_id(1), org_id(1), True, "b", True),
    ),
}  # fmt: skip
# The least that makes an object one: its first two fields.
LEAST = {kind: dict(list(body.items())[:2]) for kind, (body, _) in WHOLE.items()}
ALL = sorted(KINDS.values(), key=lambda kind: kind.name)
KIND = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
NO_OBJECTS = (None, [], "x", 5, True)


def refused(kind: Kind, body: Any) -> str:
    """What is said of that object, both alone and in a list."""
    with pytest.raises(BadAnswer) as alone:
        wire.one(kind, ROUTE, {kind.one: body})
    with pytest.raises(BadAnswer) as listed:
        wire.page(kind, ROUTE, {kind.many: [LEAST[kind], body]})
    assert alone.value.route == listed.value.route == ROUTE
    assert alone.value.message == listed.value.message
    return listed.value.message


# -- what is accepted


@KIND
def test_an_object_is_understood_field_by_field(kind: Kind) -> None:
    body, live = WHOLE[kind]
    assert wire.one(kind, ROUTE, {kind.one: body}) == wire.Fresh(live, body)
    assert set(body) == {field.encode_name for field in msgspec.structs.fields(LIVE_TYPES[kind.name])}


@KIND
def test_absent_means_default(kind: Kind) -> None:
    live = wire.one(kind, ROUTE, {kind.one: LEAST[kind]}).live
    assert live == LIVE_TYPES[kind.name](*LEAST[kind].values())


@KIND
def test_unknown_fields_are_tolerated_and_kept_for_writing_back(kind: Kind) -> None:
    """A PATCH clears what it leaves out, so they must come back; in the comparison they play no part."""
    body, live = WHOLE[kind]
    more = body | {"later": {"deep": [1, None]}, "primaryish": "x"}
    assert wire.one(kind, ROUTE, {kind.one: more, "trace": "t"}) == wire.Fresh(live, more)
    assert wire.page(kind, ROUTE, {kind.many: [more], "trace": "t"}) == wire.Page((live,), "")


@KIND
def test_a_page_has_its_objects_and_the_token_of_the_next(kind: Kind) -> None:
    body, live = WHOLE[kind]
    assert wire.page(kind, ROUTE, {kind.many: [body], "nextPageToken": "t"}) == wire.Page((live,), "t")
    assert wire.page(kind, ROUTE, {kind.many: [body, body]}) == wire.Page((live, live), "")


@KIND
def test_a_list_may_be_empty(kind: Kind) -> None:
    for document in ({}, *({kind.many: [], **more} for more in ({}, {"nextPageToken": ""}, {"later": 1}))):
        assert wire.page(kind, ROUTE, document) == wire.Page((), "")


# -- what is not


@KIND
def test_an_object_without_its_wrapper_is_none(kind: Kind) -> None:
    others = [{other.one: LEAST[other]} for other in ALL if other is not kind]
    values = [{kind.one: value} for value in NO_OBJECTS]
    for document in ({}, {"error": "x"}, {kind.many: LEAST[kind]}, *others, *values):
        with pytest.raises(BadAnswer, match=f"the response has no `{kind.one}`"):
            wire.one(kind, ROUTE, document)


@KIND
def test_a_list_without_its_wrapper_is_none(kind: Kind) -> None:
    lists = [{other.many: []} for other in ALL if other is not kind]
    objects = [{other.one: LEAST[other]} for other in ALL]
    tokens = [{"nextPageToken": token} for token in ("", "t")]
    for document in ({"code": 2, "message": "x"}, {"things": []}, *tokens, *lists, *objects):
        with pytest.raises(BadAnswer, match=f"other fields, but no `{kind.many}`"):
            wire.page(kind, ROUTE, document)


@KIND
def test_a_list_must_be_one_and_a_token_text(kind: Kind) -> None:
    values = (None, {}, 5, True)
    tokens = [{kind.many: [], "nextPageToken": value} for value in values]
    for document in ({kind.many: "x"}, *({kind.many: value} for value in values), *tokens):
        with pytest.raises(BadAnswer, match=f"not a list of `{kind.many}`"):
            wire.page(kind, ROUTE, document)


@KIND
def test_what_is_no_object_is_none(kind: Kind) -> None:
    for body in NO_OBJECTS:
        with pytest.raises(BadAnswer, match=f"a `{kind.one}` in the response is not valid"):
            wire.page(kind, ROUTE, {kind.many: [body]})


WRONG = [None, 5, 1.5, True, [], {}, ["x"], {"a": "b"}, "x", "true", [5], [None], [["x"]]]


@KIND
def test_every_field_has_its_type(kind: Kind) -> None:
    """A null, a number in a text, a text in a flag: each is an error that names the field, never the value."""
    body, _ = WHOLE[kind]
    for name, good in body.items():
        for wrong in WRONG:
            texts = isinstance(wrong, list) and all(type(each) is str for each in wrong)
            if type(wrong) is type(good) and (not isinstance(wrong, list) or texts):
                continue
            message = refused(kind, body | {name: wrong})
            assert f"a `{kind.one}` in the response is not valid: " in message
            assert f"$.{name}" in message


@KIND
def test_what_makes_an_object_one_must_be_there(kind: Kind) -> None:
    for name in LEAST[kind]:
        body = {key: value for key, value in LEAST[kind].items() if key != name}
        assert f"missing required field `{name}`" in refused(kind, body)


PREFIXES = ("org_", "saml_conn_", "scim_directory_", "env_")


@KIND
def test_each_id_has_the_form_of_its_kind(kind: Kind) -> None:
    """The object's own and that of its environment or organization."""
    above = "environmentId" if kind is ORGANIZATION else "organizationId"
    for name, prefix, part in (
        ("id", kind.id_prefix, f"a `{kind.one}` in the response has no id of its kind"),
        (above, "env_" if kind is ORGANIZATION else "org_", f"in the response has no {above.removesuffix('Id')}"),
    ):
        good = prefix + "0" * 25
        others = [other + "0" * 25 for other in ("", *PREFIXES) if other != prefix]
        near = [good[:-1], good + "0", good + "\n", " " + good, good[:-1] + "A", good[:-1] + "-"]
        for bad in ("", prefix, *near, *others):
            assert part in refused(kind, LEAST[kind] | {name: bad})


def test_a_child_of_another_organization_is_refused() -> None:
    live = SAMLConnection(conn_id(1), org_id(1))
    assert wire.child_of(org_id(1), live, ROUTE) is live
    with pytest.raises(BadAnswer, match=f"{conn_id(1)} belongs to another organization than the one asked for"):
        wire.child_of(org_id(2), live, ROUTE)
    with pytest.raises(BadAnswer, match="belongs to another organization"):
        wire.child_of(org_id(1), Organization(org_id(1), ENVIRONMENT_ID), ROUTE)


def test_a_text_is_there_and_not_empty() -> None:
    assert wire.secret("url", ROUTE, {"url": "u", "later": 1}) == "u"
    for document in ({}, {"url": ""}, {"url": None}, {"url": 5}, {"url": ["u"]}, {"bearerToken": "u"}):
        with pytest.raises(BadAnswer, match="the response has no `url`"):
            wire.secret("url", ROUTE, document)


KEYS = ["id", "environmentId", "organizationId", "organizations", "domains", "primary", "x"]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([org_id(1), ENVIRONMENT_ID])
)
JSON_VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([each.many for each in ALL] + ["nextPageToken", "x"])


@given(st.dictionaries(NAMES, JSON_VALUES, max_size=3))
def test_any_json_is_a_page_of_the_kind_or_our_error(document: dict[str, Any]) -> None:
    for kind in ALL:
        try:
            page = wire.page(kind, ROUTE, document)
        except BadAnswer:
            continue
        assert all(isinstance(item, LIVE_TYPES[kind.name]) for item in page.items)
        assert document == {} or len(page.items) == len(document[kind.many])

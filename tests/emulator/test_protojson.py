"""Bodies: agreement with JSON where both say yes, and one kind of refusal for everything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.exchange import Refusal
from reconciler.emulator.messages import CONNECTION, ORGANIZATION
from reconciler.emulator.protojson import decode
from tests.emulator.conftest import Caller

FIELDS = ORGANIZATION.body_fields
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)
KNOWN = st.fixed_dictionaries(
    {}, optional={"displayName": TEXT, "external_id": TEXT, "domains": st.lists(TEXT), "id": st.none()}
)
UNKNOWN = st.dictionaries(TEXT.filter(lambda name: name not in FIELDS), ANYTHING)


@given(KNOWN, UNKNOWN, st.booleans(), st.sampled_from([None, 2]))
def test_what_json_says_is_understood(known: dict, unknown: dict, escaped: bool, indent: int | None) -> None:
    body = json.dumps({**unknown, **known}, ensure_ascii=escaped, indent=indent).encode()
    expected = {FIELDS[name][0]: value for name, value in known.items() if value is not None}
    assert decode(body, FIELDS) == expected


@given(st.binary() | TEXT.map(str.encode))
def test_nothing_but_a_refusal_comes_of_any_bytes(body: bytes) -> None:
    try:
        decode(body, FIELDS)
    except Refusal as refusal:
        assert refusal.message.startswith("proto: ")  # noqa: PT017 - most bodies are refused, some are not


@given(KNOWN, UNKNOWN, st.data())
def test_a_body_that_is_cut_off_is_refused(known: dict, unknown: dict, data: st.DataObject) -> None:
    body = json.dumps({**known, **unknown}).encode()
    cut = data.draw(st.integers(1, len(body) - 1))
    with pytest.raises(Refusal):
        decode(body[:cut], FIELDS)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"displayName":"\xff"}', "syntax error (line 1:16): invalid UTF-8 in string"),
        (b'{"displayName":"a\xc3"}', "syntax error (line 1:16): invalid UTF-8 in string"),
        (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "exceeded max recursion depth"),
        (b'{"a":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001, "exceeded max recursion depth"),
    ],
    ids=["not UTF-8", "a character cut off", "deep lists", "deep objects"],
)
def test_what_no_recording_can_hold(body: bytes, message: str) -> None:
    with pytest.raises(Refusal) as caught:
        decode(body, FIELDS)
    assert caught.value.message == f"proto: {message}"


def test_unknown_values_may_be_deep() -> None:
    assert decode(b'{"a":' + b"[" * 9_999 + b"]" * 9_999 + b',"primary":true}', CONNECTION.body_fields) == {
        "primary": True
    }


def test_a_refused_body_creates_nothing(api: Caller) -> None:
    assert api.call("POST", "/v1/organizations", {"displayName": 5}).status == 500
    assert api.store.organizations("production") == []

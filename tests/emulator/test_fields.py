"""Which bodies are understood, and that a refused one does nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.exchange import Refusal, Request
from reconciler.emulator.fields import body_of, from_body
from reconciler.emulator.rows import Organization
from tests.emulator.conftest import Caller

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)
KNOWN = st.fixed_dictionaries(
    {}, optional={"displayName": TEXT | st.none(), "external_id": TEXT, "domains": st.lists(TEXT)}
)
UNKNOWN = st.dictionaries(TEXT.map("x{}".format), ANYTHING)


def read(body: bytes) -> dict:
    return from_body(Request("POST", "/v1/organizations", body=body), body_of(Organization))


@given(KNOWN, UNKNOWN)
def test_known_fields_are_read_and_unknown_ones_ignored(known: dict, unknown: dict) -> None:
    expected = {
        "display_name": known.get("displayName") or "",
        "external_id": known.get("external_id", ""),
        "domains": tuple(known.get("domains", ())),
    }
    assert read(json.dumps({**unknown, **known}).encode()) == expected


@given(KNOWN, UNKNOWN, st.data())
def test_a_body_that_is_cut_off_is_refused(known: dict, unknown: dict, data: st.DataObject) -> None:
    body = json.dumps({**known, **unknown}).encode()
    with pytest.raises(Refusal, match=r"proto: "):
        read(body[: data.draw(st.integers(1, len(body) - 1))])


@pytest.mark.parametrize("body", [b'{"displayName":"\xff"}', b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}"])
def test_a_body_that_no_recording_can_hold_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match=r"proto: "):
        read(body)


def test_a_refused_body_creates_nothing(api: Caller) -> None:
    assert api.call("POST", "/v1/organizations", {"displayName": 5}).status == 500
    assert api.store.organizations("production") == []

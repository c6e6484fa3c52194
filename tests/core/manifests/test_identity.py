"""Which organization a document is about, also where the document is broken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.manifests.identity import Identity, identify


def document(spec: Any, name: Any = "acme") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "identity"),
    [
        ({}, Identity("acme", None, "acme", certain=True)),
        ({"externalId": "4711"}, Identity("acme", None, "4711", certain=True)),
        ({"id": "org_1"}, Identity("acme", "org_1", None, certain=True)),
        ({"id": "org_1", "externalId": "4711"}, Identity("acme", "org_1", "4711", certain=True)),
        ({"id": "org_1", "externalId": None}, Identity("acme", "org_1", None, certain=True)),
        ({"externalId": None}, Identity("acme", None, None, certain=True)),
    ],
)
def test_the_key_is_the_external_id_and_by_default_the_name_unless_a_pin_decides(
    spec: dict[str, Any], identity: Identity
) -> None:
    assert identify(document(spec)) == identity


@pytest.mark.parametrize(
    ("spec", "identity"),
    [
        ({"externalId": 4711}, Identity("acme", None, None, certain=False)),
        ({"externalId": ""}, Identity("acme", None, None, certain=False)),
        ({"id": ["org_1"]}, Identity("acme", None, None, certain=False)),
        ({"id": ""}, Identity("acme", None, None, certain=False)),
        ({"id": "org_1", "externalId": True}, Identity("acme", "org_1", None, certain=False)),
        (None, Identity("acme", None, "acme", certain=False)),
        ([], Identity("acme", None, "acme", certain=False)),
    ],
)
def test_what_stands_there_but_cannot_be_read_leaves_a_doubt(spec: Any, identity: Identity) -> None:
    assert identify(document(spec)) == identity


@pytest.mark.parametrize("name", [None, 7, "", ["acme"]])
def test_a_document_without_a_name_is_never_certain(name: Any) -> None:
    found = identify(document({"externalId": "4711"}, name))
    assert found == Identity(None, None, "4711", certain=False)


def test_a_document_without_spec_is_known_by_its_name() -> None:
    assert identify({"metadata": {"name": "acme"}}) == Identity("acme", None, "acme", certain=True)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["metadata", "spec", "name", "id", "externalId"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(json)
def test_any_document_at_all_has_an_identity_of_texts(value: Any) -> None:
    found = identify(value)
    assert all(
        part is None or (isinstance(part, str) and part) for part in (found.name, found.id, found.external_id)
    )
    assert found.name or not found.certain

"""What `observe` writes is read back as it was; anything else is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from reconciler.core.adopting.observation import NotAnObservation, Observation, decode, encode
from reconciler.model.state import Observed, Unreadable
from tests.support.build import live, live_connection, live_directory, observed, org_id

SEEN = observed(
    live(
        1,
        "acme",
        display_name="Acme",
        domains=["b.example", "a.example"],
        connections=[
            live_connection(1, primary=True, entity="urn:e", url="https://x", cert="c"),
            live_connection(2),
        ],
        directories=[live_directory(1, token=True)],
    ),
    live(2, connections=Unreadable("too long"), directories=[]),
)
AT = 1_700_000_000.0


def changed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    document = json.loads(json.dumps(encode(Observation(SEEN, AT))))
    change(document)
    return json.dumps(document).encode()


def test_a_document_is_read_back_as_it_was() -> None:
    assert decode(changed(lambda _: None)) == Observation(SEEN, AT)
    assert (
        decode(json.dumps(encode(Observation(Observed(None, (), None), AT))).encode()).observed.organizations == ()
    )


def test_the_order_of_a_document_means_nothing() -> None:
    def turned(document: dict[str, Any]) -> None:
        document["organizations"].reverse()
        document["organizations"][1]["samlConnections"].reverse()

    assert decode(changed(turned)) == Observation(SEEN, AT)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(apiVersion="reconciler/v2"),
        lambda document: document.update(kind="Plan"),
        lambda document: document.update(key="value"),
        lambda document: document.update(observedAt="yesterday"),
        lambda document: document.update(environmentId=None),
        lambda document: document["organizations"][1].update(id=org_id(1)),
        lambda document: document["organizations"][0].pop("domains"),
    ],
    ids=["version", "kind", "unknown", "time", "environment", "twice", "missing"],
)
def test_another_document_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(NotAnObservation):
        decode(changed(change))


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[]", b"{"])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnObservation):
        decode(data)


def test_an_organization_whose_children_were_not_read_is_no_part_of_a_document() -> None:
    unread = structs.replace(SEEN, organizations=(live(3),))
    with pytest.raises(KeyError):
        encode(Observation(unread, AT))

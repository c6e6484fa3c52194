"""Reading a list page by page while it changes."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.emulator.conftest import Caller


def page(api: Caller, token: str = "") -> tuple[list[str], str]:
    response = api.ask("GET", f"/v1/organizations?pageToken={token}")
    return [item["id"] for item in response.get("organizations", [])], response.get("nextPageToken", "")


@given(st.integers(0, 35), st.randoms(use_true_random=False), st.data())
def test_a_walk_sees_what_stayed_exactly_once(count: int, rng: random.Random, data: st.DataObject) -> None:
    """In order of id, while other objects appear and vanish anywhere in the list."""
    api = Caller(rng.getrandbits(32))
    stayed = {api.organization() for _ in range(count)}
    seen: list[str] = []
    token = ""
    while True:
        ids, token = page(api, token)
        seen += ids
        assert len(ids) <= 10
        if not token:
            break
        assert len(ids) == 10
        for _ in range(data.draw(st.integers(0, 1))):
            api.organization()
        if stayed and data.draw(st.booleans()):
            gone = data.draw(st.sampled_from(sorted(stayed)))
            api.store.delete(gone)
            stayed.discard(gone)
    assert seen == sorted(set(seen))
    assert stayed <= set(seen)


def test_ten_are_one_page_and_eleven_are_two(api: Caller) -> None:
    for _ in range(10):
        api.organization()
    assert page(api)[1] == ""
    api.organization()
    first, token = page(api)
    assert (len(first), token != "") == (10, True)
    assert len(page(api, token)[0]) == 1


def test_a_page_starts_at_the_next_object_if_its_first_was_deleted(api: Caller) -> None:
    ids = sorted(api.organization() for _ in range(12))
    _, token = page(api)
    api.store.delete(ids[10])
    assert page(api, token) == ([ids[11]], "")


def test_tokens_differ_at_each_call_and_keep_working(api: Caller) -> None:
    for _ in range(11):
        api.organization()
    tokens = [page(api)[1] for _ in range(5)]
    assert len(set(tokens)) == 5
    assert len({tuple(page(api, token)[0]) for token in tokens}) == 1

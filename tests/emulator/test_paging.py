"""A walk through a list, page by page, while the list changes."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator import paging
from tests.emulator.conftest import Caller


def page(api: Caller, token: str = "") -> tuple[list[str], str]:
    answer = api.ask("GET", f"/v1/organizations?pageToken={token}")
    return [item["id"] for item in answer.get("organizations", [])], answer.get("nextPageToken", "")


@given(st.integers(0, 35), st.randoms(use_true_random=False), st.data())
def test_a_walk_shows_once_all_that_stayed(count: int, rng: random.Random, data: st.DataObject) -> None:
    """Objects may appear anywhere and vanish; those there from start to end are seen exactly once, in order."""
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


def test_a_page_starts_at_the_next_object_if_its_first_has_gone(api: Caller) -> None:
    ids = sorted(api.organization() for _ in range(12))
    _, token = page(api)
    api.store.delete(ids[10])
    assert page(api, token) == ([ids[11]], "")


def test_no_two_tokens_are_equal_and_each_keeps_working(api: Caller) -> None:
    for _ in range(11):
        api.organization()
    tokens = [page(api)[1] for _ in range(5)]
    assert len(set(tokens)) == 5
    assert len({tuple(page(api, token)[0]) for token in tokens}) == 1


@given(st.integers(0, 2**128 - 1), st.randoms(use_true_random=False))
def test_a_token_gives_back_what_was_sealed(number: int, rng: random.Random) -> None:
    digits = paging.written(number)
    assert paging.unseal(paging.seal(digits, rng)) == digits

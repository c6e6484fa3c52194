"""A secret never surfaces by accident."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from reconciler.model.secret import MASK, Secret

TEXT = "ssoready_sk_canary"


def test_only_revealing_gives_the_text() -> None:
    assert Secret(TEXT).reveal() == TEXT


def test_no_way_of_printing_shows_it() -> None:
    secret = Secret(TEXT)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>30}", f"{secret!r}", f"{[secret]}", "%s" % secret]  # noqa: UP031
    assert all(TEXT not in text and MASK in text for text in shown)


def test_neither_pickle_nor_copy_nor_an_attribute_gives_it_away() -> None:
    secret = Secret(TEXT)
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled") as raised:
            take(secret)
        assert TEXT not in "".join(traceback.format_exception(raised.value))
    assert not hasattr(secret, "__dict__")
    assert not hasattr(secret, "text")


def test_two_secrets_are_equal_if_their_texts_are_and_a_text_is_no_secret() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("other")
    assert Secret(TEXT) != TEXT
    assert len({Secret(TEXT), Secret(TEXT), Secret("other")}) == 2

"""Any text becomes safe to show: nothing steers a terminal, nothing secret is in it, lines fit."""

from __future__ import annotations

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.secret import MASK, Secret
from reconciler.render.words import count, escaped, fitted, masked, value

KEY = "ssoready_sk_" + "a" * 25
TOKEN = "ssoready_scim_bearer_token_" + "b" * 25
URL = "https://admin.example/setup?one-time-token=ssoready_one_time_token_" + "c" * 25
PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQ\nIBADAN\n-----END RSA PRIVATE KEY-----"


@given(st.text(st.characters()))
def test_what_is_shown_is_printable_and_can_be_written(text: str) -> None:
    shown = escaped(text)
    assert shown.isprintable()
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ünïcode → stays", "Ünïcode → stays"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\r\t", "a\\nb\\r\\t"),
        ("\u202eevil", "\\u202eevil"),
        ("\udcff", "\\udcff"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.parametrize("secret", [KEY, TOKEN, URL.partition("?")[2], PRIVATE, f"Bearer {'x' * 20}"])
@given(
    before=st.text(st.characters(codec="ascii", categories=["P", "Z"])),
    after=st.sampled_from(["", " ", '"', ", x"]),
)
def test_no_secret_is_shown_whatever_is_around_it(secret: str, before: str, after: str) -> None:
    assert secret not in masked(before + secret + after)
    assert secret not in escaped(before + secret + after)
    assert masked(before + secret + after).endswith(after.strip() and after[-1])


def test_a_private_key_that_is_cut_off_is_masked_to_the_end() -> None:
    assert masked(f"a {PRIVATE[:50]}") == f"a {MASK}"
    assert masked(f"a {PRIVATE} b") == f"a {MASK} b"


def test_a_certificate_is_no_secret() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    assert masked(certificate) == certificate


class Word(StrEnum):
    ONE = "one"


class Odd:
    def __repr__(self) -> str:
        return f"Odd({KEY})"


def test_nested_values_are_masked_and_keep_their_types() -> None:
    nested = {"a": [KEY, (1, None, True, 2.5)], KEY: Secret(TOKEN), "odd": Odd(), "word": Word.ONE}
    assert masked(nested) == {
        "a": [MASK, [1, None, True, 2.5]],
        MASK: MASK,
        "odd": f"Odd({MASK})",
        "word": "one",
    }


@given(st.text(st.sampled_from("abc  \x1b[3m"), max_size=80), st.integers(1, 40))
def test_a_fitted_line_has_the_same_words_and_no_avoidable_overflow(line: str, columns: int) -> None:
    broken = fitted(line.rstrip(), columns)
    assert broken.split() == line.split()
    assert fitted(line, None) == line


def test_a_fitted_line_is_indented_and_a_long_word_stays_whole() -> None:
    assert fitted("  one two three", 10) == "  one two\n      three"
    assert fitted("  " + "x" * 30 + " y", 10) == "  " + "x" * 30 + "\n      y"
    assert fitted("\x1b[31mone\x1b[0m two", 7) == "\x1b[31mone\x1b[0m two", "colours have no width"


@pytest.mark.parametrize(
    ("shown", "words"),
    [(None, "-"), ("", "-"), ((), "-"), (True, "true"), (False, "false"), (("a", "b"), "a b"), ("a", '"a"')],
)
def test_values(shown: bool | str | tuple[str, ...] | None, words: str) -> None:
    assert value(shown) == words


def test_counts() -> None:
    assert (count(1, "file"), count(0, "file"), count(1200, "file")) == ("1 file", "0 files", "1,200 files")

"""Values and numbers in few words, and lines that fit a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.style import fitted
from reconciler.render.words import age, count, value


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


@pytest.mark.parametrize(
    ("age_s", "words"), [(0, "0 seconds"), (1, "1 second"), (150, "2 minutes"), (7300, "2 hours"), (3e5, "3 days")]
)
def test_ages(age_s: float, words: str) -> None:
    assert f"what was live {words} ago" in age(age_s)


def test_counts() -> None:
    assert [count(n, "file") for n in (1, 0, 1200)] == ["1 file", "0 files", "1,200 files"]
    assert count(2, "match", "matches") == "2 matches"

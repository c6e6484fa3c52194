"""Texts as YAML: whatever stands in them, a reader gets the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.adopting.writing import address, comment, listed, scalar, tidy, unfit
from reconciler.source.yaml import parse

KEY = "ssoready_sk_0123456789abcdefghijklmno"
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.from_regex(
        r"(yes|no|null|~|0x1|1e3|1\.e3|2026-01-01|https?://a\.example/\?a=b#c|- a|a: b|a #b)", fullmatch=True
    ),
)


def read(line: str) -> object:
    manifests = parse(f"{line}\n".encode(), "x.yaml")
    assert manifests.problems == ()
    (document,) = manifests.documents
    return document.value


@given(TEXTS.filter(lambda text: not unfit(text, 1000)))
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    assert read(f"a: {scalar(text)}") == {"a": text}
    assert read(f"a: {address(text)}") == {"a": text}
    assert read(f"a: {{b: {scalar(text)}, c: [{scalar(text)}]}}") == {"a": {"b": text, "c": [text]}}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_comment_is_one_line_whatever_stands_in_it(text: str) -> None:
    assert read(f"{comment(text, '  ')}\na: b") == {"a": "b"}


@pytest.mark.parametrize("text", ["Acme Corporation", "acme.example", "Müller", "https://a.example/sso"])
def test_what_needs_no_quotes_in_yaml_mostly_has_none(text: str) -> None:
    assert address(text) == (text if text.isascii() else f'"{text}"')


def test_a_short_list_stands_on_one_line() -> None:
    assert listed("domains", ["a.example", "b.example"], "  ") == ["  domains: [a.example, b.example]"]
    many = listed("domains", [f"{number}.example" for number in range(30)], "  ")
    assert many[:2] == ["  domains:", '    - "0.example"']
    assert len(many) == 31


@pytest.mark.parametrize("text", ["a\nb", "a\x00", "\x85", "x" * 256, KEY, "Acme ***"])
def test_some_texts_cannot_stand_in_a_manifest(text: str) -> None:
    assert unfit(text, 255)
    assert not unfit("Acme", 255)


def test_a_text_is_made_one_line() -> None:
    assert tidy(" Acme\r\n\tLtd\x7f ") == "Acme Ltd"

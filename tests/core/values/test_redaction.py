"""Any value becomes safe to show: nothing secret is in it, nothing steers a terminal or hides."""

from __future__ import annotations

import json
from enum import StrEnum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.values.redaction import (
    cut,
    escaped,
    holds_secret,
    json_escaped,
    masked,
    quoted,
    remember,
    unkeyed,
)
from reconciler.model.secret import MASK, Secret
from tests.support.certificates import private_key

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
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("pay\u034fpal\ufe0f \u3164", "pay\\u034fpal\\ufe0f \\u3164"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('Acme" → "Evil', '"Acme\\" → \\"Evil"'),
        ("a\\u202eb", '"a\\\\u202eb"'),
        ("a\u202eb", '"a\\u202eb"'),
        ("“x” ″", '"\\u201cx\\u201d \\u2033"'),
        ("L\u2019Oréal", '"L\u2019Oréal"'),
        (KEY, f'"{MASK}"'),
        ("x" * 256, f'"{"x" * 256}"'),
    ],
)
def test_nothing_in_quotes_ends_them(text: str, shown: str) -> None:
    assert quoted(text) == shown


@given(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30))
def test_two_texts_that_are_shown_alike_are_alike(one: str, other: str) -> None:
    """Unless both hold a secret."""
    assert quoted(one).isprintable()
    assert (quoted(one) == quoted(other)) == (masked(one) == masked(other))


def test_of_a_long_text_the_beginning_its_length_and_its_hash_are_shown() -> None:
    one, other = quoted("x" * 299 + "1"), quoted("x" * 299 + "2")
    assert one.startswith(f'"{"x" * 255}…" (300 characters, sha256:')
    assert one != other
    assert quoted("\udcff" * 300).endswith("…)")


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9)))
def test_json_has_nothing_invisible_in_it_and_means_the_same(value: dict[str, str]) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(value), indent=2)
    shown = json_escaped(encoded)
    assert json.loads(shown) == value
    assert shown.decode().replace("\n", "").isprintable()


def test_json_with_letters_of_any_alphabet_stays_as_it_is() -> None:
    encoded = '{"name": "Łódź 東京"}\n'.encode()
    assert json_escaped(encoded) == encoded


@pytest.mark.parametrize(
    "text", ["\x7f", "\x9b31m", "\u202e", "\u200b", "\u2028", "\u2029", "\ufeff", "\U000e0041", "\ufe0f"]
)
def test_json_escapes_what_steers_or_hides(text: str) -> None:
    encoded = msgspec.json.encode({"a": text, "b": "é"})
    assert text.encode() not in json_escaped(encoded)
    assert json.loads(json_escaped(encoded)) == {"a": text, "b": "é"}
    assert json_escaped(b'{"a":"\x7f"}') == b'{"a":"\\u007f"}'


SECRETS = [KEY, TOKEN, URL.partition("?")[2], PRIVATE, f"Bearer {'x' * 20}", KEY.upper(), TOKEN.title()]


@pytest.mark.parametrize("secret", SECRETS)
@given(
    before=st.text(st.characters(codec="ascii", categories=["P", "Z"])),
    after=st.sampled_from(["", " ", '"', ", x"]),
)
def test_no_secret_is_shown_whatever_is_around_it(secret: str, before: str, after: str) -> None:
    assert secret not in masked(before + secret + after)
    assert holds_secret(before + secret + after)
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


@pytest.mark.parametrize(
    "name", ["SSOREADY_API_KEY", "SSOREADY_API_KEY_FILE", "SSOREADY_API_URL", "`ssoready_sk_`"]
)
def test_the_names_of_our_variables_and_the_form_of_a_key_are_no_secrets(name: str) -> None:
    assert masked(f"set {name}, or not") == f"set {name}, or not"
    assert masked(f"{name}=ssoready_sk_1") == f"{name}=***"


@given(st.text(max_size=20), st.integers(1, 20))
def test_a_cut_text_is_as_long_as_may_be_and_shows_that_it_was_cut(text: str, length_max: int) -> None:
    shown = cut(text, length_max)
    assert len(shown) == min(len(text), length_max)
    assert shown == text or (shown[-1] == "…" and text.startswith(shown[:-1]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("org_" + "1" * 25, "org_" + "1" * 25),
        ("certs/internationalbusinessmachines/okta.pem", "certs/internationalbusinessmachines/okta.pem"),
        ("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg", "MIGHAgEA…"),
        (f"key {KEY}.", f"key {MASK}."),
    ],
)
def test_what_may_be_a_line_of_a_key_is_shortened(text: str, shown: str) -> None:
    assert unkeyed(text) == shown


@given(st.text(max_size=80), st.integers(0, 2), st.text("abc :-", max_size=20))
def test_no_line_of_a_private_key_is_ever_shown(before: str, number: int, after: str) -> None:
    line = private_key().splitlines()[1 + number]
    assert line[8:40] not in unkeyed(f"{before} {line} {after}")


OWN = "ssoready_sk_0d9f8g7h6j5k4l3m2n1p0q9r8"


@pytest.mark.parametrize("text", [OWN, OWN.upper(), OWN[12:], OWN[12:].upper(), f"key={OWN[12:]}!", f"x{OWN[9:]}"])
def test_the_end_of_this_processs_key_is_masked_by_itself(text: str) -> None:
    remember(OWN)
    remember(OWN)
    assert OWN[12:] not in masked(text).lower()
    assert holds_secret(text)


def test_an_end_that_may_stand_anywhere_is_not_remembered() -> None:
    remember("ssoready_sk_" + "a" * 25)
    assert masked("a" * 100) == "a" * 100

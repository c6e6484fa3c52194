"""Anything that is not a key or an address is refused before it is used, and never repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.keys import parse_key, parse_proxy, parse_url
from reconciler.model.errors import CredentialsError, UsageError
from reconciler.model.secret import Secret

KEY = "ssoready_sk_0123456789abcdefghijklmno"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_a_key_may_end_with_a_newline(end: str) -> None:
    assert parse_key(KEY + end) == Secret(KEY)


SPACED = ["\n\n", "\r\r\n", " ", "\t", "\u2028"]
FORMS = [KEY[:-1], KEY + "0", KEY.upper(), KEY[:-1] + "-", KEY[:-1] + "\u0663", KEY[:-1] + "\0", "Bearer" + KEY,
         "\ufeff" + KEY, "ssoready_scim_bearer_token_" + "0" * 25]  # fmt: skip
BAD_KEYS = [
    *((text, "is empty") for text in ("", "\n", "\r\n")),
    *((KEY + end, "contains whitespace") for end in SPACED),
    *((text, "contains whitespace") for text in (" " + KEY, KEY[:20] + "\n" + KEY[20:], " ")),
    *((text, "does not look like an SSOReady API key") for text in FORMS),
]


@pytest.mark.parametrize(("text", "part"), BAD_KEYS, ids=range(len(BAD_KEYS)))
def test_anything_else_is_refused_and_not_repeated(text: str, part: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        parse_key(text)
    assert caught.value.message.endswith(part)
    assert caught.value.hint
    assert "0123456789" not in caught.value.message + caught.value.hint


@given(st.text(max_size=60))
def test_any_text_is_a_key_of_the_exact_form_or_our_error(text: str) -> None:
    try:
        key = parse_key(text).reveal()
    except CredentialsError:
        return
    assert key.isascii()
    assert len(key) == len(KEY)


# -- addresses


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.ssoready.com", "https://api.ssoready.com"),
        ("https://api.ssoready.com/", "https://api.ssoready.com"),
        ("https://sso.example:8443/base//", "https://sso.example:8443/base"),
        ("https://SSO.example", "https://SSO.example"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://sso_1.example.", "https://sso_1.example."),
        ("https://[2001:db8::1]:443", "https://[2001:db8::1]:443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:1/", "http://localhost:1"),
    ],
)
def test_an_address_is_https_or_on_this_machine(text: str, url: str) -> None:
    assert parse_url(text, allow_http=False) == url


@pytest.mark.parametrize(
    "text",
    [
        *("http://api.ssoready.com", "http://10.0.0.1", "http://0.0.0.0", "http://localhost.example"),
        *("http://127.0.0.1.example", "http://[::ffff:10.0.0.1]", "http://2130706433"),
    ],
)
def test_http_elsewhere_needs_to_be_allowed(text: str) -> None:
    with pytest.raises(UsageError, match="is not https") as caught:
        parse_url(text, allow_http=False)
    assert "allow_http" in caught.value.hint
    assert parse_url(text, allow_http=True) == text


NO_ADDRESSES = [
    *("", "api.ssoready.com", "//api.ssoready.com", "ftp://api.ssoready.com", "file:///etc/passwd", "https://"),
    *("https:///x", "https://:443", "https://a.example?x=1", "https://a.example#x", "https://a.example:99999"),
    *("https://a.example:x", "https://a..example", "https://a b.example", "https://a.example/a b"),
    *("https://a.example\n", "https://a.example\t:1", "https://a.example/\x00", "https://bücher.example"),
    *("https://\uff11\uff12\uff17.0.0.1", "https://a\\b.example", "https://%41.example", "https://*.example"),
    *("https://[::1", "https://[zz]", "https://[::1%25lo]", "https://a.example/ü"),
    "https://" + "a" * 5_000 + " .example",
]


@pytest.mark.parametrize("text", NO_ADDRESSES, ids=range(len(NO_ADDRESSES)))
def test_what_is_no_address_is_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError, match="is not the address of an API") as caught:
        parse_url(text, allow_http=True)
    assert caught.value.hint
    assert len(caught.value.message) < 250
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "text", ["https://user:secret@a.example", "https://user@a.example", f"https://{KEY}:x", KEY]
)
def test_what_may_be_a_secret_in_an_address_is_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(text, allow_http=True)
    assert "secret" not in caught.value.message
    assert "0123456789" not in caught.value.message


@given(st.text(max_size=40), st.booleans())
def test_any_text_is_an_address_or_our_error(text: str, allow_http: bool) -> None:
    for candidate in (text, "https://" + text, "http://" + text):
        try:
            url = parse_url(candidate, allow_http=allow_http)
        except UsageError:
            continue
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url


@pytest.mark.parametrize(
    "text",
    ["http://proxy.example:3128", "https://proxy.example", "http://user:s%40crt@10.0.0.1:1/", "http://[::1]:1"],
)
def test_a_proxy_is_an_http_address(text: str) -> None:
    assert parse_proxy(text) == text


@pytest.mark.parametrize(
    "rest", ["", "/path", "?x", ":99999", " "], ids=["no host", "path", "query", "port", "blank"]
)
def test_another_proxy_is_refused_and_its_password_not_repeated(rest: str) -> None:
    host = "proxy.example" if rest else ""
    for text in (
        f"http://user:hunter2@{host}{rest}",
        "socks5://user:hunter2@proxy.example",
        "proxy.example:3128",
        "",
    ):
        with pytest.raises(UsageError, match="not the address of an HTTP proxy") as caught:
            parse_proxy(text)
        assert "hunter2" not in str(caught.value) + caught.value.hint

"""A stated sign-in address leads where it seems to lead, or is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.values import address

SOUND = [
    "https://idp.example/sso",
    "https://idp.example",
    "https://idp.example:8443/sso?client=1&x=%22#f",
    "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/saml2",
    "https://10.0.0.1/sso",
    "https://[2001:db8::1]/sso",
    "https://xn--bcher-kva.example/sso",
    "https://xn--wgv71a119e.example/sso",
    "https://xn--80ak6aa92e.example/sso",  # all of one script: it is shown as it is written here
    "https://xn--bckgg9vta0k.xn--1ck2e1b.example/",
    "https://Idp.Example/SSO",
]
BROKEN = {
    "http://idp.example/sso": "scheme",
    "HTTPS://idp.example/sso": "scheme",
    "javascript:alert(1)": "scheme",
    "//idp.example/sso": "scheme",
    "": "scheme",
    "https://idp.example/a b": "ascii",
    "https://idp.example/\n": "ascii",
    "https://idp.example/\u202e": "ascii",
    "https://bücher.example/sso": "ascii",
    "https://idp.example/bücher": "ascii",
    "https://b\u0000ü/": "ascii",
    'https://idp.example/"': "quote",
    "https://idp.example/'": "quote",
    "https://idp.example\\@evil.example/": "quote",
    "https://idp.example/<x>": "quote",
    "https://idp.example@evil.example/": "user-info",
    "https://user:password@idp.example/": "user-info",
    "https://@idp.example/": "user-info",
    "https:///sso": "form",
    "https://": "form",
    "https://idp.example:/": "form",
    "https://idp.example:99999/": "form",
    "https://idp..example/": "form",
    "https://-idp.example/": "form",
    "https://[::1/": "form",
    "https://idp%2eexample/": "form",
    "https://xn--zz.example/": "form",
    "https://xn--pypal-4ve.example/": "mixed-script",
    "https://login.xn--gogl-0nd52e.example/": "mixed-script",
    f"https://{'a' * 254}/": "form",
    f"https://idp.example/{'a' * 2048}": "form",
}


@pytest.mark.parametrize("url", SOUND)
def test_a_sound_address_has_no_fault(url: str) -> None:
    assert address.check(url) is None


@pytest.mark.parametrize(("url", "rule"), BROKEN.items())
def test_one_that_could_mislead_is_refused(url: str, rule: str) -> None:
    fault = address.check(url)
    assert fault is not None
    assert fault.rule == f"address/{rule}"
    assert fault.hint


def test_the_hint_has_the_host_in_ascii() -> None:
    fault = address.check("https://bücher.example/sso")
    assert fault is not None
    assert "`xn--bcher-kva.example`" in fault.hint


@given(st.text(st.characters(), max_size=60))
def test_any_text_has_a_verdict(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}.example/"):
        if address.check(url) is None:
            assert url.isascii()
            assert url.isprintable()
            assert url.startswith("https://")

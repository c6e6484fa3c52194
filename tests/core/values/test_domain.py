"""What a sound domain is: exactly the name that a sign-in is compared with."""

from __future__ import annotations

import re

import idna
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.core.values.domain import check, normal
from reconciler.core.values.public_mail import PUBLIC_MAIL

WRITE_LIKE, OWN, APART = "letters, digits and hyphens", "own domain", "item of its own"  # parts of the hints


@pytest.mark.parametrize(
    "name",
    [
        "acme.example", "a.b", "1.example", "acme-labs.example", "a--b.example", "3m.example",
        "x.y.z.acme.example",
        "xn--bcher-kva.example", "xn--80ak6aa92e.example", f"{'a' * 63}.example", f"{('a' * 61 + '.') * 4}co",
        "acme.co.uk", "acme.github.io", "xn--fiqs8s.example", "rub.de", "0-0.example",
    ],
)  # fmt: skip
def test_a_sound_domain_has_no_fault(name: str) -> None:
    assert check(name, forbid_public_mail=True) is None
    assert normal(name) == name


@pytest.mark.parametrize(
    ("name", "rule", "hint"),
    [
        ("ACME.example", "capitals", "write `acme.example`"),
        ("acme.Example.", "trailing-dot", "write `acme.example`"),
        ("acme.example..", "trailing-dot", "write `acme.example`"),
        (" acme.example ", "blank", "write `acme.example`"),
        ("acme.example globex.example", "blank", APART),
        ("acme.example,globex.example", "form", APART),
        ("acme.\u00a0example", "blank", APART),
        ("http://acme.example", "scheme", "write `acme.example`"),
        ("https://ACME.example:8443/login?x", "scheme", "write `acme.example`"),
        ("acme.example/", "scheme", "write `acme.example`"),
        ("kim@acme.example", "at", "write `acme.example`"),
        ("@acme.example", "at", "write `acme.example`"),
        ("kim@gmail.com", "at", WRITE_LIKE),
        ("bücher.example", "a-label", "write `xn--bcher-kva.example`"),
        ("BÜCHER.example", "a-label", "write `xn--bcher-kva.example`"),
        ("acme。example", "a-label", "write `acme.example`"),
        ("-é-.example", "a-label", WRITE_LIKE),
        ("xn--zz.example", "a-label", WRITE_LIKE),
        ("xn--a.example", "a-label", WRITE_LIKE),
        ("acme", "single-label", OWN),
        ("", "single-label", OWN),
        ("localhost", "single-label", OWN),
        ("10.0.0.1", "form", WRITE_LIKE),
        ("acme.123", "form", WRITE_LIKE),
        ("[::1].example", "form", WRITE_LIKE),
        ("*.acme.example", "form", "write `acme.example`"),
        ("acme.example:443", "form", "write `acme.example`"),
        ("acme_labs.example", "form", WRITE_LIKE),
        ("-acme.example", "form", WRITE_LIKE),
        ("acme-.example", "form", WRITE_LIKE),
        ("acme..example", "form", WRITE_LIKE),
        (".acme.example", "form", WRITE_LIKE),
        (f"{'a' * 64}.example", "form", WRITE_LIKE),
        (f"{'a.' * 126}com", "form", WRITE_LIKE),
        ("co.uk", "public-suffix", OWN),
        ("xn--55qx5d.cn", "public-suffix", OWN),
    ],
)
def test_what_no_sign_in_matches_is_told_with_what_to_write_instead(name: str, rule: str, hint: str) -> None:
    fault = check(name, forbid_public_mail=True)
    assert fault is not None
    assert fault.rule == f"domain/{rule}"
    assert hint in fault.hint
    assert len(fault.message) < 150


def test_public_mail_domains_are_refused_unless_they_are_meant() -> None:
    fault = check("gmail.com", forbid_public_mail=True)
    assert fault is not None
    assert fault.rule == "domain/public-mail"
    assert check("gmail.com", forbid_public_mail=False) is None


def test_a_hint_never_names_what_is_no_organizations_own() -> None:
    fault = check("kim@gmail.com", forbid_public_mail=False)
    assert fault is not None
    assert fault.hint == "write `gmail.com`"
    suffix = check("https://co.uk", forbid_public_mail=False)
    assert suffix is not None
    assert "co.uk" not in suffix.hint


@pytest.mark.parametrize(
    ("name", "form"),
    [
        (" ACME.example. ", "acme.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("acme", "acme"),
        ("", ""),
        ("é" * 300, "é" * 300),
        ("-é-.x", "-é-.x"),
        ("STRASSE.example", "strasse.example"),
    ],
)
def test_two_claims_on_one_domain_have_one_normal_form(name: str, form: str) -> None:
    assert normal(name) == form


# -- whatever the name is --------------------------------------------------------------------------

LABELS = st.text("abcxyzABC0189-_é ßÜ中\u00ad\u200dxn", min_size=0, max_size=8)
NAMES = st.one_of(
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.lists(st.text("abc019-", min_size=1, max_size=6), min_size=2, max_size=3).map(".".join),
    st.text("acme.xn-中é", max_size=16).map(lambda text: f"xn--{text}.example"),
    st.text(max_size=20),
)


@settings(max_examples=400)
@given(NAMES)
@example("xn--.example")
@example("xn--a-ecp.ru")
@example("a.xn--0")
@example("ß.example")
def test_what_is_accepted_is_what_a_sign_in_is_compared_with(name: str) -> None:
    """At a sign-in the part behind the @ is lower-cased and compared byte for byte."""
    fault = check(name, forbid_public_mail=True)
    assert normal(normal(name)) == normal(name)
    if fault is not None:
        assert fault.message
        repaired = re.fullmatch(r"write `([^` ]+)`", fault.hint)
        assert repaired is None or check(repaired[1], forbid_public_mail=True) is None
        return
    assert f"kim@{name}".lower().partition("@")[2] == name
    assert name == normal(name)
    assert name.isascii()
    assert "." in name
    assert len(name) <= 253
    assert "xn--" not in name or idna.encode(idna.decode(name), uts46=True).decode() == name


@given(st.lists(st.text(st.characters(categories=("L",)), min_size=1, max_size=6), min_size=2, max_size=3))
def test_every_name_that_can_be_an_a_label_is_accepted_as_one(labels: list[str]) -> None:
    try:
        encoded = idna.encode(".".join(labels), uts46=True).decode()
    except idna.IDNAError:
        return
    if encoded.count(".") == len(labels) - 1 and idna.decode(encoded):
        fault = check(encoded, forbid_public_mail=False)
        assert fault is None or fault.rule == "domain/public-suffix"


# -- the list --------------------------------------------------------------------------------------


def test_every_public_mail_domain_is_a_sound_one() -> None:
    broken = {name: check(name, forbid_public_mail=False) for name in PUBLIC_MAIL}
    assert {name: fault for name, fault in broken.items() if fault} == {}


@pytest.mark.parametrize("text", [". " * 500_000, "." * 1_000_000, "acme.example" + "." * 600])
def test_what_is_far_too_long_for_a_domain_stays_as_it_is(text: str) -> None:
    """It took the square of the time: two minutes for a megabyte."""
    assert normal(text) == text.strip()

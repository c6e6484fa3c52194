"""What a sound certificate is, in whatever text it comes, and what is wrong with others."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.values.certificate import describe, fingerprint, parse, parse_der
from reconciler.model.manifest import Severity
from reconciler.model.state import Certificate
from tests.support.certificates import NOW, der, pem, pem_of, private_key

DAY_S = 86400
REFUSED = (["unreadable"], ["unsupported-key"])
KEY_BODY = "".join(private_key().splitlines()[1:-1])


def judged(text: bytes | str, *, now: float = NOW, warn_days: int = 30) -> tuple[Certificate | None, list[str]]:
    """The certificate, and the rules of what is wrong with it."""
    found, faults = parse(text, now=now, warn_days=warn_days)
    return found, [fault.rule.removeprefix("certificate/") for fault in faults]


# -- reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pem(),
        pem().encode(),
        pem().replace("\n", "\r\n"),
        f"Bag Attributes\n  é: x\n{pem()}trailing words\n",
        f"é {pem()}".encode(),
        "\ufeff" + pem(),
        pem().strip(),
        pem().replace("\n", "\n   "),
        f"-----BEGIN CERTIFICATE-----{base64.b64encode(der()).decode()}-----END CERTIFICATE-----",
    ],
)
def test_the_certificate_is_the_same_in_every_text_around_it(text: bytes | str) -> None:
    found, rules = judged(text)
    assert rules == []
    assert found is not None
    assert found.pem == pem()
    assert found.not_after == "2036-11-21T00:00:00Z"
    assert found.sha256 == x509.load_der_x509_certificate(der()).fingerprint(hashes.SHA256()).hex()
    assert fingerprint(pem()) == found.sha256


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "no-pem"),
        (der(), "no-pem"),
        (pem().replace("BEGIN CERTIFICATE", "BEGIN X509 CRL"), "no-pem"),
        (pem().replace("END CERTIFICATE", "END"), "no-pem"),
        (pem().replace("MII", "M!I"), "no-pem"),
        (pem().replace("MII", "MéI"), "no-pem"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "unreadable"),
        (pem_of(b"\x30\x03\x02\x01\x01"), "unreadable"),
        (pem_of(der()[:-1]), "unreadable"),
        (pem_of(der() + b"\0"), "unreadable"),
        (pem_of(der().replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07")), "unreadable"),
        (pem() * 2, "several"),
        (pem() + pem("other.example"), "several"),
        (pem() + pem_of(b"x", "X509 CRL"), "several"),
        (private_key(), "private-key"),
        (private_key() + pem(), "private-key"),
        (pem() + private_key().replace("PRIVATE", "ENCRYPTED PRIVATE"), "private-key"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "private-key"),
    ],
)
def test_what_is_not_one_certificate_is_an_error(text: bytes | str, rule: str) -> None:
    found, faults = parse(text, now=NOW, warn_days=30)
    assert found is None
    assert [(fault.rule, fault.severity) for fault in faults] == [(f"certificate/{rule}", Severity.ERROR)]
    assert faults[0].hint


# -- judging ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left_s", "rule", "days"),
    [
        (-1, "expired", ""),
        (0, "expires-soon", "left: 0"),
        (DAY_S, "expires-soon", "left: 1"),
        (30 * DAY_S - 1, "expires-soon", "left: 29"),
        (30 * DAY_S, None, ""),
    ],
)
def test_an_end_that_is_near_or_past_is_a_warning(left_s: float, rule: str | None, days: str) -> None:
    end = NOW + 3650 * DAY_S
    found, faults = parse(pem(), now=end - left_s, warn_days=30)
    assert found is not None
    assert [fault.rule for fault in faults] == ([f"certificate/{rule}"] if rule else [])
    assert all("2036-11-21" in fault.message and days in fault.message for fault in faults)
    assert all(fault.severity is Severity.WARNING for fault in faults)


def test_without_days_to_warn_only_an_expired_one_is_told() -> None:
    assert judged(pem(days=1), warn_days=0)[1] == []
    assert judged(pem(days=-1), warn_days=0)[1] == ["expired"]


def warned(data: bytes) -> list[tuple[str, bool]]:
    """Rule of each fault and whether it is a warning, of a certificate that may be used."""
    found, faults = parse_der(data, now=NOW, warn_days=30)
    assert found is not None
    return [(fault.rule.removeprefix("certificate/"), fault.severity is Severity.WARNING) for fault in faults]


EC_KEY, P256 = bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d030107")
SHA256, SHA1, UNKNOWN = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05", "7f"))


@pytest.mark.parametrize("kind", ["rsa1024", "p224", "dsa"])
def test_a_weak_key_is_a_warning(kind: str) -> None:
    assert warned(der(kind=kind)) == [("weak-key", True)]


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "ed25519"])
def test_a_strong_key_is_sound(kind: str) -> None:
    assert warned(der(kind=kind)) == []


def test_a_key_of_an_unknown_kind_is_a_warning() -> None:
    assert warned(der().replace(EC_KEY, EC_KEY[:-1] + b"\x7f")) == [("weak-key", True)]


@pytest.mark.parametrize("algorithm", [SHA1, UNKNOWN])
def test_a_signature_that_can_be_forged_or_is_of_an_unknown_kind_is_a_warning(algorithm: bytes) -> None:
    assert warned(der(kind="rsa2048").replace(SHA256, algorithm)) == [("weak-signature", True)]


@pytest.mark.parametrize("data", [der(kind="p192"), der().replace(P256, P256[:-1] + b"\x7f")])
def test_a_curve_that_the_server_does_not_know_is_an_error(data: bytes) -> None:
    found, faults = parse_der(data, now=NOW, warn_days=30)
    assert found is None
    assert [(fault.rule, fault.severity) for fault in faults] == [("certificate/unsupported-key", Severity.ERROR)]


def test_all_that_is_weak_is_told_at_once() -> None:
    _, rules = judged(pem(kind="rsa1024", days=-1))
    assert rules == ["expired", "weak-key"]


# -- comparing -------------------------------------------------------------------------------------


def test_a_fingerprint_is_of_the_der_alone() -> None:
    assert fingerprint("") == ""
    assert fingerprint(pem()) == fingerprint("words\r\n" + pem().replace("\n", "\r\n"))
    assert fingerprint(pem()) != fingerprint(pem("other.example"))
    assert fingerprint("rubbish").startswith("unparsable:")
    assert fingerprint("rubbish") != fingerprint("other rubbish")
    assert fingerprint("\ud800").startswith("unparsable:")


def test_a_live_certificate_is_described_whatever_it_is() -> None:
    assert describe(pem()) == Certificate(fingerprint(pem()), "2036-11-21T00:00:00Z", pem())
    assert describe("") == Certificate("", "", "")
    assert describe("rubbish").not_after == ""
    assert describe(pem_of(b"rubbish")).not_after == ""


# -- whatever the text is --------------------------------------------------------------------------


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Texts around certificates and keys, cut, doubled and mixed."""
    parts = draw(
        st.lists(
            st.sampled_from(
                [pem(), private_key(), pem("other.example"), "-----BEGIN CERTIFICATE-----", "\r\n", "x"]
            )
            | st.text(max_size=5),
            min_size=1,
            max_size=3,
        )
    )
    text = "".join(parts)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = (
            text[:at]
            + draw(st.sampled_from(["", "\n", "A", "-", "=", "é", "\0"]))
            + text[at + draw(st.integers(0, 30)) :]
        )
    return text


@given(damaged() | st.text() | st.binary())
def test_no_text_is_too_odd_and_no_message_repeats_any_of_it(text: str | bytes) -> None:
    found, faults = parse(text, now=NOW, warn_days=30)
    assert found is not None or faults
    assert (found is None) == any(fault.severity is Severity.ERROR for fault in faults)
    said = " ".join(fault.message + fault.hint for fault in faults)
    assert not any(KEY_BODY[start : start + 12] in said for start in range(0, len(KEY_BODY) - 12, 4))
    if isinstance(text, str):
        describe(text)


@given(st.data())
def test_no_der_is_too_odd(data: st.DataObject) -> None:
    """Bytes changed anywhere in a certificate leave it readable, or are refused."""
    whole = bytearray(der())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    found, faults = parse_der(bytes(whole), now=NOW, warn_days=30)
    assert found is not None or [fault.rule.removeprefix("certificate/") for fault in faults] in REFUSED
    if found is not None:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.not_after)
        assert parse(found.pem, now=NOW, warn_days=30)[0] == found
    describe(pem_of(bytes(whole)))

"""A certificate that the server would refuse is refused by `validate`, before anything is half done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from reconciler.core.values import certificate
from reconciler.model.manifest import Severity

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def der(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=3650))
    signed = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def rules(content: bytes) -> list[tuple[str, Severity]]:
    _, faults = certificate.parse_der(content, now=NOW.timestamp(), warn_days=30)
    return [(fault.rule, fault.severity) for fault in faults]


@pytest.mark.parametrize("curve", [ec.BrainpoolP256R1(), ec.BrainpoolP384R1(), ec.SECP256K1()])
def test_a_curve_that_the_server_does_not_know_is_an_error_that_names_it(curve: ec.EllipticCurve) -> None:
    parsed, faults = certificate.parse_der(der(ec.generate_private_key(curve)), now=NOW.timestamp(), warn_days=30)
    assert parsed is None
    assert [fault.rule for fault in faults] == ["certificate/unsupported-key"]
    assert curve.name in faults[0].message


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_a_curve_that_the_server_knows_is_sound(curve: ec.EllipticCurve) -> None:
    assert rules(der(ec.generate_private_key(curve))) == []


def test_a_weak_curve_that_the_server_knows_is_a_warning() -> None:
    assert rules(der(ec.generate_private_key(ec.SECP224R1()))) == [("certificate/weak-key", Severity.WARNING)]


def test_another_kind_of_key_is_sound() -> None:
    assert rules(der(ed25519.Ed25519PrivateKey.generate())) == []


def test_a_point_that_is_not_on_its_curve_is_an_error() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    moved = der(key).replace(point, point[:-1] + bytes([point[-1] ^ 1]))
    assert rules(moved) == [("certificate/unsupported-key", Severity.ERROR)]


def test_a_version_that_does_not_exist_is_unreadable_and_no_crash() -> None:
    newer = der(ec.generate_private_key(ec.SECP256R1())).replace(
        b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1
    )
    assert rules(newer) == [("certificate/unreadable", Severity.ERROR)]
    pem = certificate._encode(newer)
    assert certificate.describe(pem).not_after == ""

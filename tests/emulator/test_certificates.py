"""Whatever is sent as a certificate, the emulator keeps it or refuses it as the server does, and never breaks."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.emulator import Store, pem
from reconciler.emulator.exchange import Refusal

NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.example")])
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def signed(curve: ec.EllipticCurve) -> bytes:
    key = ec.generate_private_key(curve)
    builder = x509.CertificateBuilder(NAME, NAME, key.public_key(), 1, BEGIN, BEGIN + timedelta(days=3650))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


FOUND = Path(__file__).parents[2] / "manifests/production/certs/acme-okta.pem"
DER = x509.load_pem_x509_certificate(FOUND.read_bytes()).public_bytes(serialization.Encoding.DER)
VERSION = DER.index(b"\xa0\x03\x02\x01\x02") + 4
SERIAL = VERSION + 3


def written(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----\n"


@given(
    st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), max_size=3), st.integers(1, len(DER))
)
@example([(VERSION, 7)], len(DER))
@example([(SERIAL, 255)], len(DER))
def test_a_damaged_certificate_is_kept_as_it_is_or_refused(changes: list[tuple[int, int]], length: int) -> None:
    damaged = bytearray(DER)
    for at, byte in changes:
        damaged[at] = byte
    kept, refused = outcome(bytes(damaged[:length]))
    assert kept == damaged[:length] or refused.startswith("parse idp certificate: x509: ")


def outcome(der: bytes) -> tuple[bytes, str]:
    """The certificate as it is kept, and why it is refused."""
    try:
        kept = pem.normalized(written(der))
    except Refusal as refusal:
        return b"", refusal.message
    return base64.b64decode("".join(kept.splitlines()[1:-1])), ""


@pytest.mark.parametrize("curve", [ec.BrainpoolP256R1(), ec.SECP256K1()])
def test_a_refused_certificate_leaves_the_connection_as_it_was(curve: ec.EllipticCurve) -> None:
    store = Store.fresh(random.Random(1))
    acme = store.put_organization(store.environments["production"].id)
    before = store.put_connection(acme.id, idp_certificate=written(DER))
    with pytest.raises(Refusal, match="unsupported elliptic curve"):
        store.put_connection(acme.id, row_id=before.id, idp_certificate=written(signed(curve)))
    assert store.connections(acme.id) == [before]

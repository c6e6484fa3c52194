"""A certificate is kept as it is or refused; nothing else comes of any bytes."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator import Store
from reconciler.emulator.certificates import reencoded
from reconciler.emulator.exchange import Refusal

FOUND = Path(__file__).parents[2] / "manifests/production/certs/acme-okta.pem"
DER = x509.load_pem_x509_certificate(FOUND.read_bytes()).public_bytes(serialization.Encoding.DER)


def written(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----\n"


@given(
    st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), max_size=3), st.integers(1, len(DER))
)
def test_a_damaged_certificate_is_kept_as_it_is_or_refused(changes: list[tuple[int, int]], length: int) -> None:
    damaged = bytearray(DER)
    for at, byte in changes:
        damaged[at] = byte
    sent = bytes(damaged[:length])
    try:
        kept = base64.b64decode("".join(reencoded(written(sent)).splitlines()[1:-1]))
    except Refusal as refusal:
        assert refusal.message.startswith("store: parse idp certificate: ")  # noqa: PT017 - some are kept
    else:
        assert kept == sent


def test_a_refused_certificate_leaves_the_connection_as_it_was() -> None:
    store = Store.fresh(random.Random(1))
    acme = store.put_organization(store.environments["production"].id)
    before = store.put_connection(acme.id, idp_certificate=written(DER))
    with pytest.raises(Refusal, match="parse idp certificate"):
        store.put_connection(acme.id, row_id=before.id, idp_certificate=written(DER[:-1]))
    assert store.connections(acme.id) == [before]

"""Certificates, keys and metadata files for tests, made once, and the same in every process."""

from __future__ import annotations

import base64
import datetime as dt
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC).timestamp()


@cache
def key(kind: str = "p256") -> Any:
    match kind:
        case "p256":
            return ec.derive_private_key(4711, ec.SECP256R1())
        case "p224":
            return ec.derive_private_key(4711, ec.SECP224R1())
        case "p192":
            return ec.derive_private_key(4711, ec.SECP192R1())
        case "rsa1024":
            return rsa.generate_private_key(65537, 1024)  # noqa: S505 weak on purpose
        case "rsa2048":
            return rsa.generate_private_key(65537, 2048)
        case "dsa":
            return dsa.generate_private_key(1024)  # noqa: S505 weak on purpose
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def der(name: str = "idp.example", kind: str = "p256", days: int = 3650) -> bytes:
    """A self-signed certificate that ends so many days after NOW."""
    return _signed(name, kind, days)


@cache
def _signed(name: str, kind: str, days: int) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = dt.datetime.fromtimestamp(NOW, dt.UTC) + dt.timedelta(days=days)
    unsigned = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key(kind).public_key())
        .serial_number(1)
        .not_valid_before(end - dt.timedelta(days=4000))
        .not_valid_after(end)
    )
    algorithm = None if kind == "ed25519" else hashes.SHA256()
    deterministic = True if kind.startswith("p") else None
    return unsigned.sign(key(kind), algorithm, ecdsa_deterministic=deterministic).public_bytes(
        serialization.Encoding.DER
    )


def pem_of(data: bytes, label: str = "CERTIFICATE") -> str:
    """DER as PEM, 64 columns."""
    body = base64.b64encode(data).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def pem(name: str = "idp.example", **more: Any) -> str:
    return pem_of(der(name, **more))


@cache
def private_key() -> str:
    """A private key as PEM: what nobody should paste."""
    return (
        key()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


MD = 'xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
SAML2 = "urn:oasis:names:tc:SAML:2.0:protocol"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


def key_descriptor(data: bytes, use: str | None = "signing") -> str:
    """One KeyDescriptor with a certificate in it."""
    stated = f' use="{use}"' if use else ""
    body = base64.b64encode(data).decode()
    return (
        f"<KeyDescriptor{stated}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{body}</ds:X509Certificate>"
        "</ds:X509Data></ds:KeyInfo></KeyDescriptor>"
    )


def service(location: str = "https://idp.example/sso", binding: str = POST) -> str:
    return f'<SingleSignOnService Binding="{binding}" Location="{location}"/>'


def role(*parts: str, protocol: str = SAML2) -> str:
    """An IDPSSODescriptor; without parts, one with a certificate and an address."""
    inside = "".join(parts or (key_descriptor(der()), service()))
    return f'<IDPSSODescriptor protocolSupportEnumeration="{protocol}">{inside}</IDPSSODescriptor>'


def entity(*roles: str, entity_id: str = "https://idp.example/id", names: str = MD) -> str:
    """An EntityDescriptor; without roles, one identity provider."""
    return f'<EntityDescriptor {names} entityID="{entity_id}">{"".join(roles or (role(),))}</EntityDescriptor>'

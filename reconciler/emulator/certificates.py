"""Certificates as the server keeps them: the first PEM block of a text, parsed and written anew."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
import warnings
from functools import lru_cache

from reconciler.emulator.exchange import Refusal

_BLOCK = re.compile(r"^-----BEGIN ([^\n]*)-----\s*?\n(.*?)^-----END \1-----\s*?$", re.DOTALL | re.MULTILINE)
_CURVES = frozenset({"secp224r1", "secp256r1", "secp384r1", "secp521r1"})  # the server knows no others


@lru_cache(maxsize=4096)
def reencoded(text: str) -> str:
    """Return the certificate in a text as PEM with lines of 64 characters; an empty text stays empty.

    Raises:
        Refusal: The first PEM block is not a certificate, or there is none.
    """
    if not text:
        return ""
    block = _BLOCK.search(text)
    if block is None or block[1] != "CERTIFICATE":
        raise _not_pem()
    try:
        der = base64.b64decode("".join(block[2].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _not_pem() from error
    _check(der)
    return ssl.DER_cert_to_PEM_cert(der)


def _check(der: bytes) -> None:
    # Imported here, because it takes 55 ms and few requests carry a certificate.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey  # noqa: PLC0415

    with warnings.catch_warnings():  # the server accepts old serial numbers and encodings, too
        warnings.simplefilter("ignore")
        try:
            certificate = x509.load_der_x509_certificate(der)
            certificate.subject, certificate.issuer  # noqa: B018 - read here, because they are parsed on demand
            key = certificate.public_key()
        except UnsupportedAlgorithm as error:
            if certificate.public_key_algorithm_oid == x509.PublicKeyAlgorithmOID.EC_PUBLIC_KEY:
                raise _not_a_certificate("unsupported elliptic curve") from error
            return  # the server does not look into other kinds of keys
        except (ValueError, x509.InvalidVersion) as error:
            raise _not_a_certificate("malformed certificate") from error
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name not in _CURVES:
        raise _not_a_certificate("unsupported elliptic curve")


def _not_pem() -> Refusal:
    return Refusal("store: idp certificate must be a PEM-encoded CERTIFICATE block")


def _not_a_certificate(reason: str) -> Refusal:
    return Refusal(f"store: parse idp certificate: x509: {reason}")

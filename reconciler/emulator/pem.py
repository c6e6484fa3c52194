"""Certificates as the server keeps them: the first PEM block, parsed, and written anew."""

from __future__ import annotations

import base64
import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from reconciler.emulator import strictbase64
from reconciler.emulator.exchange import Refusal

if TYPE_CHECKING:
    from cryptography import x509

_BEGIN = re.compile(r"(?:\A|(?<=\n))-----BEGIN ([^\n]*)(?:\n|\Z)")
_HEADER = re.compile(r"[^\n]*:[^\n]*(?:\n|\Z)")
_END = re.compile(r"(?:\A|(?<=\n))-----END ([^\n]*)(?:\n|\Z)")


@lru_cache(maxsize=4096)
def normalized(text: str) -> str:
    """The certificate in a text, as PEM with lines of 64 characters. An empty text stays empty.

    Raises:
        Refusal: no CERTIFICATE block comes first, or it holds no X.509 certificate.
    """
    if not text:
        return ""
    block = _first_block(text)
    if block is None or block[0] != "CERTIFICATE":
        raise Refusal("idp certificate must be a PEM-encoded CERTIFICATE block")
    _check_certificate(block[1])
    encoded = base64.b64encode(block[1]).decode()
    lines = "\n".join(encoded[start : start + 64] for start in range(0, len(encoded), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def _first_block(text: str) -> tuple[str, bytes] | None:
    """Type and bytes of the first well-formed block; a malformed one is passed over."""
    for begin in _BEGIN.finditer(text):
        label = _label(begin[1])
        if label is None:
            continue
        rest = text[begin.end() :]
        while header := _HEADER.match(rest):
            rest = rest[header.end() :]
        end = _END.search(rest)
        if end is None or _label(end[1]) != label:
            continue
        content = strictbase64.decoded(re.sub(r"[ \t]", "", rest[: end.start()]))
        if content is not None:
            return label, content
    return None


def _label(line: str) -> str | None:
    line = line.rstrip(" \t\r")
    return line.removesuffix("-----") if line.endswith("-----") else None


_CURVES = frozenset({"secp224r1", "secp256r1", "secp384r1", "secp521r1"})  # the ones that the server knows


def _check_certificate(der: bytes) -> None:
    """Refuse what the server refuses, and in its words where there are not many of them.

    It looks into extensions, too, and we do not: those of a certificate that another program wrote are sound.
    """
    from cryptography import x509  # noqa: PLC0415 - 55 ms, needed for few requests

    with warnings.catch_warnings():  # about serial numbers and encodings that the server takes, too
        warnings.simplefilter("ignore")
        try:
            certificate = x509.load_der_x509_certificate(der)
            certificate.subject, certificate.issuer  # noqa: B018 - what is wrong in them shows when they are read
        except x509.InvalidVersion as error:
            raise _unparsable("invalid version") from error
        except ValueError as error:
            raise _unparsable(
                "trailing data" if "ExtraData }" in str(error) else "malformed certificate"
            ) from error
    _check_key(certificate)


def _check_key(certificate: x509.Certificate) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey  # noqa: PLC0415
    from cryptography.x509 import PublicKeyAlgorithmOID  # noqa: PLC0415

    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm as error:
        if certificate.public_key_algorithm_oid == PublicKeyAlgorithmOID.EC_PUBLIC_KEY:
            raise _unparsable("unsupported elliptic curve") from error
        return  # another kind of key, which the server leaves alone
    except ValueError as error:
        raise _unparsable("invalid public key") from error
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name not in _CURVES:
        raise _unparsable("unsupported elliptic curve")


def _unparsable(why: str) -> Refusal:
    return Refusal(f"parse idp certificate: x509: {why}")

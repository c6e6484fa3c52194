"""What a sound identity provider certificate is, and what two PEM texts of one certificate have in common.

The server parses a certificate and encodes it anew: text around the PEM block and carriage returns vanish,
and of several blocks it keeps the first without a word. So certificates compare by the SHA-256 of their DER,
and several blocks are an error here. No message ever holds anything of the text itself: it may be a key.
"""

from __future__ import annotations

import base64
import hashlib
import warnings
from binascii import Error as Base64Error
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from reconciler.core.values.problems import Fault, warning
from reconciler.model.state import Certificate

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_WEAK_HASHES = frozenset({"md5", "sha1"})
_MIN_RSA_BITS = 2048
_MIN_EC_BITS = 256
_CURVES = frozenset({"secp224r1", "secp256r1", "secp384r1", "secp521r1"})  # the server refuses any other
_DAY_S = 86400


def parse(text: bytes | str, *, now: float, warn_days: int) -> tuple[Certificate | None, tuple[Fault, ...]]:
    """The one certificate in a PEM text, and what is wrong with it; None if any of that is an error.

    `now` is in Unix seconds; an end within `warn_days` is a warning. Never raises.
    """
    if isinstance(text, bytes):
        text = text.decode("ascii", "replace")
    if "PRIVATE KEY" in text:
        return None, (PRIVATE_KEY,)
    blocks = text.count("-----BEGIN ")
    if blocks > 1:
        return None, (_several(blocks),)
    if not blocks:
        return None, (_NO_BLOCK,)
    der = _der(text)
    if der is None:
        return None, (_OTHER_BLOCK,)
    return parse_der(der, now=now, warn_days=warn_days)


def parse_der(der: bytes, *, now: float, warn_days: int) -> tuple[Certificate | None, tuple[Fault, ...]]:
    """Like `parse`, of the DER bytes."""
    try:
        loaded = _load(der)
        ending = loaded.not_valid_after_utc
    except ValueError:
        return None, (_UNREADABLE,)
    key = _key(loaded)
    refused = _refused_key(loaded, key)
    if refused:
        return None, (refused,)
    found = (_ending(ending, now, warn_days), _weak_key(key), _weak_hash(loaded))
    certificate = Certificate(_sha256(der), _iso(ending), _encode(der))
    return certificate, tuple(fault for fault in found if fault is not None)


def fingerprint(pem: str) -> str:
    """The SHA-256, in hex, of the DER of a live certificate; quick, since it does not look inside.

    "" for no certificate; "unparsable:" and the SHA-256 of the text where there is no PEM block.
    """
    if not pem:
        return ""
    der = _der(pem)
    return f"unparsable:{_sha256(pem.encode('utf-8', 'surrogatepass'))}" if der is None else _sha256(der)


def describe(pem: str) -> Certificate:
    """A live certificate as a value; `not_after` is "" where it cannot be read. Never raises."""
    der = _der(pem)
    try:
        not_after = _iso(_load(der).not_valid_after_utc) if der else ""
    except ValueError:
        not_after = ""
    return Certificate(fingerprint(pem), not_after, pem)


# -- reading ---------------------------------------------------------------------------------------


def _der(pem: str) -> bytes | None:
    _, begin, rest = pem.partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    return _decode(body) if begin and end else None


def _decode(body: str) -> bytes | None:
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (Base64Error, ValueError):  # ValueError: characters outside of ASCII
        return None


def _load(der: bytes) -> x509.Certificate:
    """Raises ValueError for anything that is not a certificate."""
    with warnings.catch_warnings():  # about encodings that are tolerated today; a person could do nothing about it
        warnings.simplefilter("ignore")
        try:
            return x509.load_der_x509_certificate(der)
        except x509.InvalidVersion as error:
            raise ValueError(str(error)) from error


def _encode(der: bytes) -> str:
    """PEM as the server gives it back: 64 columns, LF, a newline at the end."""
    body = base64.b64encode(der).decode("ascii")
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


# -- judging ---------------------------------------------------------------------------------------


def _ending(ending: datetime, now: float, warn_days: int) -> Fault | None:
    left_s = ending.timestamp() - now
    if left_s >= warn_days * _DAY_S:
        return None
    day = ending.date().isoformat()
    if left_s < 0:
        return warning("certificate/expired", f"the certificate expired on {day}", _RENEW)
    days = int(left_s // _DAY_S)
    return warning("certificate/expires-soon", f"the certificate expires on {day} (days left: {days})", _RENEW)


def _key(loaded: x509.Certificate) -> object:
    """The public key; None if it cannot be read."""
    try:
        return loaded.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def _refused_key(loaded: x509.Certificate, key: object) -> Fault | None:
    """The server reads the key along with the certificate, and knows four elliptic curves."""
    if loaded.public_key_algorithm_oid != x509.PublicKeyAlgorithmOID.EC_PUBLIC_KEY:
        return None
    if key is None:
        return _refused("is no point on an elliptic curve that is known here")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in _CURVES:
        return _refused(f"is on the elliptic curve {key.curve.name}")
    return None


def _refused(how: str) -> Fault:
    return Fault(
        "certificate/unsupported-key", f"the certificate's key {how}; the server would refuse it", _STRONGER
    )


def _weak_key(key: object) -> Fault | None:
    weakness = _weakness(key)
    if not weakness:
        return None
    return warning("certificate/weak-key", f"the certificate's key is {weakness}", _STRONGER)


def _weakness(key: object) -> str:
    if key is None:
        return "of a kind that is not known here"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        return f"RSA with {key.key_size} bits; less than {_MIN_RSA_BITS} can be broken"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < _MIN_EC_BITS:
        return f"an elliptic curve of {key.key_size} bits; less than {_MIN_EC_BITS} can be broken"
    return "DSA, which is no longer in use" if isinstance(key, dsa.DSAPublicKey) else ""


def _weak_hash(loaded: x509.Certificate) -> Fault | None:
    try:
        algorithm = loaded.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return warning(
            "certificate/weak-signature", "the certificate's signature is of an unknown kind", _STRONGER
        )
    if algorithm is None or algorithm.name not in _WEAK_HASHES:
        return None
    message = f"the certificate is signed with {algorithm.name.upper()}, which can be forged"
    return warning("certificate/weak-signature", message, _STRONGER)


_PASTE = (
    "paste the identity provider's signing certificate as it gives it, from `-----BEGIN CERTIFICATE-----` to "
    "`-----END CERTIFICATE-----`"
)
_RENEW = "get the new certificate from the identity provider's administrator"
_STRONGER = "ask the identity provider's administrator for one with RSA 2048 or P-256, signed with SHA-256"
PRIVATE_KEY = Fault(
    "certificate/private-key",
    "this holds a private key",
    "only the certificate belongs here. Take the key out of the repository and its history, and have the "
    "identity provider's administrator make a new one: it must be taken for known to others",
)
_NO_BLOCK = Fault(
    "certificate/no-pem",
    "there is no PEM block: no line `-----BEGIN CERTIFICATE-----`",
    f"{_PASTE}; a DER file becomes one with `openssl x509 -inform der -in FILE -out FILE.pem`",
)
_OTHER_BLOCK = Fault(
    "certificate/no-pem",
    "the PEM block is not one of base64 between `-----BEGIN CERTIFICATE-----` and `-----END CERTIFICATE-----`",
    _PASTE,
)
_UNREADABLE = Fault("certificate/unreadable", "this is not an X.509 certificate", _PASTE)


def _several(count: int) -> Fault:
    return Fault(
        "certificate/several",
        f"{count} PEM blocks where one certificate is expected; the server would silently keep the first",
        "leave the identity provider's signing certificate alone, without the chain that it may come with",
    )

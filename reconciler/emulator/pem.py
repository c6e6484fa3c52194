"""Certificates as the server keeps them: the first PEM block, parsed, and written anew."""

from __future__ import annotations

import base64
import re
from functools import lru_cache

from reconciler.emulator import strictbase64
from reconciler.emulator.exchange import Refusal

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


def _check_certificate(der: bytes) -> None:
    from cryptography import x509  # noqa: PLC0415 - 55 ms, needed for few requests

    try:
        x509.load_der_x509_certificate(der)
    except ValueError as error:
        trailing = "trailing data" if "ExtraData }" in str(error) else "malformed certificate"
        raise Refusal(f"parse idp certificate: x509: {trailing}") from error

"""Page tokens: the number a page starts with, sealed under a random nonce, so that no two calls give the same one.

A token names no list and no environment: it works in each of them, as the server's do.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import uuid
from hmac import compare_digest

from reconciler.emulator import strictbase64
from reconciler.emulator.exchange import INVALID_ARGUMENT, Crash, Refusal
from reconciler.emulator.ids import DIGITS, written

_NONCE_BYTES = 24
_TAG_BYTES = 16
_SECRET = bytes(32)  # the server's default, too


def seal(digits: str, rng: random.Random) -> str:
    """The token for a page that starts with the identifier of these 25 digits."""
    content = json.dumps(str(uuid.UUID(int=int(digits, len(DIGITS))))).encode()
    nonce = rng.randbytes(_NONCE_BYTES)
    hidden = _masked(nonce, content)
    return base64.urlsafe_b64encode(nonce + _tag(nonce, hidden) + hidden).decode()


def unseal(token: str) -> str:
    """The 25 digits a token stands for; those of zero for no token.

    Raises:
        Refusal: it is not base64, or was not made by `seal`.
        Crash: it is shorter than a nonce; the server panics.
    """
    if not token:
        return written(0)
    raw = strictbase64.decoded(token, url_safe=True)
    if raw is None:
        raise _invalid()
    if len(raw) < _NONCE_BYTES:
        raise Crash
    nonce, tag, hidden = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:][:_TAG_BYTES], raw[_NONCE_BYTES + _TAG_BYTES :]
    if not compare_digest(tag, _tag(nonce, hidden)):
        raise _invalid()
    return written(uuid.UUID(json.loads(_masked(nonce, hidden))).int)


def _masked(nonce: bytes, content: bytes) -> bytes:
    mask = hashlib.shake_128(_SECRET + nonce).digest(len(content))
    return bytes(one ^ other for one, other in zip(content, mask, strict=True))


def _tag(nonce: bytes, hidden: bytes) -> bytes:
    return hashlib.blake2b(nonce + hidden, key=_SECRET, digest_size=_TAG_BYTES).digest()


def _invalid() -> Refusal:
    violation = {
        "@type": "type.googleapis.com/google.rpc.BadRequest.FieldViolation",
        "field": "page_token",
        "description": "invalid pagination token",
    }
    return Refusal("", INVALID_ARGUMENT, (violation,))

"""Page tokens: where the next page starts, under a nonce that makes every token different.

A token names neither a list nor an environment and does not expire, as on the server. The server encrypts it; here
it is only base64, because a client must treat it as opaque either way.
"""

from __future__ import annotations

import base64
import binascii
import random

from reconciler.emulator.exchange import INVALID_ARGUMENT, Crash, Refusal
from reconciler.emulator.ids import SOUND

_NONCE_BYTES = 24


def seal(digits: str, rng: random.Random) -> str:
    """Return a token for the page that starts with the id of these 25 digits."""
    return base64.urlsafe_b64encode(rng.randbytes(_NONCE_BYTES) + digits.encode()).decode()


def unseal(token: str) -> str:
    """Return the digits of the id that a page starts with; empty, and so before every id, without a token.

    Raises:
        Refusal: It is not base64, or not a token of this server.
        Crash: It is shorter than a nonce, which makes the server panic.
    """
    if not token:
        return ""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal("", INVALID_ARGUMENT) from error
    if len(raw) < _NONCE_BYTES:
        raise Crash
    digits = raw[_NONCE_BYTES:].decode("latin-1")
    if not SOUND.fullmatch(digits):
        raise Refusal("", INVALID_ARGUMENT)
    return digits

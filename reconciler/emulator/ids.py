"""Identifiers and keys: a prefix and a 128-bit number as 25 digits in base 36; they sort like the numbers."""

from __future__ import annotations

import random
import re

from msgspec import Struct

from reconciler.emulator.exchange import RAW, Crash, Refusal, quoted

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
LENGTH = 25
BITS = 128


def written(number: int) -> str:
    """A number below 2**128 as 25 digits."""
    digits = []
    for _ in range(LENGTH):
        number, digit = divmod(number, 36)
        digits.append(DIGITS[digit])
    return "".join(reversed(digits))


_LARGEST = written(2**BITS - 1)
_SOUND = re.compile(f"[0-9a-z]{{{LENGTH}}}")


class Format(Struct, frozen=True):
    """The text form of one sort of identifier."""

    prefix: str

    def new(self, rng: random.Random) -> str:
        """A random identifier."""
        return self.prefix + written(rng.getrandbits(BITS))

    def check(self, text: str) -> None:
        """Refuse what is not an identifier of this sort, in the server's words.

        Raises:
            Refusal: it is malformed.
            Crash: 25 digits that make a number of more than 128 bits; the server panics.
        """
        if not text.startswith(self.prefix):
            raise Refusal(f"{quoted(text)} does not have expected prefix {quoted(self.prefix)}")
        digits = text[len(self.prefix) :]
        if not _SOUND.fullmatch(digits):
            raise Refusal(f"{quoted(text)} {self._fault(digits)}")
        if digits > _LARGEST:
            raise Crash

    def _fault(self, digits: str) -> str:
        raw = digits.encode("utf-8", RAW)
        if len(raw) != LENGTH:
            return f"does not have expected length {len(self.prefix) + LENGTH}"
        position = next(index for index, byte in enumerate(raw) if chr(byte) not in DIGITS)
        return f"contains illegal char at position {len(self.prefix) + position}"


ENVIRONMENT = Format("env_")
API_KEY = Format("ssoready_sk_")
ORGANIZATION = Format("org_")
CONNECTION = Format("saml_conn_")
DIRECTORY = Format("scim_directory_")
BEARER_TOKEN = Format("ssoready_scim_bearer_token_")
ONE_TIME_TOKEN = Format("ssoready_one_time_token_")

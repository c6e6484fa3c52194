"""Ids, keys and tokens: a prefix and a 128-bit number as 25 base-36 digits, which sort like the numbers."""

from __future__ import annotations

import random
import re

from msgspec import Struct

from reconciler.emulator.exchange import Crash, Refusal

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
LENGTH = 25
BITS = 128
SOUND = re.compile(f"[0-9a-z]{{{LENGTH}}}")


def written(number: int) -> str:
    """Return a number below 2**128 as 25 digits."""
    digits = []
    for _ in range(LENGTH):
        number, digit = divmod(number, 36)
        digits.append(DIGITS[digit])
    return "".join(reversed(digits))


_LARGEST = written(2**BITS - 1)


class Format(Struct, frozen=True):
    """The text form of one kind of id."""

    prefix: str

    def new(self, rng: random.Random) -> str:
        """Return a random id."""
        return self.prefix + written(rng.getrandbits(BITS))

    def check(self, text: str, context: str = "store: ") -> None:
        """Check the form of an id.

        Raises:
            Refusal: The id is malformed; `context` starts the message.
            Crash: Its number has more than 128 bits, which makes the server panic.
        """
        if not text.startswith(self.prefix):
            raise Refusal(f'{context}"{text}" does not have expected prefix "{self.prefix}"')
        digits = text.removeprefix(self.prefix)
        if len(digits) != LENGTH:
            raise Refusal(f'{context}"{text}" does not have expected length {len(self.prefix) + LENGTH}')
        if not SOUND.fullmatch(digits):
            raise Refusal(f'{context}"{text}" contains an illegal char')
        if digits > _LARGEST:
            raise Crash


ENVIRONMENT = Format("env_")
API_KEY = Format("ssoready_sk_")
ORGANIZATION = Format("org_")
CONNECTION = Format("saml_conn_")
DIRECTORY = Format("scim_directory_")
BEARER_TOKEN = Format("ssoready_scim_bearer_token_")
ONE_TIME_TOKEN = Format("ssoready_one_time_token_")

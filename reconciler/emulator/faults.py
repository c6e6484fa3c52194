"""The faults that can be asked for: the grammar of `--fault`, and what each kind does.

    KIND[:PROBABILITY][:after], several separated by commas; the first that strikes wins

PROBABILITY is a number from 0 to 1, by default 1. With `after`, the request has its effect and then its response
is lost; otherwise nothing is done. So `500:0.1,reset:0.05:after` refuses a tenth of the requests and loses the
response to a twentieth of the others.
"""

from __future__ import annotations

import random

from msgspec import Struct

from reconciler.emulator.exchange import CRASHED, UNKNOWN, Response
from reconciler.model.errors import UsageError

_NO_DATABASE = (
    "get api key by secret value: failed to connect to `user=ssoready database=ssoready`:"
    " dial tcp 127.0.0.1:5432: connect: connection refused"
)


def _server_error(message: str) -> Response:
    return Response.json({"code": UNKNOWN, "message": message, "details": ()}, 500)


def _proxy_error(status: int, reason: str) -> Response:
    page = f"<html><head><title>{status} {reason}</title></head><body><h1>{status} {reason}</h1></body></html>\n"
    return Response(status, {"content-type": "text/html"}, page.encode())


RESET = "reset"
TIMEOUT = "timeout"
RESPONSES: dict[str, Response | None] = {
    RESET: None,  # the connection is reset
    TIMEOUT: None,  # no response ever comes
    "429": Response.text(429, "Too Many Requests\n", {"retry-after": "1"}),
    "500": _server_error("commit: unexpected EOF"),
    "502": _proxy_error(502, "Bad Gateway"),
    "503": _proxy_error(503, "Service Unavailable"),
    "504": _proxy_error(504, "Gateway Timeout"),
    "database": _server_error(_NO_DATABASE),  # what the server says while its database is away
    "empty-200": CRASHED,
}


class Fault(Struct, frozen=True):
    """A kind of fault, how often it strikes (from 0 to 1), and whether after the request's effect."""

    kind: str
    probability: float = 1.0
    after: bool = False


class Trouble(Struct, frozen=True):
    """How slow the network is, and what goes wrong on it."""

    latency_s: float = 0.0
    faults: tuple[Fault, ...] = ()


def parse(text: str) -> tuple[Fault, ...]:
    """Return the faults that a text names.

    Raises:
        UsageError: The text does not follow the grammar above.
    """
    return tuple(_parse_one(part.strip()) for part in text.split(",") if part.strip())


def strike(faults: tuple[Fault, ...], rng: random.Random) -> Fault | None:
    """Return the fault that the next request meets, or None."""
    return next((fault for fault in faults if rng.random() < fault.probability), None)


def _parse_one(text: str) -> Fault:
    kind, *rest = text.split(":")
    if kind not in RESPONSES:
        raise _unusable(text, f"{kind!r} is not one of {', '.join(RESPONSES)}")
    after = rest[-1:] == ["after"]
    numbers = rest[:-1] if after else rest
    if len(numbers) > 1:
        raise _unusable(text, "expected at most a probability and 'after'")
    return Fault(kind, _probability(text, numbers[0]) if numbers else 1.0, after)


def _probability(text: str, number: str) -> float:
    try:
        probability = float(number)
    except ValueError:
        probability = -1.0
    if not 0 <= probability <= 1:
        raise _unusable(text, f"{number!r} is not a number from 0 to 1")
    return probability


def _unusable(text: str, reason: str) -> UsageError:
    hint = "Write KIND[:PROBABILITY][:after], for example reset:0.05:after."
    return UsageError(f"fault {text!r}: {reason}", hint)

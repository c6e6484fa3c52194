"""Decides what an answer means: refused, not there, taken, certainly unsent, or unknown.

The API answers nearly every refusal with a 500 whose message is all there is; the table is what was measured
against a running server, and anything not in it is unknown.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.model.errors import ApiError, BadAnswer, NotThere, Refused, Taken, Unauthorized, Uncertain, Unsent

MAX_MESSAGE = 300
MAX_DEPTH = 32
_SECRET = re.compile(r"ssoready_[a-z_]+_[0-9A-Za-z]+|one-time-token=[^\s\"&]+|-----BEGIN[\s\S]*")
_SQLSTATE = re.compile(r"SQLSTATE (22|23)[0-9A-Z]{3}")

_KEY_HINT = "Check that SSOREADY_API_KEY belongs to this server and was not revoked."
_ACCESS_HINT = "Give the key Management API access in SSOReady, or use one that has it."


class Meaning(Struct, frozen=True):
    """A message's part, the error it means, and what to do."""

    part: str
    error: type[ApiError]
    said: str
    hint: str = ""


# The order decides: the database's own words may follow another row's.
MEANINGS = (
    Meaning("get api key by secret value: no rows", Unauthorized, "the API key is not known here", _KEY_HINT),
    Meaning("parse api secret key", Unauthorized, "the API key is malformed", _KEY_HINT),
    Meaning("get app session", Unauthorized, "the API key is malformed", _KEY_HINT),
    Meaning("get api key by secret value:", Unsent, "the server cannot reach its database"),
    Meaning("no rows in result set", NotThere, "it is not there, or in another environment"),
    Meaning("does not have expected length", Refused, "the id is malformed"),
    Meaning("does not have expected prefix", Refused, "the id is of another kind"),
    Meaning("SQLSTATE 23505", Taken, "its external id is taken in this environment"),
    Meaning("idp certificate must be", Refused, "the certificate was refused"),
    Meaning("parse idp certificate", Refused, "the certificate was refused"),
    Meaning("unexpected EOF", Refused, "the request was cut off on the way"),
    Meaning("proto:", Refused, "the request is malformed"),
    Meaning("request should have no body", Refused, "the request is malformed"),
    Meaning("in field path", Refused, "the request is malformed"),
)


def judge(route: str, status: int, headers: dict[str, str], body: bytes, *, now: float) -> dict[str, Any]:
    """The JSON object of a good answer; raises the ApiError that any other means.

    `headers` have lower-case names; `now` is in Unix seconds, for a Retry-After that is a date.
    """
    if status == 429:
        raise Unsent("too many requests", route=route, status=status, retry_after_s=_retry_after_s(headers, now))
    if headers.get("content-encoding", "identity") != "identity":
        raise BadAnswer("the answer is compressed, which was not asked for", route=route, status=status)
    if 300 <= status < 400:
        raise BadAnswer(
            "the server redirects, and the key is never sent elsewhere",
            route=route,
            status=status,
            hint="Correct the API address.",
        )
    document = _object(body) if headers.get("content-type", "").split(";")[0] == "application/json" else None
    if status == 200 and document is not None:
        return document
    if status == 200:
        raise BadAnswer(_what_instead(headers, body), route=route, status=status)
    raise _refusal(route, status, document, headers, now)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    if not isinstance(document, dict) or _deeper_than(document, MAX_DEPTH):
        return None
    return document


def _deeper_than(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if depth == 0:
        return True
    return any(_deeper_than(each, depth - 1) for each in (value.values() if isinstance(value, dict) else value))


def _what_instead(headers: dict[str, str], body: bytes) -> str:
    if not body:
        return "the answer is empty, as when the server crashes"
    kind = headers.get("content-type", "").split(";")[0]
    if kind != "application/json":
        return f"the answer is {printable(kind) or 'of no type'}, not JSON: is this the Management API?"
    return "the answer is not a JSON object"


def _refusal(
    route: str, status: int, document: dict[str, Any] | None, headers: dict[str, str], now: float
) -> ApiError:
    message = document.get("message") if document else None
    text = message if isinstance(message, str) else ""
    if status == 401:
        hint = _ACCESS_HINT if "not authorized" in text else _KEY_HINT
        return Unauthorized(printable(text) or "the key was refused", route=route, status=status, hint=hint)
    if status in {400, 404, 405, 413, 415, 499}:
        return Refused(printable(text) or f"refused with {status}", route=route, status=status)
    if status == 500:
        for meaning in MEANINGS:
            if meaning.part in text:
                said = f"{meaning.said} ({printable(text)})"
                return meaning.error(said, route=route, status=status, hint=meaning.hint)
        if _SQLSTATE.search(text):
            return Refused(f"the value cannot be stored ({printable(text)})", route=route, status=status)
    said = printable(text) or "no reason was given"
    return Uncertain(
        f"the server answered {status}: {said}",
        route=route,
        status=status,
        retry_after_s=_retry_after_s(headers, now),
    )


def _retry_after_s(headers: dict[str, str], now: float) -> float | None:
    """Both forms of Retry-After, at most five minutes."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        wait_s = float(text[:9])
    else:
        try:
            wait_s = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(wait_s, 0.0), 300.0)


def printable(text: str) -> str:
    """A server's words, safe to show: secrets masked, control characters escaped, cut."""
    masked = _SECRET.sub("***", text[: 4 * MAX_MESSAGE])
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in masked)
    return shown if len(shown) <= MAX_MESSAGE else shown[: MAX_MESSAGE - 1] + "…"

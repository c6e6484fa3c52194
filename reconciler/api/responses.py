"""Decides what an answer means: refused, not there, taken, certainly unsent, or unknown.

The API answers nearly every refusal with a 500 whose message is all there is; the table is what was measured
against a running server, and anything not in it is unknown.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.core.values.redaction import cut, escaped
from reconciler.model.errors import ApiError, BadAnswer, NotFound, Refused, Taken, Unauthorized, Uncertain, Unsent

MAX_MESSAGE = 300
MAX_DEPTH = 32

_KEY_HINT = "Check that SSOREADY_API_KEY belongs to this server and was not revoked."
_ACCESS_HINT = "Give the key Management API access in SSOReady, or use one that has it."


class Meaning(Struct, frozen=True):
    """What a message has in it, the error it means, and what to do."""

    pattern: re.Pattern[str]
    error: type[ApiError]
    said: str
    hint: str


def _means(pattern: str, error: type[ApiError], said: str, hint: str = "") -> Meaning:
    return Meaning(re.compile(pattern), error, said, hint)


# The order decides: the database's own words may follow another row's. What lets a POST be sent again must stand
# at the start, where nobody's values can; a cut-off that is not the whole message may be the database's.
MEANINGS = (
    _means("get api key by secret value: no rows", Unauthorized, "the API key is not known here", _KEY_HINT),
    _means("parse api secret key", Unauthorized, "the API key is malformed", _KEY_HINT),
    _means("get app session", Unauthorized, "the API key is malformed", _KEY_HINT),
    _means(r"\Aget api key by secret value:", Unsent, "the server cannot reach its database"),
    _means("no rows in result set", NotFound, "it is not there, or in another environment"),
    _means("does not have expected length", Refused, "the id is malformed"),
    _means("does not have expected prefix", Refused, "the id is of another kind"),
    _means("SQLSTATE 23505", Taken, "its external id is taken in this environment"),
    _means("SQLSTATE 2[23][0-9A-Z]{3}", Refused, "the value cannot be stored"),
    _means("idp certificate must be", Refused, "the certificate was refused"),
    _means("parse idp certificate", Refused, "the certificate was refused"),
    _means(r"\A(proto: )?unexpected EOF\Z", Refused, "the request was cut off on the way"),
    _means("proto:", Refused, "the request is malformed"),
    _means("request should have no body", Refused, "the request is malformed"),
    _means("in field path", Refused, "the request is malformed"),
)
# Nothing was done: a malformed page token, a path or a verb that is not there, a body that is refused unread.
REFUSING = frozenset({400, 404, 405, 413, 415})


def judge(route: str, status: int, headers: dict[str, str], body: bytes, *, now: float) -> dict[str, Any]:
    """The JSON object of a good answer; raises the ApiError that any other means.

    `headers` have lower-case names; `now` is in Unix seconds, for a Retry-After that is a date.
    """
    if status == 429:
        raise Unsent("too many requests", route=route, status=status, retry_after_s=_retry_after_s(headers, now))
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise BadAnswer("the answer is compressed, which was not asked for", route=route, status=status)
    if 300 <= status < 400:
        raise BadAnswer(
            "the server redirects, and the key is never sent elsewhere",
            route=route,
            status=status,
            hint="Correct the API address.",
        )
    document = _object(body) if _media_type(headers) == "application/json" else None
    if status == 200 and document is not None:
        return document
    if status == 200:
        raise BadAnswer(_what_instead(headers, body), route=route, status=status)
    if 200 <= status < 300:
        raise BadAnswer(f"the server answered {status}, where only 200 is an answer", route=route, status=status)
    raise _refusal(route, status, document, headers, now)


def _media_type(headers: dict[str, str]) -> str:
    return headers.get("content-type", "").split(";")[0].strip().lower()


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
    kind = _media_type(headers)
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
    if status in REFUSING:
        return Refused(printable(text) or f"refused with {status}", route=route, status=status)
    if status == 500:
        for meaning in MEANINGS:
            if meaning.pattern.search(text):
                said = f"{meaning.said} ({printable(text)})"
                return meaning.error(said, route=route, status=status, hint=meaning.hint)
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
            when = parsedate_to_datetime(text)
            wait_s = when.replace(tzinfo=when.tzinfo or UTC).timestamp() - now
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return min(max(wait_s, 0.0), 300.0)


def printable(text: str) -> str:
    """A server's words, safe to show: secrets masked, control characters escaped, cut."""
    return cut(escaped(text[: 4 * MAX_MESSAGE]), MAX_MESSAGE)

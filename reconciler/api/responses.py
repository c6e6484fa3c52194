"""Decides what a response means: success, refused, not found, taken, certainly not done, or uncertain.

The API refuses nearly everything with a 500, and only its message tells why. The table was measured against a
running server; any message that is not in it is uncertain.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.api.retry import retry_after_s
from reconciler.model.errors import ApiError, BadAnswer, NotFound, Refused, Taken, Unauthorized, Uncertain, Unsent

MAX_MESSAGE = 300
MAX_DEPTH = 32
_SECRET = re.compile(r"ssoready_[a-z_]+_[0-9A-Za-z]+|one-time-token=[^\s\"&]+|-----BEGIN[\s\S]*")
_KEY_HINT = "Check that SSOREADY_API_KEY belongs to this server and was not revoked."
_ACCESS_HINT = "Give the key Management API access in SSOReady, or use one that has it."


class Meaning(Struct, frozen=True):
    """A message's pattern, the error it stands for, our words for it, and what to do."""

    pattern: re.Pattern[str]
    error: type[ApiError]
    words: str
    hint: str


def _means(pattern: str, error: type[ApiError], words: str, hint: str = "") -> Meaning:
    return Meaning(re.compile(pattern), error, words, hint)


# The first match counts: a message may continue with the database's own words, which another row knows.
# A message that lets a POST be sent again must match at its start, where no customer's value can be. "unexpected
# EOF" must be the whole message: after other words it may be the database's, perhaps after a commit.
MEANINGS = (
    _means("get api key by secret value: no rows", Unauthorized, "the server does not know this key", _KEY_HINT),
    _means("parse api secret key", Unauthorized, "the API key is malformed", _KEY_HINT),
    _means("get app session", Unauthorized, "the API key is malformed", _KEY_HINT),
    _means(r"\Aget api key by secret value:", Unsent, "the server cannot reach its database"),
    _means("no rows in result set", NotFound, "it does not exist, or belongs to another environment"),
    _means("does not have expected length", Refused, "the id is malformed"),
    _means("does not have expected prefix", Refused, "the id is of another kind"),
    _means("SQLSTATE 23505", Taken, "another organization has this external id"),
    _means("SQLSTATE 2[23][0-9A-Z]{3}", Refused, "the database cannot store the value"),
    _means("idp certificate must be", Refused, "the server refused the certificate"),
    _means("parse idp certificate", Refused, "the server refused the certificate"),
    _means(r"\A(proto: )?unexpected EOF\Z", Refused, "the request arrived incomplete"),
    _means("proto:", Refused, "the request is malformed"),
    _means("request should have no body", Refused, "the request is malformed"),
    _means("in field path", Refused, "the request is malformed"),
)
# Nothing was done: a malformed page token, an unknown path or verb, a body that is refused unread.
REFUSING = frozenset({400, 404, 405, 413, 415})


def judge(route: str, status: int, headers: dict[str, str], body: bytes, *, now: float) -> dict[str, Any]:
    """The JSON object of a good response; raises the ApiError that any other stands for.

    `headers` have lower-case names; `now` is in Unix seconds, for a Retry-After that is a date.
    """
    if status == 429:
        raise Unsent("too many requests", route=route, status=status, retry_after_s=retry_after_s(headers, now))
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise BadAnswer("the response is compressed, which was not asked for", route=route, status=status)
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
        raise BadAnswer(f"the server responded with {status} instead of 200", route=route, status=status)
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
        return "the response is empty: the server may have crashed"
    kind = _media_type(headers)
    if kind != "application/json":
        return f"the response is {printable(kind) or 'of no type'}, not JSON: is this the Management API?"
    return "the response is not a JSON object"


def _refusal(
    route: str, status: int, document: dict[str, Any] | None, headers: dict[str, str], now: float
) -> ApiError:
    message = document.get("message") if document else None
    text = message if isinstance(message, str) else ""
    if status == 401:
        hint = _ACCESS_HINT if "not authorized" in text else _KEY_HINT
        return Unauthorized(printable(text) or "the server refused the key", route=route, status=status, hint=hint)
    if status in REFUSING:
        return Refused(printable(text) or f"the server refused with {status}", route=route, status=status)
    if status == 500:
        for meaning in MEANINGS:
            if meaning.pattern.search(text):
                words = f"{meaning.words} ({printable(text)})"
                return meaning.error(words, route=route, status=status, hint=meaning.hint)
    reason = printable(text) or "no reason given"
    return Uncertain(
        f"the server responded with {status}: {reason}",
        route=route,
        status=status,
        retry_after_s=retry_after_s(headers, now),
    )


def printable(text: str) -> str:
    """A server's words, safe to show: secrets masked, control characters escaped, at most 300 characters."""
    masked = _SECRET.sub("***", text[: 4 * MAX_MESSAGE])
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in masked)
    return shown if len(shown) <= MAX_MESSAGE else shown[: MAX_MESSAGE - 1] + "…"

"""What a response means decides whether a write may be repeated: each row of the table is held exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.responses import MAX_MESSAGE, judge, printable
from reconciler.model import errors
from reconciler.model.errors import ApiError, BadAnswer, Refused, Unauthorized, Uncertain, Unsent

ROUTE = "POST /v1/organizations"
JSON = {"content-type": "application/json"}
NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
KEY = "ssoready_sk_0123456789abcdefghijklmno"


def error_of(status: int, headers: dict[str, str], body: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        judge(ROUTE, status, headers, body, now=NOW)
    assert (caught.value.route, caught.value.status) == (ROUTE, status)
    assert caught.value.message.startswith(f"{ROUTE}: ")
    return caught.value


def refusal(status: int, message: Any) -> ApiError:
    return error_of(status, JSON, json.dumps({"code": 2, "message": message, "details": []}).encode())


def said(error: ApiError) -> str:
    return error.message.removeprefix(f"{ROUTE}: ")


# -- a 500 with a known meaning: nothing was done

# The error, what we say of it, and the server's message.
KNOWN = """
Unauthorized | the server does not know this key | get api key by secret value: no rows in result set
Unauthorized | the API key is malformed | parse api secret key: "x" does not have expected length 37
Unauthorized | the API key is malformed | store: get app session: parse session token: no rows in result set
Unsent | the server cannot reach its database | get api key by secret value: failed to connect to `user=ssoready`
Unsent | the server cannot reach its database | get api key by secret value: ERROR: timeout (SQLSTATE 57014)
Unsent | the server cannot reach its database | get api key by secret value: unexpected EOF
Unsent | the server cannot reach its database | get api key by secret value:
NotFound | it does not exist, or belongs to another environment | store: no rows in result set
NotFound | it does not exist, or belongs to another environment | store: get organization: no rows in result set
Refused | the id is malformed | store: "org_xyz" does not have expected length 29
Refused | the id is of another kind | store: "saml_conn_1" does not have expected prefix "org_"
Taken | another organization has this external id | store: ERROR: duplicate key value (SQLSTATE 23505)
Refused | the database cannot store the value | store: ERROR: invalid byte sequence: 0x00 (SQLSTATE 22021)
Refused | the database cannot store the value | store: ERROR: violates check (SQLSTATE 23514)
Refused | the database cannot store the value | store: ERROR: out of range (SQLSTATE 2200H)
Refused | the server refused the certificate | store: idp certificate must be a PEM-encoded CERTIFICATE block
Refused | the server refused the certificate | store: parse idp certificate: x509: malformed certificate
Refused | the request arrived incomplete | unexpected EOF
Refused | the request arrived incomplete | proto: unexpected EOF
Refused | the request is malformed | proto: (line 1:16): invalid value for string type: 5
Refused | the request is malformed | request should have no body; instead got 2 bytes
Refused | the request is malformed | in field path "pageSize": element "pageSize" does not correspond
"""
ROWS = [row.split(" | ") for row in KNOWN.strip().splitlines()]


@pytest.mark.parametrize(("kind", "words", "message"), ROWS)
def test_a_500_with_a_known_message_has_that_meaning(kind: str, words: str, message: str) -> None:
    error = refusal(500, message)
    assert type(error) is getattr(errors, kind)
    assert said(error) == f"{words} ({message})"
    assert bool(error.hint) == (kind == "Unauthorized")
    assert error.retry_after_s is None


# Nobody knows whether it was done: a message that is near a known one, or none.
UNKNOWN = [
    "store: commit: unexpected EOF",  # the database's connection ended, perhaps after the commit
    "unexpected EOF while committing",
    "store: get api key by secret value: timeout",  # not at the start: a customer's value may hold it
    "store: ERROR: deadlock detected (SQLSTATE 40P01)",
    "store: ERROR: terminating connection (SQLSTATE 57P01)",
    "store: ERROR: query (SQLSTATE 24000)",
    "store: ERROR: query (SQLSTATE 22)",
    "context canceled",
    "Proto: x",
    "",
    "no row in result set",
]


@pytest.mark.parametrize("message", UNKNOWN)
def test_a_500_with_any_other_message_is_uncertain(message: str) -> None:
    error = refusal(500, message)
    assert type(error) is Uncertain
    assert said(error) == f"the server responded with 500: {message or 'no reason given'}"
    assert error.hint == ""


@pytest.mark.parametrize("status", [502, 503, 504, 501, 403, 408, 409, 418, 425, 499, 407, 599])
def test_only_the_server_s_own_500_has_known_meanings(status: int) -> None:
    assert {type(refusal(status, message)) for *_, message in ROWS} == {Uncertain}


@pytest.mark.parametrize("message", [None, 5, ["get api key by secret value: x"], {"a": "unexpected EOF"}])
def test_a_message_that_is_no_text_says_nothing(message: Any) -> None:
    error = refusal(500, message)
    assert type(error) is Uncertain
    assert said(error).endswith("no reason given")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({"content-type": "text/html"}, b"get api key by secret value: away"),
        ({"content-type": "text/plain"}, b'{"message": "get api key by secret value: away"}'),
        (JSON, b"[]"),
        (JSON, b'{"message": "get api key by secret value: away"'),
        (JSON, b'{"code": 2}'),
    ],
)
def test_a_failure_that_is_no_json_object_is_uncertain(status: int, headers: dict[str, str], body: bytes) -> None:
    error = error_of(status, headers, body)
    assert type(error) is Uncertain
    assert said(error).endswith("no reason given")


# -- other statuses


@pytest.mark.parametrize(
    ("message", "words", "hint"),
    [
        ("authorization header is required", "authorization header is required", "SSOREADY_API_KEY"),
        ("", "the server refused the key", "SSOREADY_API_KEY"),
        ("the key is not authorized to do this", "the key is not authorized to do this", "Management API access"),
    ],
)
def test_401_is_about_the_key_or_its_access(message: str, words: str, hint: str) -> None:
    error = refusal(401, message)
    assert type(error) is Unauthorized
    assert said(error) == words
    assert hint in error.hint


def test_401_without_json_is_about_the_key() -> None:
    error = error_of(401, {"content-type": "text/html"}, b"<h1>401</h1>")
    assert type(error) is Unauthorized
    assert said(error) == "the server refused the key"


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415])
def test_what_is_refused_unread_was_not_done(status: int) -> None:
    text = error_of(status, {"content-type": "text/plain"}, b"Not Found\n")
    assert type(text) is Refused
    assert said(text) == f"the server refused with {status}"
    error = refusal(status, "invalid pagination token")
    assert type(error) is Refused
    assert said(error) == "invalid pagination token"


# A redirect is never followed, and only 200 is a success.
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399, 201, 202, 204, 206, 226, 299])
def test_another_status_than_200_is_no_response_of_this_api(status: int) -> None:
    error = error_of(status, JSON | {"location": "https://elsewhere.example"}, b'{"organization": {}}')
    assert type(error) is BadAnswer
    redirect = status >= 300
    words = "the server redirects, and the key is never sent elsewhere" if redirect else f"responded with {status}"
    assert words in said(error)
    assert error.hint == ("Correct the API address." if redirect else "")


@pytest.mark.parametrize("status", [101, 199])
def test_a_status_of_no_use_is_uncertain(status: int) -> None:
    assert type(error_of(status, {}, b"")) is Uncertain


def test_429_is_certainly_not_done_whatever_comes_with_it() -> None:
    for headers, body in (
        (JSON, b'{"message": "no rows in result set"}'),
        ({"content-encoding": "gzip"}, b"\x1f"),
    ):
        error = error_of(429, headers, body)
        assert type(error) is Unsent
        assert said(error) == "too many requests"
        assert error.retry_after_s is None


@pytest.mark.parametrize(("status", "wait_s"), [(429, 30.0), (503, 30.0), (500, 30.0), (404, None), (302, None)])
def test_a_failure_that_may_be_repeated_has_the_time_that_the_server_asked_for(
    status: int, wait_s: float | None
) -> None:
    assert error_of(status, {"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, b"").retry_after_s == wait_s


# -- a good response, and what only looks like one


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/json ;charset=utf-8"],
)
def test_an_object_with_200_is_a_response(kind: str) -> None:
    document = {"organization": {"id": "org_1", "unknown": [1, None, {"a": 1.5}]}}
    headers = {"content-type": kind}
    assert judge(ROUTE, 200, headers, json.dumps(document).encode(), now=NOW) == document
    assert judge(ROUTE, 200, headers, b" {} \n", now=NOW) == {}


@pytest.mark.parametrize("encoding", ["identity", "Identity"])
def test_a_response_may_say_that_it_is_not_compressed(encoding: str) -> None:
    assert judge(ROUTE, 200, JSON | {"content-encoding": encoding}, b"{}", now=NOW) == {}


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", ""])
@pytest.mark.parametrize("status", [200, 500])
def test_a_compressed_response_is_none(encoding: str, status: int) -> None:
    error = error_of(status, JSON | {"content-encoding": encoding}, b"{}")
    assert type(error) is BadAnswer
    assert said(error) == "the response is compressed, which was not asked for"


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"{}" + b"}" * depth


EMPTY = "the response is empty: the server may have crashed"
NO_OBJECT = "the response is not a JSON object"
OTHERS: list[tuple[dict[str, str], bytes, str]] = [
    *((headers, b"", EMPTY) for headers in (JSON, {}, {"content-type": "text/html"})),
    ({}, b"{}", "the response is of no type, not JSON: is this the Management API?"),
    ({"content-type": "text/html; x"}, b"<p>", "the response is text/html, not JSON: is this the Management API?"),
    ({"content-type": "te\x1bxt"}, b"{}", "the response is te\\x1bxt, not JSON: is this the Management API?"),
    ({"content-type": "text/json"}, b"{}", "the response is text/json, not JSON: is this the Management API?"),
]
NO_OBJECTS = [
    *(b" ", b"[]", b"null", b'"organizations"', b"{", b"{}{}", b"\xef\xbb\xbf{}", "{}".encode("utf-16")),
    *(b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b'{"\xff": 1}'),
    *(b"[" * 200_000, b"[" * 200_000 + b"]" * 200_000, nested(32), nested(200_000)),
]
BAD_200 = [*OTHERS, *((JSON, body, NO_OBJECT) for body in NO_OBJECTS)]


@pytest.mark.parametrize(("headers", "body", "words"), BAD_200, ids=range(len(BAD_200)))
def test_a_200_that_is_no_json_object_is_never_an_empty_list(
    headers: dict[str, str], body: bytes, words: str
) -> None:
    error = error_of(200, headers, body)
    assert type(error) is BadAnswer
    assert said(error) == words


def test_nesting_is_bounded_exactly() -> None:
    assert judge(ROUTE, 200, JSON, nested(31), now=NOW)
    lists = b'{"a":' + b"[" * 31 + b"]" * 31 + b"}"
    assert judge(ROUTE, 200, JSON, lists, now=NOW)
    assert said(error_of(200, JSON, lists.replace(b"[]", b"[[]]"))) == NO_OBJECT


def test_of_a_repeated_name_the_last_value_counts() -> None:
    """As for every JSON reader; the server never repeats one."""
    assert judge(ROUTE, 200, JSON, b'{"a": 1, "a": 2}', now=NOW) == {"a": 2}


@given(st.integers(100, 599), st.binary(max_size=60), st.sampled_from([{}, JSON, {"content-type": "text/html"}]))
def test_any_bytes_are_an_object_or_our_error(status: int, body: bytes, headers: dict[str, str]) -> None:
    try:
        document: object = judge(ROUTE, status, headers, body, now=NOW)
    except ApiError as error:
        document = error
    good = status == 200 and isinstance(document, dict)
    assert good or (isinstance(document, ApiError) and len(document.message) <= len(ROUTE) + MAX_MESSAGE + 100)


# -- words that may be shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f'parse "{KEY}"', 'parse "***"'),
        (f"{KEY} and {KEY}.", "*** and ***."),
        ("ssoready_scim_bearer_token_Abc9 x", "*** x"),
        ("https://a.example/?one-time-token=abc-DEF_9&x=1", "https://a.example/?***&x=1"),
        ('"one-time-token=abc"', '"***"'),
        ("key -----BEGIN PRIVATE KEY-----\nMII", "key ***"),
        ("a\x1b[31mb\r\nc\u202e", "a\\x1b[31mb\\r\\nc\\u202e"),
        ("\ud800", "\\ud800"),
        ("Ünïcode", "Ünïcode"),
        ("ssoready_", "ssoready_"),
    ],
)
def test_secrets_are_masked_and_control_characters_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(("length", "shown"), [(300, "x" * 300), (301, "x" * 299 + "…")])
def test_long_words_are_cut(length: int, shown: str) -> None:
    assert printable("x" * length) == shown


def test_masked_secrets_take_no_room_from_the_words_behind_them() -> None:
    assert printable(f"{KEY} " * 25 + "end") == "*** " * 25 + "end"


@given(st.text(max_size=40), st.text(max_size=40), st.integers(0, 1_300))
def test_a_key_is_never_shown_wherever_it_stands(before: str, after: str, filling: int) -> None:
    shown = printable(before + " " * filling + KEY + " " + after)
    assert KEY[:13] not in shown
    assert len(shown) <= MAX_MESSAGE


@pytest.mark.parametrize("status", [500, 503, 401, 400, 404])
def test_no_error_repeats_a_secret_or_a_flood(status: int) -> None:
    error = refusal(status, f"{KEY} " * 1_000)
    assert "ssoready_" not in error.message
    assert len(error.message) < 400

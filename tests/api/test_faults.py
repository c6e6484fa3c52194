"""Every fault a server can show on a real socket: one typed error, in time, and the lane works afterwards."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import socket
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec import Struct

from reconciler.api.client import Client
from reconciler.model.errors import ApiError, BadAnswer, Refused, Unauthorized, Uncertain, Unsent
from tests.support.build import org_id
from tests.support.raw_server import (
    MAX_BODY_BYTES,
    ORGANIZATION_1,
    RawServer,
    Script,
    Talk,
    answer,
    client,
    create,
    full_backlog,
    plain,
    read,
)

CAP_S = 4.0  # the settings allow less; the rest is for busy machines
CAP_BYTES = 8 * MAX_BODY_BYTES
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
GOOD = answer({"organization": ORGANIZATION_1, "organizations": [ORGANIZATION_1]})


class Fault(Struct, frozen=True):
    """What the first connection does, the error it is, and a part of what is said of it."""

    script: Script
    error: type[ApiError]
    said: str
    sent: int = 1  # how many requests the server sees before the fault is over
    settings: dict[str, Any] = {}


def says(data: bytes, *, then: str = "close") -> Script:
    """Answers the first request with these bytes, and then closes, hangs, resets or behaves."""

    async def script(talk: Talk) -> None:
        await talk.asked()
        await talk.say(data)
        match then:
            case "hang":
                await talk.hang()
            case "reset":
                talk.reset()
            case "behave":
                await talk.behave()

    return script


def repeats(start: bytes, part: bytes, *, pause_s: float = 0.0, total: int = 1_000_000) -> Script:
    """Answers with a start and then the same part for as long as anybody reads it."""

    async def script(talk: Talk) -> None:
        await talk.asked()
        await talk.say(start)
        for _ in range(total):
            await talk.say(part)
            await asyncio.sleep(pause_s)

    return script


async def reset_on_accept(talk: Talk) -> None:
    talk.reset()


async def close_on_accept(_: Talk) -> None:
    return


async def close_in_the_request(talk: Talk) -> None:
    await talk.reader.readexactly(20)


async def hang_before_reading(_: Talk) -> None:
    await asyncio.sleep(1.0)


async def half_close(talk: Talk) -> None:
    await talk.asked()
    talk.writer.write_eof()
    await talk.hang()


async def close_at_the_next(talk: Talk) -> None:
    """A kept connection that ends while the next request is on its way."""
    await talk.asked()
    await talk.say(GOOD)
    await talk.reader.readexactly(1)


CLOSED, RESET, GARBLED = "ended early or the answer is no HTTP", "the connection was reset", "no HTTP"
LATE, DRIPPED = "no answer within 0.5 s", "the answer was not whole after 1 s"
# Each of the two limits alone ends its kind of fault; both leave a busy machine time to connect.
HANGS = {"timeout_s": 0.5, "request_timeout_s": 3.0}
DRIPS = {"timeout_s": 2.0, "request_timeout_s": 1.0}
TOO_MUCH = "the answer has more than 262,144 bytes"
LOOP = b"HTTP/1.1 302 Found\r\nlocation: /v1/organizations\r\ncontent-length: 0\r\n\r\n"
REDIRECT = "the server redirects, and the key is never sent elsewhere"

# The connection itself goes wrong: how far the request came cannot be told.
CONNECTIONS = {
    "reset on accept": Fault(reset_on_accept, Uncertain, RESET, sent=0),
    "close on accept": Fault(close_on_accept, Uncertain, "the connection", sent=0),
    "close in the request": Fault(close_in_the_request, Uncertain, "the connection", sent=0),
    "reset after the request": Fault(says(b"", then="reset"), Uncertain, RESET),
    "close after the request": Fault(says(b""), Uncertain, CLOSED),
    "half-closed": Fault(half_close, Uncertain, CLOSED),
    "hang before reading": Fault(hang_before_reading, Uncertain, LATE, sent=0, settings=HANGS),
    "hang after the request": Fault(says(b"", then="hang"), Uncertain, LATE, settings=HANGS),
    "hang in the head": Fault(says(HEAD, then="hang"), Uncertain, LATE, settings=HANGS),
    "hang in the body": Fault(
        says(HEAD + b"content-length: 99\r\n\r\n{", then="hang"), Uncertain, LATE, settings=HANGS
    ),
    "reset in the head": Fault(says(HEAD, then="reset"), Uncertain, RESET),
    "reset in the body": Fault(says(HEAD + b"content-length: 99\r\n\r\n{", then="reset"), Uncertain, "the"),
    "truncated head": Fault(says(HEAD), Uncertain, CLOSED),
    "truncated body": Fault(says(HEAD + b"content-length: 99\r\n\r\n{}"), Uncertain, GARBLED),
    "truncated chunk": Fault(says(HEAD + b"transfer-encoding: chunked\r\n\r\n9\r\n{}"), Uncertain, GARBLED),
    "no last chunk": Fault(says(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"), Uncertain, GARBLED),
    "head drips": Fault(
        repeats(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n", pause_s=0.05), Uncertain, DRIPPED, settings=DRIPS
    ),
    "one byte at a time": Fault(repeats(b"", b"H", pause_s=0.05), Uncertain, DRIPPED, settings=DRIPS),
    "1xx drips": Fault(
        repeats(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", pause_s=0.05), Uncertain, DRIPPED, settings=DRIPS
    ),
    "1xx floods": Fault(
        repeats(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 500), Uncertain, DRIPPED, settings=DRIPS
    ),
    "body drips": Fault(
        repeats(HEAD + b"content-length: 999\r\n\r\n", b" ", pause_s=0.05), Uncertain, DRIPPED, settings=DRIPS
    ),
    "chunks drip": Fault(
        repeats(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n", pause_s=0.05),
        Uncertain,
        DRIPPED,
        settings=DRIPS,
    ),
    "body without end drips": Fault(
        repeats(HEAD + b"\r\n", b" ", pause_s=0.05), Uncertain, DRIPPED, settings=DRIPS
    ),
}

# What comes is no HTTP, or too much of it.
BYTES = {
    "garbage": Fault(says(b"\x00\xff\x13garbage\r\n\r\n"), Uncertain, GARBLED),
    "another protocol": Fault(says(b"220 mail.example ESMTP\r\n"), Uncertain, GARBLED),
    "TLS where none was asked for": Fault(says(b"\x15\x03\x01\x00\x02\x02\x46"), Uncertain, GARBLED),
    "no status": Fault(says(b"HTTP/1.1 OK\r\n\r\n"), Uncertain, GARBLED),
    "a huge status": Fault(says(b"HTTP/1.1 " + b"9" * 5_000 + b" OK\r\n\r\n"), Uncertain, GARBLED),
    "a bad header": Fault(says(HEAD + b"no colon\r\n\r\n"), Uncertain, GARBLED),
    "a control character in a header": Fault(says(HEAD + b"a: \x00\r\n\r\n"), Uncertain, GARBLED),
    "a negative length": Fault(says(HEAD + b"content-length: -1\r\n\r\n{}"), Uncertain, GARBLED),
    "two lengths": Fault(says(HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}"), Uncertain, GARBLED),
    "a length that is none": Fault(says(HEAD + b"content-length: two\r\n\r\n{}"), Uncertain, GARBLED),
    "another coding": Fault(says(HEAD + b"transfer-encoding: gzip\r\n\r\n{}"), Uncertain, GARBLED),
    "a chunk without size": Fault(says(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}"), Uncertain, GARBLED),
    "a negative chunk": Fault(says(HEAD + b"transfer-encoding: chunked\r\n\r\n-2\r\n{}"), Uncertain, GARBLED),
    "a chunk too long": Fault(
        says(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}{}\r\n0\r\n\r\n"), Uncertain, GARBLED
    ),
    "a chunk of 2^80": Fault(
        says(HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 21 + b"\r\n{}"), Uncertain, GARBLED
    ),
    "101": Fault(says(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n"), Uncertain, GARBLED),
    "a huge header": Fault(says(HEAD + b"a: " + b"b" * 500_000 + b"\r\n\r\n{}"), Uncertain, GARBLED),
    "many headers": Fault(says(HEAD + b"a: b\r\n" * 100_000 + b"\r\n{}"), Uncertain, GARBLED),
    "headers without end": Fault(repeats(HEAD, b"a: b\r\n" * 1_000), Uncertain, GARBLED),
    "a chunk's extension without end": Fault(
        repeats(HEAD + b"transfer-encoding: chunked\r\n\r\n2;", b"x" * 10_000), Uncertain, GARBLED
    ),
    "trailers without end": Fault(
        repeats(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"a: b\r\n" * 1_000),
        Uncertain,
        GARBLED,
    ),
    "100 MB with a length": Fault(
        repeats(HEAD + b"content-length: 100000000\r\n\r\n", b" " * 65_536, total=1_526), BadAnswer, TOO_MUCH
    ),
    "100 MB in chunks": Fault(
        repeats(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65_536 + b"\r\n", total=1_526),
        BadAnswer,
        TOO_MUCH,
    ),
    "100 MB without a length": Fault(repeats(HEAD + b"\r\n", b" " * 65_536, total=1_526), BadAnswer, TOO_MUCH),
    "a flood with a failure": Fault(
        repeats(b"HTTP/1.1 500 Oh\r\n\r\n", b" " * 65_536, total=1_526), BadAnswer, TOO_MUCH
    ),
}


def bad(data: bytes, said: str) -> Fault:
    return Fault(says(data, then="behave"), BadAnswer, said)


def no_json(body: bytes) -> Fault:
    return bad(plain(body, content_type="application/json"), "the response is not a JSON object")


def unknown(status: str, body: bytes = b"", **headers: str) -> Fault:
    return Fault(
        says(plain(body, status=status, **headers), then="behave"), Uncertain, f"responded with {status[:3]}"
    )


def message(text: str, status: str = "500 Internal Server Error") -> bytes:
    return answer({"code": 2, "message": text, "details": []}, status=status)


BOMB = gzip.compress(b" " * 50_000_000, compresslevel=1)

# An answer that is HTTP but not the API's; the connection goes on.
ANSWERS = {
    "empty 200": bad(plain(b"", content_type="application/json"), "the response is empty"),
    "HTML with 200": bad(
        plain(b"<h1>Hello</h1>", content_type="text/html"), "the response is text/html, not JSON"
    ),
    "JSON without a type": bad(plain(b"{}"), "the response is of no type, not JSON"),
    "half a document": no_json(b'{"organizations": ['),
    "a list": no_json(b"[]"),
    "null": no_json(b"null"),
    "NaN": no_json(b'{"organizations": [NaN]}'),
    "deep JSON": no_json(b"[" * 100_000 + b"]" * 100_000),
    "a deep object": no_json(b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
    "no UTF-8": no_json(b'{"organizations": "\xff"}'),
    "bad gzip": bad(plain(b"{}", content_type="application/json", content_encoding="gzip"), "compressed"),
    "a gzip bomb": bad(plain(BOMB, content_type="application/json", content_encoding="gzip"), "compressed"),
    "201": bad(answer({}, status="201 Created"), "the server responded with 201"),
    "204": bad(b"HTTP/1.1 204 No Content\r\n\r\n", "the server responded with 204"),
    "206": bad(answer({}, status="206 Partial Content"), "the server responded with 206"),
    "301": bad(LOOP.replace(b"302", b"301"), REDIRECT),
    "302": bad(LOOP, REDIRECT),
    "304": bad(b"HTTP/1.1 304 Not Modified\r\n\r\n", REDIRECT),
    "307": bad(LOOP.replace(b"302", b"307"), REDIRECT),
    "wrong types": bad(
        answer({"organizations": [{"id": 5}], "organization": {"id": 5}}), "Expected `str`, got `int` - at `$.id`"
    ),
    "a null": bad(answer({"organizations": [None], "organization": None}), "the response"),
    "no environment": bad(
        answer({"organizations": [{"id": org_id(1)}], "organization": {"id": org_id(1)}}),
        "missing required field `environmentId`",
    ),
    "an id of another kind": bad(
        answer(
            {
                "organizations": [ORGANIZATION_1 | {"id": "saml_conn_" + "0" * 25}],
                "organization": ORGANIZATION_1 | {"id": "saml_conn_" + "0" * 25},
            }
        ),
        "has no id of its kind",
    ),
    "wrong wrapper": bad(answer({"samlConnections": [], "samlConnection": {}}), "the response has"),
    "500 with no reason": unknown("500 Oh", b""),
    "500 of another kind": Fault(
        says(message("tx: commit: broken pipe"), then="behave"), Uncertain, "broken pipe"
    ),
    "500 in HTML": unknown("500 Oh", b"<h1>500</h1>", content_type="text/html"),
    "502": unknown("502 Bad Gateway", b"<h1>502</h1>", content_type="text/html"),
    "503": unknown("503 Service Unavailable"),
    "504": unknown("504 Gateway Timeout"),
    "599": unknown("599 Network Connect Timeout"),
    "403": unknown("403 Forbidden"),
    "408": unknown("408 Request Timeout"),
}

# Refused with a known meaning.
REFUSALS = {
    "401": Fault(says(message("", "401 Unauthorized"), then="behave"), Unauthorized, "the server refused the key"),
    "wrong key": Fault(
        says(message("get api key by secret value: no rows in result set"), then="behave"),
        Unauthorized,
        "does not know",
    ),
    "404": Fault(says(plain(b"Not Found", status="404 Not Found"), then="behave"), Refused, "refused with 404"),
    "413": Fault(says(plain(b"", status="413 Too Large"), then="behave"), Refused, "refused with 413"),
    "cut off": Fault(says(message("proto: unexpected EOF"), then="behave"), Refused, "arrived incomplete"),
}

UNCERTAIN = CONNECTIONS | BYTES | ANSWERS
Use = Callable[[Client], Awaitable[list[str]]]


class Met(Struct):
    """What a client met: the first use's end, then whether the same lane works."""

    result: list[str] | None
    error: ApiError | None
    took_s: float
    server: RawServer
    afterwards: list[list[str]]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def meet(server: RawServer, use: Use, *, first: Use | None = None, **settings: Any) -> Met:
    """Uses a client of that server, and then once more to read and to write over the same lane."""

    async def main() -> Met:
        async with server.listening(), client(server.url, **settings) as api:
            if first:
                await first(api)
            met = await attempt(api, server, use)
            assert len(api.lanes) == 1
        await ended()
        return met

    before = descriptors()
    met = asyncio.run(main())
    assert descriptors() == before, "something stays open"
    return met


async def attempt(api: Client, server: RawServer, use: Use) -> Met:
    started = asyncio.get_running_loop().time()
    result, error = None, None
    try:
        result = await use(api)
    except ApiError as raised:
        error = raised
    took_s = asyncio.get_running_loop().time() - started
    return Met(result, error, took_s, server, [await read(api), await create(api)])


async def ended() -> None:
    """A client at its end leaves nothing running; the server's side goes with its connections."""
    for _ in range(100):
        if len(asyncio.all_tasks()) == 1:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"still running: {asyncio.all_tasks()}")


def check(met: Met, fault: Fault) -> None:
    assert type(met.error) is fault.error
    assert fault.said in met.error.message
    assert met.error.message.isprintable()
    assert len(met.error.message) < 500
    assert met.took_s < CAP_S
    assert met.afterwards == [[org_id(1)], [org_id(1)]], "the lane works"
    assert len(met.server.asked) == fault.sent + 2, "and nothing was sent again"


@pytest.mark.parametrize("what", UNCERTAIN | REFUSALS)
def test_a_read_that_meets_a_fault_is_one_typed_error_and_the_lane_works(what: str) -> None:
    fault = (UNCERTAIN | REFUSALS)[what]
    check(meet(RawServer(fault.script), read, **fault.settings), fault)


@pytest.mark.parametrize("what", UNCERTAIN | REFUSALS)
def test_a_create_that_meets_a_fault_is_sent_once_whatever_it_was(what: str) -> None:
    """Attempts are left, and none is made: nobody knows whether the first one worked, or it was refused."""
    fault = (UNCERTAIN | REFUSALS)[what]
    check(meet(RawServer(fault.script), create, read_attempts=3, **fault.settings), fault)


@pytest.mark.parametrize("what", ["reset after the request", "hang in the body", "garbage", "empty 200", "502"])
def test_a_read_gets_over_a_fault_that_passes(what: str) -> None:
    met = meet(RawServer(UNCERTAIN[what].script), read, read_attempts=2, **UNCERTAIN[what].settings)
    assert (met.result, met.error) == ([org_id(1)], None)


# -- what certainly was not done


DATABASE_AWAY = "get api key by secret value: failed to connect to `user=ssoready database=ssoready`"
NOT_DONE = {
    "429": plain(b"", status="429 Too Many Requests"),
    "429 with HTML": plain(b"<p>", status="429 Too Many Requests", content_type="text/html"),
    "429 for zero seconds": plain(b"", status="429 Too Many Requests", retry_after="0"),
    "429 until a date that has passed": plain(
        b"", status="429 Too Many Requests", retry_after="Tue, 14 Nov 2023 22:13:19 GMT"
    ),
    "database away": message(DATABASE_AWAY),
}


@pytest.mark.parametrize("what", NOT_DONE)
@pytest.mark.parametrize("use", [read, create])
def test_what_was_certainly_not_done_is_tried_again(what: str, use: Use) -> None:
    once = meet(RawServer(says(NOT_DONE[what], then="behave")), use)
    assert type(once.error) is Unsent
    assert once.afterwards == [[org_id(1)], [org_id(1)]]
    twice = meet(RawServer(says(NOT_DONE[what], then="behave")), use, read_attempts=2)
    assert (twice.error, twice.result) == (None, [org_id(1)])
    assert len(twice.server.asked) == 2 + 2


@pytest.mark.parametrize(
    ("status", "text"),
    [("429 Too Many Requests", "1"), ("503 Service Unavailable", "Tue, 14 Nov 2023 22:13:21 GMT")],
    ids=["seconds", "a date"],
)
def test_retry_after_is_obeyed_in_both_forms(status: str, text: str) -> None:
    met = meet(RawServer(says(plain(b"", status=status, retry_after=text), then="behave")), read, read_attempts=2)
    assert met.error is None
    assert 1.0 <= met.took_s < 1.0 + CAP_S


@pytest.mark.parametrize("use", [read, create])
def test_a_connection_that_cannot_be_made_in_time_is_unsent(use: Use) -> None:
    async def main() -> Met:
        server = RawServer(Talk.behave)
        async with full_backlog() as (port, empty), client(f"http://127.0.0.1:{port}", **HANGS) as api:
            started = asyncio.get_running_loop().time()
            with pytest.raises(Unsent, match="cannot connect: no answer in time") as caught:
                await use(api)
            took_s = asyncio.get_running_loop().time() - started
            empty()
            async with server.listening(port=port):
                return Met(None, caught.value, took_s, server, [await read(api), await create(api)])

    met = asyncio.run(main())
    assert met.took_s < CAP_S
    assert met.afterwards == [[org_id(1)], [org_id(1)]]
    assert len(met.server.asked) == 2


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize("use", [read, create])
def test_a_port_where_nobody_listens_is_unsent_and_tried_again(use: Use) -> None:
    async def main() -> tuple[ApiError, list[str], RawServer]:
        server, port = RawServer(Talk.behave), free_port()
        async with client(f"http://127.0.0.1:{port}") as api, client(f"http://127.0.0.1:{port}") as other:
            with pytest.raises(Unsent, match="cannot connect: ") as caught:
                await use(api)
            async with server.listening(port=port):
                assert await use(api) == [org_id(1)]
                return caught.value, await use(other), server

    error, result, server = asyncio.run(main())
    assert error.hint == "Check the API address and that the server is up."
    assert result == [org_id(1)]
    assert len(server.asked) == 2


@pytest.mark.parametrize("use", [read, create])
def test_a_host_that_is_not_known_is_unsent(use: Use) -> None:
    async def main() -> ApiError:
        async with client("http://nobody.invalid", timeout_s=5.0) as api:
            with pytest.raises(Unsent, match="cannot connect: ") as caught:
                await use(api)
            return caught.value

    assert asyncio.run(main()).hint


# -- a connection that was kept


@pytest.mark.parametrize("use", [read, create])
def test_a_kept_connection_that_its_server_has_closed_is_replaced_unnoticed(use: Use) -> None:
    """Nothing was sent over it, so a create is not unknown for nothing."""

    async def close_after_one(talk: Talk) -> None:
        await talk.asked()
        await talk.say(GOOD)

    async def wait(api: Client) -> list[str]:
        await read(api)
        await asyncio.sleep(0.05)
        return []

    met = meet(RawServer(close_after_one), use, first=wait)
    assert (met.error, met.result) == (None, [org_id(1)])
    assert met.server.connections == 2
    assert len(met.server.asked) == 1 + 1 + 2


@pytest.mark.parametrize("use", [read, create])
def test_a_kept_connection_that_ends_while_a_request_is_on_its_way_leaves_it_uncertain(use: Use) -> None:
    met = meet(RawServer(close_at_the_next), use, first=read)
    assert type(met.error) is Uncertain
    assert met.afterwards == [[org_id(1)], [org_id(1)]]


def test_an_answer_that_nobody_asked_for_is_never_taken_for_the_next_one() -> None:
    """Two answers to one request: the second may be somebody else's."""
    forged = answer({"organization": ORGANIZATION_1 | {"id": org_id(9)}, "organizations": []})
    met = meet(RawServer(says(GOOD + forged, then="behave")), create)
    assert (met.error, met.result) == (None, [org_id(1)])
    assert met.afterwards == [[org_id(1)], [org_id(1)]]


# -- lists


def listing(pages: Callable[[int], Any]) -> Script:
    """Answers each request for a list with the page of that number."""

    async def script(talk: Talk) -> None:
        for number in range(1_000_000):
            asked = await talk.asked()
            if asked.method != "GET" or ("pageToken" not in asked.target and number):
                await talk.say(GOOD)
                await talk.behave()
            await talk.say(answer(pages(number)))

    return script


def page(*numbers: int, token: str = "t", environment: str = "") -> dict[str, Any]:
    more = {"environmentId": environment} if environment else {}
    return {"organizations": [ORGANIZATION_1 | {"id": org_id(n)} | more for n in numbers], "nextPageToken": token}


LISTS: dict[str, tuple[Callable[[int], Any], str]] = {
    "out of order": (lambda _: page(2, 1), "not in order of id"),
    "an earlier page": (lambda number: page(9 - number), "not in order of id"),
    "the same page for ever": (lambda _: page(1), "not in order of id"),
    "an endless chain": (lambda number: page(number, token=f"t{number}"), "the list has more than 50 pages"),
    "a token again": (page, "goes on without anything new"),
    "empty pages for ever": (lambda number: page(token=f"t{number}"), "goes on without anything new"),
    "another environment": (
        lambda number: page(number, token=f"t{number}", environment="env_" + str(number) * 25),
        "several environments",
    ),
}


@pytest.mark.parametrize("what", LISTS)
def test_a_list_that_cannot_be_whole_is_an_error_and_the_lane_works(what: str) -> None:
    pages, said = LISTS[what]
    met = meet(RawServer(listing(pages)), read, max_pages=50, read_attempts=3)
    assert type(met.error) is BadAnswer
    assert said in met.error.message
    assert met.took_s < CAP_S
    assert met.afterwards == [[org_id(1)], [org_id(1)]]


# -- memory


@pytest.mark.parametrize(
    "what",
    [
        "100 MB with a length",
        "100 MB in chunks",
        "a flood with a failure",
        "a gzip bomb",
        "many headers",
        "1xx floods",
    ],
)
def test_no_answer_takes_more_memory_than_its_limit_allows(what: str) -> None:
    fault = UNCERTAIN[what]
    tracemalloc.start(1)
    try:
        met = meet(RawServer(fault.script), read, **fault.settings)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert met.error is not None
    assert peak < CAP_BYTES


def test_a_flood_is_not_drunk_to_the_end() -> None:
    met = meet(RawServer(UNCERTAIN["100 MB with a length"].script), read)
    assert met.server.said_bytes < 50_000_000


# -- what is unusual, but an answer


UNUSUAL = {
    "1xx before it": b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + GOOD,
    "HTTP/1.0 without a length": HEAD.replace(b"1.1", b"1.0") + b"\r\n" + GOOD.partition(b"\r\n\r\n")[2],
    "a length that is named twice": GOOD.replace(
        b"content-length",
        b"content-length: " + str(len(GOOD.partition(b"\r\n\r\n")[2])).encode() + b"\r\ncontent-length",
    ),
    "chunks with extensions and trailers": HEAD
    + b"transfer-encoding: chunked\r\n\r\n"
    + b"".join(b"1;a=b\r\n" + bytes([each]) + b"\r\n" for each in GOOD.partition(b"\r\n\r\n")[2])
    + b"0\r\na: b\r\n\r\n",
    "many headers": GOOD.replace(b"\r\n\r\n", b"\r\n" + b"a: b\r\n" * 1_000 + b"\r\n"),
    "close after it": GOOD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),
    "an unknown version of the API": answer(
        {
            "organization": ORGANIZATION_1 | {"later": [1]},
            "organizations": [ORGANIZATION_1 | {"later": {}}],
            "later": json.loads("[[[]]]"),
        }
    ),
}


@pytest.mark.parametrize("what", UNUSUAL)
@pytest.mark.parametrize("use", [read, create])
def test_an_unusual_answer_is_one(what: str, use: Use) -> None:
    met = meet(RawServer(says(UNUSUAL[what])), use)
    assert (met.error, met.result) == (None, [org_id(1)])
    assert met.afterwards == [[org_id(1)], [org_id(1)]]

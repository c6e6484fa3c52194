"""Oddities of the server that no recorded body shows: headers, and what the package loads."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator import Request
from tests.emulator.conftest import Caller


def test_answers_are_compressed_for_whoever_accepts_it(api: Caller) -> None:
    answer = api.call("GET", "/v1/organizations", headers={"accept-encoding": "gzip, deflate"})
    assert answer.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.body)) == {}


@pytest.mark.parametrize("accepted", ["identity", "", "br", "xgzip"])
def test_answers_are_plain_for_everybody_else(api: Caller, accepted: str) -> None:
    answer = api.call("GET", "/v1/organizations", headers={"accept-encoding": accepted})
    assert (answer.headers.get("content-encoding"), answer.body) == (None, b"{}")


def test_refusals_are_never_compressed(api: Caller) -> None:
    answer = api.call("GET", "/v1/organizations/x", headers={"accept-encoding": "gzip"})
    assert json.loads(answer.body)["code"] == 2


def test_a_coding_that_is_not_known_is_refused(api: Caller) -> None:
    answer = api.call("POST", "/v1/organizations", {}, {"content-encoding": "br"})
    assert (answer.status, answer.body) == (415, b'"br" compression not supported\n')


def test_a_panic_closes_the_connection(api: Caller) -> None:
    answer = api.call("GET", "/v1/organizations?pageToken=AAAA")
    assert (answer.status, answer.body, answer.headers["connection"]) == (200, b"", "close")


def test_the_methods_of_a_path_are_told_with_405(api: Caller) -> None:
    answer = api.call("DELETE", "/v1/organizations/x")
    assert (answer.status, answer.headers["allow"]) == (405, "GET,PATCH")


def test_two_slashes_lead_elsewhere(api: Caller) -> None:
    answer = api.call("GET", "//v1/organizations")
    assert (answer.status, answer.headers["location"]) == (301, "/v1/organizations")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a%2Fb?x=%26&y", "/a/b", (("x", "&"), ("y", ""))),
        ("/a?b=c+d%20e&=f", "/a", (("b", "c d e"), ("", "f"))),
        ("/a?b=%&c=%2&d=%zz&e;f=1&&g=h", "/a", (("g", "h"),)),
        ("/a?", "/a", ()),
    ],
)
def test_a_target_is_read_as_the_server_reads_it(target: str, path: str, query: tuple) -> None:
    request = Request.of("GET", target, {})
    assert (request.path, request.query) == (path, query)


@given(
    st.sampled_from(["GET", "POST", "PATCH", "HEAD", "x"]),
    st.sampled_from(["/v1/organizations", "/v1/saml-connections", "/v1/scim-directories", "/v1/setup-urls", ""]),
    st.text(st.sampled_from("/.:?&=%;+0fe\x80o ")),
    st.binary(),
)
def test_whatever_is_asked_something_is_answered(method: str, path: str, rest: str, body: bytes) -> None:
    api = Caller()
    headers = {"authorization": f"Bearer {api.environment.key}"}
    answer = api.emulator.handle(Request.of(method, path + rest, headers, body))
    assert answer.status in {200, 301, 400, 404, 405, 500}


NO_UTF8 = "contains invalid UTF-8"
LIST = "ssoready.v1.ListOrganizationsRequest"
COLON = 'missing ":" after field name'


@pytest.mark.parametrize(
    ("target", "body", "message"),
    [
        ("/%ff", b"", f"proto: field ssoready.v1.GetOrganizationRequest.id {NO_UTF8}"),
        ("?page_token=%ff", b"", f"proto: field {LIST}.page_token {NO_UTF8}"),
        ("?organization.domains=%ff", b"{}", f"proto: field ssoready.v1.Organization.domains {NO_UTF8}"),
        (
            "?%ff=1",
            b"",
            rf'in field path "\xff": element "\xff" does not correspond to any field of type {LIST}',
        ),
        ("", b"{\xff}", "failed to marshal end error"),
        ("", '{"a"é'.encode(), f"proto: syntax error (line 1:5): unexpected character Ã, {COLON}"),
        (
            "",
            '{"a":"\\u😀"}'.encode(),
            r'proto: syntax error (line 1:6): invalid escape code "\\u😀" in string',
        ),
        (
            "",
            '{"a":"\\u0é😀"}'.encode(),
            r'proto: syntax error (line 1:6): invalid escape code "\\u0é\xf0" in string',
        ),
    ],
)
def test_bytes_that_are_not_utf8_are_refused(api: Caller, target: str, body: bytes, message: str) -> None:
    headers = {"authorization": f"Bearer {api.environment.key}"}
    answer = api.emulator.handle(
        Request.of("POST" if body else "GET", f"/v1/organizations{target}", headers, body)
    )
    assert (answer.status, json.loads(answer.body)["message"]) == (500, message)


def test_the_emulator_needs_no_web_framework_until_it_serves() -> None:
    code = "import sys, reconciler.emulator.serve as s; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"starlette", "uvicorn", "httpx", "cryptography.x509"} & set(loaded)

"""What the recordings cannot show of a response: its headers; and what any request and any import leads to."""

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


@pytest.mark.parametrize(("accepted", "compressed"), [("gzip, deflate", True), ("identity", False), ("", False)])
def test_a_response_is_compressed_for_a_client_that_accepts_it(
    api: Caller, accepted: str, compressed: bool
) -> None:
    response = api.call("GET", "/v1/organizations", headers={"accept-encoding": accepted})
    assert (response.headers.get("content-encoding") == "gzip") is compressed
    assert json.loads(gzip.decompress(response.body) if compressed else response.body) == {}


def test_a_refusal_is_never_compressed(api: Caller) -> None:
    response = api.call("GET", "/v1/organizations/x", headers={"accept-encoding": "gzip"})
    assert json.loads(response.body)["code"] == 2


def test_a_crash_closes_the_connection(api: Caller) -> None:
    response = api.call("GET", "/v1/organizations?pageToken=AAAA")
    assert (response.status, response.body, response.headers["connection"]) == (200, b"", "close")


def test_a_405_lists_the_methods_of_the_path(api: Caller) -> None:
    response = api.call("DELETE", "/v1/organizations/x")
    assert (response.status, response.headers["allow"]) == (405, "GET,PATCH")


@given(
    st.sampled_from(["GET", "POST", "PATCH", "HEAD", "x"]),
    st.sampled_from(["/v1/organizations", "/v1/saml-connections", "/v1/scim-directories", "/v1/setup-urls", ""]),
    st.text(st.sampled_from("/.:?&=%;+0fe\x80o ")),
    st.binary(),
)
def test_every_request_gets_a_response(method: str, path: str, rest: str, body: bytes) -> None:
    api = Caller()
    headers = {"authorization": f"Bearer {api.environment.key}"}
    response = api.emulator.handle(Request.of(method, path + rest, headers, body))
    assert response.status in {200, 400, 404, 405, 500}


def test_importing_the_emulator_loads_no_web_framework() -> None:
    code = "import sys, reconciler.emulator.serve as s; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"starlette", "uvicorn", "httpx", "cryptography.x509"} & set(loaded)

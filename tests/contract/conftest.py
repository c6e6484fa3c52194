"""The targets of the contract tests: the emulator, called and over a socket, and a real server if one is named.

    RECONCILER_CONTRACT_URL    the address of a server
    RECONCILER_CONTRACT_KEYS   {"key": "…", "unprivileged": "…", "otherEnvironment": "…"}

The first two keys are of one environment, the third of another; the first may use the Management API, the second
may not. Nothing can be deleted there, so both environments must be new at every run, and the tests must run one
after another (`-n 0`).
"""

from __future__ import annotations

import http.client
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from reconciler.emulator import Emulator, Request, Store
from reconciler.emulator.serve import background

URL = "RECONCILER_CONTRACT_URL"
KEYS = "RECONCILER_CONTRACT_KEYS"


class Response(NamedTuple):
    """As much of a response as the recordings hold."""

    status: int
    content_type: str
    body: bytes


class Target(NamedTuple):
    """A server to test, and its keys by their names in the recordings."""

    send: Callable[[str, str, Mapping[str, str], bytes], Response]
    keys: Mapping[str, str]


def keys_of(store: Store) -> dict[str, str]:
    production, other = store.environments["production"], store.environments["development"]
    return {"key": production.key, "unprivileged": production.unprivileged_key, "otherEnvironment": other.key}


def over_http(url: str) -> Callable[[str, str, Mapping[str, str], bytes], Response]:
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        connection = kind(address.netloc, timeout=30)
        try:
            connection.request(method, target, body=body or None, headers=dict(headers))
            response = connection.getresponse()
            return Response(response.status, response.getheader("content-type", ""), response.read())
        finally:
            connection.close()

    return send


def called(emulator: Emulator) -> Callable[[str, str, Mapping[str, str], bytes], Response]:
    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        response = emulator.handle(Request.of(method, target, headers, body))
        return Response(response.status, response.headers.get("content-type", ""), response.body)

    return send


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" in metafunc.fixturenames:
        targets = ["call", "socket", *(["server"] if URL in os.environ else [])]
        metafunc.parametrize("target", targets, indirect=True)


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    if request.param == "server":
        yield Target(over_http(os.environ[URL]), json.loads(os.environ[KEYS]))
        return
    store = Store.fresh(random.Random(1))
    if request.param == "call":
        yield Target(called(Emulator(store)), keys_of(store))
        return
    with background(Emulator(store)) as url:
        yield Target(over_http(url), keys_of(store))

"""The emulator on a real socket: what it prints, what it keeps, and the faults it was asked for."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from reconciler.emulator import Emulator, Store
from reconciler.emulator.faults import Trouble, parse
from reconciler.emulator.serve import HOST, Options, Ready, background, serve
from reconciler.model.errors import UsageError

SERVE = """
import asyncio, json, sys
from pathlib import Path
from reconciler.emulator.serve import Options, serve
options = Options(data=Path(sys.argv[1]) if sys.argv[1] else None, seed=int(sys.argv[2]))
asyncio.run(serve(options, lambda ready: print(json.dumps(ready.document()), flush=True)))
"""


@contextlib.contextmanager
def process(data: Path | str = "", seed: int = 0, stop: int = signal.SIGTERM) -> Iterator[dict]:
    """Run an emulator in a process of its own; it must exit quietly."""
    running = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(data), str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield json.loads(running.stdout.readline())
        running.send_signal(stop)
        out, err = running.communicate(timeout=10)
        assert (running.returncode, out, err) == (0, "", "")
    finally:
        running.kill()
        running.wait()


@contextlib.contextmanager
def served(trouble: str = "", latency_s: float = 0.0) -> Iterator[tuple[Store, httpx.Client]]:
    store = Store.fresh(random.Random(1))
    with (
        background(Emulator(store), Trouble(latency_s, parse(trouble))) as url,
        httpx.Client(base_url=url, headers=authorization(store), timeout=5, trust_env=False) as client,
    ):
        yield store, client


def authorization(store: Store) -> dict[str, str]:
    return {"Authorization": f"Bearer {store.environments['production'].key}"}


def client_of(ready: dict, environment: str = "production") -> httpx.Client:
    key = ready["environments"][environment]["key"]
    return httpx.Client(base_url=ready["url"], headers={"Authorization": f"Bearer {key}"}, trust_env=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly_even_with_an_idle_client(number: int) -> None:
    with process(stop=number) as ready:
        idle = client_of(ready)
        idle.get("/v1/organizations")
    idle.close()


def test_two_starts_have_different_keys() -> None:
    with process() as first, process() as second:
        assert first["environments"] != second["environments"]


def test_a_data_file_keeps_everything_over_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "state.json"
    with process(data, seed=12) as before, client_of(before) as client:
        made = client.post("/v1/organizations", json={"externalId": "kept"}).json()["organization"]
        body = {"organizationId": made["id"], "primary": True}
        connection = client.post("/v1/saml-connections", json=body).json()
        directory = client.post("/v1/scim-directories", json=body).json()
        token = client.get("/v1/organizations").json()["nextPageToken"]
        second_page = client.get("/v1/organizations", params={"pageToken": token}).json()
    with process(data, seed=12) as after, client_of(after) as client:
        assert after["environments"] == before["environments"]
        assert client.get(f"/v1/organizations/{made['id']}").json() == {"organization": made}
        query = {"organizationId": made["id"]}
        assert client.get("/v1/saml-connections", params=query).json() == {
            "samlConnections": [connection["samlConnection"]]
        }
        assert client.get("/v1/scim-directories", params=query).json() == {
            "scimDirectories": [directory["scimDirectory"]]
        }
        assert client.get("/v1/organizations", params={"pageToken": token}).json() == second_page
        assert len(second_page["organizations"]) == 3
        assert "23505" in client.post("/v1/organizations", json={"externalId": "kept"}).text


def test_a_change_survives_sigkill_once_its_response_came(tmp_path: Path) -> None:
    data = tmp_path / "state.json"
    command = [sys.executable, "-c", SERVE, str(data), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        ready = json.loads(running.stdout.readline())
        with client_of(ready) as client:
            client.post("/v1/organizations", json={"externalId": "kept"})
        running.kill()
    with process(data) as after, client_of(after) as client:
        assert client.get("/v1/organizations").json()["organizations"][0]["externalId"] == "kept"


@pytest.mark.parametrize("left_over", ["nothing", "a readable file", "a link"])
def test_only_its_owner_may_read_the_data_file(tmp_path: Path, left_over: str) -> None:
    """Even if the file, or one beside it from a killed process, could be read by all or led elsewhere."""
    data, beside, elsewhere = (tmp_path / name for name in ("state.json", ".state.json.new", "elsewhere"))
    elsewhere.write_text("keep")
    if left_over == "a readable file":
        data.write_bytes(msgspec.json.encode(Store.fresh(random.Random(1)).contents()))
        beside.touch()
    if left_over == "a link":
        beside.symlink_to(elsewhere)
    with process(data):
        assert stat.S_IMODE(data.stat().st_mode) == 0o600
    assert sorted(tmp_path.iterdir()) == [elsewhere, data]
    assert elsewhere.read_text() == "keep"


@pytest.mark.parametrize("content", ["", "{}", '{"environments": 5}', "not JSON"])
def test_a_data_file_with_something_else_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    data = tmp_path / "state.json"
    data.write_text(content)
    with pytest.raises(UsageError, match="not a state of the emulator"):
        asyncio.run(serve(Options(data=data), lambda _: None))
    assert data.read_text() == content


def test_a_data_file_that_is_no_file_is_refused(tmp_path: Path) -> None:
    """A link is refused although it leads to a sound state, and a pipe without waiting for its other end."""
    sound, link, pipe = (tmp_path / name for name in ("state.json", "link", "pipe"))
    sound.write_bytes(msgspec.json.encode(Store.fresh(random.Random(1)).contents()))
    before = sound.read_bytes()
    link.symlink_to(sound)
    os.mkfifo(pipe)
    reasons = {link: "symbolic link", pipe: "not a regular file", tmp_path / "no" / "where": "No such file"}
    for data, reason in reasons.items():
        with pytest.raises(UsageError, match=reason):
            asyncio.run(serve(Options(data=data), lambda _: None))
    assert (link.is_symlink(), sound.read_bytes()) == (True, before)


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
            asyncio.run(serve(Options(port=port), lambda _: None))


def test_a_port_that_is_named_is_used() -> None:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    seen: list[Ready] = []

    def end(ready: Ready) -> None:
        seen.append(ready)
        os.kill(os.getpid(), signal.SIGTERM)

    asyncio.run(serve(Options(port=port), end, random.Random(5)))
    assert seen[0].url == f"http://127.0.0.1:{port}"
    assert seen[0].environments == Store.fresh(random.Random(5)).environments


def test_it_listens_on_loopback_alone() -> None:
    with served() as (_, client), socket.socket() as elsewhere:
        assert client.base_url.host == HOST
        assert elsewhere.connect_ex(("127.0.0.2", client.base_url.port)) == errno.ECONNREFUSED


def test_a_request_that_is_cut_off_does_nothing() -> None:
    with served() as (store, client):
        lines = [
            "POST /v1/organizations HTTP/1.1",
            "Host: x",
            f"Authorization: {client.headers['authorization']}",
            "Content-Length: 30",
        ]
        with socket.create_connection((HOST, client.base_url.port)) as connection:
            connection.sendall("\r\n".join(lines).encode() + b'\r\n\r\n{"displayName":')
        assert client.get("/v1/organizations").json() == {}
        assert store.organizations("production") == []


def test_a_large_body_is_accepted() -> None:
    with served() as (store, client):
        response = client.post("/v1/organizations", json={"displayName": "x" * 3_000_000})
        assert len(response.json()["organization"]["displayName"]) == 3_000_000
        assert len(store.organizations("production")) == 1


def test_latency_is_added_to_each_response() -> None:
    with served(latency_s=0.05) as (_, client):
        start = time.perf_counter()
        for _ in range(3):
            client.get("/v1/organizations")
        assert time.perf_counter() - start >= 0.15


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "part"),
    [
        ("429", 429, "text/plain; charset=utf-8", "Too Many"),
        ("500", 500, "application/json", "unexpected EOF"),
        ("502", 502, "text/html", "Bad Gateway"),
        ("503", 503, "text/html", "Unavailable"),
        ("504", 504, "text/html", "Gateway Timeout"),
        ("database", 500, "application/json", "get api key by secret value: failed to connect"),
        ("empty-200", 200, "application/json", ""),
    ],
)
def test_a_fault_sends_its_own_response(kind: str, status: int, content_type: str, part: str) -> None:
    with served(kind) as (store, client):
        response = client.post("/v1/organizations", json={})
        assert (response.status_code, response.headers["content-type"]) == (status, content_type)
        assert part in response.text
        assert store.organizations("production") == []


@pytest.mark.parametrize("after", ["", ":after"])
@pytest.mark.parametrize(
    ("kind", "error"), [("reset", httpx.ReadError), ("timeout", httpx.ReadTimeout), ("502", None)]
)
def test_a_fault_comes_before_or_after_the_effect(kind: str, after: str, error: type[Exception] | None) -> None:
    with served(f"{kind}{after}") as (store, client):
        with pytest.raises(error) if error else contextlib.nullcontext():
            client.post("/v1/organizations", json={}, timeout=0.2)
        assert len(store.organizations("production")) == (1 if after else 0)


def test_a_request_that_hangs_does_not_keep_the_server_from_stopping() -> None:
    start = time.perf_counter()
    with served("timeout") as (_, client), socket.create_connection((HOST, client.base_url.port)) as hanging:
        hanging.sendall(b"GET /v1/organizations HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        waiting = hanging.dup()
    waiting.close()
    assert time.perf_counter() - start < 5


def test_responses_do_not_wait_for_an_acknowledgement() -> None:
    """Headers and body leave at once: forty responses take far less than forty times 40 ms."""
    with served() as (_, client):
        client.get("/v1/organizations")
        start = time.perf_counter()
        for _ in range(40):
            client.get("/v1/organizations")
        assert time.perf_counter() - start < 1.0

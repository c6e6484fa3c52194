"""What can be wrong with the API, the key or the pin: the documented exit code, words, and nothing written."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator

import pytest

from tests.support.shell import EXAMPLES, Shell

PRODUCTION = EXAMPLES / "production"
COMMANDS = (
    ("plan", PRODUCTION),
    ("apply", PRODUCTION, "--yes"),
    ("show", "4711"),
    ("setup-link", "4711"),
    ("rotate-token", "acme", "okta", "--dir", PRODUCTION, "--deliver", "delivered", "--yes"),
)


@contextlib.contextmanager
def serving(status: int, kind: str, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that gives one answer to everything; its address, and the verbs it saw."""
    verbs: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            verbs.append(self.command)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_GET  # noqa: N815 the names of the base

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", verbs
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _quick(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads that are repeated do not wait."""
    monkeypatch.chdir(shell.home)
    monkeypatch.setattr("reconciler.api.retry.delay_s", lambda *_, **__: 0.0)


@pytest.fixture(params=COMMANDS, ids=lambda command: command[0])
def command(request: pytest.FixtureRequest) -> tuple[object, ...]:
    """Each command that talks to the API."""
    found: tuple[object, ...] = request.param
    return found


def refused(shell: Shell, command: tuple[object, ...], code: int, *words: str) -> None:
    """That exit code; an error with these words and a next step; nothing on stdout, nothing delivered."""
    done = shell(*command, "--log-level", "error")
    assert (done.code, done.out) == (code, "")
    message, _, hint = done.err.removesuffix("\n").partition("\n")
    assert message.startswith("error: ")
    assert "\n" not in hint
    assert hint.startswith("  "), "what to do next"
    for word in words:
        assert word in done.err
    assert not (shell.home / "delivered").exists()
    assert shell.emulator.verbs <= {"GET"}
    as_json = shell(*command, "--log-level", "error", "--output", "json")
    assert as_json.code == code
    error = as_json.document["error"]
    assert message == f"error: {error['message']}"
    assert hint == f"  {error['hint']}"


def test_the_api_is_down(shell: Shell, command: tuple[object, ...]) -> None:
    shell.variables.setenv("SSOREADY_API_URL", "http://127.0.0.1:1")
    refused(shell, command, 1, "GET /v1/organizations: cannot connect", "127.0.0.1:1")


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (
            200,
            "text/html",
            b"<html>Welcome</html>",
            "the response is text/html, not JSON: is this the Management API?",
        ),
        (200, "application/json", b"", "the response is empty"),
        (200, "application/json", b"[]", "the response is not a JSON object"),
        (502, "text/html", b"<html>Bad Gateway</html>", "the server responded with 502"),
        (301, "text/html", b"", "the server redirects, and the key is never sent elsewhere"),
    ],
)
def test_something_else_answers(shell: Shell, status: int, kind: str, body: bytes, words: str) -> None:
    with serving(status, kind, body) as (url, verbs):
        shell.variables.setenv("SSOREADY_API_URL", url)
        refused(shell, ("apply", PRODUCTION, "--yes"), 1, f"GET /v1/organizations: {words}", url)
        assert set(verbs) == {"GET"}


def test_a_wrong_key(shell: Shell, command: tuple[object, ...]) -> None:
    """The server answers 500 to that."""
    shell.variables.setenv("SSOREADY_API_KEY", "ssoready_sk_" + "a" * 25)
    refused(
        shell,
        command,
        3,
        "the server does not know this key",
        "Check that SSOREADY_API_KEY belongs to this server",
    )


def test_a_key_without_access(shell: Shell, command: tuple[object, ...]) -> None:
    shell.variables.setenv("SSOREADY_API_KEY", shell.environment.unprivileged_key)
    refused(shell, command, 3, "not authorized to access management api", "Give the key Management API access")


def test_no_key(shell: Shell, command: tuple[object, ...]) -> None:
    shell.variables.delenv("SSOREADY_API_KEY")
    refused(shell, command, 3, "no API key was given", "Set SSOREADY_API_KEY")
    assert shell.emulator.requests == []


KEY = "ssoready_sk_" + "c" * 25
MALFORMED = {
    "a newline inside": KEY[:20] + "\n" + KEY[20:],
    "two newlines": KEY + "\n\n",
    "a blank before": " " + KEY,
    "a blank after": KEY + " ",
    "a tab": KEY[:20] + "\t" + KEY[20:],
    "a carriage return inside": KEY[:20] + "\r" + KEY[20:],
    "capitals": KEY.upper(),
    "too long": KEY + "c",
    "too short": KEY[:-1],
    "another kind": KEY.replace("_sk_", "_scim_bearer_token_"),
    "not ASCII": KEY[:-1] + "é",
    "full-width": KEY[:-1] + "\uff41",
    "quotes": f'"{KEY}"',
    "nothing": "",
}


@pytest.mark.parametrize("key", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("place", ["variable", "file"])
def test_a_malformed_key_is_never_sent_nor_repeated(shell: Shell, key: str, place: str) -> None:
    shell.variables.setenv("SSOREADY_API_KEY", key)
    if place == "file":
        shell.variables.delenv("SSOREADY_API_KEY")
        (shell.home / "key").write_bytes(key.encode())
        shell.variables.setenv("SSOREADY_API_KEY_FILE", str(shell.home / "key"))
    refused(shell, ("apply", PRODUCTION, "--yes"), 3, "API key")
    done = shell("plan", PRODUCTION)
    for part in (key, key.strip(), "c" * 6):
        assert not part or part not in done.err
    assert shell.emulator.requests == []


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_key_file_may_end_in_a_newline(shell: Shell, ending: str) -> None:
    shell.variables.delenv("SSOREADY_API_KEY")
    (shell.home / "key").write_bytes((shell.environment.key + ending).encode())
    shell.variables.setenv("SSOREADY_API_KEY_FILE", str(shell.home / "key"))
    assert shell("plan", PRODUCTION).code == 0


def test_a_pin_of_another_environment(shell: Shell) -> None:
    """In an environment with something in it, nothing is written."""
    shell.emulator.store.put_organization(shell.environment.id, external_id="4711")
    shell.write(
        "environment.yaml", (shell.folder / "environment.yaml").read_text() + f"spec: {{id: env_{'1' * 25}}}\n"
    )
    shell.declare("acme", "externalId: '4711', displayName: Acme, scimDirectories: [{name: okta}]")
    for command in (
        ("plan", shell.folder),
        ("apply", shell.folder, "--yes"),
        ("show", "acme", "--dir", shell.folder),
        ("setup-link", "acme", "--dir", shell.folder),
        ("rotate-token", "acme", "okta", "--dir", shell.folder, "--deliver", "delivered", "--yes"),
    ):
        refused(shell, command, 6, f"the key belongs to {shell.environment.id}, but env_{'1' * 25} is pinned")


def test_a_pin_of_another_environment_where_it_is_still_empty(shell: Shell) -> None:
    """There is nothing to compare with, so at most one organization reaches it, and the end says so."""
    shell.write(
        "environment.yaml", (shell.folder / "environment.yaml").read_text() + f"spec: {{id: env_{'1' * 25}}}\n"
    )
    for number in range(5):
        shell.declare(f"o{number}", f"displayName: Number {number}")
    done = shell("apply", shell.folder, "--yes")
    assert done.code == 6
    assert "was created in the wrong environment" in done.out
    assert len(shell.emulator.store.organizations("production")) == 1


def test_two_pins_that_disagree(shell: Shell) -> None:
    shell.write(
        "environment.yaml", (shell.folder / "environment.yaml").read_text() + f"spec: {{id: env_{'1' * 25}}}\n"
    )
    shell.declare("acme", "displayName: Acme")
    config = shell.home / "reconciler.toml"
    config.write_text(f'[environments.production]\nmanifests = "manifests"\nenvironment_id = "env_{"2" * 25}"\n')
    refused(shell, ("apply", "--config", config, "--yes"), 6, "pin different environments")


@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("nowhere", "cannot read nowhere: it does not exist"),
        ("empty", "has no *.yaml or *.yml files"),
        ("file", "cannot read file: it is not a folder"),
    ],
)
def test_a_folder_that_cannot_be_used(shell: Shell, command: str, folder: str, words: str) -> None:
    (shell.home / "empty").mkdir()
    (shell.home / "file").touch()
    done = shell(command, folder, *(["--yes"] if command == "apply" else []))
    assert (done.code, done.out) == (8, "")
    assert words in done.err
    assert "Name the folder of one environment." in done.err
    assert shell.emulator.requests == []


def test_a_folder_without_organizations(shell: Shell) -> None:
    """It is more often a wrong folder than a wish."""
    for command in (("validate",), ("plan",), ("apply", "--yes")):
        assert shell(*command, shell.folder).code == 8
        assert shell(*command, shell.folder, "--allow-empty").code == 0

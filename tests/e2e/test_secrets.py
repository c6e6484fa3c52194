"""Canaries: keys, tokens, links and private keys go through everything, and surface only where they belong."""

from __future__ import annotations

import base64
import json
import re
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from reconciler.emulator import Request, Response
from reconciler.emulator.exchange import UNAUTHENTICATED, Refusal
from reconciler.emulator.rows import SetupLink
from tests.support.shell import Done, Shell

BODY = "MIICANARYcanaryCANARYcanaryCANARYcanaryCANARYcanaryCANARYcanary0"
PRIVATE_KEY = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n{BODY[::-1]}\n-----END PRIVATE KEY-----\n"
ACME = """\
apiVersion: reconciler/v1
kind: Organization
metadata: {name: acme}
spec:
  externalId: "4711"
  displayName: Acme
  scimDirectories: [{name: okta, primary: true, bearerToken: issue}]
---
apiVersion: reconciler/v1
kind: Organization
metadata: {name: initech}
spec:
  displayName: Initech
  samlConnections: [{name: idp}]
  setupLink: {saml: true}
"""


class Canaries:
    """Everything secret that exists in a test, and where it may be."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.delivered = shell.home / "delivered"
        self.links: list[str] = []
        self.secrets: list[str] = [BODY, BODY[::-1], BODY[:24]]
        self.add(shell.environment.key)
        self.add(shell.environment.unprivileged_key)
        store = shell.emulator.store
        rotate, link = store.rotate_bearer_token, store.make_setup_link

        def rotated(directory_id: str) -> str:
            token = rotate(directory_id)
            self.add(token)
            return token

        def linked(allowed: SetupLink) -> str:
            token = link(allowed)
            self.links.append(token)
            return token

        shell.variables.setattr(store, "rotate_bearer_token", rotated)
        shell.variables.setattr(store, "make_setup_link", linked)

    def add(self, secret: str) -> None:
        """The secret, the part that makes it one, and how it would look encoded."""
        tail = secret.rpartition("_")[2]
        self.secrets += [secret, tail, base64.b64encode(secret.encode()).decode().rstrip("=")]

    def absent_from(self, text: str, *, but_links: bool = False) -> None:
        for secret in self.secrets + ([] if but_links else [link.rpartition("_")[2] for link in self.links]):
            assert secret not in text, f"{secret} is in {text}"

    def check(self, done: Done, *, links_on_stdout: bool = False) -> None:
        """Neither output has a secret, nor has any file but the records that are delivered, which are 0600."""
        self.absent_from(done.out, but_links=links_on_stdout)
        self.absent_from(done.err)
        self.check_files()

    def check_files(self) -> None:
        for path in self.shell.home.rglob("*"):
            if not path.is_file() or path.resolve().is_relative_to(self.shell.folder.resolve()):
                continue
            if path.is_relative_to(self.delivered):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
                assert path.suffix == ".json"
            else:
                self.absent_from(path.read_bytes().decode("utf-8", "replace"))


@pytest.fixture
def canaries(shell: Shell) -> Iterator[Canaries]:
    """Manifests that need a token and a link, and a live organization that has a token already."""
    shell.folder.rename(shell.home / "swapped")
    shell.folder.symlink_to("swapped")  # a folder behind a link is believed at once
    shell.write("acme.yaml", ACME)
    canaries = Canaries(shell)
    store = shell.emulator.store
    organization = store.put_organization(shell.environment.id, external_id="9", display_name="Has a token")
    store.rotate_bearer_token(store.put_directory(organization.id, primary=True).id)
    shell.variables.setenv("RECONCILER_DELIVER", str(canaries.delivered))
    shell.variables.setattr("reconciler.api.retry.delay_s", lambda *_, **__: 0.0)
    yield canaries
    structlog.reset_defaults()


FORMATS = [
    (output, form, level)
    for output in ("text", "json")
    for form, level in (("json", "debug"), ("console", "debug"), ("json", "error"))
]


def commands(folder: Path) -> list[tuple[object, ...]]:
    """Every command that has to do with secrets, in an order in which each has something to do."""
    return [
        ("validate", folder),
        ("plan", folder),
        ("apply", folder, "--yes"),
        ("plan", folder),
        ("show", "acme", "--dir", folder),
        ("setup-link", "initech", "--dir", folder),
        ("rotate-token", "acme", "okta", "--dir", folder, "--yes"),
        ("run", folder, "--once"),
    ]


def styled(command: tuple[object, ...], output: str, form: str, level: str) -> tuple[object, ...]:
    """The command with the flags that it has."""
    logs = () if command[0] == "validate" else ("--log-format", form, "--log-level", level)
    return (*command, *logs, *(() if command[0] == "run" else ("--output", output)))


# -- when all is well ------------------------------------------------------------------------------


@pytest.mark.parametrize(("output", "form", "level"), FORMATS)
def test_every_command_in_every_format(canaries: Canaries, output: str, form: str, level: str) -> None:
    shell = canaries.shell
    for command in commands(shell.folder):
        done = shell(*styled(command, output, form, level))
        assert done.code == 0, (command, done)
        canaries.check(done, links_on_stdout=command[0] == "setup-link")
        if command[0] == "setup-link":
            assert canaries.links[-1] in done.out
    records = {path.name: json.loads(path.read_text()) for path in canaries.delivered.rglob("*.json")}
    assert records["scim-okta.json"]["bearerToken"] in canaries.secrets
    assert records["setup-link.json"]["url"].endswith(canaries.links[-1])


# -- when the server is not to be trusted ----------------------------------------------------------


def _in_the_message(request: Request) -> Response:
    return Refusal(f"no access for {request.headers['authorization']} ({_key(request)})").response()


def _in_a_401(request: Request) -> Response:
    return Refusal(f"bad {_key(request)}", UNAUTHENTICATED).response()


def _in_the_type(request: Request) -> Response:
    return Response(200, {"content-type": f"text/{_key(request)}"}, b"{}")


def _in_the_page(request: Request) -> Response:
    return Response(502, {"content-type": "text/html"}, f"<html>{_key(request)}</html>".encode())


def _in_a_redirect(request: Request) -> Response:
    return Response(302, {"content-type": "text/html", "location": f"/{_key(request)}"})


def _in_every_field(request: Request) -> Response:
    """A response that is believed: an organization, directory or list that is called like the key."""
    key = _key(request)
    many = {"organizations": [{"id": "org_" + "1" * 25, "environmentId": "env_" + "1" * 25, "displayName": key}]}
    return Response.json({**many, "organization": many["organizations"][0]})


def _as_an_id(request: Request) -> Response:
    return Response.json({"organizations": [{"id": _key(request), "environmentId": _key(request)}]})


def _key(request: Request) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


ECHOES = [
    *(_in_the_message, _in_a_401, _in_the_type, _in_the_page, _in_a_redirect),
    *(_in_every_field, _as_an_id),
]


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("echo", ECHOES, ids=lambda echo: echo.__name__)
def test_a_server_that_echoes_the_key(
    canaries: Canaries, echo: Callable[[Request], Response], output: str
) -> None:
    shell = canaries.shell
    shell.variables.setattr(shell.emulator, "handle", echo)
    for command in commands(shell.folder):
        if command[0] in {"plan", "show", "run"}:  # the others begin with the same reads
            canaries.check(shell(*styled(command, output, "json", "debug")))


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("echo", ECHOES, ids=lambda echo: echo.__name__)
def test_a_server_that_echoes_the_key_once_it_is_written_to(
    canaries: Canaries, echo: Callable[[Request], Response], output: str
) -> None:
    shell = canaries.shell
    handle = shell.emulator.handle
    shell.variables.setattr(
        shell.emulator, "handle", lambda request: (handle if request.method == "GET" else echo)(request)
    )
    for command in commands(shell.folder):
        if command[0] not in {"validate", "plan", "show"}:
            canaries.check(shell(*styled(command, output, "console", "debug")))


# -- when the key is none --------------------------------------------------------------------------

GOOD = "ssoready_sk_" + "k" * 12 + "q" * 13
MISTAKES = {
    "newline": GOOD[:24] + "\n" + GOOD[24:],
    "blank": GOOD[:24] + " " + GOOD[24:],
    "not ASCII": GOOD[:24] + "é" + GOOD[25:],
    "control": GOOD[:24] + "\x1b[2J" + GOOD[24:],
    "bidirectional": GOOD[:24] + "\u202e" + GOOD[24:],
    "too long": GOOD + "q",
}


@pytest.mark.parametrize("key", MISTAKES.values(), ids=MISTAKES)
@pytest.mark.parametrize("place", ["key", "key file", "name of the key file", "address"])
def test_a_key_that_is_none_is_not_repeated(canaries: Canaries, key: str, place: str) -> None:
    shell = canaries.shell
    canaries.secrets += [key, "k" * 12, "q" * 11]
    if place != "address":
        shell.variables.delenv("SSOREADY_API_KEY")
    if place == "key file":
        held = shell.folder / "key"
        held.write_text(key, encoding="utf-8")
        shell.variables.setenv("SSOREADY_API_KEY_FILE", str(held))
    else:
        variable = {"key": "", "name of the key file": "_FILE"}.get(place)
        shell.variables.setenv("SSOREADY_API_URL" if variable is None else f"SSOREADY_API_KEY{variable}", key)
    for command in commands(shell.folder)[1:]:
        for output in ("text", "json"):
            done = shell(*styled(command, output, "json", "debug"))
            assert done.code in {3, 64}
            canaries.check(done)


def test_a_key_in_the_wrong_place_of_the_configuration_is_not_repeated(
    canaries: Canaries, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = tmp_path_factory.mktemp("outside") / "reconciler.toml"
    shell = canaries.shell
    key = shell.environment.key
    for line in (
        f'api_key = "{key}"',
        f'{key} = "x"',
        f'api_url = "{shell.url}"\napi_key_file = "{key}"',
        f'mode = "{key}"',
        f"proxy = {key}",
    ):
        config.write_text(f'[environments.production]\nmanifests = "{shell.folder}"\n{line}\n')
        for output in ("text", "json"):
            done = shell("plan", "--config", config, "--output", output)
            assert done.code in {3, 64}
            canaries.check(done)


# -- when it is pasted into a manifest -------------------------------------------------------------

TEXT = json.dumps(PRIVATE_KEY)
PLACES = {
    "displayName": f"displayName: {TEXT}",
    "externalId": f"displayName: A, externalId: {TEXT}",
    "domain": f"domains: [{TEXT}]",
    "id": f"displayName: A, id: {TEXT}",
    "distinctFrom": f"displayName: A, distinctFrom: [{TEXT}]",
    "ownership": f"displayName: A, ownership: {TEXT}",
    "suspend": f"displayName: A, suspend: {TEXT}",
    "unknown field": f"displayName: A, {TEXT}: 1",
    "connection's name": f"displayName: A, samlConnections: [{{name: {TEXT}}}]",
    "entity id": f"displayName: A, samlConnections: [{{name: a, idp: {{entityId: {TEXT}}}}}]",
    "redirect URL": f"displayName: A, samlConnections: [{{name: a, idp: {{redirectUrl: {TEXT}}}}}]",
    "certificate": f"displayName: A, samlConnections: [{{name: a, idp: {{certificate: {{pem: {TEXT}}}}}}}]",
    "certificate's file": "displayName: A, samlConnections: [{name: a, idp: {certificate: {file: private.pem}}}]",
    "metadata's file": "displayName: A, samlConnections: [{name: a, idp: {metadata: {file: private.pem}}}]",
    "name of a file": f"displayName: A, samlConnections: [{{name: a, idp: {{certificate: {{file: {TEXT}}}}}}}]",
    "instead of a list": f"displayName: A, samlConnections: {TEXT}",
    "tag": f"displayName: !{BODY} A",
}


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("spec", PLACES.values(), ids=PLACES)
def test_a_private_key_in_a_manifest_is_not_repeated(canaries: Canaries, spec: str, output: str) -> None:
    shell = canaries.shell
    shell.declare("acme", spec)
    shell.write("private.pem", PRIVATE_KEY)
    for command in (("validate", shell.folder), ("plan", shell.folder), ("run", shell.folder, "--once")):
        canaries.check(shell(*styled(command, output, "json", "debug")))


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(
    "text",
    [
        PRIVATE_KEY,
        f"key: |\n  {PRIVATE_KEY}",
        f"apiVersion: reconciler/v1\nkind: {TEXT}\n",
        f"apiVersion: {TEXT}\nkind: Organization\n",
        f"apiVersion: reconciler/v1\nkind: Organization\nmetadata: {{name: a, labels: {{x: {TEXT}}}}}\n",
        f"apiVersion: reconciler/v1\nkind: Organization\nmetadata: {{name: {TEXT}}}\nspec: {{displayName: A}}\n",
        f"a: {TEXT}\na: {TEXT}\n",
        f"{TEXT}: 1\n{TEXT}: 2\n",
    ],
)
def test_a_private_key_as_a_manifest_is_not_repeated(canaries: Canaries, text: str, output: str) -> None:
    shell = canaries.shell
    shell.write("key.yaml", text)
    for command in (("validate", shell.folder), ("plan", shell.folder), ("run", shell.folder, "--once")):
        done = shell(*styled(command, output, "json", "debug"))
        assert done.code != 0
        canaries.check(done)


# -- when something breaks -------------------------------------------------------------------------

# Where the crash happens, and what is at hand there that a careless message would hold.
CRASHES = [
    "reconciler.api.connection.Connection.send",
    "reconciler.api.wire.page",
    "reconciler.api.wire.link",
    "reconciler.core.planning.plan.match_organizations",
    "reconciler.delivery.directory._created",
    "reconciler.engine.apply._write",
    "reconciler.engine.secrets.Issuer.link",
    "reconciler.render.text.plan",
    "reconciler.render.json._head",
    "reconciler.source.snapshot.parse",
]


@pytest.mark.parametrize("where", CRASHES)
def test_an_internal_error_says_where_and_nothing_else(
    canaries: Canaries, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    shell = canaries.shell

    def crash(*arguments: object, **named: object) -> None:
        raise RuntimeError(f"crashed with {shell.environment.key}, {arguments!r}, {named!r}")

    shell.variables.setattr(where, crash)
    for output in ("json", "text"):
        done = shell("apply", shell.folder, "--yes", "--output", output, "--log-level", "debug")
        canaries.check(done)
        if ("render.text" in where) == (output == "json") and "render" in where:
            assert done.code == 0  # the other rendering is sound
        else:
            assert done.code == 1
            assert "internal error: RuntimeError at " in done.out + done.err
    canaries.absent_from(caplog.text)


# A process of its own: what Python says by itself (of a lost task, at its end) is looked at, too.
CRASHING = """
import asyncio, os, sys
from reconciler.api import connection
from reconciler.engine import apply
async def crash(*arguments):
    await asyncio.sleep(0.01)
    raise RuntimeError(f"crashed with {os.environ['SSOREADY_API_KEY']}, {arguments!r}")
sent = connection.Connection.send
async def send(self, request, route):
    return await (sent if "organizations" in route else crash)(self, request, route)
if sys.argv[1] == "plan":
    connection.Connection.send = send
else:
    apply._write = crash
from reconciler.__main__ import main
main()
"""


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]], ids=["reading", "writing"])
def test_what_python_says_of_lost_tasks_is_not_shown(canaries: Canaries, command: list[str]) -> None:
    """Many organizations fail at once."""
    shell = canaries.shell
    for number in range(5):
        shell.emulator.store.put_organization(shell.environment.id, external_id=f"o{number}")
        shell.declare(f"o{number}", "displayName: A, samlConnections: [], scimDirectories: []")
    process = subprocess.run(
        [sys.executable, "-c", CRASHING, *command, str(shell.folder), "--log-level", "error"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    done = Done(process.returncode, process.stdout.decode(), process.stderr.decode())
    canaries.check(done)
    assert "Traceback" not in done.err
    assert done.code == 1
    assert "internal error: RuntimeError at " in done.out + done.err
    assert not done.err or done.err.startswith("error: internal error: ")


# -- the daemon ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "echo"), [("json", None), ("console", _in_the_message)], ids=["sound", "echoing"]
)
def test_the_daemon_shows_no_secret_anywhere(
    canaries: Canaries, form: str, echo: Callable[[Request], Response] | None
) -> None:
    """Not in its log, at no endpoint, and not in what other people of the machine see of a process."""
    shell = canaries.shell
    if echo:
        shell.variables.setattr(shell.emulator, "handle", echo)
    command = ["run", str(shell.folder), "--listen", "127.0.0.1:0", "--log-level", "debug", "--log-format", form]
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            log, answers = _watched(process, "pass failed" if echo else '"pass"' if form == "json" else "pass ")
            seen = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
        finally:
            process.send_signal(signal.SIGTERM)
            out, rest = process.communicate(timeout=30)
    assert process.returncode == 0
    for text in (*answers.values(), seen, out.decode(), log + rest.decode()):
        canaries.absent_from(text)
    canaries.check_files()
    assert "acme" in answers["/status"] or echo
    assert 'reconciler_passes_total{environment="' in answers["/metrics"]
    assert "Traceback" not in log


def _watched(process: subprocess.Popen[bytes], until: str) -> tuple[str, dict[str, str]]:
    """The log up to a line with these words, and then what the endpoints answer."""
    log, url = "", ""
    assert process.stderr
    for line in process.stderr:
        log += line.decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line.decode()) if "listening" in line.decode() else None
        url = found[0] if found else url
        if url and until in line.decode():
            break
    answers = {}
    for path in ("/status", "/metrics", "/livez", "/readyz", "/healthz"):
        answers[path] = _answer(url + path)
    return log, answers


def _answer(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 our own
            body: Any = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
    return str(body.decode())

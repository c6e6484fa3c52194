"""Mistakes that people make with commands, settings, keys and servers, each as the error that it ends in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from reconciler.api.responses import judge
from reconciler.cli import main
from reconciler.cli.config import Flags
from reconciler.cli.serve import Reading
from reconciler.daemon.http import _bound
from reconciler.delivery.directory import Directory
from reconciler.delivery.target import RecordName
from reconciler.emulator import Store
from reconciler.model.errors import ReconcilerError
from reconciler.model.secret import Secret
from reconciler.model.state import Record, RecordState
from reconciler.source import snapshot
from reconciler.source.git import BASE_VARIABLES
from tests.support.build import dir_id, org_id
from tests.support.folders import ENVIRONMENT, organization, write
from tests.support.quiet import ended

KEY, ENVIRONMENT_ID = "ssoready_sk_" + "a" * 25, "env_" + "1" * 25
DIRECTORIES = "{scimDirectories: [{name: okta, primary: true}]}"
UNREAD = (
    f'{{"apiVersion": "reconciler/v1", "kind": "Observed", "environmentId": "{ENVIRONMENT_ID}",'
    ' "observedAt": "2020-01-01T00:00:00Z", "organizations": [{"id": "org_1", "externalId": "acme",'
    ' "displayName": "", "domains": [], "samlConnections": {"unreadable": "it was busy"}, "scimDirectories": []}]}'
)
FILES = {
    "m/environment.yaml": ENVIRONMENT,
    "m/acme.yaml": organization("acme", DIRECTORIES),
    "pinned/environment.yaml": f"{ENVIRONMENT}spec: {{id: {ENVIRONMENT_ID}}}\n",
    "pinned/acme.yaml": organization("acme", "{displayName: Acme}"),
    "broken/acme.yaml": "a: [",
    "empty/README": "",
    "key": KEY,
    "unread.json": UNREAD,
    "m/its.toml": '[environments.production]\nmanifests = "."\n',
    "open.toml": "",
    "large.toml": "#" * 1_048_577,
}

# -- commands --------------------------------------------------------------------------------------

COMMANDS = [
    "plna",
    "frobnicate",
    "plan",
    "plan m n",
    "plan --environmet x m",
    "plan --output xml m",
    "plan --concurrency 0 m",
    "plan --max-requests-per-second nan m",
    "apply m",
    "rotate-token acme okta",
    "rotate-token acme okta --yes",
    "schema nothing",
    "emulator --latency soon",
    "emulator --fault fire",
    "emulator --fault reset:2",
    "emulator --fault reset:1:after:more",
    "plan nowhere",
    "plan empty",
    "plan key",
    "plan m --environment development",
    "validate m --environment development",
    "plan m --target acm",
    "plan m --target nothing-like-it",
    "plan m --selector tier",
    "plan m --selector tier=none",
    "plan m --proxy socks5://proxy.example",
    "plan m --proxy http://proxy.example:3128",
    "plan m --ca-file nowhere.pem",
    "plan m --ca-file key",
    "plan pinned",
    "plan --config m/its.toml",
    "plan --config open.toml",
    "run m --token-file nowhere",
    "run m --token-file empty/README",
    "show nobody",
    "show acme --dir broken",
    "show acme --dir pinned",
    "show twin",
    "show acme --observed unread.json",
    "list --observed nowhere.json",
    "list --observed key",
    "plan m --observed unread.json --max-age 10m",
    "plan m --max-age 10m",
    "observe --out nowhere/live.json",
    "import",
    "import key",
    "import broken",
    "import pinned",
    "init key",
    "import new --target twin",
    "import new --target nobody",
    "import new --label wave",
    f"import new --label token={KEY}",
    "import new --ownership mine",
    "import /dev/null/new",
    "rotate-token acme okta --yes --deliver d",
    "rotate-token acme okta --yes --deliver d --dir m",
    "apply --yes --plan nowhere.json",
    "apply --yes --plan key",
    "apply --yes --plan unread.json",
    "apply --yes --plan plan.json --target acme",
    "apply --yes --plan plan.json --pin",
    "apply --yes --plan plan.json --changed-since main",
    "apply --yes --plan plan.json --environment staging",
    "apply --yes --plan plan.json pinned",
    "apply --yes --plan plan.json broken",
    "plan m --changed-since main",
    "plan m --output text --output json",
    "plan m --output sarif=",
]

# -- the variables: what is set beside or instead of the shell's -----------------------------------

VARIABLES: list[tuple[Mapping[str, str | None], str]] = [
    ({"SSOREADY_API_KEY": None}, "plan m"),
    ({"SSOREADY_API_KEY": ""}, "plan m"),
    ({"SSOREADY_API_KEY": f"{KEY} "}, "plan m"),
    ({"SSOREADY_API_KEY": "secret"}, "plan m"),
    ({"SSOREADY_API_KEY_FILE": "key"}, "plan m"),
    ({"SSOREADY_API_KEY": None, "SSOREADY_API_KEY_FILE": "nowhere"}, "plan m"),
    ({"SSOREADY_API_KEY": None, "SSOREADY_API_KEY_FILE": KEY}, "plan m"),
    ({"SSOREADY_API_URL": ""}, "plan m"),
    ({"SSOREADY_API_URL": "api.example"}, "plan m"),
    ({"SSOREADY_API_URL": "http://own.example"}, "plan m"),
    ({"SSOREADY_API_URL": "https://own.example", "RECONCILER_API_URL": "https://other.example"}, "plan m"),
    ({"SSOREADY_API_URL": "https://own.example"}, "plan m --api-url https://other.example"),
    ({}, "plan m --api-key-file key"),
    ({"PATH": "nowhere"}, "plan m --changed-since main"),
    (dict.fromkeys(BASE_VARIABLES, ""), "plan m --changed-since auto"),
    ({"SSOREADY_API_URL": None}, "plan m --api-key-file key"),
    ({"SSOREADY_API_URL": None}, "plan m"),
]

# -- the configuration file ------------------------------------------------------------------------

SECTION = '[environments.production]\nmanifests = "m"\n'
DELIVER = 'deliver = {to = "directory", path = "d"}\n'
FILE_TEXTS = [
    "[environments.production]\n",
    f'{SECTION}manifest = "m"\n',
    f'{SECTION}api_url = "https://own.example"\n',
    f'{SECTION}mode = "dry"\n',
    f'{SECTION}deliver = {{to = "s3", path = "x"}}\n',
    f'{SECTION}environment_id = "env_1"\n',
    f"{SECTION}limits = {{max_changed_percent = 101}}\n",
    f"{SECTION}limits = {{max_creates = -1}}\n",
    f'{SECTION}protected = {{organizations = ["acme"]}}\n',
    f'{SECTION}protected = {{domains = ["Bank.example"]}}\n',
    f"{SECTION}limits = {{max_creates = 1.5}}\n",
    f"{SECTION}[daemon]\nmax_requests_per_second = 0\n",
    f"{SECTION}{SECTION}",
    '[environments.production]\nmanifests = "a\\u0000b"\n',
    "x = " + "{a=" * 3000,
]
CONFIGURED = [
    (f'{SECTION}[environments.development]\nmanifests = "d"\n', "plan --config c.toml"),
    (f'{SECTION}[environments.development]\nmanifests = "d"\n', "plan m --config c.toml"),
    (SECTION, "plan --config c.toml --environment staging"),
    (f'{SECTION}mode = "plan"\n', "apply --yes --config c.toml"),
    (f'{SECTION}api_key_file = "key"\n', "plan --config c.toml --api-url https://other.example"),
    (f'{SECTION}api_key_file = "key"\n', "plan --config c.toml"),
    (SECTION, "plan --config nowhere.toml"),
    (SECTION, "plan --config large.toml"),
    (f'{SECTION}environment_id = "{ENVIRONMENT_ID}"\n', "apply --yes --plan plan.json --config c.toml"),
    *((text, "plan --config c.toml") for text in FILE_TEXTS),
    ("".join(SECTION.replace("production", name) + DELIVER for name in ("a", "b")), "run --config c.toml"),
]

# -- the server: status, headers, body -------------------------------------------------------------

JSON = {"content-type": "application/json"}
MESSAGES = [
    (500, "get api key by secret value: no rows in result set"),
    (500, 'parse api secret key: "x" does not have expected length 37'),
    (500, "store: get app session: parse session token: no rows in result set"),
    (500, "get api key by secret value: failed to connect to `user=ssoready`: dial error"),
    (500, "store: get organization: no rows in result set"),
    (500, 'store: "org_xyz" does not have expected length 29'),
    (500, 'store: "saml_conn_1" does not have expected prefix "org_"'),
    (500, 'store: ERROR: duplicate key value violates unique constraint "k" (SQLSTATE 23505)'),
    (500, "store: ERROR: invalid byte sequence: 0x00 (SQLSTATE 22021)"),
    (500, "store: idp certificate must be a PEM-encoded CERTIFICATE block"),
    (500, "store: parse idp certificate: x509: malformed certificate"),
    (500, "unexpected EOF"),
    (500, "proto: (line 1:16): invalid value for string type: 5"),
    (500, "request should have no body; instead got 2 bytes"),
    (500, 'in field path "pageSize": element "pageSize" does not correspond'),
    (500, "something else"),
    (500, ""),
    (400, "malformed page token"),
    (404, ""),
    (401, "unauthenticated"),
    (401, "api key is not authorized to access management api"),
    (401, ""),
]
RESPONSES: list[tuple[int, dict[str, str], bytes]] = [
    (429, {}, b""),
    (200, {"content-encoding": "gzip", **JSON}, b""),
    (302, {"location": "https://other.example"}, b""),
    (200, JSON, b""),
    (200, JSON, b"[]"),
    (200, {"content-type": "text/html"}, b"<html>"),
    (200, {}, b"?"),
    (204, JSON, b"{}"),
    *((status, JSON, json.dumps({"message": message}).encode()) for status, message in MESSAGES),
]


def mistakes(home: Path, store: Store, patch: pytest.MonkeyPatch) -> Iterator[tuple[str, ReconcilerError]]:
    """What was done in the working directory `home`, and the error; the variables lead to that store."""
    write(home, FILES)
    live = store.put_organization(store.environments["production"].id, external_id="acme")
    store.put_directory(live.id, primary=True)
    store.put_directory(live.id)
    for _ in range(2):
        store.put_organization(store.environments["production"].id, display_name="Twin")
    (home / "open.toml").chmod(0o666)
    assert ended("plan", "m", "--out", "plan.json").code == 0
    for line in COMMANDS:
        yield from _ended(line, {}, patch)
    for variables, line in VARIABLES:
        yield from _ended(line, variables, patch)
    for text, line in CONFIGURED:
        (home / "c.toml").write_text(text)
        yield from _ended(line, {}, patch)
    yield from _moved(home)
    yield from _read(patch)
    for status, headers, body in RESPONSES:
        response = f"{status} {body.decode() or headers}"
        yield from _raised(response, partial(judge, "GET /v1/x", status, headers, body, now=0.0))
    yield from _delivered(home / "delivered")


def _ended(
    line: str, variables: Mapping[str, str | None], patch: pytest.MonkeyPatch
) -> Iterator[tuple[str, ReconcilerError]]:
    errors: list[ReconcilerError] = []
    with patch.context() as changed:
        changed.setattr(main, "failed", lambda error, _: errors.append(error) or error.exit_code)
        for name, value in variables.items():
            if value is None:
                changed.delenv(name)
            else:
                changed.setenv(name, value)
        ended(*line.split())
    told = [f"{name}={value}" for name, value in variables.items() if value is not None]
    file = [Path("c.toml").read_text()[:200].replace("\n", "; ")] if "c.toml" in line else []
    assert errors, f"{line} is no mistake"
    yield " ".join([*file, *told, f"$ reconciler {line}"]), errors[0]


def _moved(home: Path) -> Iterator[tuple[str, ReconcilerError]]:
    file, reading = home / "c.toml", Reading(Flags(config="c.toml"), "production")
    for name in ("own", "other"):
        file.write_text(f'{SECTION}api_url = "https://{name}.example"\napi_key_file = "key"\n')
        if name == "own":
            reading()
    yield from _raised("another address while the daemon runs", reading)


def _read(patch: pytest.MonkeyPatch) -> Iterator[tuple[str, ReconcilerError]]:
    yield from _raised("a folder without a name", lambda: snapshot.read(""))
    yield from _raised("a name that is no path", lambda: snapshot.read("a\0b"))
    for limit, value in (
        ("MAX_ATTEMPTS", 0),
        ("MAX_FILES", 0),
        ("MAX_DOCUMENTS", 0),
        ("MAX_VALUES", 0),
        ("MAX_TOTAL_BYTES", 1),
    ):
        with patch.context() as changed:
            if limit == "MAX_ATTEMPTS":
                changed.setattr(snapshot, "_resolved", lambda folder: folder)
            changed.setattr(snapshot, limit, value)
            yield from _raised(f"{limit} = {value}", lambda: snapshot.read("m"))
    yield from _raised("--listen nowhere", lambda: _bound("nowhere"))


def _delivered(home: Path) -> Iterator[tuple[str, ReconcilerError]]:
    target, name = Directory(home.name), RecordName("acme", "okta")
    pending = Record(RecordState.PENDING, org_id(1), dir_id(1), False, False, 0, None)
    delivery = target.begin(name, pending)
    yield from _raised("deliver twice at once", lambda: target.begin(name, pending))
    (home / "acme" / ".scim-okta.json.reserved").unlink()
    yield from _raised("deliver where the space is gone", lambda: delivery.keep(pending, Secret("x"), ""))
    delivery.close()
    other = structs.replace(pending, directory_id=dir_id(2))
    yield from _raised("deliver over another's secret", lambda: target.begin(name, other))
    (home / "acme" / "scim-okta.json").write_text("{}")
    yield from _raised("read what is no record", lambda: target.read(name))
    yield from _raised("read what has no handle", lambda: target.read(RecordName("..", None)))
    (home / "linked").symlink_to("acme")
    yield from _raised("read through a link", lambda: target.read(RecordName("linked", None)))
    yield from _raised("deliver to a file", lambda: Directory("key").begin(name, pending))
    yield from _raised("read from a file", lambda: Directory("key").read(name))
    home.chmod(0o777)
    yield from _raised("read where others may write", lambda: target.read(name))


def _raised(what: str, act: Callable[[], Any]) -> Iterator[tuple[str, ReconcilerError]]:
    with pytest.raises(ReconcilerError) as raised:
        act()
    yield what, raised.value

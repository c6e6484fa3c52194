"""Where the killing happens: a live environment, manifests that differ from it, and an emulator that can kill.

The plan that bridges them has every kind of write: organizations, connections and directories created and
changed, a primary and a domain that move, bearer tokens and a setup link that are delivered.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from reconciler.emulator import Emulator, Request, Response, Store
from reconciler.emulator.serve import background

ROOT = Path(__file__).parent.parent.parent
CERTIFICATE = (ROOT / "manifests/production/certs/acme-okta.pem").read_text()
ORGANIZATION = (
    "apiVersion: reconciler/v1\nkind: Organization\nmetadata: {{name: {0}}}\nspec:\n  displayName: {0} Inc\n"
)
IDP = "{{entityId: https://{0}.example, redirectUrl: https://{0}.example/sso, certificate: {{file: idp.pem}}}}"
MANIFESTS = {
    "environment.yaml": "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n",
    "idp.pem": CERTIFICATE,
    "acme.yaml": ORGANIZATION.format("acme")
    + "  domains: [acme.example, moving.example]\n"
    + "  samlConnections:\n"
    + f"    - {{name: okta, primary: true, idp: {IDP.format('okta')}}}\n"
    + "    - {name: next}\n"
    + "  scimDirectories:\n    - {name: okta, primary: true, bearerToken: issue}\n",
    "globex.yaml": ORGANIZATION.format("globex")
    + "  domains: [globex.example]\n"
    + "  samlConnections:\n"
    + f"    - {{name: old, idp: {IDP.format('old')}}}\n"
    + f"    - {{name: new, primary: true, idp: {IDP.format('new')}}}\n"
    + "  scimDirectories:\n    - {name: okta, primary: true, bearerToken: issue}\n",
    "initech.yaml": ORGANIZATION.format("initech")
    + "  samlConnections:\n    - {name: self-serve}\n"
    + "  setupLink: {saml: true, scim: true}\n",
}
REPLY = 503
SETTLE_S = 0.2
PATIENCE_S = 20.0
_ID = re.compile(r"/(?:org|saml_conn|scim_directory)_[0-9a-z]{25}")


class Boundary(Struct, frozen=True):
    """Before or after (or, for a write, long after) the n-th request to a route, or step of writing a file."""

    moment: str  # before | after | late; of a file also torn
    what: str  # "POST /v1/organizations", or "file flush"
    number: int

    @property
    def of_a_file(self) -> bool:
        return self.what.startswith("file ")

    def __str__(self) -> str:
        return f"{self.moment} {self.what} {self.number}"


class Hook(Emulator):
    """An emulator that does something to its client at exactly one boundary."""

    def __init__(self) -> None:
        super().__init__(Store.fresh(random.Random(1)))
        self.begin(self.store)

    def begin(self, store: Store, boundary: Boundary | None = None, number: int = signal.SIGKILL) -> None:
        """A new run of a client, with a signal for it at a boundary."""
        self.store = store
        self.boundary, self.signal = boundary, number
        self.seen: dict[str, int] = {}
        self.log: list[str] = []
        self.after_signal: list[str] | None = None
        self.known = threading.Event()
        self.pid = 0
        self.late: Request | None = None

    def client(self, pid: int) -> None:
        self.pid = pid
        self.known.set()

    def handle(self, request: Request) -> Response:
        assert self.known.wait(PATIENCE_S)
        route = f"{request.method} {_ID.sub('/{id}', request.path)}"
        self.seen[route] = self.seen.get(route, 0) + 1
        self.log.append(f"{route} {self.seen[route]}")
        if self.after_signal is not None:
            self.after_signal.append(route)
        here = (
            self.boundary is not None and self.boundary.what == route and self.boundary.number == self.seen[route]
        )
        moment = self.boundary.moment if here and self.boundary else ""
        if moment == "late":
            self.late = request
        if moment in {"before", "late"}:
            self._strike()
            if self.signal == signal.SIGKILL:
                return Response.text(REPLY, "nobody reads this\n")
        answer = super().handle(request)
        if moment == "after":
            self._strike()
        elif self.late is not None and not moment and _seen_past(self.late, request):
            late, self.late = self.late, None
            super().handle(late)
        return answer

    def _strike(self) -> None:
        """The signal, and then nothing is answered until it has had its effect."""
        pid = self.pid  # the next run may begin, with another, as soon as this one has ended
        os.kill(pid, self.signal)
        self.after_signal = []
        if self.signal == signal.SIGKILL:
            end = time.monotonic() + PATIENCE_S
            while _runs(pid) and time.monotonic() < end:
                time.sleep(0.001)
        else:
            time.sleep(0.05)


def _seen_past(late: Request, request: Request) -> bool:
    """Whether the next run has just looked where the late write will have its effect, and did not see it."""
    if not late.path.endswith(("/saml-connections", "/scim-directories")):
        return True
    organization = json.loads(late.body)["organizationId"]
    return request.path == late.path and ("organizationId", organization) in request.query


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


class Torn(AssertionError):
    """A delivery record that is not whole."""


class Stage:
    """One emulator, one maker of processes, and a folder for each run."""

    def __init__(self, hook: Hook, url: str, zygote: subprocess.Popen[str], home: Path) -> None:
        self.hook = hook
        self._url = url
        self._zygote = zygote
        self.home = home
        self.runs = 0
        self.output = Path()

    def set(self) -> Store:
        """The live environment before the apply, new."""
        store = Store.fresh(random.Random(7))
        environment = store.environments["production"].id
        organization = store.put_organization(
            environment,
            external_id="globex",
            display_name="Globex",
            domains=["globex.example", "moving.example"],
        ).id
        for name, primary in (("old", True), ("new", False)):
            store.put_connection(
                organization,
                primary=primary,
                idp_entity_id=f"https://{name}.example",
                idp_redirect_url=f"https://{name}.example/moved",
                idp_certificate=CERTIFICATE,
            )
        store.put_directory(organization)
        return store

    def folder(self) -> Path:
        """The manifests, and an empty delivery target beside them."""
        self.runs += 1
        folder = self.home / str(self.runs) / "manifests"
        folder.mkdir(parents=True)
        for name, text in MANIFESTS.items():
            (folder / name).write_text(text)
        return folder

    def run(self, folder: Path, argv: list[str], die: Boundary | None = None, **env: str) -> int:
        """The exit code of a command in a process of its own; minus the signal's number if one killed it."""
        assert self._zygote.stdin
        assert self._zygote.stdout
        self.output = folder.parent / "output"
        key = self.hook.store.environments["production"].key
        place = None if die is None else [die.moment, die.what.removeprefix("file "), die.number]
        variables = {
            "SSOREADY_API_URL": self._url,
            "SSOREADY_API_KEY": key,
            "RECONCILER_DELIVER": str(folder.parent / "delivered"),
            "RECONCILER_SETTLE_S": str(SETTLE_S),
            **env,
        }
        order = {"argv": [*argv, str(folder)], "env": variables, "output": str(self.output), "die": place}
        self._zygote.stdin.write(json.dumps(order) + "\n")
        self._zygote.stdin.flush()
        self.hook.client(int(json.loads(self._zygote.stdout.readline())["pid"]))
        return int(json.loads(self._zygote.stdout.readline())["code"])

    def said(self) -> str:
        return self.output.read_text()

    def steps(self) -> list[str]:
        """Every step of writing files in the last run."""
        log = Path(f"{self.output}.files")
        return log.read_text().splitlines() if log.exists() else []

    def records(self, folder: Path) -> dict[str, dict[str, Any]]:
        """What stands in the delivery target, each record whole."""
        target = folder.parent / "delivered"
        found = {}
        for path in sorted(target.rglob("*")) if target.exists() else ():
            assert path.is_dir() or path.stat().st_mode & 0o777 == 0o600, path
            if path.is_file() and not path.name.startswith("."):
                try:
                    found[str(path.relative_to(target))] = json.loads(path.read_text())
                except ValueError:
                    raise Torn(f"{path.name} holds {path.read_text()!r}") from None
        return found


@contextlib.contextmanager
def stage(home: Path) -> Iterator[Stage]:
    hook = Hook()
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SSOREADY_", "RECONCILER_"))}
    with background(hook) as url:
        zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.zygote"],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Stage(hook, url, zygote, home)
        finally:
            assert zygote.stdin
            zygote.stdin.close()
            zygote.wait(PATIENCE_S)
            assert zygote.stdout
            zygote.stdout.close()

"""compose.yaml and the systemd units name what the program has, and confine it."""

from __future__ import annotations

import json
import re
import shlex
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.error import HTTPError

import click
import pytest
import yaml

from reconciler.cli.credentials import KEY_FILES, URL_VARIABLES
from reconciler.cli.serve import run
from reconciler.daemon.loop import BEAT_S
from reconciler.model.errors import CredentialsError, UsageError
from tests.docs.pages import ROOT, blocks

COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
UNITS = ROOT / "deploy" / "systemd"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def unit(name: str) -> dict[str, list[str]]:
    """The settings of a unit, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"][name]
    return found


# -- compose ---------------------------------------------------------------------------------------


def test_its_command_and_variables_are_those_of_the_program() -> None:
    own = service("reconciler")
    name, *arguments = own["command"]
    assert name == run.name
    assert run.make_context(name, arguments).params["folder"].startswith("/git/current/")
    flags = {each.envvar for each in run.params if isinstance(each, click.Option)}
    assert set(own["environment"]) <= flags | {*URL_VARIABLES, *KEY_FILES}
    (secret,) = own["secrets"]
    assert own["environment"]["SSOREADY_API_KEY_FILE"] == f"/run/secrets/{secret}"
    assert secret in COMPOSE["secrets"]


def test_its_port_and_user_are_those_of_the_image_and_only_this_machine_gets_in() -> None:
    own = service("reconciler")
    assert f"USER {own['user']}\n" in DOCKERFILE
    (published,) = own["ports"]
    assert published == "127.0.0.1:8080:8080"
    assert "EXPOSE 8080\n" in DOCKERFILE
    assert "ports" not in service("git-sync")


def test_nothing_has_more_than_it_needs() -> None:
    for name in COMPOSE["services"]:
        own = service(name)
        assert own["read_only"] is True
        assert own["cap_drop"] == ["ALL"]
        assert own["security_opt"] == ["no-new-privileges:true"]
        assert not own["user"].startswith("0")
        assert own["image"].startswith("${"), "by digest, which only its owner knows"
    assert service("reconciler")["volumes"] == ["git:/git:ro"]


def test_git_sync_neither_ends_at_a_failure_nor_takes_a_commit_away_from_a_pass() -> None:
    assert {"--max-failures=-1", "--stale-worktree-timeout=10m", "--root=/git", "--link=current"} <= set(
        service("git-sync")["command"]
    )


def test_the_image_knows_whether_its_daemon_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of the Dockerfile itself, against a server that lives and one that does not."""
    (command,) = re.findall(r"^HEALTHCHECK .*?CMD (\[.*?\])$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)
    program, flag, code = json.loads(command)
    assert (program, flag) == ("python", "-c")
    statuses = [200, 503]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.pop(0) if self.path == "/livez" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("RECONCILER_LISTEN", f"0.0.0.0:{server.server_port}")
        thread = threading.Thread(target=lambda: [server.handle_request() for _ in range(2)])
        thread.start()
        exec(code)  # noqa: S102 what the image runs
        with pytest.raises(HTTPError, match="503"):
            exec(code)  # noqa: S102
        thread.join()


# -- systemd ---------------------------------------------------------------------------------------


def test_the_units_call_the_program_as_it_is() -> None:
    for name, once in (("reconciler.service", False), ("reconciler-once.service", True)):
        program, command, *arguments = shlex.split(unit(name)["ExecStart"][0])
        assert program == "/opt/reconciler/bin/reconciler"
        assert command == run.name
        given = run.make_context(command, arguments).params
        assert (given["config"], given["once"]) == ("/etc/reconciler/reconciler.toml", once)


def test_the_watchdog_waits_for_several_beats() -> None:
    own = unit("reconciler.service")
    assert own["Type"] == ["notify"]
    assert int(own["WatchdogSec"][0].removesuffix("s")) >= 5 * BEAT_S


def test_what_a_restart_cannot_mend_is_not_restarted() -> None:
    codes = unit("reconciler.service")["RestartPreventExitStatus"][0].split()
    assert set(map(int, codes)) == {CredentialsError.exit_code, UsageError.exit_code}


def test_both_services_are_confined_alike() -> None:
    own = {
        "Description",
        "ExecStart",
        "ExecReload",
        "Type",
        "WatchdogSec",
        "Conflicts",
        "TimeoutStartSec",
        "WantedBy",
    }
    own |= {"Restart", "RestartSec", "RestartPreventExitStatus", "StartLimitIntervalSec", "StartLimitBurst"}
    one, other = (
        {key: each for key, each in unit(name).items() if key not in own}
        for name in ("reconciler.service", "reconciler-once.service")
    )
    assert one == other
    assert one["DynamicUser"] == ["yes"]
    assert one["CapabilityBoundingSet"] == [""]
    assert one["ProtectSystem"] == ["strict"]


def test_only_one_of_them_runs() -> None:
    assert unit("reconciler-once.service")["Conflicts"] == ["reconciler.service"]


def test_the_key_that_is_shown_is_where_systemd_puts_it() -> None:
    (credential,) = unit("reconciler.service")["LoadCredential"]
    name, _, source = credential.partition(":")
    (shown,) = [block.text for block in blocks("toml") if "/run/credentials/" in block.text]
    assert f'api_key_file = "/run/credentials/reconciler.service/{name}"' in shown
    assert source.startswith("/etc/reconciler/")


def test_a_stop_leaves_time_for_the_write_under_way_wherever_it_runs() -> None:
    pod = (ROOT / "deploy" / "kustomize" / "base" / "deployment.yaml").read_text(encoding="utf-8")
    (seconds,) = re.findall(r"terminationGracePeriodSeconds: (\d+)", pod)
    given = [
        unit("reconciler.service")["TimeoutStopSec"][0],
        unit("reconciler-once.service")["TimeoutStopSec"][0],
        service("reconciler")["stop_grace_period"],
        f"{seconds}s",
    ]
    assert set(given) == {"90s"}

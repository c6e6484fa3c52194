"""On a terminal: a bar that disappears, colours, lines that fit, questions, and Ctrl-C at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Request, Response
from reconciler.emulator.faults import Trouble
from tests.support.shell import EXAMPLES, Shell, opened
from tests.support.terminal import terminal

PRODUCTION = EXAMPLES / "production"
ASKED = 'Type "yes" to '
CTRL_C, CTRL_D = "\x03", "\x04"


@pytest.fixture
def slow(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """An API that takes a tenth of a second for each answer."""
    with opened(tmp_path, capsys, monkeypatch, Trouble(latency_s=0.1)) as shell:
        yield shell


def declare_many(shell: Shell, number: int) -> None:
    for each in range(number):
        shell.declare(f"o{each:02}", f"displayName: Number {each}")


# -- reading ---------------------------------------------------------------------------------------


def test_a_bar_shows_that_reading_goes_on_and_disappears(slow: Shell) -> None:
    for each in range(25):
        slow.emulator.store.put_organization(slow.environment.id, external_id=f"o{each:02}", display_name="x")
    declare_many(slow, 5)
    with terminal("plan", slow.folder) as screen:
        screen.expect("reading  10 organizations")
        assert screen.end() == 0
    before, _, after = screen.raw.partition("Environment ")
    assert before.endswith("\x1b[2K"), "the bar's line is erased"
    assert "25 organizations" in before
    assert "organizations" not in after
    assert "Plan: 0 to create, 5 to update" in screen.text


@pytest.mark.usefixtures("slow")
def test_a_bar_never_gets_into_the_output() -> None:
    reading, writing = os.pipe()
    with terminal("plan", PRODUCTION, "--output", "json", stdout=writing) as screen:
        os.close(writing)
        code = screen.end()
        with os.fdopen(reading, "rb") as out:
            document = json.load(out)
    assert (code, document["kind"]) == (0, "Plan")
    assert "reading" in screen.text


def test_without_a_terminal_nothing_moves_and_nothing_is_coloured(shell: Shell) -> None:
    done = shell("plan", PRODUCTION)
    assert "\x1b" not in done.out + done.err
    assert "reading" not in done.err


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_in_a_pipe_are_there_on_request(shell: Shell, variables: dict[str, str], coloured: bool) -> None:
    for name, value in variables.items():
        shell.variables.setenv(name, value)
    assert ("\x1b[32m+ acme" in shell("plan", PRODUCTION).out) is coloured


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize(
    ("variable", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_on_a_terminal_can_be_refused(variable: dict[str, str], coloured: bool) -> None:
    with terminal("plan", PRODUCTION, variables=variable) as screen:
        assert screen.end() == 0
    assert ("\x1b[32m+ acme" in screen.raw) is coloured


def test_lines_fit_a_narrow_window_and_ids_stay_whole(shell: Shell) -> None:
    store = shell.emulator.store
    acme = store.put_organization(shell.environment.id, external_id="acme", domains=["acme.example"])
    first, second = (store.put_connection(acme.id, idp_entity_id=f"urn:{number}").id for number in range(2))
    shell.declare("acme", "displayName: Acme, samlConnections: [{name: okta, idp: {entityId: a}}]")
    with terminal("plan", shell.folder, columns=60) as screen:
        assert screen.end() == 4
    lines = screen.text.partition("~ acme")[2].splitlines()
    assert [line for line in lines if len(line) > 60 and " " in line.strip()] == []
    assert first in screen.text
    assert second in screen.text


def test_what_the_api_says_cannot_steer_the_terminal(shell: Shell) -> None:
    name = "\x1b]0;owned\x07\x1b[2J\u202e\r\nPlan: nothing"
    shell.emulator.store.put_organization(shell.environment.id, external_id="acme", display_name=name)
    shell.emulator.store.put_organization(shell.environment.id, external_id="other", display_name=name)
    shell.declare("acme", "displayName: Acme")
    for arguments in (("plan", shell.folder), ("show", "other"), ("apply", "--yes", shell.folder)):
        done = shell(*arguments)
        assert not set(done.out) & set("\x1b\x07\r\u202e"), arguments
        assert "\\x1b]0;owned\\x07" in done.out


# -- questions -------------------------------------------------------------------------------------


def test_apply_shows_the_plan_asks_and_does_it(shell: Shell) -> None:
    shell.declare("acme", "displayName: Acme")
    with terminal("apply", shell.folder) as screen:
        screen.expect(ASKED)
        assert "This is production, still empty: 1 change." in screen.text
        assert "+ acme" in screen.text
        assert shell.emulator.verbs == {"GET"}
        screen.press("yes\n")
        assert screen.end() == 0
    assert "Done: 1 applied." in screen.text
    assert [each.display_name for each in shell.emulator.store.organizations("production")] == ["Acme"]


def test_apply_asks_again_when_the_plan_changed_during_the_question(shell: Shell) -> None:
    shell.declare("acme", "displayName: Acme")
    shell.declare("globex", "displayName: Globex")
    with terminal("apply", shell.folder) as screen:
        screen.expect(ASKED)
        shell.emulator.store.put_organization(shell.environment.id, external_id="acme", display_name="Acme")
        screen.press("yes\n")
        screen.expect("has changed since you were asked")
        screen.expect("1 to create, 0 to update")
        screen.expect(f"1 change.\n{ASKED}")
        assert shell.emulator.verbs == {"GET"}
        screen.press("yes\n")
        assert screen.end() == 0
    assert screen.text.count(ASKED) == 2
    assert screen.text.count("Digest ") == 2, "the plan that was agreed to is not shown again"
    assert "Done: 1 applied." in screen.text
    assert len(shell.emulator.store.organizations("production")) == 2


def test_apply_writes_nothing_when_somebody_did_it_during_the_question(shell: Shell) -> None:
    shell.declare("acme", "displayName: Acme")
    with terminal("apply", shell.folder) as screen:
        screen.expect(ASKED)
        shell.emulator.store.put_organization(shell.environment.id, external_id="acme", display_name="Acme")
        screen.press("yes\n")
        assert screen.end() == 0
    assert screen.text.count(ASKED) == 1
    assert "No changes." in screen.text
    assert shell.emulator.verbs == {"GET"}


@pytest.mark.parametrize("answer", ["no\n", "\n", "y\n", "YES\n", CTRL_D, CTRL_C], ids=repr)
def test_anything_but_yes_writes_nothing_and_is_5(shell: Shell, answer: str) -> None:
    shell.declare("acme", "displayName: Acme")
    with terminal("apply", shell.folder) as screen:
        screen.expect(ASKED)
        time.sleep(0.1)  # nobody is quicker
        screen.press(answer)
        assert screen.end() == 5
    assert shell.emulator.verbs == {"GET"}
    assert "Nothing was written" in screen.text or "interrupted" in screen.text


def test_json_is_asked_for_on_a_terminal_too(shell: Shell) -> None:
    """The plan and the question are for the person, the one document is for the machine."""
    shell.declare("acme", "displayName: Acme")
    for answer, code in (("no\n", 5), ("yes\n", 0)):
        reading, writing = os.pipe()
        with terminal("apply", shell.folder, "--output", "json", stdout=writing) as screen:
            os.close(writing)
            screen.expect(ASKED)
            assert "+ acme" in screen.text
            screen.press(answer)
            assert screen.end() == code
            with os.fdopen(reading, "rb") as out:
                report = json.load(out)
        assert report["kind"] == "Report"
        assert report["summary"]["applied"] == (code == 0)
        assert (report["halt"] or {}).get("code") == ("Interrupted" if code else None)


def test_no_question_where_there_is_nothing_to_do(shell: Shell) -> None:
    with terminal("apply", shell.folder, "--allow-empty") as screen:
        assert screen.end() == 0
    assert "No changes." in screen.text
    assert "?" not in screen.text


def test_rotate_token_says_what_breaks_and_asks(shell: Shell) -> None:
    store = shell.emulator.store
    acme = store.put_organization(shell.environment.id, external_id="4711")
    directory = store.put_directory(acme.id, primary=True)
    token = store.rotate_bearer_token(directory.id)
    command = ("rotate-token", "acme", "okta", "--dir", PRODUCTION, "--deliver", shell.home / "d")
    with terminal(*command) as screen:
        screen.expect(ASKED)
        assert "provisioning stops at once" in " ".join(screen.text.split())
        screen.press("no\n")
        assert screen.end() == 5
    assert store.is_bearer_token(directory.id, token)
    assert not (shell.home / "d").exists()


# -- stopping --------------------------------------------------------------------------------------


def test_ctrl_c_while_reading_is_5_at_once(slow: Shell) -> None:
    declare_many(slow, 3)
    for each in range(200):
        slow.emulator.store.put_organization(slow.environment.id, external_id=f"x{each}")
    with terminal("plan", slow.folder) as screen:
        screen.expect("organizations")
        screen.press(CTRL_C)
        assert screen.end() == 5
    assert "error: interrupted" in screen.text
    assert slow.emulator.verbs == {"GET"}


class Held:
    """An API that takes the first write, and answers it only when it is let go."""

    def __init__(self, shell: Shell) -> None:
        self._handle = shell.emulator.handle
        self._begun, self._go = threading.Event(), threading.Event()
        declare_many(shell, 30)
        shell.emulator.store.put_organization(shell.environment.id, external_id="there")
        shell.variables.setattr(shell.emulator, "handle", self._held)

    def _held(self, request: Request) -> Response:
        if request.method == "POST":
            self._begun.set()
            assert self._go.wait(30)
        return self._handle(request)

    def wait(self) -> None:
        """Until the first write is under way."""
        assert self._begun.wait(30)

    def let_go(self) -> None:
        self._go.set()


def test_ctrl_c_while_writing_finishes_what_runs_and_reports_it(shell: Shell) -> None:
    held = Held(shell)
    with terminal("apply", "--yes", "--concurrency", 2, shell.folder) as screen:
        held.wait()
        screen.press(CTRL_C)
        screen.expect("stopping: ")
        held.let_go()
        assert screen.end() == 5
    made = len(shell.emulator.store.organizations("production")) - 1
    assert 1 <= made <= 2, "one on each lane"
    assert f"Stopped: asked to stop; the rest was not started ({30 - made} not started)." in screen.text
    assert f"Done: {made} applied." in screen.text
    assert screen.text.count("applied   create") == made, "each that was made is reported with its id"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_while_writing_leave_one_whole_document(shell: Shell, number: signal.Signals) -> None:
    """Also where somebody is impatient."""
    held = Held(shell)
    command = [sys.executable, "-m", "reconciler", "apply", "--yes", "--concurrency", "2", "--output", "json"]
    with subprocess.Popen([*command, shell.folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        held.wait()
        process.send_signal(number)
        assert process.stderr
        assert b"stopping" in process.stderr.readline()
        held.let_go()
        for _ in range(20):
            process.send_signal(number)
            time.sleep(0.005)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (5, b"")
    report = json.loads(out)
    made = len(shell.emulator.store.organizations("production")) - 1
    assert report["summary"]["applied"] == made
    assert 1 <= made <= 2, "one on each lane"
    assert report["halt"]["code"] == "Interrupted"


def test_a_token_that_is_being_made_is_delivered_whoever_presses_ctrl_c(shell: Shell) -> None:
    """The old one is void by then; one that was made and not kept would cut the customer off for nothing."""
    held = Held(shell)
    acme = shell.emulator.store.put_organization(shell.environment.id, external_id="4711")
    directory = shell.emulator.store.put_directory(acme.id, primary=True)
    delivered = shell.home / "delivered"
    command = ["rotate-token", "acme", "okta", "--dir", PRODUCTION, "--deliver", delivered, "--yes"]
    with subprocess.Popen([sys.executable, "-m", "reconciler", *command], stderr=subprocess.PIPE) as process:
        held.wait()
        process.send_signal(signal.SIGINT)
        assert process.stderr
        assert process.stderr.readline() == b"what was begun is finished first\n"
        held.let_go()
        process.communicate(timeout=30)
    assert process.returncode == 0
    record = json.loads((delivered / "acme/scim-okta.json").read_text())
    assert shell.emulator.store.is_bearer_token(directory.id, record["bearerToken"])


# Sends itself Ctrl-C while the command line is being loaded.
EARLY = """
import builtins, os, signal, sys
from reconciler.__main__ import main
load = builtins.__import__
def loading(name, *rest, **more):
    if name == "click":
        os.kill(os.getpid(), signal.SIGINT)
    return load(name, *rest, **more)
builtins.__import__ = loading
sys.argv = ["reconciler", "--help"]
main()
"""


def test_ctrl_c_before_anything_is_loaded_is_5_without_a_word() -> None:
    done = subprocess.run([sys.executable, "-c", EARLY], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (5, b"", b"")

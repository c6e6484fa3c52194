"""Where output cannot go, and what it is written in: a reader who left, a full disk, an old encoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shell import EXAMPLES, Shell

RECONCILER = [sys.executable, "-m", "reconciler"]


def broken_pipe() -> int:
    """A pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def test_a_reader_who_left_changes_neither_what_is_done_nor_the_code(shell: Shell) -> None:
    """`apply --yes | head -1` still applies, all of it."""
    shell.declare("acme", "displayName: Acme")
    shell.declare("globex", "id: org_" + "1" * 25 + ", displayName: Globex")
    nobody = broken_pipe()
    done = subprocess.run(
        [*RECONCILER, "apply", "--yes", shell.folder], stdout=nobody, stderr=subprocess.PIPE, check=False
    )
    os.close(nobody)
    assert (done.returncode, done.stderr) == (4, b"")
    assert [each.external_id for each in shell.emulator.store.organizations("production")] == ["acme"]


@pytest.mark.parametrize("arguments", [["plan", "/nowhere"], ["--help"], ["nothing"]])
def test_nobody_reads_anything(arguments: list[str]) -> None:
    nobody = broken_pipe()
    done = subprocess.run([*RECONCILER, *arguments], stdout=nobody, stderr=nobody, check=False)
    os.close(nobody)
    assert done.returncode == {"plan": 8, "--help": 1, "nothing": 64}[arguments[0]]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_full_disk_is_an_error_and_not_a_traceback(form: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*RECONCILER, "validate", EXAMPLES / "production", "--output", form],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[0] == "error: cannot write the output: No space left on device"


def test_closed_outputs_are_no_error_of_their_own() -> None:
    command = '"$@" >&- 2>&-'
    done = subprocess.run(
        ["sh", "-c", command, "sh", *RECONCILER, "validate", EXAMPLES / "production"], check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize(("encoding", "form"), [("ascii", "text"), ("latin-1", "json")])
def test_an_old_encoding_escapes_words_and_leaves_json_as_it_is(shell: Shell, encoding: str, form: str) -> None:
    shell.emulator.store.put_organization(shell.environment.id, external_id="acme", display_name="Äcme")
    shell.declare("acme", "displayName: Åcme")
    variables = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [*RECONCILER, "plan", shell.folder, "--output", form]
    out = subprocess.run(command, stdout=subprocess.PIPE, env=variables, check=True).stdout
    if form == "json":
        assert json.loads(out)["changes"][0]["fields"][0]["after"] == "Åcme"
    else:
        assert b'"\\xc4cme" \\u2192 "\\xc5cme"' in out

"""One run, several formats: one on stdout, the others in files, whatever becomes of the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.quiet import ended
from tests.support.shell import Shell


@pytest.fixture
def files(shell: Shell) -> Path:
    """A folder for output; the manifests are in a work tree whose root is above them."""
    (shell.home / ".git").mkdir()
    made = shell.home / "out"
    made.mkdir()
    return made


def test_text_goes_to_stdout_and_the_others_to_their_files(shell: Shell, files: Path) -> None:
    shell.declare("acme", "displayName: Acme")
    done = shell(
        "plan", shell.folder, "--output", f"sarif={files / 'a'}", "--output", f"gitlab-terraform={files / 'b'}"
    )
    assert done.code == 0
    assert "+ acme" in done.out
    (result,) = json.loads((files / "a").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "manifests/acme.yaml", "relative to the repository, wherever the command was run"
    assert json.loads((files / "b").read_text()) == {"create": 1, "update": 0, "delete": 0}
    done = shell("apply", "--yes", shell.folder, "--output", "json", "--output", f"markdown={files / 'c'}")
    assert done.document["summary"]["applied"] == 1
    assert "Apply: 1 applied" in (files / "c").read_text()


def test_the_variable_names_several(shell: Shell, files: Path) -> None:
    shell.variables.setenv("RECONCILER_OUTPUT", f"json junit={files / 'j'}")
    assert shell("validate", "--allow-empty", shell.folder).document["kind"] == "Validation"
    assert "<testsuite " in (files / "j").read_text()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["plan", "/nowhere"], 8), (["plan", "--no-such-flag"], 64), (["plan", ".", "--api-url", "ftp://x"], 64)],
)
def test_a_command_that_came_to_nothing_says_so_in_every_file(
    shell: Shell, files: Path, arguments: list[str], code: int
) -> None:
    (files / "s").write_text("of an earlier run, which found nothing")
    done = shell(*arguments, "--output", f"sarif={files / 's'}", f"--output=markdown={files / 'm'}")
    assert done.code == code
    assert json.loads((files / "s").read_text())["runs"][0]["invocations"][0]["executionSuccessful"] is False
    assert "No result" in (files / "m").read_text()


def test_invalid_manifests_are_in_the_files_of_a_plan(shell: Shell, files: Path) -> None:
    shell.write("acme.yaml", "x: [")
    done = shell("plan", shell.folder, "--output", f"rdjson={files / 'r'}")
    assert done.code == 8
    (problem, *_) = json.loads((files / "r").read_text())["diagnostics"]
    assert problem["location"]["path"] == "manifests/acme.yaml"


def test_what_is_no_work_tree_is_named_from_where_we_are(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("acme.yaml", "x: [")
    for here, named in ((shell.home, "manifests/acme.yaml"), (shell.folder, "acme.yaml")):
        monkeypatch.chdir(here)
        done = ended("validate", str(shell.folder), "--output", "rdjson")
        assert done.document["diagnostics"][0]["location"]["path"] == named
    monkeypatch.chdir("/usr")
    done = ended("validate", str(shell.folder), "--output", "rdjson")
    assert done.document["diagnostics"][0]["location"]["path"] == f"{shell.folder}/acme.yaml"


@pytest.mark.parametrize("outputs", [["json", "sarif"], ["sarif="], ["yaml=x"], ["json=/nowhere/x"]])
def test_what_cannot_be_written_is_said(shell: Shell, outputs: list[str]) -> None:
    asked = [word for each in outputs for word in ("--output", each)]
    done = shell("validate", "--allow-empty", shell.folder, *asked)
    assert done.code == (1 if outputs == ["json=/nowhere/x"] else 64)
    assert done.err or done.document


def test_a_file_may_be_a_pipe_or_a_device(shell: Shell) -> None:
    done = shell("validate", "--allow-empty", shell.folder, "--output", "json=/dev/null")
    assert (done.code, done.err) == (0, "")
    assert Path("/dev/null").is_char_device()

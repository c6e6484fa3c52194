"""pin: which `id:` lines are missing, and that nothing but them is written."""

from __future__ import annotations

import errno
import json
import os

import pytest
from jsonschema import Draft202012Validator

from reconciler.engine import pin
from reconciler.model.errors import ReconcilerError
from reconciler.source import files, schemas
from tests.support.shell import ENVIRONMENT, Shell

ACME = """\
# Acme, since 2019
apiVersion: reconciler/v1
kind: Organization
metadata: {name: acme}
spec:
  externalId: '4711'   # from billing
  samlConnections:
    - name: okta
  scimDirectories: [{name: okta}]
"""


@pytest.fixture
def unpinned(shell: Shell) -> Shell:
    store = shell.emulator.store
    acme = store.put_organization(shell.environment.id, external_id="4711")
    store.put_connection(acme.id, primary=True)
    store.put_directory(acme.id, primary=True)
    shell.write("acme.yaml", ACME)
    return shell


def test_missing_pins_are_shown_and_nothing_is_written(unpinned: Shell) -> None:
    done = unpinned("pin", unpinned.folder)
    assert done.code == 0
    assert done.out.count("  id: ") == 4
    assert "4 pins missing." in done.out
    assert (unpinned.folder / "acme.yaml").read_text() == ACME


def test_write_inserts_the_lines_and_then_none_is_missing(unpinned: Shell) -> None:
    state = unpinned.emulator.state
    assert unpinned("pin", unpinned.folder, "--write").code == 0

    text = (unpinned.folder / "acme.yaml").read_text()
    assert [line for line in text.splitlines() if "id: " not in line] == [
        line for line in ACME.splitlines() if "scimDirectories" not in line
    ]
    assert unpinned.environment.id in (unpinned.folder / "environment.yaml").read_text()
    done = unpinned("pin", unpinned.folder, "--output", "json")
    document = json.loads(done.out)
    Draft202012Validator(json.loads(schemas.text("pins"))).validate(document)
    assert document["summary"] == {"written": 0, "missing": 0, "blocked": 0}
    assert unpinned("plan", unpinned.folder).out.splitlines()[1].startswith("No changes.")
    assert unpinned.emulator.verbs == {"GET"}
    assert unpinned.emulator.state == state
    assert list(unpinned.folder.glob(".*")) == []


def test_a_file_that_changed_meanwhile_is_left_alone(unpinned: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = ACME.replace("since 2019", "since 2020, moved")
    seen = pin.versions

    def then_edited(folder: str) -> pin.Versions:
        known = seen(folder)
        unpinned.write("acme.yaml", moved)
        return known

    monkeypatch.setattr(pin, "versions", then_edited)
    done = unpinned("pin", unpinned.folder, "--write")
    assert (done.code, pin.CHANGED in done.out) == (4, True)
    assert (unpinned.folder / "acme.yaml").read_text() == moved
    assert unpinned.environment.id in (unpinned.folder / "environment.yaml").read_text()


def test_a_manifest_that_cannot_be_parsed_stops_it_before_anything_is_written(unpinned: Shell) -> None:
    unpinned.write("broken.yaml", "a: [")
    assert unpinned("pin", unpinned.folder, "--write").code == 8
    assert (unpinned.folder / "acme.yaml").read_text() == ACME


def test_a_pin_that_contradicts_is_told_and_stays(unpinned: Shell) -> None:
    text = ACME.replace("spec:\n", f"spec:\n  id: org_{'1' * 25}\n")
    unpinned.write("acme.yaml", text)
    done = unpinned("pin", unpinned.folder, "--write")
    assert (done.code, "1 resource blocked" in done.out) == (4, True)
    assert (unpinned.folder / "acme.yaml").read_text() == text


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_full_disk_leaves_whole_files_and_the_next_run_goes_on(
    unpinned: Shell, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    for number in range(3):
        unpinned.emulator.store.put_organization(unpinned.environment.id, external_id=f"other-{number}")
        unpinned.declare(f"other-{number}", "")
    left, fsync = [written], os.fsync

    def full(handle: int) -> None:
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        fsync(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        done = unpinned("pin", unpinned.folder, "--write")
    assert (done.code, "No space left" in done.err) == (1, True)
    assert list(unpinned.folder.glob(".*")) == []
    document = unpinned("pin", unpinned.folder, "--write", "--output", "json").document
    assert document["summary"]["missing"] == 0
    assert 0 < document["summary"]["written"] <= 7
    assert unpinned("plan", unpinned.folder, "--detailed-exitcode").code == 0


# -- apply --pin -----------------------------------------------------------------------------------


def test_apply_pins_what_it_created_and_what_it_found(unpinned: Shell) -> None:
    unpinned.declare("globex", "displayName: Globex, samlConnections: [{name: okta}], scimDirectories: []")
    done = unpinned("apply", unpinned.folder, "--yes", "--pin")
    assert (done.code, "6 pins written" in done.err, "pin --write" in done.out) == (0, True, False)
    document = unpinned("pin", unpinned.folder, "--output", "json").document
    assert document["summary"] == {"written": 0, "missing": 0, "blocked": 0}
    assert unpinned("plan", unpinned.folder, "--detailed-exitcode").code == 0


def test_apply_pins_the_environment_that_it_made_the_first_organization_of(shell: Shell) -> None:
    shell.declare("globex", "displayName: Globex")
    assert shell("apply", shell.folder, "--yes", "--pin", "--output", "json").document["kind"] == "Report"
    assert shell.environment.id in (shell.folder / "environment.yaml").read_text()


def test_apply_pins_nothing_where_a_guard_refuses(unpinned: Shell) -> None:
    unpinned.write("environment.yaml", f"{ENVIRONMENT}spec: {{limits: {{maxCreates: 0}}}}\n")
    unpinned.declare("globex", "displayName: Globex")
    assert unpinned("apply", unpinned.folder, "--yes", "--pin").code == 6
    assert (unpinned.folder / "acme.yaml").read_text() == ACME


def test_apply_says_which_file_changed_meanwhile(unpinned: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "versions", lambda _: {})
    done = unpinned("apply", unpinned.folder, "--yes", "--pin")
    assert (done.code, f"acme.yaml: {pin.CHANGED}" in done.err) == (4, True)
    assert (unpinned.folder / "acme.yaml").read_text() == ACME


def test_apply_tells_what_it_did_also_where_the_pins_cannot_be_written(
    unpinned: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> bool:
        raise ReconcilerError("cannot write acme.yaml: No space left on device", "Make room.")

    monkeypatch.setattr(files, "replace", full)
    unpinned.declare("globex", "displayName: Globex")
    done = unpinned("apply", unpinned.folder, "--yes", "--pin")
    assert (done.code, "No space left" in done.err, "Done: 1 applied." in done.out) == (4, True, True)

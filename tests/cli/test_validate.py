"""`reconciler validate` in a process of its own: text and JSON, exit code 8, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from reconciler.source import schemas
from tests.support.certificates import private_key
from tests.support.folders import ENVIRONMENT, organization, sound, write

PLAIN = {"PATH": os.environ["PATH"], "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}


def validate(*words: str | bytes, **variables: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate", *words],
        capture_output=True,
        env=PLAIN | variables,
        timeout=60,
        check=False,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in out + err
    assert "internal error" not in out + err
    return done.returncode, out, err


def document(out: str, name: str = "validation") -> Any:
    """The one document on stdout, which keeps its published schema."""
    value = json.loads(out)
    jsonschema_rs.Draft202012Validator(json.loads(schemas.text(name))).validate(value)
    return value


def test_a_valid_folder_is_one_line(tmp_path: Path) -> None:
    sound(tmp_path, {})
    assert validate(str(tmp_path)) == (0, "Valid: 2 manifests in 2 files, 0 errors, 0 warnings.\n", "")
    code, out, err = validate(str(tmp_path), "--output", "json")
    assert (code, err) == (0, "")
    assert document(out) == {
        "apiVersion": "reconciler/v1",
        "kind": "Validation",
        "summary": {"files": 2, "manifests": 2, "errors": 0, "warnings": 0},
        "problems": [],
    }


FOLDERS: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "schema": (
        {"a.yaml": organization(spec="{dispalyName: x, externalId: 4711}")},
        ["schema/unknown-key", "schema/type"],
    ),
    "deep": ({"a.yaml": "[" * 200_000}, ["yaml/too-deep"]),
    "NUL": ({"a.yaml": b"a: \0"}, ["yaml/control-character"]),
    "names": ({os.fsdecode(b"\xff\n\x1b.yaml"): organization()}, ["file/name"]),
    "clash": ({"a.yaml": organization("sound")}, ["name/duplicate", "name/duplicate"]),
    "key": (
        {"a.yaml": organization(spec=f"\n  displayName: {json.dumps(private_key())}")},
        ["schema/form", "secret/in-manifest"],
    ),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_an_invalid_folder_is_exit_code_8_in_text_and_json(tmp_path: Path, case: str) -> None:
    files, rules = FOLDERS[case]
    sound(tmp_path, files)
    code, text, err = validate(str(tmp_path))
    assert (code, err) == (8, "")
    assert text.splitlines()[-1].startswith("Invalid: ")
    assert all(f"[{rule}]" in text for rule in rules)
    assert all(character.isprintable() or character == "\n" for character in text)
    code, out, err = validate(str(tmp_path), "--output", "json")
    assert (code, err) == (8, "")
    assert [each["rule"] for each in document(out)["problems"]] == rules
    body = private_key().splitlines()[1]
    assert body not in text + out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (b"absent", "cannot read absent: it does not exist"),
        (b"", "the name of the folder is empty"),
        (b"no\xff", r"cannot read no\udcff: it does not exist"),
    ],
)
def test_what_cannot_be_read_at_all_is_exit_code_8_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    code, out, err = validate(name, **path)
    assert (code, out) == (8, "")
    assert message in err
    assert "Name the folder of one environment." in err
    code, out, err = validate(name, "--output", "json", **path)
    assert (code, err) == (8, "")
    error = document(out, "error")["error"]
    assert error["code"] == "SourceError"
    assert message in error["message"]


def test_a_folder_without_organizations_may_be_meant(tmp_path: Path) -> None:
    write(tmp_path, {"environment.yaml": ENVIRONMENT})
    assert validate(str(tmp_path))[0] == 8
    assert validate(str(tmp_path), "--allow-empty")[0] == 0


def test_an_output_that_cannot_show_a_character_is_no_reason_to_fail(tmp_path: Path) -> None:
    sound(tmp_path, {"é.yaml": organization(spec='{displayName: "é\\n"}')})
    code, out, _ = validate(str(tmp_path), LC_ALL="C", PYTHONIOENCODING="ascii")
    assert code == 8
    assert "[schema/form]" in out

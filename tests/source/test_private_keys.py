"""A private key that somebody pastes anywhere is never repeated in a message."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.certificate import PRIVATE_KEY
from tests.core.certificates import private_key
from tests.source import mutate
from tests.source.build import ENVIRONMENT, load, organization, sound, write

KEY = private_key()
LINES = KEY.splitlines()
BODY = "".join(LINES[1:-1])
FORMS = {
    "whole": KEY,
    "on one line": KEY.replace("\n", " "),
    "without breaks": KEY.replace("\n", ""),
    "CRLF": KEY.replace("\n", "\r\n"),
    "RSA": KEY.replace("PRIVATE", "RSA PRIVATE"),
    "encrypted": KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"),
    "with words": f"here it is: {KEY} thanks",
    "its body": BODY,
    "a line of it": LINES[1],
}


def assert_not_repeated(folder: Path, body: str = BODY) -> None:
    said = " ".join(f"{each.message} {each.hint} {each.origin}" for each in load(folder).problems)
    pieces = {body[start : start + 16] for start in range(len(body) - 16)}
    assert [piece for piece in sorted(pieces) if piece in said] == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_key_in_place_of_any_value_or_key_of_a_manifest(tmp_path: Path, data: st.DataObject) -> None:
    value: Any = copy.deepcopy(mutate.VALUES[0])
    path = data.draw(st.sampled_from([each for each in mutate.paths(value) if each]))
    form = FORMS[data.draw(st.sampled_from(sorted(FORMS)))]
    parent = value
    for step in path[:-1]:
        parent = parent[step]
    if isinstance(parent, dict) and data.draw(st.booleans()):
        parent[form] = parent.pop(path[-1])
    else:
        parent[path[-1]] = form
    text = pyyaml.safe_dump(value, width=10**9)
    write(tmp_path, {"environment.yaml": ENVIRONMENT, "acme.yaml": text, "other.yaml": text})
    assert_not_repeated(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"{organization()}{KEY}",
        organization(spec=f"\n  certificate: {KEY}"),
        organization(spec="\n  domains:\n" + "".join(f"    - {line}\n" for line in LINES)),
        organization(spec="\n  labels:\n" + "".join(f"    {line}: {line}\n" for line in LINES[1:-1])),
        organization(spec=f"\n  x: !{LINES[1].replace('/', '').replace('+', '')} y1"),
        organization(spec=f"\n  x: *{LINES[1].replace('/', '').replace('+', '')}"),
        organization(name=LINES[1]),
        f"kind: {LINES[1]}",
    ],
    ids=range(9),
)
def test_a_key_pasted_into_the_text_of_a_manifest(tmp_path: Path, text: str) -> None:
    sound(tmp_path, {"acme.yaml": text, "again.yaml": text})
    assert load(tmp_path).problems
    assert_not_repeated(tmp_path)


@pytest.mark.parametrize("form", [name for name in FORMS if "line of" not in name and "body" not in name])
def test_a_key_in_place_of_a_certificate_is_told_with_what_to_do_about_it(tmp_path: Path, form: str) -> None:
    spec = "\n  samlConnections: [{name: a, idp: {certificate: {file: x.pem}}}]"
    sound(tmp_path, {"acme.yaml": organization(spec=spec), "x.pem": FORMS[form]})
    (problem,) = load(tmp_path).problems
    assert problem.rule == "certificate/private-key"
    assert problem.hint == PRIVATE_KEY.hint
    assert_not_repeated(tmp_path)

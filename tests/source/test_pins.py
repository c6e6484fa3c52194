# ruff: noqa: E501 a file and the same file with its pins are compared line below line
"""A pin is inserted where it belongs, and every other byte stays as it is, whatever the file's style."""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml

from reconciler.model.manifest import Origin
from reconciler.source.pins import Insertion, NotInserted, insert
from reconciler.source.yaml import parse

ORG, CONN, DIR = "org_" + "a" * 25, "saml_conn_" + "b" * 25, "scim_directory_" + "c" * 25
HEAD = "apiVersion: reconciler/v1\nkind: Organization\nmetadata: {name: acme}\n"
CHILD = ("spec", "samlConnections", 0)


def pinned(text: str, *pins: tuple[tuple[Any, ...], str]) -> str:
    data = text.encode()
    (document,) = parse(data, "a.yaml").documents
    return insert(data, "a.yaml", [Insertion(document.origin, path, id_) for path, id_ in pins]).decode()


# What stands in a file after `kind` and `metadata`, and what stands there with the pins of spec and child in it.
STYLES = {
    "block": (
        "spec:\n  displayName: Acme # the name\n  samlConnections:\n    - name: okta\n      primary: true\n",
        f"spec:\n  id: {ORG}\n  displayName: Acme # the name\n  samlConnections:\n    - name: okta\n      id: {CONN}\n      primary: true\n",
    ),
    "a list that is not indented, and four columns": (
        "spec:\n    samlConnections:\n    -   name: okta  # ours\n        primary: true\n",
        f"spec:\n    id: {ORG}\n    samlConnections:\n    -   name: okta  # ours\n        id: {CONN}\n        primary: true\n",
    ),
    "the name stands last, and no newline at the end": (
        "spec:\n  samlConnections:\n    - primary: true\n      name: okta",
        f"spec:\n  id: {ORG}\n  samlConnections:\n    - primary: true\n      name: okta\n      id: {CONN}",
    ),
    "flow": (
        "spec: {samlConnections: [{name: okta, primary: true}]}\n",
        f"spec: {{id: {ORG}, samlConnections: [{{name: okta, id: {CONN}, primary: true}}]}}\n",
    ),
    "flow over several lines": (
        "spec: {\n  samlConnections: [\n    {name: 'okta'},\n  ],\n}\n",
        f"spec: {{\n  id: {ORG}, samlConnections: [\n    {{name: 'okta', id: {CONN}}},\n  ],\n}}\n",
    ),
    "JSON": (
        'spec: {"samlConnections": [{"name": "okta"}]}\n',
        f'spec: {{"id": "{ORG}", "samlConnections": [{{"name": "okta", "id": "{CONN}"}}]}}\n',
    ),
    "comments before and between": (
        "spec:\n  # first\n\n  samlConnections:\n    # the one\n    - name: okta\n\n      # later\n      primary: true\n# end\n",
        f"spec:\n  # first\n\n  id: {ORG}\n  samlConnections:\n    # the one\n    - name: okta\n      id: {CONN}\n\n      # later\n      primary: true\n# end\n",
    ),
    "a child with an anchor": (
        "spec:\n  samlConnections:\n    - &okta\n      name: okta\n",
        f"spec:\n  id: {ORG}\n  samlConnections:\n    - &okta\n      name: okta\n      id: {CONN}\n",
    ),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("before", ["", "\ufeff", "# a comment\n---\n"])
def test_pins_stand_where_a_person_would_write_them(style: str, line_end: str, before: str) -> None:
    text, expected = (before + HEAD.join(("", each)) for each in STYLES[style])
    made = pinned(text.replace("\n", line_end), (("spec",), ORG), (CHILD, CONN))
    assert made == expected.replace("\n", line_end)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "kind: Environment\nmetadata: {name: p}\n",
            f"kind: Environment\nmetadata: {{name: p}}\nspec: {{id: {ORG}}}\n",
        ),
        (
            "kind: Environment\nmetadata:\n  name: p # p\n# end\n",
            f"kind: Environment\nmetadata:\n  name: p # p\nspec: {{id: {ORG}}}\n# end\n",
        ),
        (
            "kind: Environment\nspec:\nmetadata: {name: p}\n",
            f"kind: Environment\nspec: {{id: {ORG}}}\nmetadata: {{name: p}}\n",
        ),
        (
            "{kind: Environment, metadata: {name: p}}\n",
            f"{{kind: Environment, metadata: {{name: p}}, spec: {{id: {ORG}}}}}\n",
        ),
        ("kind: Environment\nspec: {}\n", f"kind: Environment\nspec: {{id: {ORG}}}\n"),
    ],
)
def test_an_environment_gets_its_pin_with_or_without_a_spec(text: str, expected: str) -> None:
    assert pinned(text, (("spec",), ORG)) == expected


def test_several_documents_of_one_file_are_pinned_each_by_its_place() -> None:
    text = f"{HEAD}spec: {{displayName: A}}\n---\n{HEAD}spec:\n  displayName: B\n"
    documents = parse(text.encode(), "a.yaml").documents
    ids = [f"org_{letter * 25}" for letter in "xy"]
    made = insert(
        text.encode(),
        "a.yaml",
        [Insertion(each.origin, ("spec",), id_) for each, id_ in zip(documents, ids, strict=True)],
    )
    assert [each["spec"]["id"] for each in yaml.safe_load_all(made)] == ids


ALIASED = f"{HEAD}spec:\n  samlConnections: &list\n    - name: okta\n  scimDirectories: *list\n"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (ALIASED, CHILD),
        (f"{HEAD}spec: {{a: 1, a: 2}}\n", ("spec",)),
        (f"{HEAD}spec: [\n", ("spec",)),
        (f"{HEAD}spec: {{samlConnections: []}}\n", CHILD),
        (f"{HEAD}spec: {{samlConnections: [okta]}}\n", CHILD),
        (f"{HEAD}spec:\n  samlConnections:\n    - primary: true\n", CHILD),
        (f"{HEAD}spec: null\n", ("spec",)),
        (f"{HEAD}spec:\n  ? displayName\n  : Acme\n", ("spec",)),
    ],
)
def test_a_place_that_is_not_certain_is_left_to_a_person(text: str, path: tuple[Any, ...]) -> None:
    with pytest.raises(NotInserted) as caught:
        insert(text.encode(), "a.yaml", [Insertion(Origin("a.yaml", 1, 1), path, CONN)])
    assert caught.value.reason


def test_a_document_that_is_no_longer_there_is_left_alone() -> None:
    with pytest.raises(NotInserted, match="not where it was read"):
        insert(HEAD.encode(), "a.yaml", [Insertion(Origin("a.yaml", 9, 1), ("spec",), ORG)])


# -- a thousand odd files ----------------------------------------------------------------------------


def odd_scalar(rng: random.Random, text: str) -> str:
    return rng.choice([text, f"'{text}'", f'"{text}"'])


def odd_child(rng: random.Random, name: str, indent: str, dash: str) -> list[str]:
    """A child in block or flow style, with comments, blank lines and keys in any order."""
    entries = [f"name: {odd_scalar(rng, name)}", "primary: false"]
    if rng.random() < 0.5:
        entries.append(f"idp: {{entityId: {odd_scalar(rng, 'https://idp.example/' + name)}}}")
    rng.shuffle(entries)
    if rng.random() < 0.3:
        blank = rng.choice(["", " "])
        return [f"{indent}{dash}{{{blank}{', '.join(entries)}{blank}}}"]
    lines = []
    for number, entry in enumerate(entries):
        lead = indent + (dash if number == 0 else " " * len(dash))
        lines.append(lead + entry + rng.choice(["", "", "  # a note", " "]))
        if rng.random() < 0.2:
            lines.append(rng.choice(["", f"{indent}{' ' * len(dash)}# between"]))
    return lines


def odd_manifest(rng: random.Random, number: int) -> tuple[str, list[tuple[tuple[Any, ...], str]]]:
    """A sound manifest of an odd style, and the pins that it lacks."""
    step = " " * rng.choice([1, 2, 3, 4, 8])
    lines = rng.sample(
        ["apiVersion: reconciler/v1", "kind: Organization", f"metadata: {{name: acme-{number}}}"], 3
    )
    if rng.random() < 0.3:
        lines.insert(0, rng.choice(["# top", "---", "%YAML 1.1\n---"]))
    lines.append("spec:" + rng.choice(["", "  # what it is"]))
    spec = [f"{step}displayName: {odd_scalar(rng, 'Acme')}"]
    pins: list[tuple[tuple[Any, ...], str]] = [(("spec",), f"org_{number:025}")]
    for key, prefix in (("samlConnections", "saml_conn_"), ("scimDirectories", "scim_directory_")):
        count = rng.randint(0, 3)
        if not count:
            continue
        dash = "-" + " " * rng.choice([1, 1, 1, 3])
        block = [f"{step}{key}:"]
        indent = step + rng.choice(["", "  ", "    "])
        for index in range(count):
            block += odd_child(rng, f"c{index}", indent, dash)
            pins.append((("spec", key, index), f"{prefix}{number * 10 + index:025}"))
        spec = [*spec, *block] if rng.random() < 0.5 else [*block, *spec]
    text = "\n".join([*lines, *spec])
    text += rng.choice(["\n", "\n", "", "\n\n", "\n# end\n"])
    if rng.random() < 0.3:
        text = text.replace("\n", "\r\n")
    return text, pins


def test_a_thousand_manifests_of_odd_styles_get_nothing_but_their_pins() -> None:
    for number in range(1000):
        rng = random.Random(number)
        text, pins = odd_manifest(rng, number)
        wanted = yaml.load(text, yaml.CSafeLoader)
        for path, id_ in pins:
            holder = wanted
            for part in path:
                holder = holder[part]
            holder["id"] = id_
        try:
            made = pinned(text, *pins)
        except NotInserted as error:
            pytest.fail(f"seed {number}: {error.reason}\n{text}")
        assert yaml.load(made, yaml.CSafeLoader) == wanted, f"seed {number}"
        kept = iter(made.splitlines(keepends=True))
        flow = {line for line in text.splitlines(keepends=True) if "{" in line}
        for line in text.splitlines(keepends=True):
            if line not in flow:
                bare = line.rstrip("\r\n")
                assert any(each.rstrip("\r\n") == bare for each in kept), f"seed {number}: {line!r} was touched"

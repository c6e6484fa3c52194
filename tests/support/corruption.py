"""Breaks manifests in the ways that people and accidents do: texts, and values."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from reconciler.source.yaml import parse

EXAMPLES = Path(__file__).parent.parent.parent / "manifests"
FULL = """\
# yaml-language-server: $schema=../../schemas/organization.schema.json
apiVersion: reconciler/v1
kind: Organization
metadata:
  name: acme
  labels: {tier: enterprise}
  annotations: {team: identity}
spec:
  externalId: "4711"
  id: org_1111111111111111111111111
  ownership: full
  suspend: later
  distinctFrom: [org_2222222222222222222222222]
  displayName: Acme Corporation
  domains: [acme.example, acme-labs.example]
  samlConnections:
    - name: okta
      id: saml_conn_1111111111111111111111111
      primary: true
      idp: &idp
        entityId: http://www.okta.example/exk1
        redirectUrl: https://acme.okta.example/sso
        certificate: {pem: "-----BEGIN CERTIFICATE-----"}
    - name: entra
      idp: {metadata: {file: idp/acme.xml}}
  scimDirectories:
    - {name: okta, primary: true, bearerToken: issue}
  setupLink: {scim: false, saml: false}
---
apiVersion: reconciler/v1
kind: Environment
metadata: {name: production}
spec:
  id: env_1111111111111111111111111
  limits: {maxChangedPercent: 30, maxCreates: 100}
  domains: {forbidShared: true, forbidPublicMail: true}
  certificates: {warnDays: 30}
"""
TEXTS = [FULL, *(path.read_text() for path in sorted(EXAMPLES.rglob("*.yaml")))]
VALUES = [document.value for document in parse(FULL.encode(), "full").documents]

PIECES = st.sampled_from(
    [
        "\t", "\n", " ", "  ", "\r\n", "---\n", "...\n", "- ", ": ", "? ", "{", "}", "[", "]", ",", "#",
        "&a ", "*a", "*idp",
        "!", "!!str ", "!!int ", "!x ", "'", '"', "\\", "|\n", ">\n", "<<: ", "%YAML 1.1\n",
        "@", "`", "no", "0123", "1:20",
        "\x00", "\x07", "\x85", "\u2028", "\ufeff", "\ud7ff", "\ufffe", "é", "😀", "~", "null",
        "2026-11-24", "a: 1\n",
    ]
)  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A manifest with some pieces put in, and some lines or characters taken out, doubled or swapped."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        match draw(st.sampled_from(["insert", "insert", "cut", "double", "truncate"])):
            case "insert":
                text = text[:at] + draw(PIECES) + text[at:]
            case "cut":
                text = text[:at] + text[at + draw(st.integers(1, 40)) :]
            case "double":
                text = text[:at] + text[at : at + draw(st.integers(1, 80))] + text[at:]
            case _:
                text = text[:at]
    return text


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**6),
    st.sampled_from([0.5, 1.0, 100.5, -0.0]),
    st.sampled_from(
        [
            "",
            "acme",
            "Acme",
            "acme\n",
            "-a",
            "a-",
            "a" * 63,
            "a" * 64,
            "x" * 255,
            "x" * 256,
            "x\ny",
            "x\u0000",
            "\x7f",
            "é" * 255,
        ]
    ),
    st.sampled_from(
        ["org_" + "1" * 25, "org_" + "1" * 25 + "\n", "saml_conn_" + "z" * 25, "env_" + "A" * 25, "issue", "full"]
    ),
    st.text(max_size=6),
)
ANY = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "id", "file", "pem", "idp", "x", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in a value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(below for key, member in members for below in paths(member, (*path, key)))]


@st.composite
def values(draw: st.DrawFn) -> Any:
    """A sound Organization or Environment with some of its members replaced, removed, added or multiplied."""
    value = copy.deepcopy(draw(st.sampled_from(VALUES)))
    for _ in range(draw(st.integers(0, 3))):
        kind = value["kind"]
        path = draw(st.sampled_from([each for each in paths(value) if each and each != ("kind",)]))
        parent = value
        for step in path[:-1]:
            parent = parent[step]
        match draw(st.sampled_from(["replace", "remove", "add", "multiply"])):
            case "replace":
                parent[path[-1]] = draw(ANY)
            case "remove":
                del parent[path[-1]]
            case "add" if isinstance(parent, dict):
                parent[draw(st.sampled_from(["x", "displayNam", "id", "", "k" * 256]))] = draw(ANY)
            case "multiply" if isinstance(parent, list):
                parent.extend([parent[path[-1]]] * draw(st.sampled_from([1, 100, 200])))
            case _:
                parent[path[-1]] = draw(SCALARS)
        assert value["kind"] == kind
    return value

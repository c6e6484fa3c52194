"""Files made to hurt: each is refused in words, within a second of computing and 200 MB, in its own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import MD, der, entity, pem, pem_of
from tests.support.folders import ENVIRONMENT, organization, write
from tests.support.measured import measuring

MAX_CPU_S = 1.0
MAX_RESIDENT_MB = 200
NINE = ", ".join(["*{}"] * 9)
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{NINE.replace('{}', chr(97 + n))}]\n" for n in range(12)
)
MERGES = "a: &a {x: 1, z: 2}\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} {{<<: [{NINE.replace('{}', chr(97 + n))}]}}\n" for n in range(12)
)
CERTIFICATE = "\n  samlConnections: [{name: a, idp: {certificate: {file: x.pem}}}]"
METADATA = "\n  samlConnections: [{name: a, idp: {metadata: {file: x.xml}}}]"
NAMED = organization().partition("spec")[0]
ENTITIES = '<!DOCTYPE x [<!ENTITY a "xxxxxxxxxx">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12)
)

# what it is → the files, the rule and the place of one of its problems
CASES: dict[str, tuple[dict[str, str | bytes], str, str]] = {
    "a billion laughs": ({"x.yaml": LAUGHS}, "yaml/too-many-values", "x.yaml:5:36"),
    "a billion merges": ({"x.yaml": MERGES}, "yaml/merge-key", "x.yaml:2:8"),
    "200,000 deep in brackets": ({"x.yaml": "[" * 200_000}, "yaml/too-deep", "x.yaml:1:65"),
    "200,000 deep in braces": ({"x.yaml": "{a: " * 200_000}, "yaml/too-deep", "x.yaml:1:257"),
    "200,000 deep as JSON": ({"x.yaml": '{"a":[' * 100_000 + "]}" * 100_000}, "yaml/too-deep", "x.yaml:1:193"),
    "200,000 items in items": ({"x.yaml": "- " * 200_000}, "yaml/too-deep", "x.yaml:1:129"),
    "1,000 deep by indentation": (
        {"x.yaml": "".join(f"{' ' * n}a:\n" for n in range(1_000))},
        "yaml/too-deep",
        "x.yaml:65:65",
    ),
    "a million question marks": ({"x.yaml": "? " * 500_000}, "yaml/key-not-text", "x.yaml:1:3"),
    "a million values": ({"x.yaml": "[" + "1," * 500_000 + "]"}, "yaml/too-many-values", "x.yaml:1:120000"),
    "a million anchors": ({"x.yaml": "".join(f"- &a{n} x\n" for n in range(50_000))}, "schema/type", "x.yaml:1:1"),
    "200 documents that are not YAML": (
        {"x.yaml": f"---\na: [{'b, ' * 1_500}\n" * 200},
        "yaml/syntax",
        "x.yaml:3:1",
    ),
    "25,000 unknown keys": (
        {"x.yaml": NAMED + "spec:\n" + "".join(f"  displayNam{n}: 1\n" for n in range(25_000))},
        "schema/unknown-key",
        "x.yaml:5:3",
    ),
    "50,000 domains": (
        {"x.yaml": organization(spec="{domains: [" + "A.example," * 50_000 + "]}")},
        "schema/too-many",
        "x.yaml:4:8",
    ),
    "15,000 connections without a name": (
        {"x.yaml": organization(spec="{samlConnections: [" + "{x: 1}," * 15_000 + "]}")},
        "schema/too-many",
        "x.yaml:4:8",
    ),
    "a number of a million digits": (
        {"x.yaml": organization(spec="{displayName: " + "1" * 1_000_000 + "}")},
        "schema/too-long",
        "x.yaml:4:8",
    ),
    "a time of a million parts": (
        {"x.yaml": organization(spec="{displayName: 1" + ":1" * 400_000 + "}")},
        "schema/too-long",
        "x.yaml:4:8",
    ),
    "a key of a million characters": (
        {"x.yaml": organization(spec="\n  ? " + "k" * 900_000 + "\n  : 1")},
        "schema/unknown-key",
        "x.yaml:5:5",
    ),
    "a name of a million characters": (
        {"x.yaml": organization(name="-" + "a" * 900_000)},
        "schema/form",
        "x.yaml:3:12",
    ),
    "a file of more than a megabyte": ({"x.yaml": "#" * 1_100_000}, "yaml/too-large", "x.yaml:1:1"),
    "a certificate that claims 2 GB": (
        {"x.yaml": organization(spec=CERTIFICATE), "x.pem": pem_of(b"\x30\x84\x7f\xff\xff\xff" + der()[4:])},
        "certificate/unreadable",
        "x.yaml:5:51",
    ),
    "a certificate of four megabytes": (
        {"x.yaml": organization(spec=CERTIFICATE), "x.pem": pem().replace("\n", "\n" + "A" * 4_000_000, 1)},
        "certificate/unreadable",
        "x.yaml:5:51",
    ),
    "a million BEGIN lines": (
        {"x.yaml": organization(spec=CERTIFICATE), "x.pem": "-----BEGIN CERTIFICATE-----\n" * 140_000},
        "certificate/several",
        "x.yaml:5:51",
    ),
    "metadata 200,000 deep": (
        {"x.yaml": organization(spec=METADATA), "x.xml": "<a>" * 200_000},
        "metadata/too-deep",
        "x.yaml:5:48",
    ),
    "metadata with a billion laughs": (
        {"x.yaml": organization(spec=METADATA), "x.xml": f"{ENTITIES}]><x>&m;</x>"},
        "metadata/dtd",
        "x.yaml:5:48",
    ),
    "metadata with 60,000 attributes": (
        {
            "x.yaml": organization(spec=METADATA),
            "x.xml": entity(names=MD + "".join(f' a{n}="{n}"' for n in range(60_000))) + "<",
        },
        "metadata/not-xml",
        "x.yaml:5:48",
    ),
    "metadata with 100,000 roles": (
        {"x.yaml": organization(spec=METADATA), "x.xml": entity(*["<IDPSSODescriptor/>"] * 50_000)},
        "metadata/several-idps",
        "x.yaml:5:48",
    ),
}


@pytest.fixture(scope="module")
def measured() -> Iterator[Callable[[Path], Any]]:
    with measuring() as read:
        yield read


@pytest.mark.parametrize("case", CASES)
def test_a_file_made_to_hurt_is_refused_quickly_and_in_little_memory(
    tmp_path: Path, measured: Callable[[Path], Any], case: str
) -> None:
    files, rule, place = CASES[case]
    seen = measured(write(tmp_path, {"environment.yaml": ENVIRONMENT, **files}))
    assert [rule, place] in [problem[:2] for problem in seen["problems"]]
    assert all(len(text) < 700 for problem in seen["problems"] for text in problem)
    assert all(problem[3] for problem in seen["problems"])
    assert len(seen["problems"]) <= 500
    assert seen["cpu_s"] < MAX_CPU_S
    assert seen["resident_mb"] < MAX_RESIDENT_MB

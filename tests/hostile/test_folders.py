"""No folder hangs or floods a check: each ends within 10 s of computing, 500 MB and 1,000 problems."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.values.problems import MAX_PROBLEMS
from tests.support.certificates import entity, pem
from tests.support.folders import ENVIRONMENT, organization, write
from tests.support.measured import measuring

MAX_CPU_S = 10.0  # for 20 MB
MAX_RESIDENT_MB = 500
Files = dict[str, str]


def connections(count: int, idp: str) -> str:
    """A manifest with so many connections."""
    inner = ", ".join(f"{{name: a{number}, idp: {{{idp}}}}}" for number in range(count))
    return organization(spec=f"\n  samlConnections: [{inner}]")


def many(count: int, text: Callable[[int], str]) -> Files:
    return {f"x{number}.yaml": text(number) for number in range(count)}


LARGE = entity().replace("<IDPSSO", f"{'<a/>' * 100_000}<IDPSSO", 1)
WORDS = ", ".join(f"d{number}.example" for number in range(1_900))
# what it is → its files, the rule of one of its problems, and where that stands
CASES: dict[str, tuple[Files, str, str]] = {
    "a domain of a megabyte of dots and blanks": (
        {"x.yaml": organization(spec=f"{{domains: ['{'. ' * 500_000}']}}")},
        "domain/form",
        "x.yaml:4:18",
    ),
    "six aliases of it": (
        {"x.yaml": organization(spec=f"\n  domains: [&a '{'. ' * 500_000}'{', *a' * 6}]")},
        "domain/form",
        "x.yaml:5:13",
    ),
    "one metadata file referred to 200 times": (
        {"x.yaml": connections(200, "metadata: {file: x.xml}"), "x.xml": LARGE},
        "primary/none",
        "x.yaml:5:3",
    ),
    "one metadata file referred to from 20 manifests": (
        {**many(20, lambda _: connections(20, "metadata: {file: x.xml}")), "x.xml": LARGE},
        "name/duplicate",
        "x0.yaml:3:12",
    ),
    "one certificate referred to 200 times": (
        {"x.yaml": connections(200, "certificate: {file: x.pem}"), "x.pem": "x" * 1_000_000 + f"\n{pem()}"},
        "primary/none",
        "x.yaml:5:3",
    ),
    "a name of 900 kB 6 times": (
        many(6, lambda _: organization(name="a" * 900_000)),
        "schema/too-long",
        "x0.yaml:3:12",
    ),
    "a domain of 900 kB 6 times": (
        many(6, lambda number: organization(name=f"n{number}", spec=f"{{domains: [{'a' * 900_000}]}}")),
        "domain/form",
        "x0.yaml:4:18",
    ),
    "deep in each of 4 files": (many(4, lambda _: ("- " * 60 + "a\n") * 100), "schema/type", "x0.yaml:1:1"),
    "wide in each of 3 files": (many(3, lambda _: f"[{'1,' * 59_000}]"), "schema/type", "x0.yaml:1:1"),
    "1,000 documents in each of 60 files": (many(60, lambda _: "--- 1\n" * 1_000), "SourceError", ""),
    "one organization 3,000 times": (many(3, lambda _: "---\n".join([organization()] * 1_000)), *("", "")),
    "the same domains in 8 organizations": (
        many(8, lambda number: organization(f"a{number}", f"{{domains: [{WORDS}]}}")),
        "domain/shared",
        "x0.yaml:4:18",
    ),
    "unknown keys in 400 documents": (
        many(400, lambda number: organization(f"a{number}", f"{{{', '.join(f'k{n}: 1' for n in range(40))}}}")),
        "schema/unknown-key",
        "x0.yaml:4:8",
    ),
    "1,100 files that are no YAML": (many(1_100, lambda _: "a: [b"), "yaml/syntax", "x0.yaml:1:6"),
    "60 broken documents below 400,000 comments": (
        {"x.yaml": "#\n" * 400_000 + "--- a: [\n" * 60},
        "yaml/syntax",
        "x.yaml:400001:6",
    ),
    "a secret in 1,900 texts": (
        {"x.yaml": organization(spec="{domains: [" + f"ssoready_sk_{'a' * 25}," * 1_900 + "]}")},
        "secret/in-manifest",
        "x.yaml:4:18",
    ),
    "an address of a megabyte of @": (
        {"x.yaml": connections(1, f"redirectUrl: 'https://{'@' * 1_000_000}'")},
        "address/form",
        "x.yaml:5:38",
    ),
    "a million letters of a private key": (
        {"x.yaml": organization(spec="{displayName: '" + "-----BEGIN PRIVATE KEY-----" * 37_000 + "'}")},
        "secret/in-manifest",
        "x.yaml:4:8",
    ),
}


@pytest.fixture(scope="module")
def measured() -> Iterator[Callable[[Path], Any]]:
    with measuring() as read:
        yield read


def _bounded(seen: Any) -> None:
    assert seen, "the process died"
    assert len(seen["problems"]) <= MAX_PROBLEMS
    assert all(len(text) < 700 for problem in seen["problems"] for text in problem)
    assert seen["cpu_s"] < MAX_CPU_S
    assert seen["resident_mb"] < MAX_RESIDENT_MB


@pytest.mark.parametrize("case", CASES)
def test_a_folder_made_to_hurt_ends_within_its_bounds(
    case: str, tmp_path: Path, measured: Callable[[Path], Any]
) -> None:
    files, rule, place = CASES[case]
    seen = measured(write(tmp_path, {"environment.yaml": ENVIRONMENT, **files}))
    _bounded(seen)
    found = [problem[:2] for problem in seen["problems"]]
    assert [rule, place] in found or (not rule and len(found) == MAX_PROBLEMS)


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["links", "hard links"])
def test_300_names_of_one_file_are_one_manifest(
    link: Callable[[Path, Path], None], tmp_path: Path, measured: Callable[[Path], Any]
) -> None:
    write(tmp_path, {"environment.yaml": ENVIRONMENT, "a.yaml": f"[{'1,' * 50_000}]"})
    for number in range(300):
        link(tmp_path / "a.yaml", tmp_path / f"l{number}.yaml")
    seen = measured(tmp_path)
    _bounded(seen)
    assert ["file/twice", "l0.yaml:1:1"] in [problem[:2] for problem in seen["problems"]]
    assert seen["cpu_s"] < MAX_CPU_S / 4


@pytest.mark.parametrize("command", ["validate", "plan"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_the_middle(command: str, number: int, tmp_path: Path) -> None:
    """Also while a plan reads the folder inside of an event loop, where a signal would wait."""
    folder = write(
        tmp_path / "m", {"environment.yaml": ENVIRONMENT, **many(20, lambda _: "[" + "1," * 49_000 + "]")}
    )
    environment = {
        "PATH": os.environ["PATH"],
        "SSOREADY_API_URL": "https://127.0.0.1:1",
        "SSOREADY_API_KEY": "ssoready_sk_" + "a" * 25,
    }
    started = [sys.executable, "-P", "-c", STARTED, command, str(folder)]
    with subprocess.Popen(started, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()  # the first file is being read
        process.send_signal(number)
        sent = time.monotonic()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 5
    assert b"Traceback" not in err
    assert time.monotonic() - sent < 5


STARTED = """
import sys
from reconciler.source import snapshot
parse = snapshot.parse
def told(data, name):
    if name.startswith("x"):
        print("reading", flush=True)
    return parse(data, name)
snapshot.parse = told
from reconciler.__main__ import main
main()
"""

"""What the project is made of is known, licensed, pinned, and looked up for known advisories."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tools import audit, sbom

FOUND = sbom.packages(sbom.LOCK.read_text())
SOUND = {"name": "a", "version": "1", "vulns": []}
UNKNOWN = {"name": "b", "skip_reason": "not found"}
ADVISED = {"name": "c", "version": "2", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]}


def test_every_locked_package_is_in_the_bill_with_its_hashes_and_licence() -> None:
    bill = sbom.bill(FOUND, "1.0")
    assert bill == sbom.bill(sbom.packages(sbom.LOCK.read_text()), "1.0")
    assert len(bill["components"]) == len(re.findall(r"^[a-z0-9.-]+==", sbom.LOCK.read_text(), re.MULTILINE))
    for each in bill["components"]:
        assert each["purl"].endswith(f"@{each['version']}")
        assert each["properties"]
        assert each["licenses"][0]["license"]["name"]
    json.dumps(bill)


def test_the_notice_has_the_licence_of_each() -> None:
    """`make sbom` writes it anew."""
    assert (ROOT / "NOTICE").read_text() == sbom.notice(FOUND)


@pytest.mark.parametrize(
    ("document", "code", "said"),
    [
        (None, 0, "SKIPPED"),
        ({}, 0, "SKIPPED"),
        ([], 0, "SKIPPED"),
        ({"dependencies": []}, 0, "SKIPPED"),
        ({"dependencies": [UNKNOWN, UNKNOWN]}, 0, "SKIPPED"),  # pip-audit itself calls this a success
        ({"dependencies": [SOUND]}, 0, "1 packages, no known advisories"),
        ({"dependencies": [SOUND, UNKNOWN]}, 1, "not every package was looked at: b"),
        ({"dependencies": [SOUND, ADVISED, UNKNOWN]}, 1, "c 2: CVE-1, CVE-2"),
    ],
)
def test_an_audit_that_could_not_look_says_so_and_advisories_fail_it(document: Any, code: int, said: str) -> None:
    found = audit.verdict(document)
    assert found[0] == code
    assert said in found[1]


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda lock: lock.name)
def test_every_requirement_of_a_lock_is_pinned_with_hashes_and_without_an_address(lock: Any) -> None:
    text = lock.read_text()
    for each in re.split(r"\n(?=[A-Za-z])", text):
        assert re.match(r"[A-Za-z0-9_.\[\]-]+==", each), each[:40]
        assert "--hash=sha256:" in each
    assert "://" not in text


def test_what_is_installed_comes_from_the_locks() -> None:
    for name in ("Makefile", "Dockerfile"):
        for line in re.findall(r"pip .*install.*", (ROOT / name).read_text()):
            assert "--require-hashes" in line or "--no-deps" in line, line

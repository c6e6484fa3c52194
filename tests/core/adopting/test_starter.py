"""Which files a new repository begins with."""

from __future__ import annotations

import pytest

from reconciler.core.adopting.starter import ENVIRONMENT, starter


@pytest.mark.parametrize(
    ("checks", "owners"),
    [
        ({}, ".github/CODEOWNERS"),
        ({".github/workflows/x.yml": "on: push\n"}, ".github/CODEOWNERS"),
        ({".gitlab-ci.yml": "include: []\n"}, "CODEOWNERS"),
    ],
)
def test_each_platform_has_its_checks_and_its_place_for_owners(checks: dict[str, str], owners: str) -> None:
    files = {file.path: file.text for file in starter(checks)}
    assert {owners: files[owners], **checks}.items() <= files.items()
    assert set(files) - {owners, *checks} == {file.path for file in starter({})} - {".github/CODEOWNERS"}
    assert all(text.endswith("\n") for text in files.values())
    assert ENVIRONMENT in files[".pre-commit-config.yaml"]

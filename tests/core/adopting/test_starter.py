"""Which files a new repository begins with."""

from __future__ import annotations

import pytest

from reconciler.core.adopting.starter import CI, ENVIRONMENT, starter


@pytest.mark.parametrize(
    ("ci", "own"),
    [
        (None, {".github/CODEOWNERS"}),
        (CI.GITHUB, {".github/CODEOWNERS", ".github/workflows/reconciler.yml"}),
        (CI.GITLAB, {"CODEOWNERS", ".gitlab-ci.yml"}),
    ],
)
def test_each_ci_has_its_checks_and_its_place_for_owners(ci: CI | None, own: set[str]) -> None:
    files = {file.path: file.text for file in starter(ci)}
    assert own <= set(files)
    assert set(files) - own == {file.path for file in starter(None)} - {".github/CODEOWNERS"}
    assert all(text.endswith("\n") and "{{" not in text.replace("${{", "") for text in files.values())
    assert ENVIRONMENT in files[".pre-commit-config.yaml"]

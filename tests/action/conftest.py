"""Gives the tests of the action a GitHub on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fake_github import FakeGitHub, serving


@pytest.fixture
def fake() -> Iterator[FakeGitHub]:
    with serving() as fake:
        yield fake

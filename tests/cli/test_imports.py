"""Quick commands stay quick: what is slow to import is loaded by the commands that need it alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shell import EXAMPLES

SLOW = {
    *("aiolimiter", "httpx", "jsonschema", "prometheus_client", "rich", "starlette", "structlog"),
    *("uvicorn", "watchfiles"),
}
NOT_FOR_HELP = SLOW | {"cryptography.x509", "jsonschema_rs", "publicsuffixlist", "yaml", "asyncio"}
LOADED = """
import sys
from reconciler.cli.main import run
code = run(sys.argv[1:])
sys.stderr.write(" ".join(sorted(sys.modules)))
raise SystemExit(code)
"""


def loaded(*arguments: str | Path) -> set[str]:
    """The modules that a command line needed."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, arguments)], capture_output=True, check=True, timeout=60
    )
    return set(done.stderr.decode().split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("schema", "plan", "--help")])
def test_help_loads_nothing_slow(arguments: tuple[str, ...]) -> None:
    assert not loaded(*arguments) & NOT_FOR_HELP


def test_validating_sound_manifests_loads_no_network_and_no_server() -> None:
    modules = loaded("validate", EXAMPLES / "production")
    assert not modules & SLOW
    assert "cryptography.x509" in modules


def test_the_help_of_a_command_loads_no_network() -> None:
    assert not loaded("apply", "--help") & SLOW

"""A command loads what it needs and no more: that is most of the time that it takes to start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import json, sys
from reconciler.cli.main import run
code = run(sys.argv[1:])
print()
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
HEAVY = {
    "aiolimiter", "anyio", "asyncio", "httpcore", "httpx", "jsonschema", "prometheus_client", "referencing",
    "rich", "sniffio", "ssl", "starlette", "structlog", "uvicorn", "watchfiles",
}  # fmt: skip
PARSERS = {"cryptography", "defusedxml", "idna", "jsonschema_rs", "publicsuffixlist", "yaml"}


def loaded(*words: str) -> tuple[int, set[str]]:
    """The exit code of a command in a process of its own, and what it has imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


def test_validating_a_valid_folder_loads_no_network_no_logs_and_no_words_for_faults() -> None:
    code, modules = loaded("validate", "manifests/production")
    assert code == 0
    assert modules & HEAVY == set()
    assert modules >= PARSERS - {"defusedxml"}


def test_validating_an_invalid_folder_loads_no_network_either(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Organization\n")
    code, modules = loaded("validate", str(tmp_path))
    assert code == 8
    assert modules & (HEAVY - {"jsonschema", "referencing"}) == set()
    assert "jsonschema" in modules


def test_help_and_the_version_load_no_parsers() -> None:
    for words in (["--help"], ["--version"], []):
        _, modules = loaded(*words)
        assert modules & (HEAVY | PARSERS) == set()

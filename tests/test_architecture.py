"""House rules, kept by a test: floors, purity, sizes, names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "reconciler"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

# Imports go strictly down, and within a floor only inside one room.
FLOORS = {
    "model": 0,
    "core": 1,
    "render": 1,
    "source": 2,
    "api": 2,
    "delivery": 2,
    "emulator": 2,
    "engine": 3,
    "daemon": 4,
    "cli": 5,
    "logs": 5,
    "__main__": 6,
}
SHARED_FLOOR = {"cli", "logs"}  # the command line sets the logs up
IMPURE = {
    "asyncio", "datetime", "glob", "http", "httpx", "io", "logging", "os", "pathlib", "random", "secrets",
    "shutil", "signal", "socket", "ssl", "structlog", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib",
}  # fmt: skip
PURE_PARTS = {"datetime", "urllib"}  # types and parsing; the clock and the network in them are banned below
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "handler", "misc"}
MAX_FUNCTION_LINES = 70
MAX_MODULE_LINES = 400


def room(path: Path) -> str:
    """The first part of a module's path below the package."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> list[str]:
    """All modules that a file imports, anywhere in it, with the names imported from the package's own."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def own(path: Path) -> set[str]:
    """The rooms of the package that a file imports from."""
    rooms = {name.split(".")[1] for name in imported(path) if name.startswith("reconciler.")}
    return rooms & set(FLOORS)


def identify(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) != "__init__"], ids=identify)
def test_imports_go_down(path: Path) -> None:
    here = room(path)
    for other in own(path) - {here}:
        allowed = FLOORS[other] < FLOORS[here] or {here, other} == SHARED_FLOOR
        assert allowed, f"{identify(path)} (floor {FLOORS[here]}) imports {other} (floor {FLOORS[other]})"


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) in {"core", "model"}], ids=identify)
def test_core_and_model_are_pure(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert not (roots & IMPURE) - PURE_PARTS
    names = set(imported(path))
    assert not {name for name in names if name.startswith("urllib.request")}
    text = path.read_text()
    for call in (".now(", ".today(", ".utcnow(", "open("):
        assert call not in text, f"{identify(path)} calls {call}"
    assert not [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.AsyncFunctionDef | ast.Await)]


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) == "model"], ids=identify)
def test_the_model_needs_the_standard_library_and_msgspec_alone(path: Path) -> None:
    third = {name.split(".")[0] for name in imported(path)} & {
        "click", "cryptography", "defusedxml", "httpx", "idna", "jsonschema", "rich", "starlette",
        "structlog", "yaml",
    }  # fmt: skip
    assert not third


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_sizes(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_every_module_says_why_it_exists(path: Path) -> None:
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0].strip()
    assert first.endswith((".", ":")), "the module's first sentence"


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_names_say_something(path: Path) -> None:
    assert path.stem not in BANNED_NAMES


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) != "cli"], ids=identify)
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"print", "sys.exit", "os._exit", "exit", "quit"}

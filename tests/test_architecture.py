"""House rules, kept by a test: floors, rooms, purity, sizes, names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "reconciler"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

# Imports go strictly down; what shares a floor does not know each other.
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
    "__main__": 6,
}
# What each room of core may import. Planning and manifests do not know each other.
ROOMS = {
    "values": set(),
    "manifests": {"values"},
    "planning": {"values"},
    "adopting": {"planning", "values"},
    "applying": {"planning", "values"},
}
ALLOWED_ACROSS = {("render", "core.values")}  # every output masks and escapes by the same rules
IMPURE = {
    "asyncio", "datetime", "glob", "http", "httpx", "io", "logging", "os", "pathlib", "random", "secrets",
    "shutil", "signal", "socket", "ssl", "structlog", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib",
}  # fmt: skip
PURE_PARTS = {"datetime", "urllib"}  # types and parsing; the clock and the network in them are banned below
CLOCKS = (".now(", ".today(", ".utcnow(", "open(", "urllib.request")
OF_THE_MODEL = {"__future__", "collections", "enum", "functools", "msgspec", "posixpath", "reconciler", "typing"}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "handler", "misc"}
EXITS = {"print", "sys.exit", "os._exit", "exit", "quit"}
MAX_FUNCTION_LINES = 70
MAX_MODULE_LINES = 400


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def place(path: Path) -> tuple[str, ...]:
    """A module's path below the package."""
    return path.relative_to(PACKAGE).with_suffix("").parts


def imported(path: Path) -> list[str]:
    """All modules that a file imports, anywhere in it, with the names imported from the package's own."""
    found: list[str] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def upward(path: Path) -> Iterator[str]:
    """The imports of a file that go up, or to a neighbour on its floor."""
    here = place(path)
    for name in imported(path):
        other = tuple(name.split(".")[1:]) if name.startswith("reconciler.") else ()
        if not other or other[0] not in FLOORS or other[0] == here[0]:
            continue
        if FLOORS[other[0]] >= FLOORS[here[0]] and (here[0], ".".join(other[:2])) not in ALLOWED_ACROSS:
            yield f"{'/'.join(here)} imports {name}"


def forbidden_room(path: Path) -> Iterator[str]:
    """The imports of a file in core that enter a room which its own may not."""
    here = place(path)
    for name in imported(path):
        other = name.split(".")
        if here[0] == "core" and len(here) > 2 and other[:2] == ["reconciler", "core"] and len(other) > 2:
            room = other[2]
            if room != here[1] and room not in ROOMS[here[1]]:
                yield f"{'/'.join(here)} imports {name}"


def impure(path: Path) -> Iterator[str]:
    """What a file in core or model has of the outside world."""
    here = place(path)
    if here[0] not in {"core", "model"}:
        return
    roots = {name.split(".")[0] for name in imported(path)}
    yield from (f"{'/'.join(here)} imports {root}" for root in (roots & IMPURE) - PURE_PARTS)
    yield from (f"{'/'.join(here)} has {call}" for call in CLOCKS if call in path.read_text())
    if here[0] == "model":
        yield from (f"{'/'.join(here)} imports {root}" for root in roots - OF_THE_MODEL)
    if any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree(path))):
        yield f"{'/'.join(here)} is asynchronous"


def too_long(path: Path) -> Iterator[str]:
    """The modules and functions that do not fit on their pages."""
    lines = len(path.read_text().splitlines())
    if lines > MAX_MODULE_LINES:
        yield f"{'/'.join(place(path))} has {lines} lines"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{'/'.join(place(path))}: {node.name} has {length} lines"


def unexplained(path: Path) -> Iterator[str]:
    """The modules that do not begin with a sentence."""
    first = (ast.get_docstring(tree(path)) or "").split("\n\n")[0].strip()
    if not first.endswith((".", ":")):
        yield "/".join(place(path))


def badly_named(path: Path) -> Iterator[str]:
    """The modules whose names say nothing."""
    if BANNED_NAMES & set(place(path)):
        yield "/".join(place(path))


def printing(path: Path) -> Iterator[str]:
    """Where a file other than the command line's prints or exits."""
    if place(path)[0] == "cli":
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in EXITS:
            yield f"{'/'.join(place(path))}:{node.lineno} {ast.unparse(node.func)}"


RULES = (upward, forbidden_room, impure, too_long, unexplained, badly_named, printing)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_rules_hold(rule: object) -> None:
    assert callable(rule)
    assert [found for path in MODULES for found in rule(path)] == []


def test_every_room_of_core_is_known() -> None:
    assert {place(path)[1] for path in MODULES if place(path)[0] == "core" and len(place(path)) > 2} == set(ROOMS)

"""The mutants are real faults with lasting names, and what is said of them is true."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.mutation.__main__ import ALSO, DECISIONS, deciding_tests, explanations, modules_in
from tests.mutation.mutants import ROOT, mutants_of, planted


def faults(source: str) -> list[str]:
    """What each fault makes of a source."""
    tree = ast.parse(source)
    return [ast.unparse(tree) for _ in planted(tree)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a <= b", "a >= b"]),
        ("a == b", ["a != b"]),
        ("a in b", ["a not in b"]),
        ("a is None", ["a is not None"]),
        ("a and b", ["a or b", "b", "a"]),
        ("a and b and c", ["a or b or c", "b and c", "a and c", "a and b"]),
        ("x = not a", ["x = a"]),
        ("x = a - b", ["x = a + b", "x = a"]),
        ("x = a | b", ["x = a & b", "x = a"]),
        ("x = a if b else c", ["x = a", "x = c"]),
        ("x = 1", ["x = 2"]),
        ("x = True", ["x = False"]),
        ("x = 'word'", ["x = 'wordx'"]),
        ("x = ''", ["x = 'x'"]),
        ("x = {a, b}", ["x = {b}", "x = {a}"]),
        ("x = min(a, b)", ["x = max(a, b)"]),
        ("x = any(a)", ["x = all(a)"]),
        ("x = sorted(a, key=b)", ["x = list(a)", "x = sorted(a)"]),
        ("x = f(a, b)", ["x = f(b, a)"]),
        ("x = f(a, b=c)", ["x = f(a)"]),
        ("f(a)", ["pass"]),
        ("x = [a for a in b if a if c]", ["x = [a for a in b if c]", "x = [a for a in b if a]"]),
        ("del a", ["pass"]),
        ("a += b", ["pass"]),
        ("raise a", ["pass"]),
        ("if a:\n    b", ["pass", "if not a:\n    b"]),
        ("if a:\n    b\nelse:\n    c", ["if not a:\n    b\nelse:\n    c"]),
        ("for a in b:\n    a", ["for a in ():\n    a"]),
        ("for a in b:\n    continue", ["for a in ():\n    continue", "for a in b:\n    pass"]),
        ("def f():\n    return a", ["def f():\n    return None"]),
        ("async def f():\n    await a", ["async def f():\n    pass"]),
        (
            "try:\n    a\nexcept (B, C):\n    d",
            ["try:\n    a\nexcept (C,):\n    d", "try:\n    a\nexcept (B,):\n    d"],
        ),
    ],
)
def test_each_kind_of_fault(source: str, expected: list[str]) -> None:
    assert faults(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "x = 'words of a message'",
        "x = f'a{b}c'",
        "def f(a: 1) -> 2:\n    return None",
        "x: Literal['a']",
        "from a import b",
        "T = TypeVar('T', int, float)",
        "class C(Struct, frozen=True):\n    pass",
    ],
)
def test_words_annotations_and_imports_are_left_alone(source: str) -> None:
    assert faults(source) == []


def test_a_name_outlives_moved_lines_and_no_two_are_the_same() -> None:
    source = "async def f(a):\n    return a == 1 or a == 1\n"
    names = list(planted(ast.parse(source)))
    assert list(planted(ast.parse("\n\n# moved\n" + source))) == names
    assert {"f: a == 1 → a != 1", "f: a == 1 → a != 1 #2"} < set(names)
    assert len(set(names)) == len(names)


def test_every_explained_survivor_is_a_mutant_and_has_a_reason() -> None:
    known = {mutant for module in modules_in(DECISIONS) for mutant in mutants_of(module)}
    assert set(explanations()) - known == set()
    assert all(len(why.split()) > 3 for why in explanations().values())


def test_every_decision_has_tests_and_without_its_own_those_of_its_package() -> None:
    decisions = modules_in(DECISIONS)
    assert {f"reconciler.{name}" for name in ALSO} <= set(decisions)
    files = {module: deciding_tests(module) for module in [*decisions, "reconciler.engine.runtime"]}
    assert [
        file for each in files.values() for file in each or [None] if not file or not (ROOT / file).is_file()
    ] == []
    assert files["reconciler.core.planning.order"] == ("tests/core/planning/test_order.py",)
    assert "tests/engine/test_settle.py" in files["reconciler.engine.runtime"]


def test_one_mutant_is_killed_and_another_survives() -> None:
    """In a process of its own: before the mutant, nothing of the project may be loaded."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation", "--only", "core.planning.match:_shown: "],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "75.0 % killed, 1 survived, 0 faults" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0

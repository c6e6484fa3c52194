"""The mutants are real faults with lasting names, and what is said of them is true."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.mutation.__main__ import ALSO, DECISIONS, deciding_tests, explanations, modules_in
from tests.mutation.mutants import ROOT, mutants_of


def faults(source: str) -> list[str]:
    """What each mutant makes of a source."""
    found = []
    for number in range(len(mutants_of("m", source))):
        mutant = mutants_of("m", source)[number]
        mutant.code()
        found.append(ast.unparse(mutant.tree))
    return found


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
    names = [mutant.name for mutant in mutants_of("m", source)]
    assert [mutant.name for mutant in mutants_of("m", "\n\n# moved\n" + source)] == names
    assert {"m:f: a == 1 → a != 1", "m:f: a == 1 → a != 1 #2"} < set(names)
    assert len(set(names)) == len(names)


def test_every_explained_survivor_is_a_mutant_and_has_a_reason() -> None:
    known = {mutant.name for module in modules_in(DECISIONS) for mutant in mutants_of(module)}
    assert set(explanations()) - known == set()
    assert all(len(why.split()) > 3 for why in explanations().values())


def test_every_decision_has_a_test_of_its_own() -> None:
    decisions = {mutant.module for module in modules_in(DECISIONS) for mutant in mutants_of(module)}
    assert {f"reconciler.{name}" for name in ALSO} <= decisions
    assert [file for module in decisions for file in deciding_tests(module) if not (ROOT / file).is_file()] == []


def test_a_mutant_is_tried_from_end_to_end() -> None:
    """One is killed, and one survives that is explained. It runs in a process that has loaded nothing yet."""
    command = [sys.executable, "-m", "tests.mutation", "--package", "core.planning.match", "--only"]
    for only, result in (
        ("_shown: '' → 'x'", "0.0 % killed, 1 survived, 0 faults"),
        ("_shown: return", "100.0 % killed, 0 survived, 0 faults"),
    ):
        done = subprocess.run([*command, only], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert result in done.stdout

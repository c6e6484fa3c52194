"""Every message that a person can meet, word for word, in tests/golden/messages.txt.

After mending a sentence: `UPDATE_GOLDEN=1 .venv/bin/pytest -q tests/test_messages.py`, then read the file's diff.
Other tests assert rules, codes and places, so that a sentence is changed in two places: its own and that file.
"""

from __future__ import annotations

import ast
import os
import random
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from reconciler.core.planning.guard import GUARDS
from reconciler.emulator import Emulator, Store
from reconciler.emulator.faults import Trouble
from reconciler.emulator.serve import background
from reconciler.model.change import BlockReason, HintReason
from reconciler.model.errors import ReconcilerError
from reconciler.model.manifest import Document, Origin, Problem, Validation
from reconciler.render import text
from reconciler.source.explain import problems as explained
from tests.docs.pages import masked
from tests.support import blocked_plans, wrong_folders
from tests.support.certificates import NOW
from tests.support.golden import settled
from tests.support.mistakes import mistakes
from tests.support.rules import PACKAGE, rules

GOLDEN = Path(__file__).parent / "golden" / "messages.txt"


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, tuple[Problem, ...]]]:
    """The problems of each wrong folder that break the rule it is an example of."""
    from reconciler.engine.load import load_partly  # noqa: PLC0415 slow to import

    found = []
    for rule, files in wrong_folders.examples():
        folder = wrong_folders.write(tmp_path_factory.mktemp("wrong"), files)
        every = load_partly(str(folder), now=NOW, allow_empty=False).problems
        found.append((rule, tuple(each for each in every if each.rule == rule)))
    anything = Document({}, Origin("x.yaml"), lambda _: Origin("x.yaml"))
    return [*found, ("schema/invalid", explained(anything, '{"not": {}}'))]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, ReconcilerError]]:
    """The error that each mistake ends in."""
    home, store = tmp_path_factory.mktemp("home"), Store.fresh(random.Random(1))
    with pytest.MonkeyPatch.context() as patch, background(Emulator(store), Trouble()) as url:
        for name in [name for name in os.environ if name.startswith(("SSOREADY_", "RECONCILER_"))]:
            patch.delenv(name)
        patch.setenv("SSOREADY_API_URL", url)
        patch.setenv("SSOREADY_API_KEY", store.environments["production"].key)
        patch.setenv("RECONCILER_SETTLE_S", "0")
        patch.chdir(home)
        return [(what, _without(str(home), error)) for what, error in mistakes(home, store, patch)]


def _without(home: str, error: ReconcilerError) -> ReconcilerError:
    error.message, error.hint = error.message.replace(home, "…"), error.hint.replace(home, "…")
    return error


# -- there is an example of everything -------------------------------------------------------------


def test_every_rule_has_an_example(problems: list[tuple[str, tuple[Problem, ...]]]) -> None:
    assert [rule for rule, found in problems if not found] == []
    assert {rule for rule, _ in problems} == rules()


def test_every_reason_and_guard_has_an_example() -> None:
    for reason, made in (*blocked_plans.blocked(), *blocked_plans.hinted()):
        assert reason in {each.reason for each in (*made.blocked, *made.hints)}
    assert {reason for reason, _ in blocked_plans.blocked()} == set(BlockReason)
    assert {reason for reason, _ in blocked_plans.hinted()} == set(HintReason)
    assert [each.rule for each in blocked_plans.refused().refusals] == [guard.name for guard in GUARDS]


MODULES = (
    "cli",
    "source",
    "delivery",
    "engine/connect.py",
    "engine/onboard.py",
    "engine/selection.py",
    "api/keys.py",
    "api/responses.py",
)
ELSEWHERE = {
    ("cli/output.py", "_write"): "a full disk: tests/cli/test_output.py",
    ("source/snapshot.py", "read"): "a file that vanished or cannot be listed: tests/source/test_snapshot.py",
    ("engine/onboard.py", "rotate_token"): "the command has asked for a target already",
    ("cli/check.py", "completion"): "click has refused such a shell already",
}


def test_every_place_that_raises_an_error_has_an_example(errors: list[tuple[str, ReconcilerError]]) -> None:
    """The places are found in the source, the examples' in their tracebacks."""
    raised = {
        (frame.filename, frame.lineno)
        for _, error in errors
        for frame in traceback.extract_tb(error.__traceback__)
    }
    missing = [
        f"{name}:{first} in {function}"
        for name, function, first, last in raising()
        if (name, function) not in ELSEWHERE
        and not any((str(PACKAGE / name), line) in raised for line in range(first, last + 1))
    ]
    assert missing == []


def raising() -> Iterator[tuple[str, str, int, int]]:
    """File, function and lines of each statement that raises one of our errors."""
    known = {each.__name__ for each in tree(ReconcilerError)}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        for function in ast.walk(ast.parse(path.read_text())):
            if not name.startswith(MODULES) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                call = node.exc if isinstance(node, ast.Raise) else None
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") in known:
                    yield name, function.name, node.lineno, node.end_lineno or node.lineno


def tree(root: type[ReconcilerError]) -> Iterator[type[ReconcilerError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


# -- their words -----------------------------------------------------------------------------------


def test_the_words_are_those_of_the_golden_file(
    problems: list[tuple[str, tuple[Problem, ...]]], errors: list[tuple[str, ReconcilerError]]
) -> None:
    words = "\n".join([*_of_problems(problems), *_of_plans(), *_of_errors(errors)])
    assert settled(GOLDEN, words) == words


def _of_problems(problems: list[tuple[str, tuple[Problem, ...]]]) -> Iterator[str]:
    yield "# Problems of manifests\n"
    for rule in sorted({rule for rule, _ in problems}):
        shown = [
            text.validation(Validation(found[:2], 0, 0)).rpartition("\n")[0].rpartition("\n")[0]
            for of, found in problems
            if of == rule
        ]
        yield "\n".join([f"## {rule}", *dict.fromkeys(shown), ""])


def _of_plans() -> Iterator[str]:
    yield "# Blocked resources, hints and refusals of plans\n"
    nothing = {"changes": (), "unmanaged": (), "pins": ()}
    for reason, made in (*blocked_plans.blocked(), *blocked_plans.hinted()):
        only = {
            "blocked": tuple(each for each in made.blocked if each.reason == reason),
            "hints": tuple(each for each in made.hints if each.reason == reason),
        }
        yield text.plan(structs.replace(made, **nothing, **only)).partition("\n")[2]
    yield text.plan(structs.replace(blocked_plans.refused(), **nothing)).partition("\n")[2]


def _of_errors(errors: list[tuple[str, ReconcilerError]]) -> Iterator[str]:
    yield "# Errors\n"
    for what, error in errors:
        yield masked(f"{what}\n{error.exit_code} {error.code}: {text.error(error)}")

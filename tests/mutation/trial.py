"""Runs the tests against one mutant in a forked process, so that libraries are imported only once."""

from __future__ import annotations

import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from enum import Enum
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType
from typing import Any

import pytest
from hypothesis import Phase, settings

from tests.mutation.mutants import ROOT, Mutant, source_of

LIMIT_CPU_S = 60  # of one mutant's tests: many times what they need, however busy the machine is
LIMIT_S = 900
LIMIT_BYTES = 4 << 30
PROFILE = "mutation"
# As little of pytest as is needed to know whether something failed.
OPTIONS = (
    *("-x", "-q", "--assert=plain"),
    *("-p", "_hypothesis_pytestplugin", f"--hypothesis-profile={PROFILE}"),
    *("-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of what was imported before the fork
)
# What the tests import besides the project: loaded once, before any process is forked.
LIBRARIES = ("msgspec", "idna", "publicsuffixlist", "cryptography.x509", "hypothesis.strategies", "_pytest.python")


class Verdict(Enum):
    """How the tests fared."""

    KILLED = "killed"
    SURVIVED = "survived"
    UNTRIED = "untried"  # the tests could not be run at all


class _Loader(SourceFileLoader):
    """Gives one module's code as it was made, whatever stands in its file."""

    def __init__(self, module: str, code: CodeType) -> None:
        super().__init__(module, str(source_of(module)))
        self._code = code

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 the name is this loader's own
        return self._code


class _Finder(MetaPathFinder):
    """Finds that module before anybody else does."""

    def __init__(self, module: str, code: CodeType) -> None:
        self._module, self._loader = module, _Loader(module, code)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002
        if fullname != self._module:
            return None
        return importlib.util.spec_from_file_location(fullname, source_of(fullname), loader=self._loader)


def started(mutant: Mutant | None, tests: Sequence[str]) -> int:
    """Starts the tests against a mutant, or against the code as it is; returns the process's id."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = int(pytest.ExitCode.INTERNAL_ERROR)
    try:
        code = _run(mutant, tests)
    finally:
        os._exit(code)


def ended() -> tuple[int, Verdict]:
    """Waits for any of them: its process id and the verdict. Running round for ever is being noticed, too."""
    process, status = os.wait()
    if os.WIFSIGNALED(status):
        return process, Verdict.KILLED if os.WTERMSIG(status) == signal.SIGXCPU else Verdict.UNTRIED
    codes = {
        pytest.ExitCode.OK: Verdict.SURVIVED,
        pytest.ExitCode.TESTS_FAILED: Verdict.KILLED,
        pytest.ExitCode.INTERRUPTED: Verdict.KILLED,  # the mutant cannot even be imported
    }
    return process, codes.get(os.WEXITSTATUS(status), Verdict.UNTRIED)


def _run(mutant: Mutant | None, tests: Sequence[str]) -> int:
    """In the forked process: nothing of the project has been imported yet."""
    assert not [name for name in sys.modules if name.startswith("reconciler")]
    os.environ["TZ"] = "Asia/Kathmandu"  # a mutant that forgets a time's zone must not hide where the zone is UTC
    time.tzset()
    signal.alarm(LIMIT_S)
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_CPU_S, 2 * LIMIT_CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    if mutant:
        sys.meta_path.insert(0, _Finder(mutant.module, mutant.code()))
    settings.register_profile(
        PROFILE,
        deadline=None,
        database=None,
        derandomize=True,
        max_examples=40,
        phases=[Phase.explicit, Phase.generate],
    )
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(ROOT)
    return int(pytest.main([*OPTIONS, *tests]))

"""Runs tests against a mutant in a forked process: only libraries are imported before the fork.

A process that the tests start imports the code as it is: what only such a process notices, survives.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable
from importlib.machinery import SourceFileLoader
from typing import NamedTuple

import pytest
from hypothesis import Phase, settings

from tests.mutation.mutants import ROOT, code_of, module_of

LIMIT_BYTES = 4 << 30
# What the tests import besides the project.
LIBRARIES = ("_pytest.python", "hypothesis.strategies", "msgspec", "idna", "publicsuffixlist", "cryptography.x509")
# As little of pytest as is needed to know whether a test failed.
OPTIONS = (
    *("-x", "-q", "--assert=plain", "-p", "_hypothesis_pytestplugin", "--hypothesis-profile=mutation"),
    *("-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of what was imported before the fork
)
KILLED, SURVIVED, UNTRIED = "killed", "survived", "did not run to their end"
VERDICTS = {
    int(pytest.ExitCode.OK): SURVIVED,
    int(pytest.ExitCode.TESTS_FAILED): KILLED,
    int(pytest.ExitCode.INTERRUPTED): KILLED,  # the mutant cannot be imported
    -signal.SIGALRM: KILLED,  # the tests wait for ever
}


class Trial(NamedTuple):
    """The tests to run against a mutant, or against the code as it is, and how many seconds they may take."""

    name: str
    mutant: str | None
    tests: tuple[str, ...]
    limit_s: float


def run_all(
    trials: Iterable[Trial], jobs: int, stop_after_s: float = float("inf")
) -> dict[str, tuple[str, float]]:
    """The verdict and the seconds of each trial, by name. It starts none once `stop_after_s` have passed."""
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # the children share these objects, and none needs to look through them
    results: dict[str, tuple[str, float]] = {}
    running: dict[int, tuple[str, float]] = {}
    waiting, begun = iter(trials), time.monotonic()
    while True:
        while len(running) < jobs and time.monotonic() - begun < stop_after_s and (trial := next(waiting, None)):
            running[_started(trial)] = trial.name, time.monotonic()
        if not running:
            return results
        process, status = os.wait()
        name, since = running.pop(process)
        verdict = VERDICTS.get(os.waitstatus_to_exitcode(status), UNTRIED)
        results[name] = verdict, time.monotonic() - since


def _started(trial: Trial) -> int:
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = int(pytest.ExitCode.INTERNAL_ERROR)
    try:
        code = _run(trial)
    finally:
        os._exit(code)


def _run(trial: Trial) -> int:
    """Pytest's exit code, in the forked process."""
    assert not [name for name in sys.modules if name.startswith("reconciler")]
    signal.setitimer(signal.ITIMER_REAL, trial.limit_s)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["TZ"] = "Asia/Kathmandu"  # where the zone is UTC, a mutant that drops a time's zone would survive
    time.tzset()
    os.chdir(ROOT)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    if trial.mutant:
        module, code, load = module_of(trial.mutant), code_of(trial.mutant), SourceFileLoader.get_code
        SourceFileLoader.get_code = lambda self, name: code if name == module else load(self, name)
    same_each_time = settings(deadline=None, database=None, derandomize=True)
    settings.register_profile("mutation", same_each_time, max_examples=40, phases=[Phase.explicit, Phase.generate])
    return int(pytest.main([*OPTIONS, *trial.tests]))

"""Asks git what changed in a folder since another revision, and what its files were; nothing of it is executed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping

from msgspec import Struct

from reconciler.core.values.redaction import cut, escaped
from reconciler.model.errors import UsageError

TIMEOUT_S = 60.0
AUTO = "auto"
# where the platforms say what a pull request is compared with: the variable, and what it means
BASE_VARIABLES = {
    "CI_MERGE_REQUEST_DIFF_BASE_SHA": "{}",
    "GITHUB_BASE_REF": "origin/{}",
    "BITBUCKET_PR_DESTINATION_COMMIT": "{}",
    "CHANGE_TARGET": "origin/{}",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "origin/{}",
}
# no monitor, no hooks, and below no drivers: what a checkout configures is not run
_GIT = (
    *("git", "--no-optional-locks", "--literal-pathspecs"),
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
)
_HINT = "Pass --changed-since with a commit or a branch, and fetch its history: `fetch-depth: 0`, `GIT_DEPTH: 0`."


class Difference(Struct, frozen=True):
    """What changed since the commit `base`: paths, relative to the folder, and the files as they were there."""

    base: str
    paths: frozenset[str]
    before: Mapping[str, bytes]


def difference(folder: str, revision: str) -> Difference:
    """What changed below a folder since it parted from a revision, committed or not, renames as both paths.

    With AUTO the revision is what the CI's variables name. Raises UsageError where git cannot tell.
    """
    root = os.path.realpath(folder)
    against = _named() if revision == AUTO else revision
    prefix = _asked(root, "rev-parse", "--show-prefix", why=f"{folder} is no work tree of git").strip()
    base = _merge_base(root, against)
    changed = _asked(
        root, "diff", "--name-only", "-z", "--no-renames", "--relative", "--no-ext-diff", "--no-textconv", base,
        "--", ".", why="git cannot compare"
    )  # fmt: skip
    added = _asked(root, "ls-files", "--others", "-z", "--", ".", why="git cannot list files")
    paths = frozenset(filter(None, (changed + added).split("\0")))
    return Difference(base, paths, dict(_contents(root, base, prefix, sorted(paths))))


def _named() -> str:
    for variable, form in BASE_VARIABLES.items():
        value = os.environ.get(variable)
        if value:
            return form.format(value)
    raise UsageError("no variable says what this change is compared with", _HINT)


def _merge_base(root: str, revision: str) -> str:
    unknown = f"git knows no revision {revision!r} here"
    commit = _asked(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}", why=unknown)
    parted = f"git finds no commit from which {revision} and this checkout parted"
    return _asked(root, "merge-base", commit.strip(), "HEAD", why=parted).split()[0]


def _contents(root: str, base: str, prefix: str, paths: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    """The paths that were files at that commit, with what was in them."""
    asked = [path for path in paths if "\n" not in path]
    names = "".join(f"{base}:{prefix}{path}\n" for path in asked)
    answer = _run(root, ("cat-file", "--batch"), os.fsencode(names), why="git cannot read the files")
    at = 0
    for path in asked:
        end = answer.index(b"\n", at)
        head = answer[at:end].rsplit(b" ", 2)
        at = end + 1
        if len(head) == 3 and head[1] == b"blob":
            size = int(head[2])
            yield path, answer[at : at + size]
            at += size + 1
        elif len(head) == 3 and head[2].isdigit():
            at += int(head[2]) + 1


def _asked(root: str, *arguments: str, why: str) -> str:
    return os.fsdecode(_run(root, arguments, b"", why=why))


def _run(root: str, arguments: Iterable[str], given: bytes, *, why: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 a fixed command
            [*_GIT, *arguments], cwd=root, input=given, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise UsageError(f"{why}: {escaped(getattr(error, 'strerror', None) or str(error))}", _HINT) from None
    if done.returncode != 0:
        first = os.fsdecode(done.stderr).strip().partition("\n")[0].removeprefix("fatal: ")
        raise UsageError(f"{why}{f': {cut(escaped(first), 200)}' if first else ''}", _HINT)
    return done.stdout

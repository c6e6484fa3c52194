"""Asks each document what it is and whether its schema holds: every problem, never only the first."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.core.values.problems import shown
from reconciler.model.manifest import Document, Manifests, Problem, Severity

API_VERSION = "reconciler/v1"
KINDS = ("Organization", "Environment")
_KINDS_HINT = "write `kind: Organization` or `kind: Environment`; a file that is no manifest belongs elsewhere"

Check = Callable[[Document], tuple[Problem, ...]]


def validate(manifests: Manifests, check: Check) -> tuple[Problem, ...]:
    """What is wrong with each document by itself; `check` judges one whose kind is known."""
    return tuple(problem for document in manifests.documents for problem in _judge(document, check))


def _judge(document: Document, check: Check) -> tuple[Problem, ...]:
    if not isinstance(document.value, dict):
        return (
            _error(
                "schema/type", document, (), "a manifest is a mapping", "begin with `apiVersion: reconciler/v1`"
            ),
        )
    kind = document.value.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        path = ("kind",) if "kind" in document.value else ()
        if isinstance(kind, str):
            said = f"the kind {shown(kind)} is not known"
        else:
            said = "`kind` must be text" if path else "`kind` is missing"
        return (_error("schema/kind", document, path, said, _KINDS_HINT),)
    return check(document)


def _error(rule: str, document: Document, path: tuple[str, ...], message: str, hint: str) -> Problem:
    return Problem(rule, Severity.ERROR, document.locate(path), message, hint)

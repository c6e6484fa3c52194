"""Asks each document what it is and whether its schema holds: every problem, never only the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reconciler.core.values.problems import Budget, Fault, shown
from reconciler.core.values.redaction import holds_secret
from reconciler.model.manifest import Document, Manifests, Path, Problem, Severity

API_VERSION = "reconciler/v1"
KINDS = ("Organization", "Environment")
_KINDS_HINT = "write `kind: Organization` or `kind: Environment`; a file that is no manifest belongs elsewhere"

_CERTIFICATE = (("certificate", "pem"), ("certificate", "file"))  # a private key there has a rule of its own
_SECRET = Fault(
    "secret/in-manifest",
    "this looks like a secret: an API key, a token or a private key",
    "take it out of the repository and its history, and make a new one: it must be taken for known to others",
)

Check = Callable[[Document, bool], tuple[Problem, ...]]  # whether every fault is to be explained


def validate(manifests: Manifests, check: Check, budget: Budget) -> tuple[Problem, ...]:
    """What is wrong with each document by itself; `check` judges one whose kind is known.

    Once the budget is spent, a document that is wrong has one problem, at its beginning.
    """
    found: list[Problem] = []
    for document in manifests.documents:
        explained = budget.left > 0
        own = _judge(document, check, explained=explained)
        secrets = _secrets(document.value, ())
        if explained:
            own = (*own, *(_SECRET.at(document.locate(path)) for path in secrets))
        elif not own and any(True for _ in secrets):
            own = (_SECRET.at(document.origin),)
        budget.left -= len(own)
        found += own
    return tuple(found)


def _secrets(value: Any, path: Path) -> Iterator[Path]:
    """Each text or key that would be masked in a plan: what is shown would not be what is written."""
    if isinstance(value, str):
        if holds_secret(value) and path[-2:] not in _CERTIFICATE:
            yield path
    elif isinstance(value, dict):
        for key, each in value.items():
            if holds_secret(key):
                yield (*path, key)
            yield from _secrets(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _secrets(each, (*path, index))


def _judge(document: Document, check: Check, *, explained: bool) -> tuple[Problem, ...]:
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
    return check(document, explained)


def _error(rule: str, document: Document, path: tuple[str, ...], message: str, hint: str) -> Problem:
    return Problem(rule, Severity.ERROR, document.locate(path), message, hint)

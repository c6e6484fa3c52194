"""Documents and folders as values, for tests of decisions that need no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.manifests.environment import UNKNOWN
from reconciler.core.manifests.organization import Context
from reconciler.core.manifests.resolve import Resolution, resolve
from reconciler.core.values.problems import Budget
from reconciler.model.manifest import Document, Manifests, Origin, Path, Problem, Severity
from reconciler.model.settings import STRICT, DomainRules
from tests.support.certificates import NOW

CONTEXT = Context(UNKNOWN, {}, NOW, budget=Budget(10**9))


def place(path: Path) -> str:
    """How a path stands in a place's file name here: no file is needed to know where something was found."""
    return "/".join(map(str, path))


def document(value: Any, file: str = "acme.yaml", line: int = 1) -> Document:
    """A document whose places name the path that was looked up: file `acme.yaml#spec/domains/0`."""
    return Document(
        value, Origin(file, line), lambda path: Origin(f"{file}#{place(path)}" if path else file, line)
    )


def organization(name: str = "acme", *, file: str = "", line: int = 1, **spec: Any) -> Document:
    value = {"apiVersion": "reconciler/v1", "kind": "Organization", "metadata": {"name": name}, "spec": spec}
    return document(value, file or f"{name}.yaml", line)


def environment(file: str = "environment.yaml", **spec: Any) -> Document:
    value = {"apiVersion": "reconciler/v1", "kind": "Environment", "metadata": {"name": "production"}}
    return document(value | ({"spec": spec} if spec else {}), file)


def located(value: Any, file: str, line: int) -> Document:
    """A document of which every part stands on one line, as an error's place has to."""
    return Document(value, Origin(file, line), lambda _: Origin(file, line))


def error(file: str, line: int = 1, rule: str = "schema/type", severity: Severity = Severity.ERROR) -> Problem:
    return Problem(rule, severity, Origin(file, line), "wrong", "right")


def resolved(
    *documents: Document,
    problems: Sequence[Problem] = (),
    unparsed: Sequence[str] = (),
    attachments: Mapping[str, bytes] | None = None,
    allow_empty: bool = False,
    domains: DomainRules = STRICT,
) -> Resolution:
    manifests = Manifests("r1", documents, attachments or {}, tuple(problems), frozenset(unparsed), len(documents))
    return resolve(manifests, problems, now=NOW, allow_empty=allow_empty, rules=domains)


def rules(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    """Rule and file (with the path, where there is one) of each."""
    return [(problem.rule, problem.origin.file) for problem in problems]

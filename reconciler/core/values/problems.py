"""What is wrong with a value, before anybody looks up where it stands: finding a place costs more than judging."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from reconciler.core.values.redaction import cut, unkeyed
from reconciler.model.manifest import Origin, Problem, Severity

_MAX_SHOWN = 60


class Fault(Struct, frozen=True):
    """A problem without its place."""

    rule: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def at(self, origin: Origin, file: str = "") -> Problem:
        """The problem at its place; `file` is the file that the value was read from, if it is another one."""
        message = f"{file}: {self.message}" if file else self.message
        return Problem(self.rule, self.severity, origin, message, self.hint)


def warning(rule: str, message: str, hint: str = "") -> Fault:
    """A fault that refuses nothing."""
    return Fault(rule, message, hint, Severity.WARNING)


def shown(text: str) -> str:
    """A stated text as a message may repeat it: in backticks, short, and nothing that looks like a key in it."""
    return "a private key" if "PRIVATE KEY" in text else f"`{cut(unkeyed(text), _MAX_SHOWN)}`"


def worst_first(problems: Iterable[Problem]) -> list[Problem]:
    """Errors before warnings, then by place."""
    return sorted(problems, key=lambda each: (each.severity is not Severity.ERROR, each.origin, each.rule))

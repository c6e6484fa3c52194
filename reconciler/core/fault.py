"""What is wrong with a value, before anybody looks up where it stands: finding a place costs more than judging."""

from __future__ import annotations

from msgspec import Struct

from reconciler.model.manifest import Origin, Problem, Severity


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

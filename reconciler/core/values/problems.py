"""What is wrong with a value, before anybody looks up where it stands: finding a place costs more than judging."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from reconciler.core.values.redaction import cut, unkeyed
from reconciler.model.manifest import Origin, Problem, Severity

MAX_PROBLEMS = 1000  # of a folder
_MAX_SHOWN, _MAX_SEEN = 60, 1000


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


class Budget:
    """How many problems are still told of with their place, of a folder that may have a million."""

    def __init__(self, left: int = MAX_PROBLEMS) -> None:
        self.left = left

    def take(self) -> bool:
        """Whether one more is told of."""
        self.left -= 1
        return self.left >= 0


def limited(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The first MAX_PROBLEMS: errors before warnings, what hides others before all. The last says how many.

    In order of place.
    """
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    hiding = sorted(worst_first(problems), key=lambda each: (_harmless(each), not each.rule.startswith("yaml/")))
    kept = sorted(hiding[: MAX_PROBLEMS - 1], key=lambda each: (each.origin, each.rule))
    return (*kept, _more(len(problems)).at(kept[-1].origin))


def _more(count: int) -> Fault:
    message = f"the folder has {count:,} problems or more; {MAX_PROBLEMS:,} are listed"
    return Fault("file/too-many-problems", message, "mend these, then validate again")


def warning(rule: str, message: str, hint: str = "") -> Fault:
    """A fault that refuses nothing."""
    return Fault(rule, message, hint, Severity.WARNING)


def shown(text: str) -> str:
    """A stated text as a message may repeat it: in backticks, short, and nothing that looks like a key in it."""
    return "a private key" if "PRIVATE KEY" in text else f"`{cut(unkeyed(text[:_MAX_SEEN]), _MAX_SHOWN)}`"


def worst_first(problems: Iterable[Problem]) -> list[Problem]:
    """Errors before warnings, then by place."""
    return sorted(problems, key=lambda each: (_harmless(each), each.origin, each.rule))


def _harmless(problem: Problem) -> bool:
    return problem.severity is not Severity.ERROR

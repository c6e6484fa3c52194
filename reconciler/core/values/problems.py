"""What is wrong with a value, before anybody looks up where it stands: finding a place costs more than judging."""

from __future__ import annotations

import re

from msgspec import Struct

from reconciler.model.manifest import Origin, Problem, Severity

_MAX_SHOWN = 60
_RUN = re.compile(r"[A-Za-z0-9+/=]{32,}|ssoready_[A-Za-z]+_\w+")
_KEYLIKE = re.compile(r"ssoready_|[^A-Z]*[A-Z].*[0-9]|[^0-9]*[0-9].*[A-Z]")


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
    """A stated text as a message may repeat it: short, and nothing that looks like a key or a line of one."""
    if "PRIVATE KEY" in text:
        return "a private key"
    text = _RUN.sub(_cut, text)
    return f"`{text}`" if len(text) <= _MAX_SHOWN else f"`{text[: _MAX_SHOWN - 1]}…`"


def _cut(run: re.Match[str]) -> str:
    return f"{run[0][:8]}…" if _KEYLIKE.match(run[0]) else run[0]

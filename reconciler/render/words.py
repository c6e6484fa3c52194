"""Puts one thing into few words: a value, a child's path, a number of things, a line that fits the terminal."""

from __future__ import annotations

import re

from reconciler.core.values.redaction import escaped
from reconciler.model.change import Action, Change
from reconciler.model.kinds import KINDS, KindName
from reconciler.model.state import Certificate, Value

NOTHING = "-"

_WORDS = {KindName.SETUP_LINK: "setup-link", KindName.BEARER_TOKEN: "token"} | {
    k.name: k.word for k in KINDS.values()
}
MARKS = {Action.CREATE: "+", Action.UPDATE: "~", Action.ISSUE: "*"}
_COLOUR = re.compile(r"\x1b\[\d*m")


def fitted(line: str, columns: int | None) -> str:
    """The line broken at blanks to that many columns, further lines indented; a long word stays whole."""
    if columns is None or _length(line) <= columns:
        return line
    indent = " " * (len(line) - len(line.lstrip(" ")))
    lines, current = [], indent
    for word in re.split(r"(?<=\S)(?= )", line[len(indent) :]):
        if current.strip() and _length(current + word) > columns:
            lines.append(current)
            current = f"{indent}    {word.lstrip(' ')}"
        else:
            current += word
    return "\n".join([*lines, current])


def _length(line: str) -> int:
    return len(_COLOUR.sub("", line))


def value(shown: Value | None) -> str:
    """A field's value, short."""
    if isinstance(shown, Certificate):
        end = f" expires {shown.not_after[:10]}" if shown.not_after else ""
        return f"sha256:{shown.sha256[:12]}…{end}" if ":" not in shown.sha256 else "not a certificate"
    if isinstance(shown, bool):
        return "true" if shown else "false"
    if isinstance(shown, tuple):
        return " ".join(map(escaped, shown)) or NOTHING
    return f'"{escaped(shown)}"' if shown else NOTHING


def child(kind: KindName, name: str) -> str:
    """A child's path inside its organization: `saml/okta`."""
    return _WORDS[kind] if kind is KindName.SETUP_LINK else f"{_WORDS[kind]}/{escaped(name)}"


def title(change: Change) -> str:
    """What a change is about."""
    return change.key.name if change.key.kind is KindName.ORGANIZATION else child(change.key.kind, change.key.name)


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

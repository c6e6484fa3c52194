"""Makes any text safe to show and any value short: what comes from outside never steers a terminal."""

from __future__ import annotations

from reconciler.model.change import Action, Change
from reconciler.model.kinds import KINDS, KindName
from reconciler.model.state import Certificate, Value

_WORDS = {KindName.SETUP_LINK: "setup-link", KindName.BEARER_TOKEN: "token"} | {
    k.name: k.word for k in KINDS.values()
}
MARKS = {Action.CREATE: "+", Action.UPDATE: "~", Action.ISSUE: "*"}


def escaped(text: str) -> str:
    """The text with everything that is not printable (controls, bidirectional marks) written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def value(shown: Value | None) -> str:
    """A field's value, short."""
    if isinstance(shown, Certificate):
        end = f" expires {shown.not_after[:10]}" if shown.not_after else ""
        return f"sha256:{shown.sha256[:12]}…{end}"
    if isinstance(shown, bool):
        return "true" if shown else "false"
    if isinstance(shown, tuple):
        return " ".join(map(escaped, shown)) or "none"
    return f'"{escaped(shown)}"' if shown else "none"


def child(kind: KindName, name: str) -> str:
    """A child's path inside its organization: `saml/okta`."""
    return _WORDS[kind] if kind is KindName.SETUP_LINK else f"{_WORDS[kind]}/{escaped(name)}"


def title(change: Change) -> str:
    """What a change is about."""
    return change.key.name if change.key.kind is KindName.ORGANIZATION else child(change.key.kind, change.key.name)


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

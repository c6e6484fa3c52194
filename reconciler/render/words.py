"""Puts one thing into few words: a value, a child's path, a number of things."""

from __future__ import annotations

from reconciler.core.values.redaction import escaped
from reconciler.model.change import Action, Change
from reconciler.model.kinds import KINDS, KindName
from reconciler.model.state import Certificate, Value

NOTHING = "-"

_WORDS = {KindName.SETUP_LINK: "setup-link", KindName.BEARER_TOKEN: "token"} | {
    k.name: k.word for k in KINDS.values()
}
MARKS = {Action.CREATE: "+", Action.UPDATE: "~", Action.ISSUE: "*"}


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


def resource(kind: KindName, organization: str, name: str) -> str:
    """A resource of any organization: `acme`, `acme saml/okta`."""
    whole = kind is KindName.ORGANIZATION or not name
    return escaped(organization) if whole else f"{escaped(organization)} {child(kind, name)}"


def live_id(change: Change) -> str:
    """The id of the live object that a change is about; "" where there is none yet."""
    return change.id if isinstance(change.id, str) else ""


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or f'{noun}s'}"

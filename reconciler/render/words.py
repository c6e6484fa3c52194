"""Puts one thing into few words: a value, a child's path, a number of things."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.values.redaction import escaped, quoted
from reconciler.model.change import Action, Change, Released, Scope
from reconciler.model.kinds import CONNECTION, KINDS, Compare, Field, KindName
from reconciler.model.state import Certificate, SAMLConnection, Value

NOTHING = "-"

_WORDS = {
    KindName.ENVIRONMENT: "environment",
    KindName.SETUP_LINK: "setup-link",
    KindName.BEARER_TOKEN: "token",
} | {k.name: k.word for k in KINDS.values()}
MARKS = {Action.CREATE: "+", Action.UPDATE: "~", Action.ISSUE: "*"}
_SPELLING = {"idp": "IdP", "url": "URL"}


def value(shown: Value | None) -> str:
    """A field's value, short."""
    if isinstance(shown, Certificate):
        end = f" expires {shown.not_after[:10]}" if shown.not_after else ""
        return f"sha256:{shown.sha256}{end}" if ":" not in shown.sha256 else "not a certificate"
    if isinstance(shown, bool):
        return "true" if shown else "false"
    if isinstance(shown, tuple):
        return " ".join(map(item, shown)) or NOTHING
    return quoted(shown) if shown else NOTHING


def item(shown: str) -> str:
    """One of a set, such as a domain: as it is, unless blanks, quotes or its length need quotes around it."""
    inside = quoted(shown)
    return shown if inside == f'"{shown}"' and " " not in shown else inside


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


def scope(scope: Scope) -> str:
    """What a plan of a change looked at, and what it did not."""
    others = scope.declared - scope.touched
    return (
        f"Only what changed since {scope.base[:12]}: {count(scope.touched, 'organization')}; "
        f"{others:,} others were not compared."
    )


def age(age_s: float) -> str:
    """How old what a plan was made from is."""
    units = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
    length, unit = next((each for each in units if age_s >= 2 * each[0]), units[-1])
    return f"Compared with a file of what was live {count(int(age_s // length), unit)} ago, not with the API."


def release(each: Released) -> str:
    """Whom a change releases."""
    whose = f"{value(each.display_name)} ({', '.join(map(escaped, each.domains)) or NOTHING})"
    return f"releases {each.id} {whose}: {escaped(each.file)} no longer means it, and nothing is written to it"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or f'{noun}s'}"


def settings(connection: SAMLConnection, certificate: Certificate | None) -> Iterator[tuple[Field, Value | None]]:
    """Every field of a live connection but `primary`, with its value; `certificate` is its certificate's."""
    for field in CONNECTION.fields:
        if field.compare is Compare.CERTIFICATE:
            yield field, certificate
        elif field.compare is not Compare.FLAG:
            yield field, getattr(connection, field.attribute)


def spoken(field: Field) -> str:
    """A field's name for people: `IdP redirect URL` for idpRedirectUrl."""
    return " ".join(_SPELLING.get(word, word) for word in field.attribute.split("_"))

"""Makes any text safe to show and any value short: what comes from outside never steers a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.change import Action, Change
from reconciler.model.kinds import CONNECTION, KINDS, Compare, Field, KindName
from reconciler.model.secret import MASK, Secret
from reconciler.model.state import Certificate, SAMLConnection, Value

NOTHING = "-"

_WORDS = {KindName.SETUP_LINK: "setup-link", KindName.BEARER_TOKEN: "token"} | {
    k.name: k.word for k in KINDS.values()
}
MARKS = {Action.CREATE: "+", Action.UPDATE: "~", Action.ISSUE: "*"}
# Keys, bearer and one-time tokens; a setup link's token; a private key, to its end or, cut off, to the text's.
_SECRETS = re.compile(
    r"ssoready_[a-z_]+_[0-9A-Za-z]+"
    r"|one-time-token=[^\s\"&]+"
    r"|-----BEGIN[ A-Z0-9]*PRIVATE KEY-----(?:(?!-----END)[\s\S])*(?:-----END[ A-Z0-9]*PRIVATE KEY-----)?"
    r"|Bearer [^\s\"]+"
)
_SPELLING = {"idp": "IdP", "url": "URL"}
_COLOUR = re.compile(r"\x1b\[\d*m")


def masked(value: Any) -> Any:
    """The value, however nested, with a mask for whatever looks like a secret, wherever it came from."""
    if isinstance(value, str):
        return _SECRETS.sub(MASK, value)
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        return {masked(key): masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return masked(str(value))


def escaped(text: str) -> str:
    """The text without secrets, and with an escape for whatever is not printable (controls, directions)."""
    shown: str = masked(text)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in shown)


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

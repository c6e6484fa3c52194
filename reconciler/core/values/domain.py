"""What a sound domain is: the server stores any text, but a sign-in matches nothing but the exact lower-case name.

At a sign-in the server lower-cases the user's domain and compares it byte for byte with those stored, so
`ACME.com` or `acme.com.` match nobody, for ever and without a word.
"""

from __future__ import annotations

import re
from functools import cache

import idna
from publicsuffixlist import PublicSuffixList

from reconciler.core.values.problems import Fault, shown
from reconciler.core.values.public_mail import PUBLIC_MAIL

MAX_LENGTH = 253
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+$){_LABEL}")  # an all-numeric last label is an address


def normal(name: str) -> str:
    """The form under which two claims on one domain are seen to be the same: a lower-case A-label.

    Blanks around it and a trailing dot are dropped; what is no domain at all stays as it is. Never raises.
    """
    name = name.strip().lower()
    if len(name) > 2 * MAX_LENGTH:  # the loop below takes the square of the time
        return name
    while name.endswith("."):
        name = name.rstrip(".").rstrip()
    if name.isascii() or len(name) > MAX_LENGTH:
        return name
    return (_a_label(name) or name).rstrip(".")  # a last label may vanish in it


def check(name: str, *, forbid_public_mail: bool) -> Fault | None:
    """The first error in a stated domain; None if it is sound. Never raises."""
    broken = _unfit(name, forbid_public_mail) if _is_domain(name) else _malformed(name)
    if broken is None:
        return None
    rule, message = broken
    return Fault(rule, message, _hint(rule, name, forbid_public_mail))


def repaired(name: str, *, forbid_public_mail: bool) -> str | None:
    """The sound domain that a text stands for; None if none can be told. Never raises."""
    if len(name) > MAX_LENGTH:
        return None
    bare = name.strip().rpartition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    meant = normal(bare.removeprefix("*."))
    return meant if _is_domain(meant) and not _unfit(meant, forbid_public_mail) else None


def _malformed(name: str) -> tuple[str, str]:
    """The rule that a text that is no domain breaks, and the message; in the order of what to put right first."""
    said = shown(name)
    if len(name) > MAX_LENGTH:
        return "domain/form", f"{said} is longer than the {MAX_LENGTH} characters of a domain"
    if "://" in name or "/" in name:
        return "domain/scheme", f"{said} is an address; a domain has no scheme and no path"
    if "@" in name:
        return "domain/at", f"{said} has an @; a domain is only what stands behind it"
    if any(character.isspace() for character in name):
        return "domain/blank", f"{said} has a blank"
    if name.endswith("."):
        return "domain/trailing-dot", f"{said} ends with a dot, so no sign-in would match it"
    if not name.isascii():
        return "domain/a-label", f"{said} is not written in ASCII, so no sign-in would match it"
    if name != name.lower():
        return "domain/capitals", f"{said} has capitals, so no sign-in would match it"
    if "." not in name:
        return "domain/single-label", f"{said} has no dot"
    if "xn--" in name:
        return "domain/a-label", f"{said} has a part that begins with `xn--`, but is no A-label"
    return "domain/form", f"{said} is not a domain"


def _unfit(name: str, forbid_public_mail: bool) -> tuple[str, str] | None:
    """The same for a domain that is well-formed, but not an organization's own."""
    if forbid_public_mail and name in PUBLIC_MAIL:
        return "domain/public-mail", f"{shown(name)} is a public mail domain: everybody can have an address there"
    if _is_public_suffix(name):
        return "domain/public-suffix", f"{shown(name)} is a public suffix: others register their domains under it"
    return None


def _hint(rule: str, name: str, forbid_public_mail: bool) -> str:
    if rule == "domain/public-mail":
        return (
            "take it out, or the whole public could sign in to this organization; where that is meant, set "
            "`domains: {forbidPublicMail: false}` in the Environment, where reconciler.toml allows it"
        )
    if rule in {"domain/public-suffix", "domain/single-label"}:
        return "write the organization's own domain, such as `acme.com`"
    meant = repaired(name, forbid_public_mail=forbid_public_mail)
    if meant:
        return f"write `{meant}`"
    if len(name.split()) > 1 or "," in name:
        return "write each domain as an item of its own"
    return (
        "write it like `acme.com`: letters, digits and hyphens, parts of at most 63 characters, dots between them"
    )


def _is_domain(name: str) -> bool:
    """Whether a lower-case ASCII text is a host name whose A-labels, if any, are real ones."""
    if len(name) > MAX_LENGTH or not _HOST.fullmatch(name):
        return False
    return "xn--" not in name or _a_label(name) == name


def _a_label(name: str) -> str | None:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except UnicodeError:  # idna's own errors are all of this kind
        return None


def _is_public_suffix(name: str) -> bool:
    if "xn--" in name:
        name = idna.decode(name)  # the list is kept in U-labels: half the size, a fifth of the time to load
    return _suffixes().is_public(name)


@cache
def _suffixes() -> PublicSuffixList:
    """The registries' suffixes alone: the list's private half has domains with mailboxes (rub.de)."""
    return PublicSuffixList(accept_encoded_idn=False, only_icann=True)

"""What a sound domain is: the server stores any text, but a sign-in matches nothing but the exact lower-case name.

At a sign-in the server lower-cases the user's domain and compares it byte for byte with those stored, so
`ACME.com` or `acme.com.` match nobody, for ever and without a word.
"""

from __future__ import annotations

import re
from functools import cache

import idna
from publicsuffixlist import PublicSuffixList

from reconciler.core.fault import Fault
from reconciler.core.public_mail import PUBLIC_MAIL

_MAX_LENGTH = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def normal(name: str) -> str:
    """The form under which two claims on one domain are seen to be the same: a lower-case A-label.

    Blanks around it and a trailing dot are dropped; what is no domain at all stays as it is. Never raises.
    """
    name = name.strip().rstrip(".").lower()
    if name.isascii() or len(name) > _MAX_LENGTH:
        return name
    return _a_label(name) or name


def check(name: str, *, forbid_public_mail: bool) -> Fault | None:
    """The first error in a stated domain; None if it is sound. Never raises."""
    rule, message = _malformed(name) or _unfit(name, forbid_public_mail) or ("", "")
    return Fault(rule, message, _hint(rule, name)) if rule else None


def _malformed(name: str) -> tuple[str, str] | None:
    """The rule that the text breaks, and the message; the order is that of what to put right first."""
    shown = _shown(name)
    if len(name) > _MAX_LENGTH:
        return "domain/form", f"{shown} is longer than the {_MAX_LENGTH} characters of a domain"
    if "://" in name or "/" in name:
        return "domain/scheme", f"{shown} is an address; a domain has no scheme and no path"
    if "@" in name:
        return "domain/at", f"{shown} has an @; a domain is only what stands behind it"
    if any(character.isspace() for character in name):
        return "domain/blank", f"{shown} has a blank"
    if name.endswith("."):
        return "domain/trailing-dot", f"{shown} ends with a dot, so no sign-in would match it"
    if not name.isascii():
        return "domain/a-label", f"{shown} is not written in ASCII, so no sign-in would match it"
    if name != name.lower():
        return "domain/capitals", f"{shown} has capitals, so no sign-in would match it"
    if "." not in name:
        return "domain/single-label", f"{shown} has no dot"
    if not _is_domain(name):
        return "domain/form", f"{shown} is not a domain"
    return None


def _unfit(name: str, forbid_public_mail: bool) -> tuple[str, str] | None:
    """The same for a domain that is well-formed, but not an organization's own."""
    if forbid_public_mail and name in PUBLIC_MAIL:
        return "domain/public-mail", f"{name} is a public mail domain: everybody can have an address there"
    if _is_public_suffix(name):
        return "domain/public-suffix", f"{name} is a public suffix, under which others register their domains"
    return None


def _hint(rule: str, name: str) -> str:
    if rule == "domain/public-mail":
        return (
            "take it out, or the whole public could sign in to this organization; where that is meant, set "
            "`domains: {forbidPublicMail: false}` in the Environment"
        )
    if rule in {"domain/public-suffix", "domain/single-label"}:
        return "write the organization's own domain, such as `acme.com`"
    bare = name.rpartition("://")[2].partition("/")[0].rpartition("@")[2]
    repaired = normal("".join(bare.split())) if len(name) <= _MAX_LENGTH else ""
    if repaired.isascii() and "." in repaired and _is_domain(repaired):
        return f"write `{repaired}`"
    return (
        "write it like `acme.com`: letters, digits and hyphens, parts of at most 63 characters, dots between them"
    )


def _is_domain(name: str) -> bool:
    """Whether a lower-case ASCII text is a host name whose A-labels, if any, are real ones."""
    labels = name.split(".")
    if labels[-1].isdigit() or not all(_LABEL.fullmatch(label) for label in labels):
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


def _shown(name: str) -> str:
    return f"`{name[:64]}…`" if len(name) > 64 else f"`{name}`"

"""What a sound sign-in address is: people are sent there, so whoever reads it must see where that is.

Reviewers read an address from left to right: user info, blanks, quotes and letters that look like others make it
seem to lead elsewhere than it does.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

import idna

from reconciler.core.values import domain
from reconciler.core.values.problems import Fault, shown

MAX_LENGTH = 2048
_PLAIN = re.compile(r"[!-~]*")
_MISLEADING = re.compile(r"[\"'<>`\\^{|}]")
_HOST = re.compile(r"[0-9a-z]([-0-9a-z]*[0-9a-z])?(\.[0-9a-z]([-0-9a-z]*[0-9a-z])?)*|[0-9a-f:]*:[0-9a-f:.]*")
# scripts that are written together; any other two in one label are there to look like a third
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)


def check(url: str) -> Fault | None:
    """The first error in a stated address; None if it is sound. Never raises."""
    broken = _broken(url)
    return Fault(*broken) if broken else None


def _broken(url: str) -> tuple[str, str, str] | None:
    """Rule, message and hint; in the order of what to put right first."""
    said = shown(url)
    if len(url) > MAX_LENGTH:
        return "address/form", f"{said} has more than {MAX_LENGTH:,} characters", _COPY
    if not _PLAIN.fullmatch(url):
        return "address/ascii", f"{said} has a blank, or a character that is not in ASCII", _ascii(url)
    if _MISLEADING.search(url):
        return "address/quote", f"{said} has a quote, a bracket or a backslash in it", _ENCODE
    if not url.startswith("https://"):
        return "address/scheme", f"{said} does not begin with `https://`", "write an https address"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "address/form", f"{said} is not an address", _COPY
    if "@" in parts.netloc:
        return "address/user-info", f"{said} has user info: what stands before the @ is not the host", _NO_USER
    if not _HOST.fullmatch(host) or len(host) > domain.MAX_LENGTH or parts.netloc.endswith(":"):
        return "address/form", f"{said} has no host that could be reached", _COPY
    return next(filter(None, (_misread(label, said) for label in host.split("."))), None)


def _misread(label: str, said: str) -> tuple[str, str, str] | None:
    """What is wrong with a part of a host that stands for letters outside of ASCII."""
    if not label.startswith("xn--"):
        return None
    try:
        letters = idna.decode(label)
    except UnicodeError:  # idna's own errors are all of this kind
        return "address/form", f"{said} has a part that begins with `xn--`, but is no A-label", _COPY
    scripts = {unicodedata.name(each, "?").split()[0] for each in letters if each.isalpha()}
    if len(scripts) > 1 and not any(scripts <= each for each in _TOGETHER):
        words = " and ".join(sorted(script.title() for script in scripts))
        return "address/mixed-script", f"{said} mixes letters of {words} in one part of its host", _LOOKALIKE
    return None


def _ascii(url: str) -> str:
    """How a host outside of ASCII is written, where that is what is wrong."""
    host = url.partition("://")[2].partition("/")[0]
    ascii_host = domain.normal(host)
    if host.isascii() or not ascii_host.isascii() or not _HOST.fullmatch(ascii_host):
        return _ENCODE
    return f"write the host as `{ascii_host}`"


_COPY = "copy the sign-in address from the identity provider once more, such as `https://idp.example/sso`"
_ENCODE = "percent-encode such characters, or copy the address once more"
_NO_USER = "remove everything between `https://` and the @"
_LOOKALIKE = "this is how one host is made to look like another: ask the identity provider's administrator"

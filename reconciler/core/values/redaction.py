"""Makes any value safe to show: whatever leaves this process for a person or a machine passes through here.

Texts come from manifests, the API and the operating system. Any of them may hold a secret, or characters that
steer a terminal, reorder a line or cannot be seen.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from reconciler.model.secret import MASK, Secret

# A key, a bearer token, a one-time token, in any case; the names of our own variables look alike and are none.
_TOKEN = r"(?i:soready)_(?!API_(?:KEY|KEY_FILE|URL)\b)[A-Za-z_]+_\w+"
_SECRETS = re.compile(  # each begins with a letter of its own: that finds nothing faster
    rf"s{_TOKEN}|S{_TOKEN}"
    r"|one-time-token=[^\s\"&]+"
    r"|Bearer [^\s\"]{16,}"
    # a private key, also one that is cut off
    r"|-----BEGIN[ A-Z0-9]*PRIVATE KEY-----(?:(?!-----END)[\s\S])*(?:-----END[ A-Z0-9]*PRIVATE KEY-----)?"
)
_VARIED = 8
_ENCODED = re.compile(r"[A-Za-z0-9+/=]{32,}")
_RANDOM = re.compile(r"[^A-Z]*[A-Z].*[0-9]|[^0-9]*[0-9].*[A-Z]")  # capitals and digits, as base64 has them
# what Unicode says to draw as nothing, and Python calls printable: joiners, fillers, variation selectors
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_QUOTES = frozenset(
    '"\\\u02ba\u02ee\u201c\u201d\u201e\u201f\u2033\u2036\u301d\u301e\u301f\uff02'
)  # and what looks like one


_own: list[re.Pattern[str]] = []  # the ends of this process's keys, as one pattern; empty without any
_ends: set[str] = set()


def remember(key: str) -> None:
    """From now on the end of this key is masked, too, in any case and without what it begins with.

    An end of few different characters is not remembered: it may stand anywhere.
    """
    end = key.rpartition("_")[2]
    if len(set(end)) >= _VARIED and end not in _ends:
        _ends.add(end)
        _own[:] = [re.compile("|".join(map(re.escape, sorted(_ends))), re.IGNORECASE)]


def masked(value: Any) -> Any:
    """The value, however nested, with `***` in place of whatever looks like a secret, in keys too.

    Returns texts, numbers, booleans, None, dicts and lists only; anything else becomes its masked text.
    """
    if isinstance(value, str):
        shown = _SECRETS.sub(MASK, value)
        return _own[0].sub(MASK, shown) if _own else shown
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
    r"""The text masked, with an escape like `\u202e` for each control, direction mark or invisible character."""
    shown: str = masked(text)
    if shown.isprintable() and (shown.isascii() or not _INVISIBLE.search(shown)):
        return shown
    return "".join(_escape(c) if not c.isprintable() or _INVISIBLE.match(c) else c for c in shown)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def quoted(text: str, length_max: int = 256) -> str:
    r"""The text escaped and in quotes, with `\"` for a quote in it and an escape for what looks like one.

    Of a longer one the beginning, and behind it its length and its SHA-256.
    """
    shown: str = masked(text)
    begun = shown[: length_max - 1] if len(shown) > length_max else shown
    inside = "".join(_escape_quote(c) if c in _QUOTES else c for c in begun)
    if begun is shown:
        return f'"{escaped(inside)}"'
    digest = hashlib.sha256(shown.encode("utf-8", "backslashreplace")).hexdigest()
    return f'"{escaped(inside)}…" ({len(shown):,} characters, sha256:{digest[:16]}…)'


def _escape_quote(character: str) -> str:
    return f"\\{character}" if character in '"\\' else f"\\u{ord(character):04x}"


def json_escaped(encoded: bytes) -> bytes:
    r"""JSON with an escape like `\u202e` for each control, direction mark or invisible character in its texts."""
    if encoded.isascii():
        return encoded.replace(b"\x7f", b"\\u007f")
    text = encoded.decode()
    if text.replace("\n", "").isprintable() and not _INVISIBLE.search(text):  # a line break is layout
        return encoded
    return "".join(
        json.dumps(c)[1:-1] if c != "\n" and (not c.isprintable() or _INVISIBLE.match(c)) else c for c in text
    ).encode()


def cut(text: str, length_max: int) -> str:
    """The text, or as much of it as fits with `…` at its end. Mask first: half a secret is not recognized."""
    return text if len(text) <= length_max else f"{text[: length_max - 1]}…"


def holds_secret(text: str) -> bool:
    """Whether a part of a text would be masked."""
    return _SECRETS.search(text) is not None or any(own.search(text) for own in _own)


def unkeyed(text: str) -> str:
    """The text masked, and each long run that may be a line of a key shortened to its first eight characters.

    For what a stranger has written, where a private key may have been pasted without its first line.
    """
    return _ENCODED.sub(lambda run: f"{run[0][:8]}…" if _RANDOM.match(run[0]) else run[0], masked(text))

"""Writes values as YAML that says the same to every reader, and reads well."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from reconciler.core.values.redaction import cut, escaped, holds_secret
from reconciler.model.secret import MASK

# letters first, and no sign that means something to YAML, also between brackets
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9 ._/-]*[A-Za-z0-9._/-])?")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~/?=&%+-]+")  # outside of brackets only
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MAX_COMMENT, _MAX_SHOWN = 400, 60


def scalar(text: str) -> str:
    """A text for any place; in double quotes where it would mean something else without."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escape(c) for c in quoted)


def address(text: str) -> str:
    """As `scalar`, for a line of its own."""
    return text if _ADDRESS.fullmatch(text) else scalar(text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"


def listed(key: str, items: Iterable[str], indent: str) -> list[str]:
    """The lines of a list of texts: one line if it is short."""
    texts = [scalar(item) for item in items]
    line = f"{indent}{key}: [{', '.join(texts)}]"
    if len(line) <= 100:
        return [line]
    return [f"{indent}{key}:", *(f"{indent}  - {text}" for text in texts)]


def comment(text: str, indent: str) -> str:
    """A comment on one line, whatever the text has in it."""
    return f"{indent}# {cut(escaped(text), _MAX_COMMENT)}"


def shown(text: str) -> str:
    """A live text inside a comment or a message."""
    return cut(escaped(text), _MAX_SHOWN)


def unfit(text: str, length_max: int) -> str:
    """Why a live text cannot stand in a manifest; "" if it can."""
    if len(text) > length_max:
        return f"it has {len(text):,} characters, and {length_max} are allowed"
    if _CONTROL.search(text):
        return "it has line breaks or control characters"
    # a file of `observe` has the mask already
    return "it looks like a secret" if holds_secret(text) or MASK in text else ""


def tidy(text: str) -> str:
    """The text on one line."""
    return " ".join(_CONTROL.sub(" ", text).split())

"""Base64 as the server reads it: line breaks are passed over, everything else must be exactly right."""

from __future__ import annotations

import base64
import re

_SOUND = re.compile(r"(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?")
_URL_SAFE = str.maketrans("-_+/", "+/--")  # the other alphabet; of this one, + and / become unsound


def decoded(text: str, *, url_safe: bool = False) -> bytes | None:
    """The bytes, or None if the text is not sound."""
    text = text.replace("\r", "").replace("\n", "")
    if url_safe:
        text = text.translate(_URL_SAFE)
    return base64.b64decode(text) if _SOUND.fullmatch(text) else None

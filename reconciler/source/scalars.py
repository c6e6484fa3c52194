"""Decides what an unquoted scalar means: YAML 1.2's core types, without spellings that YAML tools disagree about.

YAML 1.1 turns `no` into false, `0123` into 83, `1:20` into 80 and `2026-11-24` into a date; YAML 1.2 does not.
Editors, formatters and other tools read manifests too, so a spelling is accepted only where both versions agree
(https://yaml.org/spec/1.2.2/#103-core-schema, https://yaml.org/type/), and a whole number only if a reader that
keeps it as a double loses no digit.
"""

from __future__ import annotations

import re
from types import NoneType

from msgspec import Struct
from yaml import CollectionStartEvent, MappingStartEvent, SequenceStartEvent

Scalar = str | int | float | bool | None

_TAG = "tag:yaml.org,2002:"
SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    "!": (str,),
    f"{_TAG}str": (str,),
    f"{_TAG}null": (NoneType,),
    f"{_TAG}bool": (bool,),
    f"{_TAG}int": (int,),
    f"{_TAG}float": (int, float),
}
COLLECTION_TAGS: dict[type[CollectionStartEvent], tuple[str | None, ...]] = {
    MappingStartEvent: (None, "!", f"{_TAG}map"),
    SequenceStartEvent: (None, "!", f"{_TAG}seq"),
}
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # only escapes bring them past the parser


class Ambiguous(Struct, frozen=True):
    """A spelling that YAML tools disagree about; `hint` says how to write what was meant."""

    hint: str


def quoted(text: str) -> str:
    """A hint: how to write a scalar so that every tool reads it as text."""
    return f'write "{text}"' if len(text) <= 40 else "put it in quotes"


_WORDS: dict[str, Scalar | Ambiguous] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{
        spelling: Ambiguous(f"{quoted(spelling)} for text, or {meaning}")
        for words, meaning in ((("yes", "on", "y"), "true"), (("no", "off", "n"), "false"))
        for word in words
        for spelling in (word, word.capitalize(), word.upper())
    },
    "=": Ambiguous(quoted("=")),
    "<<": Ambiguous(quoted("<<")),
}
_NUMERIC_START = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,14})|0x[0-9a-fA-F]{1,12}")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,8})\.[0-9]{1,6}")
_REWRITTEN = re.compile(
    r"""
      [-+]?(?:[0-9][0-9_]*(?:\.[0-9_.]*)?|\.[0-9_][0-9_.]*)(?:[eE][-+]?[0-9]+)?  # 0123, 1_000, 1., .5, 1e3
    | [-+]?0(?:b[01_]+|o[0-7]+|x[0-9a-fA-F_]+)
    | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?                          # 1:20, base 60
    | [-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}                                           # dates, with a time or not
      (?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?
         (?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?
    """,
    re.VERBOSE,
)


def plain(text: str) -> Scalar | Ambiguous:
    """The value of an unquoted scalar; a text is returned as it is."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC_START:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 0)
    if _DECIMAL.fullmatch(text):
        number = float(text)
        return int(number) if number.is_integer() else number  # 1.0 is an integer to JSON Schema
    if _REWRITTEN.fullmatch(text):
        return Ambiguous(f"{quoted(text)} for text, or a plain decimal number")
    return text

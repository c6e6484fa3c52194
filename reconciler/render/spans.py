"""Pieces of Markdown that no text from outside can leave: code spans, fences in a fold, escaped HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from reconciler.core.values.redaction import cut, escaped
from reconciler.render.findings import MAX_MESSAGE

_MAX_LINE = 300


def code(text: str) -> str:
    """A code span, in which nothing is a mention, a link or a tag; its fence is longer than any in the text."""
    shown = cut(escaped(text), MAX_MESSAGE)
    fence = "`" * (_longest(shown) + 1)
    pad = " " if not shown or shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def html_code(text: str) -> str:
    """The same where Markdown is not read: in a line of HTML."""
    return f"<code>{html.escape(cut(escaped(text), _MAX_LINE))}</code>"


def fold(summary: str, language: str, lines: Iterable[str]) -> str:
    """A fold below a summary, which is HTML, around a fence that is longer than any in its lines."""
    body = "".join(f"{cut(escaped(line), _MAX_LINE)}\n" for line in lines)
    fence = "`" * max(3, _longest(body) + 1)
    return f"<details><summary>{summary}</summary>\n\n{fence}{language}\n{body}{fence}\n\n</details>\n\n"


def some(lines: list[str], most: int) -> list[str]:
    """The first lines, and how many more there are."""
    more = len(lines) - most
    return lines if more <= 0 else [*lines[:most], f"… and {more:,} more lines"]


def marker(name: str) -> str:
    """A comment that nobody sees and by which the one comment of a pull request is found again."""
    return f"<!-- reconciler: {re.sub(r'[^A-Za-z0-9_./-]|--', '', escaped(name))} -->\n"


def _longest(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)

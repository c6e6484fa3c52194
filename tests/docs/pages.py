"""Takes the documentation apart, so that its tests can hold each piece to the code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parent.parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
ID = re.compile(r"\b(env|org|saml_conn|scim_directory)_[0-9a-z]{25}\b")
DIGEST = re.compile(r"\b[0-9a-f]{32}\b")

_BLOCK = re.compile(
    r"(?:^<!-- (?P<remark>[^\n]*) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_CODE = re.compile(r"`([^`\n]+)`")
_SEPARATORS = frozenset({"|", "||", "&&", ";", ">", "&"})


class Block(Struct, frozen=True):
    """A fenced block; `remark` is the comment right above it, `place` where it begins."""

    language: str
    text: str
    remark: str
    place: str


@cache
def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def page(name: str) -> str:
    """A page of docs/."""
    return read(ROOT / "docs" / name)


def sentences(name: str) -> str:
    """A page of docs/, whatever its line breaks are."""
    return " ".join(page(name).split())


@cache
def blocks(language: str) -> tuple[Block, ...]:
    """Every block of a language on every page."""
    found = []
    for path in PAGES:
        for match in _BLOCK.finditer(read(path)):
            line = read(path).count("\n", 0, match.start()) + 1
            place = f"{path.relative_to(ROOT)}:{line}"
            found.append(Block(match["language"], match["text"], match["remark"] or "", place))
    return tuple(block for block in found if block.language == language)


def prose(path: Path) -> str:
    """A page without its blocks."""
    return _BLOCK.sub("", read(path))


def codes(text: str) -> list[str]:
    """Everything in backticks."""
    return _CODE.findall(text)


def table(text: str, *heading: str) -> list[list[str]]:
    """The rows below the heading that begins with these cells; there is exactly one such table."""
    lines = text.splitlines()
    starts = [at for at, line in enumerate(lines) if _cells(line)[: len(heading)] == list(heading)]
    assert len(starts) == 1, f"{len(starts)} tables begin with {heading}"
    rows = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(_cells(line))
    assert rows
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []


def first_codes(rows: list[list[str]]) -> list[str]:
    """Everything in backticks in the first cells."""
    return [code for row in rows for code in codes(row[0])]


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Every `reconciler …` in a shell block or in a sentence: its place and its words."""
    for block in blocks("sh"):
        for line in block.text.splitlines():
            for words in _commands(line):
                yield block.place, words
    for path in PAGES:
        for code in codes(prose(path)):
            for words in _commands(code):
                yield f"{path.relative_to(ROOT)}: {code}", words


def _commands(line: str) -> Iterator[list[str]]:
    line = re.sub(r'"\$\((.*?)\)"', r"; \1", line)  # what stands in a substitution is a command of its own
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in (*lexer, ";"):
        if word not in _SEPARATORS:
            words.append(word)
            continue
        while words and "=" in words[0]:  # variables set for it
            del words[0]
        if words[:1] == ["reconciler"] and len(words) > 1:
            yield words[1:]
        words = []


def masked(text: str) -> str:
    """The text with every id and digest the same."""
    return DIGEST.sub("DIGEST", ID.sub(r"\1_ID", text))

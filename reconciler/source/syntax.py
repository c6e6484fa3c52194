"""Turns errors of the YAML parser into Problems that tell a person what to do.

The parser's own words ("did not find expected key") describe its state, not the mistake.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

from yaml import Mark, MarkedYAMLError, YAMLError

from reconciler.core.values.problems import Fault
from reconciler.model.manifest import Origin, Problem

MAX_FILE_BYTES = 1024 * 1024
_LINE_END = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")  # as the parser counts lines
_DOCUMENT = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_MAX_LINE = 10_000  # characters of a line that are looked at
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_UNCLOSED_QUOTE = ("a quoted text is not closed", "add the closing quote")
_INDENT = "indent the line like its neighbours, or put a text that contains `: ` in quotes"
_CHECK = "compare the line with its neighbours: indentation, quotes, brackets"
# what the parser says → (what is wrong, what to do); the first that fits
_WORDS = {
    "mapping values are not allowed": ("a `:` is not allowed here", _INDENT),
    "did not find expected ',' or ']'": ("a list in brackets is not closed", "add `,` or `]`"),
    "did not find expected ',' or '}'": ("a mapping in braces is not closed", "add `,` or `}`"),
    "did not find expected node content": (
        "a list or mapping in brackets is not closed, or a value in it is missing",
        "add the closing bracket, or the value",
    ),
    "did not find expected key": (
        "this line does not fit into the mapping around it",
        "indent it exactly like the other keys",
    ),
    "did not find expected '-' indicator": (
        "this line does not fit into the list around it",
        "indent it below its item, or begin it with `- `",
    ),
    "block sequence entries are not allowed": (
        "a list item is not allowed here",
        "put the list on lines of its own, each beginning with `- `",
    ),
    "found unexpected end of stream": _UNCLOSED_QUOTE,
    "found unexpected document indicator": _UNCLOSED_QUOTE,
    "unknown escape character": (
        "YAML does not know this escape sequence",
        "double the backslash, or use single quotes",
    ),
    "invalid Unicode character escape code": (
        "this escape sequence is not a whole character",
        "write the character itself",
    ),
    "cannot start any token": ("a text without quotes cannot begin with this character", "put it in quotes"),
    "could not find expected ':'": ("a key has no `:`", "add `: ` and a value"),
    "expected <document start>": ("text follows the end of a document", "begin the next document with `---`"),
    "incompatible YAML document": ("this version of YAML is not supported", "remove the %YAML line"),
    "undefined tag handle": ("this tag is not known", "remove the tag, the word that begins with `!`"),
}


def decode(data: bytes, file: str) -> str | Problem:
    """The text of a file, or why it has none."""
    if len(data) > MAX_FILE_BYTES:
        message = f"the file has more than {MAX_FILE_BYTES:,} bytes"
        return Fault("yaml/too-large", message, "split it into several files").at(Origin(file))
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in data[:2]:
        return Fault("yaml/encoding", "the file is UTF-16 or UTF-32", "save it as UTF-8").at(Origin(file))
    data = data.removeprefix(BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        message = f"the byte 0x{data[error.start]:02X} is not UTF-8"
        return Fault("yaml/encoding", message, "save it as UTF-8").at(_end(before, file))


def explain(error: YAMLError, text: str, file: str) -> Problem:
    """What an error of the parser means; `text` is what it was parsing."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return _unreadable(text, file)
    line, column, written = _position(error.problem_mark, text)
    tab = _tab(written, column)
    if tab is not None:
        return Fault("yaml/tab", "YAML does not allow a tab here", "replace the tab with spaces").at(
            Origin(file, line + 1, tab + 1)
        )
    said = f"{error.context or ''} {error.problem or ''}".strip()
    unknown = f"this is not valid YAML: {said}", _CHECK
    message, hint = next((words for known, words in _WORDS.items() if known in said), unknown)
    return Fault("yaml/syntax", message, hint).at(Origin(file, line + 1, column + 1))


def after(error: YAMLError, text: str, began: int) -> tuple[str, int] | None:
    """What follows the broken document, on its own lines, and the first of these lines; None if nothing does.

    `began` is that line of the text that was being parsed.
    """
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return None
    mark = error.problem_mark
    # a mark at a `---` itself: the document before it was not at its end
    start = mark.index - mark.column if mark.column == 0 else mark.index
    following = _DOCUMENT.search(text, max(start, began + 1))
    if following is None:
        return None
    line = mark.line + len(_LINE_END.findall(text, mark.index - mark.column, following.start()))
    return "\n" * line + text[following.start() :], line


def _position(mark: Mark, text: str) -> tuple[int, int, str]:
    """Line and column, counted from 0, and the line itself."""
    start = mark.index - mark.column
    written = _LINE_END.split(text[start : start + _MAX_LINE], maxsplit=1)[0]
    if written or mark.line == 0 or mark.index < len(text) or _LINE_END.match(text[-1]):
        return mark.line, mark.column, written
    last = _LINE_END.split(text)[-1]  # the parser ends its last line, even where the text does not
    return mark.line - 1, len(last), last


def _tab(line: str, column: int) -> int | None:
    """The column of the tab that is to blame: one in the indentation, or at the place itself."""
    indentation = line[: len(line) - len(line.lstrip(" \t"))]
    if "\t" in indentation:
        return indentation.index("\t")
    return column if line[column : column + 1] == "\t" else None


def _unreadable(text: str, file: str) -> Problem:
    """What the parser cannot even read: a character that no YAML file may contain."""
    found = _FORBIDDEN.search(text)
    if found is None:
        return Fault("yaml/syntax", "this is not valid YAML", _CHECK).at(Origin(file))
    message = f"the control character U+{ord(found[0]):04X} is not allowed"
    return Fault("yaml/control-character", message, "remove it").at(_end(text[: found.start()], file))


def _end(before: str, file: str) -> Origin:
    """The place right after a text."""
    lines = _LINE_END.split(before)
    return Origin(file, len(lines), len(lines[-1]) + 1)

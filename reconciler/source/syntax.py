"""Turns what the YAML parser says into a Problem that tells a person what to do.

The parser's own words ("did not find expected key") describe its state, not the mistake.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

from yaml import Mark, MarkedYAMLError, YAMLError

from reconciler.model.manifest import Origin, Problem, Severity

_LINE_END = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")  # as the parser counts lines
_DOCUMENT = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_MAX_LINE = 10_000  # of a line, so much is looked at
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# what the parser says → what is wrong, what to do; the first row that fits is taken
_WORDS = (
    (
        "mapping values are not allowed",
        "a `:` stands where no key can be",
        "indent the line like its neighbours, or quote a text that contains `: `",
    ),
    ("did not find expected ',' or ']'", "a list in brackets is not closed", "add `,` or `]`"),
    ("did not find expected ',' or '}'", "a mapping in braces is not closed", "add `,` or `}`"),
    (
        "did not find expected node content",
        "a list or mapping in brackets is not closed, or has a value that is not there",
        "add the closing bracket, or the value",
    ),
    (
        "did not find expected key",
        "a line does not fit into the mapping around it",
        "indent it exactly like the keys it belongs to",
    ),
    (
        "did not find expected '-' indicator",
        "a line does not fit into the list around it",
        "indent it below its item, or begin it with `- `",
    ),
    (
        "block sequence entries are not allowed",
        "a list item stands where none can be",
        "put the list on lines of its own, each beginning with `- `",
    ),
    ("found unexpected end of stream", "a quoted text is not closed", "add the closing quote"),
    ("found unexpected document indicator", "a quoted text is not closed", "add the closing quote"),
    (
        "unknown escape character",
        "a text in double quotes has an escape that YAML does not know",
        "double the backslash, or use single quotes",
    ),
    (
        "invalid Unicode character escape code",
        "an escape stands for no character, or for half of one",
        "write the character itself",
    ),
    (
        "cannot start any token",
        "a text cannot begin with this character",
        "put the text in quotes",
    ),
    ("could not find expected ':'", "a key has no `:`", "add `: ` and a value"),
    (
        "expected <document start>",
        "text follows the end of a document",
        "begin the next document with `---`",
    ),
    (
        "incompatible YAML document",
        "this version of YAML is not known",
        "remove the %YAML line",
    ),
    ("undefined tag handle", "a tag is not known", "remove the word that begins with `!`"),
)


_CHECK = "compare the line with those around it: indentation, quotes, brackets"
MAX_FILE_BYTES = 1024 * 1024


def decode(data: bytes, file: str) -> str | Problem:
    """The text of a file, or why it has none."""
    if len(data) > MAX_FILE_BYTES:
        message = f"the file has more than {MAX_FILE_BYTES:,} bytes"
        return problem("yaml/too-large", Origin(file), message, "split it into several files")
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in data[:2]:
        return problem("yaml/encoding", Origin(file), "the file is UTF-16 or UTF-32", "save it as UTF-8")
    data = data.removeprefix(BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        message = f"the byte 0x{data[error.start]:02X} is not UTF-8"
        return problem("yaml/encoding", _end(before, file), message, "save it as UTF-8")


def explain(error: YAMLError, text: str, file: str) -> Problem:
    """The problem that a parser's error means; `text` is what it was parsing."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return _unreadable(text, file)
    line, column, written = _position(error.problem_mark, text)
    said = f"{error.context or ''} {error.problem or ''}".strip()
    tab = _tab(written, column)
    if tab is not None:
        return problem(
            "yaml/tab",
            Origin(file, line + 1, tab + 1),
            "a tab stands where YAML wants spaces",
            "replace the tab with spaces",
        )
    for words, message, hint in _WORDS:
        if words in said:
            return problem("yaml/syntax", Origin(file, line + 1, column + 1), message, hint)
    return problem("yaml/syntax", Origin(file, line + 1, column + 1), f"not YAML: {said}", _CHECK)


def _position(mark: Mark, text: str) -> tuple[int, int, str]:
    """Line and column, counted from 0, and the line itself."""
    start = mark.index - mark.column
    written = _LINE_END.split(text[start : start + _MAX_LINE], maxsplit=1)[0]
    if written or mark.line == 0 or mark.index < len(text) or _LINE_END.match(text[-1]):
        return mark.line, mark.column, written
    last = _LINE_END.split(text)[-1]  # the parser ends its last line, even where the text does not
    return mark.line - 1, len(last), last


def after(error: YAMLError, text: str, began: int) -> tuple[str, int] | None:
    """The documents behind the one with the error, on the lines where they stand, and the first of these lines.

    None if there are no more. `began` is that line of the text that was being parsed.
    """
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return None
    mark = error.problem_mark
    # a mark at a `---` itself: the document before it was not at its end
    start = mark.index - mark.column if mark.column == 0 else mark.index
    following = _DOCUMENT.search(text, max(start, began + 1))
    if following is not None:
        line = mark.line + len(_LINE_END.findall(text, mark.index - mark.column, following.start()))
        return "\n" * line + text[following.start() :], line
    return None


def _tab(faulty: str, column: int) -> int | None:
    """The column of the tab that is to blame: one in the line's indentation, or at the place itself."""
    indentation = faulty[: len(faulty) - len(faulty.lstrip(" \t"))]
    if "\t" in indentation:
        return indentation.index("\t")
    return column if faulty[column : column + 1] == "\t" else None


def _unreadable(text: str, file: str) -> Problem:
    """What the parser's reader refuses: a character that no YAML file may hold."""
    found = _FORBIDDEN.search(text)
    if found is None:
        return problem("yaml/syntax", Origin(file), "not YAML", _CHECK)
    return problem(
        "yaml/control-character",
        _end(text[: found.start()], file),
        f"the control character U+{ord(found.group()):04X} cannot stand in a manifest",
        "remove it",
    )


def _end(before: str, file: str) -> Origin:
    """The place that follows a text."""
    lines = _LINE_END.split(before)
    return Origin(file, len(lines), len(lines[-1]) + 1)


def problem(rule: str, origin: Origin, message: str, hint: str) -> Problem:
    """An error; nothing about YAML is a mere warning."""
    return Problem(rule, Severity.ERROR, origin, message, hint)

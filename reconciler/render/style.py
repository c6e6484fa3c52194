"""How a text is laid out for whoever reads it: colours, a terminal's width, the folder before file names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from reconciler.core.values.redaction import escaped

TIED = "\u00a0"  # a blank where no line is broken; no text from outside has one, since it is not printable
_COLOUR = re.compile(r"\x1b\[\d*m")


class Style(Struct, frozen=True):
    """`colour` says whether to colour; `folder` stands before file names; `columns` is a terminal's width.

    `repository` is the folder's path in its repository, which platforms want before file names.
    """

    colour: bool = False
    folder: str = ""
    columns: int | None = None
    repository: str = ""

    def paint(self, code: str, text: str) -> str:
        """The text in a colour (31 red, 32 green, 33 yellow, 1 bold, 2 dim), if colours are wanted."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def place(self, file: str, line: int) -> str:
        """`manifests/acme.yaml:4`."""
        return escaped(f"{self.folder}/{file}:{line}" if self.folder else f"{file}:{line}")

    def located(self, file: str) -> str:
        """A file's path in the repository, or without a file the folder's."""
        return escaped("/".join(part for part in (self.repository, file) if part)) or "."

    def joined(self, lines: Iterable[str]) -> str:
        """The lines as one text, none wider than the terminal where that can be helped."""
        return "".join(f"{fitted(line, self.columns)}\n" for line in lines).replace(TIED, " ")


PLAIN = Style()


def fitted(line: str, columns: int | None) -> str:
    """The line broken at blanks to that many columns, further lines indented; a long word stays whole."""
    if columns is None or _length(line) <= columns:
        return line
    indent = " " * (len(line) - len(line.lstrip(" ")))
    lines, current = [], indent
    for word in re.split(r"(?<=\S)(?= )", line[len(indent) :]):
        if current.strip() and _length(current + word) > columns:
            lines.append(current)
            current = f"{indent}    {word.lstrip(' ')}"
        else:
            current += word
    return "\n".join([*lines, current])


def _length(line: str) -> int:
    return len(_COLOUR.sub("", line))

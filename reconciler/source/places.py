"""Finds the line and column of a value, without keeping those of every value.

Only faulty documents need them, so a document is parsed a second time when somebody asks (0.1 ms). The places of
list items are needed in sound documents too: they are noted while the document is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from yaml import CBaseLoader, CollectionEndEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

from reconciler.model.manifest import Origin, Path

Event = Any  # the parser's own types say None where it never is
Next = Callable[[], Event]


class Place(NamedTuple):
    """Where a value begins, counted from 0, and a scalar as the file spells it."""

    line: int
    column: int
    written: str = ""


class Places:
    """The places of one document.

    `text` is the lines of the document; the first of them is line `line` of `file`, counted from 0.
    `items` has the places of list items that are mappings, by the identity of the value.
    """

    __slots__ = ("_file", "_found", "_items", "_line", "_text", "_value")

    def __init__(self, file: str, text: str, line: int, value: Any, items: Mapping[int, tuple[int, int]]) -> None:
        self._file = file
        self._text = text
        self._line = line
        self._value = value
        self._items = items
        self._found: dict[Path, Place] | None = None

    def origin(self, path: Path) -> Origin:
        """The place of a list item or of a key; for a path that does not exist, of the nearest value around it."""
        noted = self._items.get(id(self._at(path)))
        if noted is not None:
            return Origin(self._file, noted[0] + 1, noted[1] + 1)
        place = self._place(path)
        return Origin(self._file, self._line + place.line + 1, place.column + 1)

    def written(self, path: Path) -> str:
        """The scalar at a path as the file spells it; "" for anything else."""
        found = self._all().get(path)
        return found.written if found else ""

    def forget(self) -> None:
        """Lets go of what was found; it is found again when somebody asks."""
        self._found = None

    def _at(self, path: Path) -> Any:
        value = self._value
        try:
            for step in path:
                value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
        return value

    def _place(self, path: Path) -> Place:
        found = self._all()
        while path not in found:
            path = path[:-1]
        return found[path]

    def _all(self) -> dict[Path, Place]:
        found = self._found
        if found is None:
            following = events(self._text)
            following()  # the stream's start
            following()  # the document's start
            found = {}
            _note(found, (), following(), following)
            for earlier in _latest:
                earlier.forget()  # the places of all documents would take more memory than the documents
            _latest[:] = [self]
            self._found = found
        return found


_latest: list[Places] = []  # whose places are kept


def events(text: str) -> Next:
    """A function that returns libyaml's next event; it composes nothing, and reads no further than it is asked."""
    return CBaseLoader(text).get_event


def _note(found: dict[Path, Place], path: Path, event: Event, following: Next, key: Event = None) -> None:
    """Notes every path at and below a node; of a duplicate key, the first."""
    mark = (key or event).start_mark
    found[path] = Place(mark.line, mark.column, event.value if isinstance(event, ScalarEvent) else "")
    if isinstance(event, SequenceStartEvent):
        index = 0
        while not isinstance(item := following(), CollectionEndEvent):
            _note(found, (*path, index), item, following)
            index += 1
    elif isinstance(event, MappingStartEvent):
        while not isinstance(name := following(), CollectionEndEvent):
            member = (*path, name.value)
            _note({} if member in found else found, member, following(), following, name)

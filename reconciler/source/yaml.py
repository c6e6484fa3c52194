"""Reads YAML that nobody vouches for: strict, bounded, with the place of every fault.

libyaml parses, through PyYAML; the values are built here, straight from its events, so that every bound holds
before anything grows (docs/decisions/yaml.md).
"""

from __future__ import annotations

from typing import Any, NoReturn

from msgspec import Struct
from yaml import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    YAMLError,
)

from reconciler.core.values.problems import Fault, shown
from reconciler.model.manifest import Document, Origin, Problem
from reconciler.source.places import Event, Next, Places, events
from reconciler.source.scalars import COLLECTION_TAGS, CONTROL, SCALAR_TAGS, Ambiguous, Scalar, plain, quoted
from reconciler.source.syntax import after, decode, explain

MAX_DOCUMENTS = 1_000  # per file
MAX_NODES = 60_000  # per file; an alias counts as much as what it stands for
MAX_ALIASES = 100  # per file
MAX_DEPTH = 64
MAX_PROBLEMS = 100  # per file
_SPLIT = "split it into several files"
_FLATTEN = "no manifest is that deep; check that this file is one"
_WRITE_OUT = "write the values out instead of using aliases"


class Parsed(Struct, frozen=True):
    """What a file says, in so many values. Unless it is `complete`, it may say more than its documents do."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]
    complete: bool
    values: int = 0


def parse(data: bytes, file: str) -> Parsed:
    """Every document of a file and every problem in it. Raises nothing, whatever the bytes are."""
    text = decode(data, file)
    if isinstance(text, Problem):
        return Parsed((), (text,), complete=False)
    return _Builder(text, file).parse()


class _Refused(Exception):
    """Ends the reading of a file."""

    def __init__(self, reason: Problem) -> None:
        super().__init__(reason.message)
        self.problem = reason


class _Anchored(Struct, frozen=True):
    """What an alias stands for: its value, how many nodes it has, how deep it is."""

    value: Any
    nodes: int
    height: int


class _Builder:
    """Builds the values of one file, once."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._next: Next
        self._problems: list[Problem] = []
        self._complete = True
        self._nodes = 0
        self._aliases = 0
        self._depth = 0
        self._deepest = 0
        self._anchors: dict[str, _Anchored | None] = {}  # None while the node is being built
        self._items: dict[int, tuple[int, int]] = {}
        self._dropped: list[Any] = []  # kept alive, so that no other value gets the identity of one
        self._documents: list[Document] = []

    def parse(self) -> Parsed:
        rest: tuple[str, int] | None = self._text, 0
        try:
            while rest is not None:
                rest = self._parse(*rest)
        except _Refused as refused:
            self._problems.append(refused.problem)
            self._complete = False
        return Parsed(tuple(self._documents), tuple(self._problems), self._complete, self._nodes)

    def _parse(self, text: str, began: int) -> tuple[str, int] | None:
        """Builds all documents; returns the text after the first broken one, and the line where it begins."""
        self._text, self._depth = text, 0
        self._next = events(text)
        try:
            self._next()  # the stream's start
            while isinstance(event := self._next(), DocumentStartEvent):
                if len(self._documents) == MAX_DOCUMENTS:
                    message = f"the file has more than {MAX_DOCUMENTS:,} documents"
                    self._refuse("too-many-documents", event, message, _SPLIT)
                document = self._document(event)
                if document is not None:
                    self._documents.append(document)
        except YAMLError as error:
            self._complete = False
            self._add(explain(error, text, self._file))
            return after(error, text, began)
        return None

    # -- structure

    def _document(self, start: Event) -> Document | None:
        """The next document, or None if nothing stands in it."""
        self._anchors, self._items = {}, {}
        root = self._next()
        value = self._value(root)
        end = self._next().end_mark
        if value is None and root.start_mark.index == root.end_mark.index:
            return None
        lines = self._text[start.start_mark.index - start.start_mark.column : end.index]
        places = Places(self._file, lines, start.start_mark.line, value, self._items)
        return Document(value, self._origin(root), places.origin, places.written)

    def _value(self, event: Event) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._refuse("too-many-values", event, f"the file has more than {MAX_NODES:,} values", _SPLIT)
        if event.anchor is not None:
            return self._alias(event) if isinstance(event, AliasEvent) else self._anchored(event)
        return self._scalar(event) if isinstance(event, ScalarEvent) else self._collection(event)

    def _collection(self, event: Event) -> Any:
        if self._depth == MAX_DEPTH:
            self._refuse("too-deep", event, f"values are nested more than {MAX_DEPTH} levels deep", _FLATTEN)
        if event.tag not in COLLECTION_TAGS[type(event)]:
            self._tag(event)
        self._depth += 1
        self._deepest = max(self._deepest, self._depth)
        value = self._mapping() if isinstance(event, MappingStartEvent) else self._sequence()
        self._depth -= 1
        return value

    def _mapping(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        keys: list[Event] = []
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._key(event)
            value = self._value(self._next())
            if key in members:
                self._dropped.append(value)
                first = keys[list(members).index(key)].start_mark.line + 1
                message = f"duplicate key {shown(key)}, first used on line {first}"
                self._lose("duplicate-key", event, message, "remove one of the two")
            else:
                members[key] = value
                keys.append(event)
        return members

    def _sequence(self) -> list[Any]:
        items: list[Any] = []
        event: Event
        while not isinstance(event := self._next(), SequenceEndEvent):
            value = self._value(event)
            items.append(value)
            if isinstance(event, MappingStartEvent):
                mark: Event = event.start_mark
                self._items[id(value)] = (mark.line, mark.column)
        return items

    def _key(self, event: Event) -> str:
        self._nodes += 1
        if not isinstance(event, ScalarEvent):
            message = "a key must be text, not an alias, a list or a mapping"
            self._refuse("key-not-text", event, message, "write the key out, without `?` and `*`")
        if event.value == "<<" and not event.style:
            self._lose("merge-key", event, "merge keys are not supported", "write the merged keys out")
            return "<<"
        key = self._scalar(event)
        if isinstance(key, str):
            return key
        self._report("key-not-text", event, f"the key {shown(event.value)} is not text", quoted(event.value))
        return event.value

    def _anchored(self, event: Event) -> Any:
        self._anchors[event.anchor] = None
        nodes, deepest, self._deepest = self._nodes, self._deepest, self._depth
        value = self._scalar(event) if isinstance(event, ScalarEvent) else self._collection(event)
        height = self._deepest - self._depth
        self._anchors[event.anchor] = _Anchored(value, self._nodes - nodes, height)
        self._deepest = max(deepest, self._deepest)
        return value

    def _alias(self, event: Event) -> Any:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            message = f"the file has more than {MAX_ALIASES} aliases"
            self._refuse("too-many-aliases", event, message, _WRITE_OUT)
        if event.anchor not in self._anchors:
            message = f"this alias has no anchor {shown(f'&{event.anchor}')} before it"
            self._refuse("unknown-alias", event, message, "correct the name, or quote the text if it is no alias")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            message = f"{shown(f'*{event.anchor}')} contains itself"
            self._refuse("recursive-alias", event, message, _WRITE_OUT)
        self._nodes += anchored.nodes
        if self._nodes > MAX_NODES:
            message = f"with its aliases written out, the file has more than {MAX_NODES:,} values"
            self._refuse("too-many-values", event, message, _WRITE_OUT)
        self._deepest = max(self._deepest, self._depth + anchored.height)
        if self._deepest > MAX_DEPTH:
            message = f"with aliases written out, values are nested more than {MAX_DEPTH} levels deep"
            self._refuse("too-deep", event, message, _WRITE_OUT)
        return anchored.value

    # -- scalars

    def _scalar(self, event: Event) -> Scalar:
        """A scalar's value; the text of a faulty one, so that the rest of the file can be judged."""
        text: str = event.value
        if event.tag is not None:
            return self._tagged(event)
        if event.style:
            if event.style == '"' and (found := CONTROL.search(text)):
                message = f"the text contains the control character U+{ord(found[0]):04X}"
                self._report("control-character", event, message, "remove the escape sequence")
            return text
        value = plain(text)
        if isinstance(value, Ambiguous):
            message = f"YAML tools disagree about the meaning of {shown(text)} without quotes"
            self._report("ambiguous-scalar", event, message, value.hint)
            return text
        return value

    def _tagged(self, event: Event) -> Scalar:
        types = SCALAR_TAGS.get(event.tag)
        text: str = event.value
        value = text if types == (str,) else plain(text)
        if types is None or isinstance(value, Ambiguous) or type(value) not in types:
            self._tag(event)
            return text
        return value

    def _tag(self, event: Event) -> None:
        message = f"the tag {shown(event.tag)} is not allowed here"
        self._report("tag", event, message, "remove the tag, the word that begins with `!`")

    # -- problems

    def _origin(self, event: Event) -> Origin:
        return Origin(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _report(self, rule: str, event: Event, message: str, hint: str) -> None:
        """Notes a fault that hides nothing else in the file."""
        self._add(Fault(f"yaml/{rule}", message, hint).at(self._origin(event)))

    def _lose(self, rule: str, event: Event, message: str, hint: str) -> None:
        """Notes a fault that hides a part of the file."""
        self._complete = False
        self._report(rule, event, message, hint)

    def _refuse(self, rule: str, event: Event, message: str, hint: str) -> NoReturn:
        """Stops reading the file."""
        raise _Refused(Fault(f"yaml/{rule}", message, hint).at(self._origin(event)))

    def _add(self, reason: Problem) -> None:
        self._problems.append(reason)
        if len(self._problems) == MAX_PROBLEMS:
            message = f"the file has {MAX_PROBLEMS} problems or more; the rest of it was not read"
            raise _Refused(
                Fault("yaml/too-many-problems", message, "fix these, then validate again").at(reason.origin)
            )

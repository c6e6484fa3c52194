"""Inserts `id:` lines into manifests by position, and leaves every other byte as it is.

A YAML library that reads and writes again would lose comments, quotes and line ends; a text that is inserted
where the parser says loses nothing. The result is read again, and is refused unless it says exactly the same
and the pins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct
from yaml import CollectionNode, CSafeLoader, MappingNode, Node, ScalarNode, SequenceNode, compose_all

from reconciler.model.manifest import Document, Origin, Path
from reconciler.source.syntax import decode
from reconciler.source.yaml import parse

_BOM = b"\xef\xbb\xbf"


class Insertion(Struct, frozen=True):
    """A pin to insert: the document's place, the path of the mapping that gets it, and the id.

    The path is ("spec",) for an organization or an environment, ("spec", "samlConnections", 0) for a child.
    """

    document: Origin
    path: Path
    id: str


class NotInserted(Exception):
    """The pin has no place that is certain: a person inserts it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Edit(Struct, frozen=True, order=True):
    """A text to insert before the character at `at`."""

    at: int
    text: str


def insert(data: bytes, file: str, insertions: Sequence[Insertion]) -> bytes:
    """The file's bytes with the pins in them; raises NotInserted where a pin's place is not certain."""
    before = parse(data, file)
    text = decode(data, file)
    if not isinstance(text, str) or before.problems or not before.complete:
        raise NotInserted("the file has problems: see `reconciler validate`")
    roots = {(node.start_mark.line + 1, node.start_mark.column + 1): node for node in _roots(text)}
    edits = []
    for each in insertions:
        root = roots.get((each.document.line, each.document.column))
        if root is None:
            raise NotInserted("the document is not where it was read")
        edits.append(_edit(text, root, each))
    bom = _BOM if data.startswith(_BOM) else b""
    result = bom + _with(text, sorted(edits)).encode()
    _check(before.documents, parse(result, file).documents, insertions)
    return result


def _roots(text: str) -> Iterator[Node]:
    """The documents' nodes; the text was parsed within its bounds before, so that composing is safe."""
    yield from (node for node in compose_all(text, Loader=CSafeLoader) if node is not None)


def _with(text: str, edits: Sequence[_Edit]) -> str:
    for one, other in pairwise(edits):
        if one.at == other.at:
            raise NotInserted("two pins have the same place")
    parts, last = [], 0
    for edit in edits:
        parts += [text[last : edit.at], edit.text]
        last = edit.at
    return "".join([*parts, text[last:]])


def _check(before: Sequence[Document], after: Sequence[Document], insertions: Sequence[Insertion]) -> None:
    """Raises NotInserted unless the file says what it said, and the pins, and nothing else."""
    wanted = {document.origin: _unshared(document.value) for document in before}
    for each in insertions:
        holder = wanted[each.document]
        for step in each.path:
            if isinstance(holder, dict) and holder.get(step) is None:
                holder[step] = {}
            holder = holder[step]
        holder["id"] = each.id
    if [document.value for document in after] != list(wanted.values()):
        raise NotInserted("the file would say something else: an anchor or an unusual style stands there")


def _unshared(value: Any) -> Any:
    """A copy in which nothing stands twice: what an anchor and its alias share would be changed together."""
    if isinstance(value, dict):
        return {key: _unshared(each) for key, each in value.items()}
    return [_unshared(each) for each in value] if isinstance(value, list) else value


# -- where a pin goes ------------------------------------------------------------------------------


def _edit(text: str, root: Node, insertion: Insertion) -> _Edit:
    holder: Node = root
    for step in insertion.path:
        found = _member(holder, step)
        if found is None and step == "spec" and isinstance(holder, MappingNode):
            return _new_spec(text, holder, insertion.id)
        if found is None:
            raise NotInserted(f"there is no `{step}`")
        holder = found
    if isinstance(holder, ScalarNode) and holder.value in {"", "null", "~"} and insertion.path == ("spec",):
        return _instead_of_nothing(holder, insertion.id)
    if not isinstance(holder, MappingNode):
        raise NotInserted("this is no mapping")
    if holder.flow_style:
        return _into_flow(holder, insertion.id)
    return _into_block(text, holder, insertion)


def _member(holder: Node, step: str | int) -> Node | None:
    if isinstance(holder, MappingNode) and isinstance(step, str):
        return next((value for key, value in holder.value if key.value == step), None)
    if isinstance(holder, SequenceNode) and isinstance(step, int) and step < len(holder.value):
        member: Node = holder.value[step]
        return member
    return None


def _into_flow(holder: MappingNode, id_: str) -> _Edit:
    """`{name: okta}` → `{name: okta, id: …}`; an organization's goes first."""
    quote = '"' if any(key.style == '"' for key, _ in holder.value) else ""
    pin = f"{quote}id{quote}: {quote}{id_}{quote}"
    name = next((value for key, value in holder.value if key.value == "name"), None)
    if name is not None:
        return _Edit(name.end_mark.index, f", {pin}")
    more = ", " if holder.value else ""
    first = holder.value[0][0].start_mark.index if holder.value else holder.end_mark.index - 1
    return _Edit(first, f"{pin}{more}")


def _into_block(text: str, holder: MappingNode, insertion: Insertion) -> _Edit:
    """A line of its own: first in a `spec`, below the `name` of a child."""
    first = holder.value[0][0]
    indent = " " * first.start_mark.column
    if len(insertion.path) > 1:
        name = next((value for key, value in holder.value if key.value == "name"), None)
        if not isinstance(name, ScalarNode) or name.start_mark.line != name.end_mark.line:
            raise NotInserted("its `name` does not stand on a line of its own")
        return _after_line(text, name.end_mark.index, f"{indent}id: {insertion.id}")
    start = _line_start(text, first.start_mark.index)
    if text[start : first.start_mark.index].strip(" "):
        raise NotInserted("its first key does not begin a line")
    return _Edit(start, f"{indent}id: {insertion.id}{_newline(text, start)}")


def _instead_of_nothing(holder: ScalarNode, id_: str) -> _Edit:
    """`spec:` without a value gets one."""
    if holder.value:
        raise NotInserted("`spec` is null")
    return _Edit(holder.start_mark.index, f" {{id: {id_}}}")


def _new_spec(text: str, root: MappingNode, id_: str) -> _Edit:
    """A `spec` line at the end of a document that has none."""
    last = _end(root.value[-1][1])
    if root.flow_style:
        return _Edit(last, f", spec: {{id: {id_}}}")
    indent = " " * root.value[0][0].start_mark.column
    return _after_line(text, last, f"{indent}spec: {{id: {id_}}}")


def _end(node: Node) -> int:
    """Behind a node's last character; a block collection's own mark stands behind the comments that follow."""
    if not isinstance(node, CollectionNode) or node.flow_style or not node.value:
        end: int = node.end_mark.index
        return end
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


# -- lines -----------------------------------------------------------------------------------------


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _after_line(text: str, at: int, line: str) -> _Edit:
    """The line below the one that holds the character before `at`; a file keeps its missing last newline."""
    end = text.find("\n", at)
    if end < 0:
        return _Edit(len(text), f"{_newline(text, at)}{line}")
    return _Edit(end + 1, f"{line}{_newline(text, end)}")


def _newline(text: str, at: int) -> str:
    """The line end that the file uses around there."""
    end = text.find("\n", at)
    end = text.rfind("\n", 0, at) if end < 0 else end
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"

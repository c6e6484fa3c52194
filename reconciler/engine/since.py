"""Loads a folder together with what changed in it since another revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import structs

from reconciler.core.manifests.identity import identify
from reconciler.core.manifests.since import since
from reconciler.engine.load import Load, load
from reconciler.model.manifest import Origin, attachment
from reconciler.model.settings import DomainRules
from reconciler.model.since import Declared
from reconciler.model.state import Loaded
from reconciler.source.git import difference
from reconciler.source.references import references
from reconciler.source.snapshot import MAX_FILE_BYTES, is_manifest
from reconciler.source.yaml import parse


def loading_since(revision: str) -> Load:
    """A loader as `load`, which also says what the change since the revision touches.

    It also raises UsageError, where git cannot tell.
    """

    def with_change(folder: str, /, *, now: float, allow_empty: bool, rules: DomainRules) -> Loaded:
        loaded = load(folder, now=now, allow_empty=allow_empty, rules=rules)
        if loaded.desired is None:
            return loaded
        found = difference(folder, revision)
        manifests = sorted(filter(_is_read, found.paths))
        before = [each for path in manifests for each in _declared(path, found.before.get(path, b""))]
        current = [each for path in manifests for each in _declared(path, _content(folder, path))]
        change = since(found.base, found.paths, before, current, loaded.references)
        return structs.replace(loaded, since=change)

    return with_change


def _is_read(path: str) -> bool:
    *folders, name = path.split("/")
    return is_manifest(name) and not any(folder.startswith(".") for folder in folders)


def _content(folder: str, path: str) -> bytes:
    """What is in a file that was loaded a moment ago; nothing where it is gone, or is no file to load."""
    file = Path(folder, path)
    try:
        return file.read_bytes() if file.is_file() and file.stat().st_size <= MAX_FILE_BYTES else b""
    except OSError:
        return b""


def _declared(path: str, data: bytes) -> Iterator[Declared]:
    """The organizations that a manifest declares, as far as they can be read."""
    for document in parse(data, path).documents if data else ():
        identity = identify(document.value)
        if identity.name and document.value.get("kind") == "Organization":
            files = _attached(document.origin.file, document.value)
            yield Declared(identity.name, identity.id, identity.external_id, path, document.value, tuple(files))


def _attached(file: str, value: object) -> Iterable[str]:
    return (attachment(Origin(file), reference) for _, reference in references(value))

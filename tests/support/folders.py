"""Folders of manifests for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.engine.load import load_partly
from reconciler.model.manifest import Problem
from reconciler.model.state import Loaded
from tests.support.certificates import NOW

ENVIRONMENT = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"


def placed(problems: Iterable[Problem]) -> list[tuple[str, str, str]]:
    """Rule, severity and place of each; its words are whole."""
    found = list(problems)
    assert all(each.message and each.hint for each in found)
    return [(each.rule, str(each.severity), str(each.origin)) for each in found]


def organization(name: str = "acme", spec: str = "{}") -> str:
    """A manifest whose `spec:` is on line 4; a spec of several lines begins with a newline."""
    return f"apiVersion: reconciler/v1\nkind: Organization\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def sound(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder with an Environment and one organization that has nothing wrong, beside the files."""
    return write(folder, {"environment.yaml": ENVIRONMENT, "sound.yaml": organization("sound"), **files})


def load(folder: Path, *, allow_empty: bool = False) -> Loaded:
    return load_partly(str(folder), now=NOW, allow_empty=allow_empty)

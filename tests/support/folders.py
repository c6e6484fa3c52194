"""Folders of manifests for tests, and what is found in them, flat enough to be compared at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from reconciler.engine.load import load_partly
from reconciler.model.manifest import Problem
from reconciler.model.state import Loaded
from tests.support.certificates import NOW

ENVIRONMENT = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"


class Found(NamedTuple):
    """A problem: rule, severity, place, message, hint."""

    rule: str
    severity: str
    place: str
    message: str
    hint: str


def found(problem: Problem) -> Found:
    return Found(problem.rule, str(problem.severity), str(problem.origin), problem.message, problem.hint)


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


def problems(folder: Path, *, allow_empty: bool = False) -> list[Found]:
    return [found(problem) for problem in load(folder, allow_empty=allow_empty).problems]

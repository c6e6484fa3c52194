"""What a made-up addition is, and the stage on which it is seen to work: a command line beside an emulator."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from msgspec import Struct

from reconciler.emulator import Emulator, Store
from reconciler.emulator.serve import background
from reconciler.source import schemas
from tests.support.quiet import ended

ENVIRONMENT = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"


class Addition(Struct, frozen=True):
    """A row of the table in docs/how-it-works.md, made up.

    `change` is its first cell. `inserts` are by file: a text that is in it once, and what to put before that.
    `check` runs in a copy of the repository that has the inserts; it imports what they add.
    """

    change: str
    inserts: Mapping[str, tuple[tuple[str, str], ...]]
    check: Callable[[Stage], None]


class Stage:
    """An environment of an emulator, a folder of manifests, and the command line."""

    def __init__(self, store: Store, url: str) -> None:
        self.store = store
        self.url = url
        self.environment = store.environments["production"]
        self.folder = Path("made-up")
        self.folder.mkdir()
        self.write("environment.yaml", ENVIRONMENT)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def declare(self, name: str, *spec: str) -> None:
        """The manifest of an organization; each line of its spec is a flow mapping's inside."""
        head = f"apiVersion: reconciler/v1\nkind: Organization\nmetadata: {{name: {name}}}\nspec:\n"
        self.write(f"{name}.yaml", head + "".join(f"  {line}\n" for line in spec))

    def reconciler(self, *words: str, code: int = 0) -> Any:
        """The JSON document of a command line, which has to end with that code and to keep its schema."""
        done = ended(*words, "--output", "json")
        assert done.code == code, done
        Draft202012Validator(json.loads(schemas.text(done.document["kind"].lower()))).validate(done.document)
        return done.document


def perform(addition: Addition) -> None:
    """Checks an addition in the copy of the repository that is the working directory."""
    store = Store.fresh(random.Random(1))
    with background(Emulator(store)) as url:
        stage = Stage(store, url)
        key = stage.environment.key
        os.environ |= {"SSOREADY_API_URL": url, "SSOREADY_API_KEY": key, "RECONCILER_SETTLE_S": "0"}
        addition.check(stage)

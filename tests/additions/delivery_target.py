"""A made-up delivery target: one file that each secret is appended to."""

from __future__ import annotations

from pathlib import Path

from tests.additions.stage import Addition, Stage

MODULE = r'''"""Appends every secret to one file."""

from pathlib import Path


class Heap:
    def __init__(self, path):
        self._path = Path(path)

    def read(self, name):
        return None

    def begin(self, name, pending):
        return self

    def keep(self, record, secret, scim_base_url):
        self._path.write_text(secret.reveal())

    def take_back(self):
        self._path.unlink(missing_ok=True)

    def close(self):
        pass
'''


def check(stage: Stage) -> None:
    """A configuration names it, and a link lands there."""
    from tests.docs import test_commands  # noqa: PLC0415 of the copy alone

    test_commands.test_every_delivery_target_is_described_and_no_other()
    stage.declare("new", "displayName: New", "setupLink: {saml: true}")
    Path("key").write_text(stage.environment.key)
    Path("reconciler.toml").write_text(
        f'[environments.production]\nmanifests = "{stage.folder}"\napi_url = "{stage.url}"\napi_key_file = "key"\n'
        'allow_http = true\ndeliver = { to = "heap", path = "heap" }\n'
    )
    stage.reconciler("apply", "--config", "reconciler.toml", "--yes")
    assert Path("heap").read_text().startswith("http")


ADDITION = Addition(
    change="a delivery target",
    inserts={
        "reconciler/delivery/heap.py": (("", MODULE),),
        "reconciler/delivery/targets.py": (
            ("from reconciler.delivery.target import", "from reconciler.delivery.heap import Heap\n"),
            ("\n}", '\n    "heap": Heap,'),
        ),
        "docs/commands.md": (("\n`--deliver` is short", "| `heap` | a file | for nobody |\n"),),
    },
    check=check,
)

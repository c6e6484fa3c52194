"""A made-up guard with a limit."""

from __future__ import annotations

from pathlib import Path

from reconciler.daemon.metrics import Metrics
from tests.additions.stage import ENVIRONMENT, Addition, Stage

ROW = """    Guard("maxUnmanaged", COUNT, 5, lambda plan: len(plan.unmanaged), lambda _: "too many are unmanaged"),
"""


def check(stage: Stage) -> None:
    """It refuses by its default, the file may set its bound, an Environment may tighten it, and it is counted."""
    from tests.docs import test_commands, test_manifests  # noqa: PLC0415 of the copy alone

    test_commands.test_every_guard_is_described_with_its_bound_and_no_other()
    test_manifests.test_every_field_is_described_and_no_other("Environment")
    sample = 'reconciler_guard_refusals_total{environment="production",rule="maxUnmanaged"} 0.0'
    assert sample in Metrics(["production"]).text().decode()
    stage.declare("new", "displayName: New")
    Path("key").write_text(stage.environment.key)
    Path("reconciler.toml").write_text(
        f'[environments.production]\nmanifests = "{stage.folder}"\napi_url = "{stage.url}"\napi_key_file = "key"\n'
        "allow_http = true\nlimits = { max_unmanaged = 6 }\n"
    )
    by_flags, by_file = (str(stage.folder),), ("--config", "reconciler.toml")
    _unmanaged(stage, 5)
    assert _refused(stage, *by_flags, code=0) == []
    _unmanaged(stage, 6)
    assert _refused(stage, *by_flags) == ["maxUnmanaged"]
    assert _refused(stage, *by_file, code=0) == []
    stage.write("environment.yaml", f"{ENVIRONMENT}spec: {{limits: {{maxUnmanaged: 4}}}}\n")
    assert _refused(stage, *by_file) == ["maxUnmanaged"]


def _unmanaged(stage: Stage, count: int) -> None:
    while len(stage.store.organizations("production")) < count:
        stage.store.put_organization(stage.environment.id)


def _refused(stage: Stage, *words: str, code: int = 6) -> list[str]:
    return [each["rule"] for each in stage.reconciler("plan", *words, code=code)["refusals"]]


ADDITION = Addition(
    change="a guard with a limit",
    inserts={
        "reconciler/core/planning/guard.py": ((")\n\n\ndef tightened(", ROW),),
        "schemas/environment.schema.json": (
            ('"maxCreates": {', '"maxUnmanaged": {"type": "integer", "minimum": 0},'),
        ),
        "docs/commands.md": (("\n## Output formats", "| `maxUnmanaged` | `max_unmanaged` | 5 | unmanaged |\n"),),
    },
    check=check,
)

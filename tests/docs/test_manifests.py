"""docs/manifests.md names every field; every manifest that is shown is as good or as bad as it is said to be."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.planning.guard import GUARDS
from reconciler.core.values import metadata
from reconciler.engine.load import load
from reconciler.source import schemas, snapshot, yaml
from tests.docs.pages import PAGES, ROOT, Block, blocks, codes, first_codes, page, prose, sentences, table
from tests.support.rules import RULE, rules

EXAMPLE = ROOT / "manifests" / "production"
NOW = 1_800_000_000.0
HEAD = "apiVersion: reconciler/v1\nkind: Organization\nmetadata: {name: shown}\n"
ENVIRONMENT = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"
SHOWN = [block for block in blocks("yaml") if block.remark != "not a manifest"]


def leaves(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The path of every field that a schema knows; those of `metadata` but no labels inside."""
    for name, below in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here
        yield from leaves(below, here)
        yield from leaves(below.get("items", {}), f"{here}[]")


@pytest.mark.parametrize("kind", ["Organization", "Environment"])
def test_every_field_is_described_and_no_other(kind: str) -> None:
    section = page("manifests.md").partition(f"## {kind}\n")[2].partition("\n## ")[0]
    known = set(leaves(json.loads(schemas.text(kind.lower()))))
    above = {"apiVersion", "kind", "metadata", "spec"}
    if kind == "Environment":
        above |= {"spec.domains", "spec.certificates", "spec.directories"}
        known -= {f"spec.limits.{guard.name}" for guard in GUARDS}  # they have a table of their own
    assert sorted(first_codes(table(section, "field"))) == sorted(known - above)


def problems(block: Block, folder: Path) -> tuple[str, ...]:
    """The rules that a block breaks, in a folder with the example's files."""
    for name in ("certs", "idp"):
        shutil.copytree(EXAMPLE / name, folder / name)
    text = block.text
    if block.remark == "in a spec":
        text = f"{HEAD}spec:\n{textwrap.indent(text, '  ')}"
    (folder / "shown.yaml").write_text(text)
    if "kind: Environment" not in text:
        (folder / "environment.yaml").write_text(ENVIRONMENT)
    return tuple(problem.rule for problem in load(str(folder), now=NOW, allow_empty=False).problems)


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.place)
def test_a_manifest_that_is_shown_is_as_it_is_said_to_be(block: Block, tmp_path: Path) -> None:
    said, _, rules = block.remark.partition(": ")
    assert said in {"", "in a spec", "wrong"}
    expected = rules.split(", ") if said == "wrong" else []
    assert sorted(problems(block, tmp_path)) == sorted(expected)


def test_the_manifest_of_the_readme_says_nothing_else_than_the_example() -> None:
    shown = next(block for block in SHOWN if block.place.startswith("README.md"))
    example = (EXAMPLE / "acme.yaml").read_text()
    assert shown.text in example


# -- rules -------------------------------------------------------------------------------------------


def test_every_rule_that_is_mentioned_exists() -> None:
    known = rules()
    families = {rule.partition("/")[0] for rule in known}
    text = " ".join(code for path in PAGES for code in codes(prose(path)))
    text += " ".join(block.remark for block in blocks("yaml"))
    mentioned = {rule for rule in RULE.findall(text) if rule.partition("/")[0] in families}
    assert len(mentioned) >= 5
    assert mentioned <= known


def test_every_family_of_rules_is_described_and_no_other() -> None:
    described = {code.removesuffix("/…") for code in first_codes(table(page("manifests.md"), "rules"))}
    assert described == {rule.partition("/")[0] for rule in rules()}


@pytest.mark.parametrize(
    "bound",
    [
        f"{yaml.MAX_DOCUMENTS:,} documents",
        f"{yaml.MAX_NODES:,} values",
        f"{yaml.MAX_ALIASES} aliases",
        f"{yaml.MAX_DEPTH} levels",
        f"{snapshot.MAX_FILES:,} files",
        f"{snapshot.MAX_TOTAL_BYTES // 2**20} MiB",
        f"at most {metadata.MAX_BYTES // 2**20} MiB",
    ],
)
def test_every_bound_is_the_codes_own(bound: str) -> None:
    assert bound in sentences("manifests.md")


def test_the_fields_of_a_delivered_record_are_named() -> None:
    from reconciler.delivery.directory import _File  # noqa: PLC0415 private, and described all the same

    rows = table(page("manifests.md"), "file below the target")
    named = {code for row in rows for code in codes(row[1])} - {"pending", "issued"}
    assert named == set(_File.__struct_encode_fields__)

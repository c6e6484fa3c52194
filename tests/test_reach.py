"""How far a change reaches: with the files that docs/how-it-works.md names changed, and no other, it works.

Each row makes up an addition, makes it in a copy of the repository, and checks there what people would see of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec import Struct

from tests.docs.pages import ROOT, codes, page, table

TREES = ("reconciler", "schemas", "manifests", "docs", "tests/support", "tests/docs")
TABLE = table(page("how-it-works.md"), "to add or change", "touches")


class Addition(Struct, frozen=True):
    """A row of the table: what stands before what in which file, and a script that sees it work."""

    change: str
    inserts: Mapping[str, tuple[tuple[str, str], ...]]  # file → (text that is there once, text to put before it)
    # a new file has one insert, before nothing
    script: str


PRELUDE = """
import json, os, pathlib, random
from jsonschema import Draft202012Validator
from reconciler.emulator import Emulator, Store
from reconciler.emulator.serve import background
from reconciler.source import schemas
from tests.support.quiet import ended

store = Store.fresh(random.Random(1))
environment = store.environments["production"]
folder = pathlib.Path("made-up")
folder.mkdir()

def write(name, text):
    (folder / name).write_text(text)

def reconciler(*words, code=0):
    done = ended(*words, "--output", "json")
    assert done.code == code, done
    document = done.document
    Draft202012Validator(json.loads(schemas.text(document["kind"].lower()))).validate(document)
    return document

write("environment.yaml", "apiVersion: reconciler/v1\\nkind: Environment\\nmetadata: {name: production}\\n")
HEAD = "apiVersion: reconciler/v1\\nkind: Organization\\nmetadata: {name: %s}\\nspec:\\n"
os.environ |= {"SSOREADY_API_KEY": environment.key, "RECONCILER_SETTLE_S": "0"}

def check():
"""

FIELD = Addition(
    change="a field on SAML connections",
    inserts={
        "reconciler/model/kinds.py": (
            (
                "    ),\n)\n\nDIRECTORY = ",
                '        Field("idpNameIdFormat", "idp_name_id_format", "idp.nameIdFormat", Compare.TEXT, ""),\n',
            ),
        ),
        "reconciler/model/state.py": (("    sp_acs_url: str", '    idp_name_id_format: str = ""\n'),),
        "reconciler/emulator/rows.py": (("    sp_acs_url: str", '    idp_name_id_format: str = ""\n'),),
        "schemas/organization.schema.json": (
            ('"redirectUrl": {', '"nameIdFormat": {"$ref": "#/$defs/line", "type": ["string", "null"]},'),
        ),
        "schemas/customer.schema.json": (
            ('"idpRedirectUrl": {', '"idpNameIdFormat": {"type": "string"},'),
            ('"idpRedirectUrl",', '"idpNameIdFormat",'),
        ),
        "docs/manifests.md": (
            (
                "| `spec.samlConnections[].idp.redirectUrl` |",
                "| `spec.samlConnections[].idp.nameIdFormat` | |\n",
            ),
        ),
    },
    script="""
    from tests.docs import test_manifests
    test_manifests.test_every_field_is_described_and_no_other("Organization")
    live = store.put_organization(environment.id, external_id="live", display_name="Live")
    found = store.put_connection(live.id, primary=True, idp_entity_id="urn:idp", idp_name_id_format="urn:old")
    idp = "  samlConnections: [{name: okta, idp: {entityId: urn:idp, nameIdFormat: urn:made-up}}]\\n"
    write("live.yaml", HEAD % "live" + idp)
    write("new.yaml", HEAD % "new" + "  displayName: New\\n" + idp)
    assert reconciler("validate", str(folder))["problems"] == []
    planned = reconciler("plan", str(folder))["changes"]
    fields = [field for change in planned for field in change["fields"] if field["path"] == "idp.nameIdFormat"]
    assert [field["before"] for field in fields] == ["urn:old", None]
    assert [field["after"] for field in fields] == ["urn:made-up"] * 2
    reconciler("apply", str(folder), "--yes")
    rows = [row for each in store.organizations("production") for row in store.connections(each.id)]
    assert [row.idp_name_id_format for row in rows] == ["urn:made-up"] * 2
    assert reconciler("plan", str(folder))["changes"] == []
    (shown,) = reconciler("show", live.id)["samlConnections"]
    assert (shown["id"], shown["idpNameIdFormat"]) == (found.id, "urn:made-up")
""",
)

GUARD = Addition(
    change="a guard with a limit",
    inserts={
        "reconciler/core/planning/guard.py": (
            (
                ")\n\n\ndef tightened(",
                '    Guard("maxUnmanaged", COUNT, 5, lambda p: len(p.unmanaged), lambda p: "too many"),\n',
            ),
        ),
        "schemas/environment.schema.json": (
            ('"maxCreates": {', '"maxUnmanaged": {"type": "integer", "minimum": 0},\n'),
        ),
        "docs/commands.md": (("\n## Output formats", "| `maxUnmanaged` | `max_unmanaged` | 5 | unmanaged |\n"),),
    },
    script="""
    from reconciler.daemon.metrics import Metrics
    from tests.docs import test_commands, test_manifests
    test_commands.test_every_guard_is_described_with_its_bound_and_no_other()
    test_manifests.test_every_field_is_described_and_no_other("Environment")
    assert 'reconciler_guard_refusals_total{rule="maxUnmanaged"} 0.0' in Metrics(["production"]).text().decode()
    def refused_by(*words, code=6):
        return [each["rule"] for each in reconciler("plan", *words, code=code)["refusals"]]
    write("new.yaml", HEAD % "new" + "  displayName: New\\n")
    for _ in range(5):
        store.put_organization(environment.id)
    assert refused_by(str(folder), code=0) == []
    store.put_organization(environment.id)
    assert refused_by(str(folder)) == ["maxUnmanaged"]
    key = pathlib.Path("key")
    key.write_text(environment.key)
    pathlib.Path("reconciler.toml").write_text(
        f'[environments.production]\\nmanifests = "made-up"\\napi_url = "{os.environ["SSOREADY_API_URL"]}"\\n'
        'api_key_file = "key"\\nallow_http = true\\nlimits = { max_unmanaged = 6 }\\n'
    )
    assert refused_by("--config", "reconciler.toml", code=0) == []
    with (folder / "environment.yaml").open("a") as file:
        file.write("spec: {limits: {maxUnmanaged: 4}}\\n")
    assert refused_by("--config", "reconciler.toml") == ["maxUnmanaged"]
""",
)

FORMAT = Addition(
    change="an output format",
    inserts={
        "reconciler/render/made_up.py": (
            (
                "",
                """def said(kind):
    return lambda value, style: f"{kind} in {style.folder}\\n".encode()
""",
            ),
        ),
        "reconciler/render/formats.py": (
            ("from reconciler.render import json", "from reconciler.render.made_up import said\n"),
            (
                "\nFORMATS: ",
                """MADE_UP = Format(
    "made-up", "nobody", plan=said("plan"), report=said("report"),
    validation=said("validation"), error=said("error"),
)
""",
            ),
            ("JSON)}", "MADE_UP, "),
        ),
    },
    script="""
    from tests.docs import test_commands
    def made_up(*words, code=0):
        done = ended(*words, "--output", "made-up")
        assert (done.code, done.err) == (code, ""), done
        return done.out
    write("new.yaml", HEAD % "new" + "  displayName: New\\n")
    assert made_up("validate", str(folder)) == "validation in made-up\\n"
    assert made_up("plan", str(folder)) == "plan in made-up\\n"
    assert made_up("apply", str(folder), "--yes") == "report in made-up\\n"
    assert made_up("plan", "nowhere", code=8) == "error in \\n"
    assert made_up("plan", "--no-such-flag", code=64) == "error in \\n"
    assert made_up("show", "new", code=64) == "error in \\n", "it has no form for that"
    write("new.yaml", "x: [")
    assert made_up("plan", str(folder), code=8) == "validation in made-up\\n"
    os.environ["UPDATE_GOLDEN"] = "1"
    test_commands.test_the_table_of_formats_is_the_codes_own()
    row = "| `made-up` | nobody | `validate`, `plan`, `apply` |"
    assert row in pathlib.Path("docs/commands.md").read_text()
""",
)


def files(change: str) -> set[str]:
    """The files that the table names for a change."""
    return {code for row in TABLE if row[0] == change for code in codes(row[1])}


def test_every_file_that_the_table_names_exists_and_no_change_reaches_too_far() -> None:
    for change, touched, at_most in TABLE:
        assert [code for code in codes(touched) if not (ROOT / code).exists()] == [], change
        assert 0 < len(codes(touched)) <= int(at_most), change


@pytest.mark.parametrize("addition", [FIELD, GUARD, FORMAT], ids=lambda addition: addition.change)
def test_an_addition_that_touches_the_named_files_alone_works(addition: Addition, tmp_path: Path) -> None:
    assert {name if (ROOT / name).exists() else f"{Path(name).parent}/" for name in addition.inserts} == files(
        addition.change
    )
    for tree in TREES:
        shutil.copytree(ROOT / tree, tmp_path / tree)
    shutil.copy(ROOT / "README.md", tmp_path)
    for name, inserts in addition.inserts.items():
        text = (tmp_path / name).read_text() if (tmp_path / name).exists() else ""
        for anchor, new in inserts:
            assert not text or text.count(anchor) == 1, f"{name} has {anchor!r} {text.count(anchor)} times"
            text = text.replace(anchor, new + anchor)
        (tmp_path / name).write_text(text)
    script = f"{PRELUDE}{addition.script}\nwith background(Emulator(store)) as url:\n"
    script += '    os.environ["SSOREADY_API_URL"] = url\n    check()\n'
    variables = {"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

"""A made-up kind of resource below organizations."""

from __future__ import annotations

from tests.additions.stage import Addition, Stage

ROW = """OIDC = Kind(
    name=KindName.OIDC,
    word="oidc",
    route="/v1/oidc-connections",
    one="oidcConnection",
    many="oidcConnections",
    id_prefix="oidc_",
    collection="oidcConnections",
    fields=(
        Field("clientId", "client_id", "clientId", Compare.TEXT, ""),
        Field("primary", "primary", "primary", Compare.FLAG, False),
    ),
)
"""
LIVE = """class OIDCConnection(Struct, frozen=True, gc=False, rename="camel"):
    id: str
    organization_id: str
    primary: bool = False
    client_id: str = ""

"""
EMULATED = """class OIDCConnection(_Child, frozen=True, rename="camel", omit_defaults=True):
    client_id: str = ""

"""
EMULATED_KIND = """OIDC = Kind(
    rows.OIDCConnection,
    ids.OIDC,
    "/v1/oidc-connections",
    "oidcConnection",
    "oidcConnections",
    Store.put_oidc,
    body_of(rows.OIDCConnection),
)
"""
PUT = """    def put_oidc(self, organization_id, *, row_id="", **fields):
        row_id = row_id or ids.OIDC.new(self.rng)
        return self._keep_only_primary(rows.OIDCConnection(row_id, organization_id, **fields))

"""
SCHEMA = """"oidcConnections": {
  "type": "array",
  "items": {
    "type": "object",
    "properties": {"name": {"type": "string"}, "clientId": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": false
  }
},
"""
DESCRIBED = """| `spec.oidcConnections` | |
| `spec.oidcConnections[].name`, `spec.oidcConnections[].clientId` | |
"""
IMPORT = "from reconciler.emulator import rows\n"


def check(stage: Stage) -> None:
    """It is read, planned, created and updated."""
    from tests.docs import test_manifests  # noqa: PLC0415 of the copy alone

    test_manifests.test_every_field_is_described_and_no_other("Organization")
    live = stage.store.put_organization(stage.environment.id, external_id="live", display_name="Live")
    stage.store.put_oidc(live.id, client_id="before")
    stage.declare("live", "oidcConnections: [{name: google, clientId: after}]")
    stage.declare("new", "displayName: New", "oidcConnections: [{name: google, clientId: after}]")
    folder = str(stage.folder)
    assert stage.reconciler("validate", folder)["problems"] == []
    changes = stage.reconciler("plan", folder)["changes"]
    of_kind = [(each["action"], each["organization"]) for each in changes if each["kind"] == "OIDCConnection"]
    assert of_kind == [("update", "live"), ("create", "new")]
    report = stage.reconciler("apply", folder, "--yes")
    assert [each["result"] for each in report["outcomes"]] == ["applied"] * 3
    assert stage.reconciler("plan", folder)["changes"] == []


ADDITION = Addition(
    change="a kind of resource below organizations",
    inserts={
        "reconciler/model/kinds.py": (
            ("    SETUP_LINK =", '    OIDC = "OIDCConnection"\n'),
            ("CHILD_KINDS = (", ROW),
            (")\nKINDS =", ", OIDC"),
        ),
        "reconciler/model/state.py": (
            ("Child = ", LIVE),
            ("SAMLConnection | SCIMDirectory\nLive ", "OIDCConnection | "),
            ("Organization | SAMLConnection | SCIMDirectory\nLIVE_TYPES", "OIDCConnection | "),
            ("    KindName.DIRECTORY: SCIMDirectory,\n", "    KindName.OIDC: OIDCConnection,\n"),
        ),
        "reconciler/emulator/ids.py": (("CONNECTION = Format(", 'OIDC = Format("oidc_")\n'),),
        "reconciler/emulator/rows.py": (
            ("Child = ", EMULATED),
            ("SAMLConnection | SCIMDirectory\nRow", "OIDCConnection | "),
        ),
        "reconciler/emulator/routes.py": (
            ("from reconciler.emulator.exchange", IMPORT),
            ("DIRECTORIES = Kind(", EMULATED_KIND),
            ("    **_collection(DIRECTORIES)", "    **_collection(OIDC),\n"),
        ),
        "reconciler/emulator/store.py": (
            ("from reconciler.emulator.exchange", IMPORT),
            ("    def rotate_bearer_token(", PUT),
        ),
        "schemas/organization.schema.json": (('"scimDirectories": {', SCHEMA),),
        "schemas/plan.schema.json": (('"SAMLConnection",', '"OIDCConnection",'),),
        "schemas/report.schema.json": (('"SAMLConnection",', '"OIDCConnection",'),),
        "docs/manifests.md": (("| `spec.scimDirectories` |", DESCRIBED),),
    },
    check=check,
)

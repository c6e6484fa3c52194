"""A made-up field on SAML connections."""

from __future__ import annotations

from tests.additions.stage import Addition, Stage

ROW = """        Field("idpNameIdFormat", "idp_name_id_format", "idp.nameIdFormat", Compare.TEXT, ""),
"""
ATTRIBUTE = """    idp_name_id_format: str = ""
"""


def check(stage: Stage) -> None:
    """It is read, planned, written and shown."""
    from tests.docs import test_manifests  # noqa: PLC0415 of the copy alone

    test_manifests.test_every_field_is_described_and_no_other("Organization")
    live = stage.store.put_organization(stage.environment.id, external_id="live", display_name="Live")
    stage.store.put_connection(live.id, primary=True, idp_entity_id="urn:idp", idp_name_id_format="urn:old")
    connections = "samlConnections: [{name: okta, idp: {entityId: urn:idp, nameIdFormat: urn:new}}]"
    stage.declare("live", connections)
    stage.declare("new", "displayName: New", connections)
    folder = str(stage.folder)
    assert stage.reconciler("validate", folder)["problems"] == []
    fields = [field for change in stage.reconciler("plan", folder)["changes"] for field in change["fields"]]
    seen = [(each["before"], each["after"]) for each in fields if each["path"] == "idp.nameIdFormat"]
    assert seen == [("urn:old", "urn:new"), (None, "urn:new")]
    stage.reconciler("apply", folder, "--yes")
    assert stage.reconciler("plan", folder)["changes"] == []
    for organization in stage.store.organizations("production"):
        (shown,) = stage.reconciler("show", organization.id)["samlConnections"]
        assert shown["idpNameIdFormat"] == "urn:new"


ADDITION = Addition(
    change="a field on SAML connections",
    inserts={
        "reconciler/model/kinds.py": (("    ),\n)\n\nDIRECTORY = ", ROW),),
        "reconciler/model/state.py": (("    sp_acs_url: str", ATTRIBUTE),),
        "reconciler/emulator/rows.py": (("    sp_acs_url: str", ATTRIBUTE),),
        "schemas/organization.schema.json": (
            ('"redirectUrl": {', '"nameIdFormat": {"$ref": "#/$defs/line", "type": ["string", "null"]},'),
        ),
        "schemas/customer.schema.json": (
            ('"idpRedirectUrl": {', '"idpNameIdFormat": {"type": "string"},'),
            ('"idpRedirectUrl",', '"idpNameIdFormat",'),
        ),
        "docs/manifests.md": (
            ("| `spec.samlConnections[].idp.redirectUrl` |", "| `spec.samlConnections[].idp.nameIdFormat` | |\n"),
        ),
    },
    check=check,
)

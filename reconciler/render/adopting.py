"""What `list`, `import` and `pin` found, as text for people and as documents for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.values.redaction import cut, escaped
from reconciler.model.inventory import Inventory, Listed
from reconciler.model.pinning import Pinning
from reconciler.model.state import SAMLConnection
from reconciler.render.style import PLAIN, Style
from reconciler.render.words import NOTHING, count, resource

Document = dict[str, Any]
API_VERSION = "reconciler/v1"
_HEAD = ("ID", "EXTERNAL ID", "NAME", "DOMAINS", "SAML", "SCIM", "CERTIFICATE", "MANIFEST")
_MAX_CELL = 40


# -- list ------------------------------------------------------------------------------------------


def inventory(inventory: Inventory, style: Style = PLAIN) -> str:
    """A line for each organization, and how many are in git."""
    rows = [_HEAD, *(_row(each, known=inventory.manifests_known) for each in inventory.organizations)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines[0] = style.paint("1", lines[0])
    total = len(inventory.organizations)
    coverage = (
        f"{inventory.in_git:,} of {total:,} in git" if inventory.manifests_known else count(total, "organization")
    )
    unread = sum(bool(each.unreadable) for each in inventory.organizations)
    partly = f", {count(unread, 'organization')} could not be read whole" if unread else ""
    return "".join(f"{line}\n" for line in (*(lines if total else ()), f"{coverage}{partly}."))


def _row(each: Listed, *, known: bool) -> tuple[str, ...]:
    organization = each.organization
    unread = "unreadable" if each.unreadable else ""
    cells = (
        organization.external_id,
        organization.display_name,
        " ".join(organization.domains),
        _connections(each.connections) or unread,
        _directories(each) or unread,
        each.expires[:10],
        (each.manifest or "none") if known else "",
    )
    return (organization.id, *(cut(escaped(cell), _MAX_CELL) or NOTHING for cell in cells))


def _connections(connections: Sequence[SAMLConnection]) -> str:
    """`2, primary configured`."""
    if not connections:
        return ""
    primary = next((each for each in connections if each.primary), None)
    if primary is None:
        return f"{len(connections)}, no primary"
    return f"{len(connections)}, primary {'configured' if _configured(primary) else 'not configured'}"


def _directories(each: Listed) -> str:
    if not each.directories:
        return ""
    primary = next((directory for directory in each.directories if directory.primary), None)
    if primary is None:
        return f"{len(each.directories)}, no primary"
    return f"{len(each.directories)}, primary {'with' if primary.has_client_bearer_token else 'without'} token"


def _configured(connection: SAMLConnection) -> bool:
    return bool(connection.idp_entity_id and connection.idp_redirect_url and connection.idp_certificate)


def inventory_document(inventory: Inventory) -> Document:
    """As inventory.schema.json has it; `inGit` is null where no manifests were named."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Inventory",
        "environmentId": inventory.environment_id,
        "summary": {
            "organizations": len(inventory.organizations),
            "inGit": inventory.in_git if inventory.manifests_known else None,
        },
        "organizations": [_listed(each) for each in inventory.organizations],
    }


def _listed(each: Listed) -> Document:
    organization = each.organization
    return {
        "id": organization.id,
        "externalId": organization.external_id,
        "displayName": organization.display_name,
        "domains": list(organization.domains),
        "samlConnections": [
            {"id": child.id, "primary": child.primary, "configured": _configured(child)}
            for child in each.connections
        ],
        "scimDirectories": [
            {"id": child.id, "primary": child.primary, "hasBearerToken": child.has_client_bearer_token}
            for child in each.directories
        ],
        "certificateNotAfter": each.expires or None,
        "manifest": each.manifest,
        "unreadable": list(each.unreadable),
    }


# -- pin -------------------------------------------------------------------------------------------


def pinning(pinning: Pinning, style: Style = PLAIN) -> str:
    """Each missing `id:` line with its place, and what to do next."""
    lines = []
    for each in pinning.pins:
        pin = each.pin
        name = resource(pin.kind, pin.organization, pin.name)
        place = style.place(pin.origin.file, pin.origin.line)
        mark = "+ " if each.written else "x " if each.why else ""
        why = f"  {escaped(each.why)}" if each.why else ""
        lines.append(f"{mark}{name}  id: {pin.id}  {place}{why}")
    written = sum(each.written for each in pinning.pins)
    missing = len(pinning.pins) - written
    lines.append(
        f"{count(written, 'pin')} written, {missing:,} missing."
        if written
        else f"{count(missing, 'pin')} missing."
    )
    if missing and not any(each.why for each in pinning.pins):
        lines.append(f"`reconciler pin --write {style.folder}` inserts them.")
    if pinning.blocked:
        lines.append(f"{count(pinning.blocked, 'resource')} blocked: see `reconciler plan {style.folder}`.")
    return style.joined(lines)


def pinning_document(pinning: Pinning) -> Document:
    """As pins.schema.json has it."""
    written = sum(each.written for each in pinning.pins)
    return {
        "apiVersion": API_VERSION,
        "kind": "Pins",
        "environment": pinning.environment,
        "summary": {"written": written, "missing": len(pinning.pins) - written, "blocked": pinning.blocked},
        "pins": [
            {
                "kind": each.pin.kind,
                "organization": each.pin.organization,
                "name": each.pin.name,
                "id": each.pin.id,
                "file": each.pin.origin.file,
                "line": each.pin.origin.line,
                "column": each.pin.origin.column,
                "written": each.written,
                "error": each.why or None,
            }
            for each in pinning.pins
        ],
    }

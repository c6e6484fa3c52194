"""Findings as rdjson, which reviewdog turns into comments on the changed lines."""

from __future__ import annotations

from typing import Any

from reconciler.render.findings import Finding, Findings, Level
from reconciler.render.json import dumps
from reconciler.render.style import Style

_SEVERITIES = {Level.ERROR: "ERROR", Level.WARNING: "WARNING", Level.NOTE: "INFO"}


def result(found: Findings, style: Style) -> bytes:
    """One result with all findings; one without a place of its own is about the folder."""
    return dumps(
        {"source": {"name": "reconciler"}, "diagnostics": [_diagnostic(each, style) for each in found.items]}
    )


def _diagnostic(each: Finding, style: Style) -> dict[str, Any]:
    location: dict[str, Any] = {"path": style.located(each.origin.file if each.origin else "")}
    if each.origin:
        location["range"] = {"start": {"line": each.origin.line, "column": each.origin.column}}
    return {
        "message": f"{each.subject}: {each.message}",
        "location": location,
        "severity": _SEVERITIES[each.level],
        "code": {"value": each.rule},
    }

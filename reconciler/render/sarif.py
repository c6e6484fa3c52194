"""Findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.render.findings import Finding, Findings
from reconciler.render.json import dumps
from reconciler.render.style import Style

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 5000  # GitHub shows no more of a run


def log(found: Findings, style: Style) -> bytes:
    """One run. What has no place, and what is too much, is a notification of the tool."""
    placed = [each for each in found.items if each.origin]
    shown = placed[:MAX_RESULTS]
    rules = {rule: position for position, rule in enumerate(dict.fromkeys(each.rule for each in shown))}
    notes = [_notification(each.level, each.message, each.rule) for each in found.items if not each.origin]
    if len(placed) > len(shown):
        notes.append(_notification("note", f"{len(placed) - len(shown):,} more results are left out", "more"))
    run = {
        "tool": {
            "driver": {
                "name": "reconciler",
                "version": __version__,
                "rules": [{"id": rule, "shortDescription": {"text": rule}} for rule in rules],
            }
        },
        "automationDetails": {"id": f"reconciler/{style.located('')}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not found.failed, "toolExecutionNotifications": notes}],
        "results": [_result(each, rules, style) for each in shown],
    }
    return dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(each: Finding, rules: dict[str, int], style: Style) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if each.origin:
        uri = quote(style.located(each.origin.file), errors="backslashreplace")
        location = {
            "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": each.origin.line, "startColumn": each.origin.column},
        }
    return {
        "ruleId": each.rule,
        "ruleIndex": rules[each.rule],
        "level": each.level,
        "message": {"text": f"{each.subject}: {each.message}"},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"reconciler/v1": fingerprint(each)},
    }


def _notification(level: str, message: str, rule: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": message}, "descriptor": {"id": rule}}


def fingerprint(each: Finding) -> str:
    """The same for the same finding in another run, wherever its line has moved."""
    file = each.origin.file if each.origin else ""
    known = f"{each.rule}\0{each.subject}\0{file}\0{each.message}"
    return hashlib.sha256(known.encode("utf-8", "backslashreplace")).hexdigest()[:32]

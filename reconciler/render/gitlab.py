"""Findings as the reports that a GitLab merge request shows: code quality, and the numbers of a plan."""

from __future__ import annotations

import msgspec

from reconciler.core.values.redaction import masked
from reconciler.render.findings import Finding, Findings, Level
from reconciler.render.json import dumps
from reconciler.render.sarif import fingerprint
from reconciler.render.style import Style

_SEVERITIES = {Level.ERROR: "critical", Level.WARNING: "major", Level.NOTE: "info"}


def code_quality(found: Findings, style: Style) -> bytes:
    """A list of issues; one without a place of its own is about the folder. Each has another fingerprint."""
    issues: dict[str, object] = {}
    for each in found.items:
        mark = fingerprint(each)
        issues[mark] = {
            "description": f"{each.subject}: {each.message}",
            "check_name": each.rule,
            "fingerprint": mark,
            "severity": _SEVERITIES[each.level],
            "location": {"path": _path(each, style), "lines": {"begin": each.origin.line if each.origin else 1}},
        }
    return msgspec.json.encode(masked(list(issues.values()))) + b"\n"


def _path(each: Finding, style: Style) -> str:
    path = style.located(each.origin.file if each.origin else "")
    return path.encode("utf-8", "backslashreplace").decode()


def terraform(found: Findings, _: Style) -> bytes:
    """How much the plan creates (secrets too) and updates; nothing is ever deleted.

    Without a plan there are no numbers, which GitLab shows as a report that failed, and never as no changes.
    """
    if found.creates is None:
        return dumps({})
    return dumps({"create": found.creates, "update": found.updates, "delete": 0})

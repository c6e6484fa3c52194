"""Findings as GitHub annotations: lines on stdout that a runner shows beside the changed lines."""

from __future__ import annotations

from itertools import groupby

from reconciler.render.findings import Finding, Findings, Level
from reconciler.render.style import Style

PER_KIND = 10  # GitHub drops what comes after, silently
_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def commands(found: Findings, style: Style) -> bytes:
    """One notice that sums up, then the worst findings of each level, and how many more there are."""
    items = (Finding(Level.NOTE, "summary", found.title, found.verdict), *found.items)
    lines: list[str] = []
    for level, group in groupby(sorted(items, key=lambda each: list(Level).index(each.level)), lambda i: i.level):
        same = list(group)
        shown = same if len(same) <= PER_KIND else same[: PER_KIND - 1]
        lines += (_line(each, style) for each in shown)
        more = len(same) - len(shown)
        if more:
            words = f"{more:,} more of this kind are not shown here: `--output json` has all"
            lines.append(_line(Finding(level, "more", found.title, words), style))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _line(each: Finding, style: Style) -> str:
    properties = {"title": f"{each.subject} [{each.rule}]"}
    if each.origin:
        place = {"file": style.located(each.origin.file), "line": each.origin.line, "col": each.origin.column}
        properties = {name: str(value) for name, value in place.items()} | properties
    stated = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[each.level]} {stated}::{_escaped(each.message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")

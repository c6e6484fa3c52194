"""Findings as JUnit XML: a test case for each, failed where something keeps the plan from being carried out."""

from __future__ import annotations

import html
from collections.abc import Iterator

from reconciler.render.findings import Finding, Findings, Level
from reconciler.render.style import Style


def suite(found: Findings, style: Style) -> bytes:
    """One suite; without findings it has one case that passed, since an empty one looks like no check at all."""
    failing = sum(each.level is Level.ERROR for each in found.items)
    errors, failures = (failing, 0) if found.failed else (0, failing)
    cases = [line for each in found.items for line in _case(each, style, failed=found.failed)]
    cases = cases or [f"    <testcase {_attributes(name=found.verdict, classname=found.title)}/>"]
    tests = max(1, len(found.items))
    numbers = {"tests": str(tests), "failures": str(failures), "errors": str(errors)}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites {_attributes(name='reconciler', **numbers)}>",
        f"  <testsuite {_attributes(name=found.title, **numbers)}>",
        *cases,
        "  </testsuite>",
        "</testsuites>",
    ]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _case(each: Finding, style: Style, *, failed: bool) -> Iterator[str]:
    place = f"{style.located(each.origin.file)}:{each.origin.line}: " if each.origin else ""
    words = html.escape(f"{place}{each.message}")
    name, group = f"{each.subject} [{each.rule}]", each.rule.replace("/", ".")
    yield f"    <testcase {_attributes(name=name, classname=group)}>"
    if each.level is Level.ERROR:
        tag = "error" if failed else "failure"
        yield f"      <{tag} {_attributes(message=each.message, type=each.rule)}>{words}</{tag}>"
    else:
        yield f"      <system-out>{words}</system-out>"
    yield "    </testcase>"


def _attributes(**attributes: str) -> str:
    return " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())

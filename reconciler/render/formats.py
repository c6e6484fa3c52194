"""The output formats as a table: `--output`, its documentation and its tests follow from the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from reconciler.model.change import Plan
from reconciler.model.customer import Customer, TokenRotation
from reconciler.model.errors import ReconcilerError
from reconciler.model.importing import Imported
from reconciler.model.inventory import Inventory
from reconciler.model.manifest import Validation
from reconciler.model.outcome import Report
from reconciler.model.pinning import Pinning
from reconciler.model.secret import Secret
from reconciler.render import (
    adopting,
    findings,
    github,
    gitlab,
    importing,
    json,
    junit,
    markdown,
    rdjson,
    sarif,
    text,
)
from reconciler.render.findings import Findings
from reconciler.render.style import Style

T = TypeVar("T")
Rendered = str | bytes  # a text is written in the terminal's encoding, bytes as they are


class Format(Struct, frozen=True):
    """One row. Any command may end as any of the four values, so that every format has a form for each.

    `about` says in the documentation what the format is for. A `document` is for machines: stdout then holds
    exactly one, whatever happens. Otherwise parts follow each other, and errors go to stderr.
    """

    name: str
    about: str
    plan: Callable[[Plan, Style], Rendered]
    report: Callable[[Report, Style], Rendered]
    validation: Callable[[Validation, Style], Rendered]
    error: Callable[[ReconcilerError, Style], Rendered]
    document: bool = True

    def __str__(self) -> str:
        return self.name


class CustomerFormat(Format, frozen=True, kw_only=True):
    """A row that also has forms for the commands about live customers; only they offer it."""

    customer: Callable[[Customer, Style], Rendered]
    setup_link: Callable[[Secret, Style], Rendered]
    token_rotation: Callable[[TokenRotation, Style], Rendered]
    inventory: Callable[[Inventory, Style], Rendered]
    imported: Callable[[Imported, Style], Rendered]
    pinning: Callable[[Pinning, Style], Rendered]


def _encoded(document_of: Callable[[T], json.Document]) -> Callable[[T, Style], bytes]:
    return lambda value, _: json.dumps(document_of(value))


TEXT = CustomerFormat(
    name="text",
    about="people; its wording may change",
    plan=text.plan_with_pins,
    report=text.report,
    validation=text.validation,
    error=text.error,
    document=False,
    customer=text.customer,
    setup_link=text.setup_link,
    token_rotation=text.token_rotation,
    inventory=adopting.inventory,
    imported=importing.imported,
    pinning=adopting.pinning,
)
JSON = CustomerFormat(
    name="json",
    about="machines; its schemas are published",
    plan=_encoded(json.plan),
    report=_encoded(json.report),
    validation=_encoded(json.validation),
    error=_encoded(json.error),
    customer=_encoded(json.customer),
    setup_link=lambda link, _: json.dumps(json.setup_link(link), secret=True),
    token_rotation=_encoded(json.token_rotation),
    inventory=_encoded(adopting.inventory_document),
    imported=_encoded(importing.imported_document),
    pinning=_encoded(adopting.pinning_document),
)


def _sized(name: str, about: str, size: markdown.Size) -> Format:
    return Format(name, about, size.plan, size.report, size.validation, size.error)


def _listing(name: str, about: str, render: Callable[[Findings, Style], bytes]) -> Format:
    """A row for a platform that shows findings at their places."""
    return Format(
        name,
        about,
        plan=lambda plan, style: render(findings.of_plan(plan), style),
        report=lambda report, style: render(findings.of_report(report), style),
        validation=lambda validation, style: render(findings.of_validation(validation), style),
        error=lambda error, style: render(findings.of_error(error), style),
    )


MARKDOWN = _sized("markdown", "the comment of a pull request, under 60,000 bytes", markdown.COMMENT)
SUMMARY = _sized("summary", "a job's summary on GitHub: Markdown under 1 MiB", markdown.SUMMARY)
GITHUB = _listing("github", "annotations on GitHub, at most ten of a kind", github.commands)
SARIF = _listing("sarif", "code scanning: SARIF 2.1.0, at most 5,000 results", sarif.log)
JUNIT = _listing("junit", "test reports: JUnit XML", junit.suite)
CODE_QUALITY = _listing("code-quality", "GitLab's code quality report", gitlab.code_quality)
TERRAFORM = _listing("gitlab-terraform", "GitLab's `terraform` report: how much a plan changes", gitlab.terraform)
RDJSON = _listing("rdjson", "reviewdog", rdjson.result)

_PLATFORMS = (MARKDOWN, SUMMARY, GITHUB, SARIF, JUNIT, CODE_QUALITY, TERRAFORM, RDJSON)
FORMATS: dict[str, Format] = {row.name: row for row in (TEXT, JSON, *_PLATFORMS)}
CUSTOMER_FORMATS = {name: row for name, row in FORMATS.items() if isinstance(row, CustomerFormat)}

"""Every format of a platform: valid, within its limits, the worst first; no text leaves its place."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec import structs

from reconciler.core.planning.plan import plan as planned
from reconciler.model.change import Blocked, BlockReason, Create, FieldChange, Key, Plan, Refusal, Target, Update
from reconciler.model.errors import CredentialsError, UsageError
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin, Problem, Severity, Validation
from reconciler.model.outcome import Outcome, Report, Result
from reconciler.model.state import Desired, Observed
from reconciler.render.formats import FORMATS, Format
from reconciler.render.style import Style
from tests.render.platforms import SCHEMAS, junit, valid
from tests.support import strategies
from tests.support.build import org_id
from tests.support.plans import EMPTY, REFUSED, REPORT, WHOLE

LOOK = Style(folder="../manifests", repository="git/manifests")
PLATFORMS = [form for form in FORMATS.values() if form.name not in {"text", "json"}]
PROBLEMS = Validation(
    (
        Problem("schema/unknown-key", Severity.WARNING, Origin("a.yaml", 3, 5), "`x` is not known", "remove it"),
        Problem("yaml/duplicate-key", Severity.ERROR, Origin("b c.yaml", 7, 3), "twice"),
    ),
    files=2,
    manifests=3,
)
NASTY = (
    "`````</code></summary>--> ]]> \u202e\x1b[2J\n::error::x\r%0A|a|@team #1 https://evil.example "
    "www.evil.example <img src=x> &lt;"
)


def shown(form: Format, value: Plan | Report | Validation | Exception, look: Style = LOOK) -> bytes:
    by_type: dict[type, Callable[[Any, Style], str | bytes]] = {
        Plan: form.plan,
        Report: form.report,
        Validation: form.validation,
    }
    rendered = by_type.get(type(value), form.error)(value, look)
    assert isinstance(rendered, bytes)
    return rendered


def document(name: str, value: Plan | Report | Validation | Exception) -> Any:
    return json.loads(shown(FORMATS[name], value))


def renamed(count: int, name: str = "New {}") -> Plan:
    """A plan that renames so many organizations."""
    changes = tuple(
        Update(
            Key(f"org-{number:05}", KindName.ORGANIZATION, f"org-{number:05}"),
            Origin(f"org-{number:05}.yaml", 4, 3),
            id=org_id(number),
            fields=(FieldChange("displayName", "displayName", "Old", name.format(number)),),
        )
        for number in range(count)
    )
    targets = {each.key.organization: Target(each.id, "Old", ("a.example",), adopted=False) for each in changes}
    return structs.replace(EMPTY, changes=changes, targets=targets)


def varied(count: int) -> Plan:
    """A plan in which hardly two changes are alike, each with a risk of its own."""
    changes = tuple(
        structs.replace(
            change,
            fields=(structs.replace(change.fields[0], path=f"displayName{number}", risk=f"risk {number}"),),
        )
        for number, change in enumerate(renamed(count).changes)
    )
    return structs.replace(renamed(count), changes=changes)


def hostile(text: str) -> tuple[Plan, Report, Validation, UsageError]:
    """Everything that can be shown, with a text from outside wherever one can be."""
    change = Update(
        Key(text, KindName.ORGANIZATION, text),
        Origin(f"{text}.yaml"),
        id=org_id(1),
        fields=(
            FieldChange("displayName", "displayName", text, f"{text}2"),
            FieldChange("domains", "domains", (text,), ()),
        ),
    )
    child = Create(Key(text, KindName.CONNECTION, text), Origin("x.yaml"))
    plan = structs.replace(
        WHOLE,
        environment=text,
        revision=text,
        changes=(change, child),
        blocked=(Blocked(BlockReason.AMBIGUOUS, text, text, KindName.CONNECTION, text, Origin(text)),),
        targets={text: Target(org_id(1), text, (text,), adopted=True)},
        suspended={text: text},
        hints=tuple(structs.replace(each, organization=text, message=text) for each in WHOLE.hints),
        unmanaged=tuple(structs.replace(each, display_name=text) for each in WHOLE.unmanaged),
        refusals=(Refusal("maxCreates", text),),
    )
    report = Report(plan, (Outcome(change, Result.STALE, error=text), Outcome(child, Result.APPLIED)))
    validation = Validation((Problem("yaml/syntax", Severity.ERROR, Origin(text), text, text),), 1, 1)
    return plan, report, validation, UsageError(text, text)


KEYLESS = CredentialsError("no API key was given", "Set SSOREADY_API_KEY")
EVERYTHING = [EMPTY, WHOLE, REFUSED, REPORT, PROBLEMS, Validation((), 1, 1), KEYLESS, *hostile(NASTY)]


@pytest.mark.parametrize("value", EVERYTHING, ids=lambda value: type(value).__name__)
def test_every_document_is_as_its_schema_has_it(value: Any) -> None:
    assert all(valid(name, document(name, value)) for name in SCHEMAS)
    junit(shown(FORMATS["junit"], value))


def test_findings_stand_at_their_places_in_the_repository_the_worst_first() -> None:
    (run,) = document("sarif", WHOLE)["runs"]
    results, rules = run["results"], run["tool"]["driver"]["rules"]
    places = [each["locations"][0]["physicalLocation"] for each in results]
    assert places[0]["artifactLocation"]["uri"] == "git/manifests/stark.yaml"
    assert places[0]["region"] == {"startLine": 7, "startColumn": 5}
    levels = [each["level"] for each in results]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert [each["ruleId"] for each in results[:3]] == [*["blocked/Ambiguous"] * 2, "blocked/PinNotFound"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in results)
    issue, _ = document("code-quality", PROBLEMS)
    assert issue["location"] == {"path": "git/manifests/b c.yaml", "lines": {"begin": 7}}
    first, _ = document("rdjson", PROBLEMS)["diagnostics"]
    assert first["location"]["range"] == {"start": {"line": 7, "column": 3}}
    assert '"uri": "git/manifests/b%20c.yaml"' in shown(FORMATS["sarif"], PROBLEMS).decode()


def test_annotations_are_commands_of_a_runner() -> None:
    error, warning, notice = shown(FORMATS["github"], PROBLEMS).decode().splitlines()
    title = "title=b c.yaml [yaml/duplicate-key]"
    assert error == f"::error file=git/manifests/b c.yaml,line=7,col=3,{title}::twice"
    assert warning.startswith("::warning file=git/manifests/a.yaml,line=3,col=5,title=a.yaml [schema/unknown")
    assert warning.endswith("`x` is not known. remove it")
    assert notice == "::notice title=Validation [summary]::3 manifests in 2 files: 1 error, 1 warning"


def test_ten_annotations_of_a_kind_and_how_many_more() -> None:
    many = structs.replace(
        PROBLEMS, problems=tuple(structs.replace(PROBLEMS.problems[1], rule=f"yaml/r{n}") for n in range(30))
    )
    lines = shown(FORMATS["github"], many).decode().splitlines()
    errors = [line for line in lines if line.startswith("::error ")]
    assert len(errors) == 10
    assert "21 more of this kind" in errors[-1]
    assert "file=" not in errors[-1]


def test_a_thousand_renames_are_one_line_with_a_number() -> None:
    plan = renamed(1000)
    for name in ("github", "sarif", "junit", "code-quality", "rdjson", "markdown"):
        text = shown(FORMATS[name], plan).decode()
        assert "1,000" in text, name
        assert len(text) < 8000, name
    few = shown(FORMATS["rdjson"], renamed(3)).decode()
    assert few.count("displayName") == 3


@pytest.mark.parametrize("plan", [renamed(5000), varied(5000)], ids=["alike", "varied"])
@pytest.mark.parametrize("form", [*PLATFORMS, FORMATS["text"], FORMATS["json"]], ids=str)
def test_5000_changes_are_quick_and_within_the_limits(form: Format, plan: Plan) -> None:
    started = time.process_time()
    rendered = form.plan(plan, LOOK)
    assert time.process_time() - started < 3, "it is under one on an idle core"
    data = rendered.encode() if isinstance(rendered, str) else rendered
    limits = {"markdown": 60_000, "summary": 1024 * 1024, "sarif": 10 * 1024 * 1024, "github": 60_000}
    assert len(data) < limits.get(form.name, 100 * 1024 * 1024)
    if form.name == "sarif":
        assert len(json.loads(data)["runs"][0]["results"]) <= 5000
    if form.name == "markdown" and plan.changes[0].risks:
        assert re.search(rb"and [\d,]+ more entries", data)


def test_a_check_that_failed_never_says_that_nothing_changes() -> None:
    for form in PLATFORMS:
        text = shown(form, KEYLESS).decode()
        assert "no changes" not in text.lower()
        assert form.name == "gitlab-terraform" or "no API key was given" in text, form
    assert document("gitlab-terraform", KEYLESS) == {}
    assert document("gitlab-terraform", PROBLEMS) == {}
    assert document("gitlab-terraform", EMPTY) == {"create": 0, "update": 0, "delete": 0}
    assert document("gitlab-terraform", WHOLE) == {"create": 4, "update": 2, "delete": 0}
    assert document("sarif", KEYLESS)["runs"][0]["invocations"][0]["executionSuccessful"] is False
    blocked = structs.replace(EMPTY, blocked=WHOLE.blocked)
    assert "no changes" not in shown(FORMATS["markdown"], blocked).decode().lower()
    assert "No changes, 40 unchanged." in shown(FORMATS["markdown"], EMPTY).decode()


def test_a_guard_does_not_hide_the_plan() -> None:
    text = shown(FORMATS["markdown"], REFUSED).decode()
    assert "Refused by a guard" in text
    assert "guard/maxCreates" in text
    assert "Acme Corporation" in text
    assert REFUSED.digest in text


class _Tags(HTMLParser):
    """The tags of an HTML page, and what text is in code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loose = ""
        self._code = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name != "class"], (tag, attrs)
        self._code += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.loose += "" if self._code else data


OURS = {"h3", "h4", "p", "strong", "code", "ul", "li", "br", "details", "summary", "pre", "b"}
OURS |= {"table", "thead", "tbody", "tr", "th", "td"}


def page(markdown: str) -> _Tags:
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    html = re.sub(r' style="text-align:right"', "", renderer.render(markdown))
    return _Tags(html)


@given(st.text(st.sampled_from("`~<>/&|[]()!#@*_-+=\\\"' \n\r\t.:\u202e\x1bab%"), max_size=40))
@example(NASTY)
@settings(max_examples=20, deadline=None)
def test_no_text_leaves_its_place(text: str) -> None:
    for value in hostile(f"x{text}"):
        for line in shown(FORMATS["github"], value).decode().splitlines():
            assert re.match(r"::(error|warning|notice) [^\r\n]*::", line)
        found = page(shown(FORMATS["markdown"], value).decode())
        assert found.tags <= OURS
        assert not re.search(r"@|#\d|https?:|www\.", found.loose), found.loose
        for form in PLATFORMS:
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", shown(form, value).decode())
        junit(shown(FORMATS["junit"], value))


@given(strategies.worlds())
@settings(max_examples=30, deadline=None)
def test_any_plan_can_be_shown(world: tuple[Desired, Observed]) -> None:
    plan = planned(*world, now=0)
    assert all(valid(name, document(name, plan)) for name in SCHEMAS)
    assert all(shown(form, plan) for form in PLATFORMS)


def test_no_secret_is_shown() -> None:
    key = "ssoready_sk_" + "a" * 40
    for value in hostile(key):
        assert all(key not in shown(form, value).decode() for form in PLATFORMS)

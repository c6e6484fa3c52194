"""The pages hold together: links, paths, the emulator's options and faults, the words of a doubtful match."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from reconciler.cli.serve import emulator
from reconciler.core.planning.match import match_children
from reconciler.core.planning.plan import plan
from reconciler.emulator.faults import RESPONSES, parse
from reconciler.model.change import BlockReason
from reconciler.model.state import Observed, ObservedOrganization, Organization
from tests.docs.pages import (
    PAGES,
    ROOT,
    blocks,
    codes,
    command_lines,
    first_codes,
    masked,
    page,
    prose,
    read,
    table,
)
from tests.support.build import CONNECTION, ENVIRONMENT_ID, conn_id, connection, desired, live_connection, org_id
from tests.support.build import organization as declared
from tests.test_architecture import FLOORS

LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """What a heading's link is called."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in LINK.findall(prose(path)):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), f"{path.name}: {link}"
        assert not anchor or anchor in anchors(read(file)), f"{path.name}: {link}"


def test_every_page_stands_in_the_index() -> None:
    others = {path.name for path in PAGES if path.parent.name == "docs"} - {"README.md"}
    others |= {"decisions/README.md", "../CONTRIBUTING.md"}
    assert set(LINK.findall(page("README.md"))) == others
    decisions = {path.name for path in PAGES if path.parent.name == "decisions"} - {"README.md"}
    assert set(LINK.findall(page("decisions/README.md"))) == decisions


def test_every_path_that_is_named_exists() -> None:
    rooms = ("reconciler/", "schemas/", "manifests/", "tests/", "docs/", "bench/", "demo/")
    named = {code for path in PAGES for code in codes(prose(path)) if code.startswith(rooms) and " " not in code}
    assert len(named) > 20
    assert [code for code in sorted(named) if not (ROOT / code).exists()] == []


def test_every_folder_that_is_shown_in_a_command_is_an_example() -> None:
    shown = {word for _, words in command_lines() for word in words if word.startswith("manifests/")}
    assert "manifests/production" in shown
    assert [folder for folder in shown if not (ROOT / folder).is_dir()] == []


def test_the_floors_are_those_that_are_kept() -> None:
    described = {code: int(row[0]) for row in table(page("how-it-works.md"), "floor") for code in codes(row[1])}
    assert described == {name: floor for name, floor in FLOORS.items() if name != "__main__"}


def test_every_option_and_every_fault_of_the_emulator_is_described_and_no_other() -> None:
    text = page("emulator.md")
    assert first_codes(table(text, "option")) == [option.opts[0] for option in emulator.params]
    assert first_codes(table(text, "kind")) == list(RESPONSES)


def test_every_fault_that_is_shown_can_be_asked_for() -> None:
    lines = [line for block in blocks("sh") for line in block.text.splitlines() if "--fault" in line]
    assert lines
    for line in lines:
        words = shlex.split(line)
        assert parse(words[words.index("--fault") + 1])


# -- what a doubtful match says ----------------------------------------------------------------------


def said(message: str) -> bool:
    """Whether a text block of docs/identity.md says this, whatever its line breaks and ids are."""
    shown = [" ".join(block.text.split()) for block in blocks("text") if "identity.md" in block.place]
    return any(masked(message) in masked(text) for text in shown)


def test_what_is_said_of_a_look_alike_is_what_a_plan_says() -> None:
    live = Organization(org_id(1), ENVIRONMENT_ID, "Acme Corporation", "4711")
    wanted = desired(declared("acme-corp", display_name="Acme Corporation"))
    observed = Observed(ENVIRONMENT_ID, (ObservedOrganization(live, {}),), None)
    (blocked,) = plan(wanted, observed, now=0.0).blocked
    assert blocked.reason is BlockReason.AMBIGUOUS
    assert said(blocked.message)


def test_what_is_said_of_a_doubtful_connection_is_what_a_plan_says() -> None:
    wanted, live = connection("entra", entity="one"), live_connection(1, entity="another")
    match = match_children(CONNECTION, [wanted], [live], frozenset())
    assert conn_id(1) in match.doubts["entra"].message
    assert said(match.doubts["entra"].message)

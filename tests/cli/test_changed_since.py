"""A pull request's plan is about what it changes, and says whom it releases and adopts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.source.test_git import commit, git
from tests.support.certificates import pem
from tests.support.shell import Shell

IDP = "{entityId: urn:x, redirectUrl: https://idp.example/sso, certificate: {file: certs/a.pem}}"


@pytest.fixture
def checkout(shell: Shell) -> Path:
    """Three organizations, of which two have drifted, on a branch that parted from main."""
    for name in ("acme", "globex", "hooli"):
        shell.declare(name, f"displayName: {name.title()}, domains: [{name}.example]")
        shell.emulator.store.put_organization(
            shell.environment.id, external_id=name, display_name="Drifted", domains=[f"{name}.example"]
        )
    git(shell.home, "init", "--quiet", "--initial-branch=main")
    commit(shell.folder)
    git(shell.home, "checkout", "--quiet", "-b", "change")
    return shell.folder


def test_only_what_the_change_touches_is_read_and_planned(shell: Shell, checkout: Path) -> None:
    shell.declare("acme", "displayName: Acme, domains: [acme.example], scimDirectories: []")
    commit(checkout)
    done = shell("plan", checkout, "--changed-since", "main", "--output", "json")
    assert [each["organization"] for each in done.document["changes"]] == ["acme"]
    assert done.document["scope"]["touched"] == 1
    assert done.document["scope"]["declared"] == 3
    assert done.document["released"] == []
    read = [request.path for request in shell.emulator.requests]
    assert len(read) == 2, "one page of organizations, and the directories of one"
    text = shell("plan", checkout, "--changed-since", "main").out
    assert "Only what changed since" in text
    assert "2 others were not compared" in text


def test_without_a_change_there_is_nothing_to_compare(shell: Shell, checkout: Path) -> None:
    done = shell("plan", checkout, "--changed-since", "main")
    assert done.code == 0
    assert "Nothing to write, as far as can be seen" in done.out
    assert "No changes" not in done.out


def test_a_certificate_touches_whom_refers_to_it(shell: Shell, checkout: Path) -> None:
    shell.write("certs/a.pem", pem())
    spec = f"displayName: Hooli, domains: [hooli.example], samlConnections: [{{name: okta, idp: {IDP}}}]"
    shell.declare("hooli", spec)
    commit(checkout)
    git(checkout, "branch", "--force", "main")
    shell.write("certs/a.pem", pem("other.example"))
    done = shell("plan", checkout, "--changed-since", "main", "--output", "json")
    assert {each["organization"] for each in done.document["changes"]} == {"hooli"}


def test_whom_a_change_releases_and_adopts_is_named(shell: Shell, checkout: Path) -> None:
    shell.emulator.store.put_organization(shell.environment.id, external_id="bank", display_name="Victim Bank")
    (checkout / "acme.yaml").unlink()
    (checkout / "globex.yaml").rename(checkout / "moved.yaml")
    shell.declare("new", "externalId: bank, displayName: Victim Bank, domains: [evil.example]")
    done = shell("plan", checkout, "--changed-since", "main", "--output", "json")
    assert [each["organization"] for each in done.document["released"]] == ["acme"]
    assert [(each["organization"], each["adopted"]) for each in done.document["organizations"]] == [("new", True)]
    assert "releases org_" in shell("plan", checkout, "--changed-since", "main").out
    comment = shell("plan", checkout, "--changed-since", "main", "--output", "markdown").out
    assert "risk/releases" in comment
    assert "risk/adopts" in comment


def test_every_manifest_is_checked_all_the_same(shell: Shell, checkout: Path) -> None:
    shell.write("broken.yaml", "<<<<<<< HEAD\nx: 1\n=======\n")
    assert shell("plan", checkout, "--changed-since", "main").code == 8


def test_a_revision_that_git_does_not_know_is_a_mistake(shell: Shell, checkout: Path) -> None:
    done = shell("plan", checkout, "--changed-since", "nowhere", "--output", "json")
    assert done.code == 64
    assert done.document["error"]["code"] == "UsageError"
    assert not shell.emulator.requests


def test_what_was_reviewed_in_the_pull_request_is_applied_after_the_merge(shell: Shell, checkout: Path) -> None:
    """Both plans are of the change alone, so that they have one digest, whatever else has drifted."""
    shell.declare("acme", "displayName: New, domains: [acme.example]")
    commit(checkout)
    reviewed = shell("plan", checkout, "--changed-since", "main", "--output", "json").document["digest"]
    before = git(checkout, "rev-parse", "main")
    git(checkout, "checkout", "--quiet", "main")
    git(checkout, "merge", "--quiet", "--no-ff", "change")
    apply = ["apply", checkout, "--yes", "--changed-since", before, "--approve", reviewed, "--output", "json"]
    done = shell(*apply)
    assert done.code == 0
    assert [(each["organization"], each["result"]) for each in done.document["outcomes"]] == [("acme", "applied")]


def test_such_a_plan_can_be_saved_and_applied(shell: Shell, checkout: Path) -> None:
    shell.declare("acme", "displayName: New, domains: [acme.example]")
    plan = shell.home / "plan.json"
    assert shell("plan", checkout, "--changed-since", "main", "--out", plan).code == 0
    done = shell("apply", "--plan", plan, "--yes", checkout, "--output", "json")
    assert [(each["organization"], each["result"]) for each in done.document["outcomes"]] == [("acme", "applied")]

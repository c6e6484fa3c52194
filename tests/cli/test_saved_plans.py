"""What was reviewed is what is applied: a saved plan is carried out exactly, or refused object by object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.emulator.rows import Organization
from reconciler.source import schemas
from tests.support.certificates import pem
from tests.support.shell import ENVIRONMENT, Shell


@pytest.fixture
def plan(shell: Shell) -> Path:
    """A saved plan: one organization is renamed, one gets a domain, one is created with a connection."""
    for name in ("acme", "globex"):
        edited(shell, name, name.title(), f"{name}.example")
    shell.declare("acme", "displayName: Acme Corporation, domains: [acme.example]")
    shell.declare("globex", "displayName: Globex, domains: [globex.example, globex.test]")
    shell.declare("initech", "displayName: Initech, samlConnections: [{name: okta}]")
    path = shell.home / "plan.json"
    done = shell("plan", shell.folder, "--out", path, "--output", "json")
    assert done.code == 0
    assert done.document["digest"] == json.loads(path.read_text())["digest"]
    return path


def live(shell: Shell, key: str) -> Organization:
    """The live organization with that external id."""
    every = shell.emulator.store.organizations("production")
    return next(each for each in every if each.external_id == key)


def edited(shell: Shell, key: str, name: str, *domains: str, row_id: str = "") -> None:
    """Somebody makes or edits an organization by hand."""
    shell.emulator.store.put_organization(
        shell.environment.id, row_id=row_id, external_id=key, display_name=name, domains=domains
    )


def applied(shell: Shell, plan: Path, *more: object, code: int = 0) -> Any:
    done = shell("apply", "--plan", plan, "--yes", "--output", "json", *more)
    assert done.code == code, done
    return done.document


def results(document: Any) -> dict[str, str]:
    return {f"{each['organization']}/{each['name']}": each["result"] for each in document["outcomes"]}


def test_the_reviewed_plan_is_applied_without_the_manifests(shell: Shell, plan: Path) -> None:
    (shell.folder / "acme.yaml").unlink()
    document = applied(shell, plan)
    assert set(results(document).values()) == {"applied"}
    assert document["digest"] == json.loads(plan.read_text())["digest"]
    assert live(shell, "acme").display_name == "Acme Corporation"
    assert live(shell, "globex").domains == ("globex.example", "globex.test")
    assert len(shell.emulator.store.connections(live(shell, "initech").id)) == 1
    shell.emulator.requests.clear()
    again = applied(shell, plan)
    assert set(results(again).values()) == {"satisfied"}
    assert shell.emulator.verbs == {"GET"}


def test_the_file_is_the_plans_document_and_holds_no_secret(shell: Shell, plan: Path) -> None:
    Draft202012Validator(json.loads(schemas.text("plan"))).validate(json.loads(plan.read_text()))
    assert shell.environment.key not in plan.read_text()


def test_what_is_not_in_the_plan_is_not_applied(shell: Shell, plan: Path) -> None:
    shell.declare("acme", "displayName: Something Else, domains: [acme.example]")
    shell.declare("hooli", "displayName: Hooli")
    applied(shell, plan)
    assert live(shell, "acme").display_name == "Acme Corporation"
    assert "hooli" not in {each.external_id for each in shell.emulator.store.organizations("production")}


def test_what_has_moved_is_stale_with_the_three_values_and_the_rest_is_applied(shell: Shell, plan: Path) -> None:
    edited(shell, "acme", "Acme GmbH", "acme.example", row_id=live(shell, "acme").id)
    document = applied(shell, plan, code=4)
    assert results(document) == {
        "acme/acme": "stale",
        "globex/globex": "applied",
        "initech/initech": "applied",
        "initech/okta": "applied",
    }
    (stale,) = (each for each in document["outcomes"] if each["result"] == "stale")
    assert 'displayName: planned "Acme Corporation", then "Acme", now "Acme GmbH"' in stale["error"]
    assert live(shell, "acme").display_name == "Acme GmbH"


def test_an_unowned_value_that_moved_makes_the_organization_another_one(shell: Shell) -> None:
    """The review said whose organization a connection is for; that must still be so."""
    edited(shell, "acme", "Acme", "acme.example")
    shell.declare("acme", "samlConnections: [{name: okta}]")
    path = shell.home / "plan.json"
    shell("plan", shell.folder, "--out", path)
    edited(shell, "acme", "Victim Bank", "bank.example", row_id=live(shell, "acme").id)
    document = applied(shell, path, code=4)
    assert results(document) == {"acme/okta": "stale"}
    assert '"Acme", and is "Victim Bank" now' in document["outcomes"][0]["error"]
    assert not shell.emulator.store.connections(live(shell, "acme").id)


def test_a_look_alike_since_then_stops_the_create(shell: Shell, plan: Path) -> None:
    edited(shell, "other", "Initech")
    document = applied(shell, plan, code=4)
    assert results(document) == {
        "acme/acme": "applied",
        "globex/globex": "applied",
        "initech/initech": "stale",
        "initech/okta": "stale",
    }


def test_after_an_interruption_the_same_command_goes_on(shell: Shell, plan: Path) -> None:
    edited(shell, "initech", "Initech")
    edited(shell, "acme", "Acme Corporation", "acme.example", row_id=live(shell, "acme").id)
    document = applied(shell, plan, "--approve", json.loads(plan.read_text())["digest"])
    assert results(document) == {
        "acme/acme": "satisfied",
        "globex/globex": "applied",
        "initech/initech": "satisfied",
        "initech/okta": "applied",
    }


def test_a_person_sees_the_whole_plan_and_what_became_of_it(shell: Shell, plan: Path) -> None:
    edited(shell, "acme", "Acme GmbH", "acme.example", row_id=live(shell, "acme").id)
    done = shell("apply", "--plan", plan, "--yes")
    assert done.code == 4
    assert '"Acme" → "Acme Corporation"' in done.out
    assert json.loads(plan.read_text())["digest"] in done.out
    assert 'now "Acme GmbH"' in done.out


def test_a_plan_that_a_guard_refuses_is_saved_and_needs_its_approval(shell: Shell, plan: Path) -> None:
    config = shell.home / "reconciler.toml"
    config.write_text(f'[environments.production]\nmanifests = "{shell.folder}"\nlimits = {{ max_creates = 0 }}\n')
    assert shell("plan", "--config", config, "--out", plan).code == 6
    assert applied(shell, plan, "--config", config, code=6)["refusals"]
    digest = json.loads(plan.read_text())["digest"]
    assert applied(shell, plan, "--config", config, "--approve", "f" * 32, code=7)["refusals"]
    assert set(results(applied(shell, plan, "--config", config, "--approve", digest)).values()) == {"applied"}


def test_other_manifests_another_environment_or_version_are_7(
    shell: Shell, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shell.emulator.state
    applied(shell, plan, "--environment", "staging", code=7)
    shell.declare("hooli", "displayName: Hooli")
    assert "other manifests" in applied(shell, plan, shell.folder, code=7)["error"]["message"]
    (shell.folder / "hooli.yaml").unlink()
    with monkeypatch.context() as patch:
        patch.setattr("reconciler.cli.saving.__version__", "99")
        assert "version" in applied(shell, plan, shell.folder, code=7)["error"]["message"]
    other = shell.emulator.store.environments["development"]
    with monkeypatch.context() as patch:
        patch.setenv("SSOREADY_API_KEY", other.key)
        assert "empty environment" in applied(shell, plan, code=7)["error"]["message"]
        shell.emulator.store.put_organization(other.id, external_id="x")
        assert other.id in applied(shell, plan, code=7)["error"]["message"]
        shell.emulator.store.delete(next(iter(shell.emulator.store.organizations("development"))).id)
    assert shell.emulator.state == before
    assert set(results(applied(shell, plan, shell.folder)).values()) == {"applied"}


def edit_name(document: Any) -> None:
    document["saved"]["changes"][0]["fields"][0]["after"] = "Evil"


def edit_shown(document: Any) -> None:
    document["changes"] = document["changes"][1:]


def edit_seal(document: Any) -> None:
    del document["seal"]


def edit_saved(document: Any) -> None:
    document["saved"] = {"version": document["saved"]["version"]}


@pytest.mark.parametrize("edit", [edit_name, edit_shown, edit_seal, edit_saved])
def test_an_edited_file_is_refused(shell: Shell, plan: Path, edit: Any) -> None:
    before = shell.emulator.state
    document = json.loads(plan.read_text())
    edit(document)
    plan.write_text(json.dumps(document))
    assert applied(shell, plan, code=7)["error"]["code"] == "WrongPlan"
    assert shell.emulator.state == before


def test_a_formatted_file_is_the_same(shell: Shell, plan: Path) -> None:
    plan.write_text(json.dumps(json.loads(plan.read_text())))
    assert set(results(applied(shell, plan)).values()) == {"applied"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "Plan"}', '{"saved": 1}', "\x00"])
def test_what_is_no_saved_plan_is_refused(shell: Shell, text: str) -> None:
    path = shell.home / "plan.json"
    path.write_text(text)
    assert applied(shell, path, code=7)["error"]["code"] == "WrongPlan"
    applied(shell, shell.home / "nothing", code=8)


def test_pins_are_written_to_the_manifests_that_it_was_made_from(shell: Shell, plan: Path) -> None:
    assert set(results(applied(shell, plan, shell.folder, "--pin")).values()) == {"applied"}
    assert live(shell, "initech").id in (shell.folder / "initech.yaml").read_text()


def test_a_selection_beside_a_saved_plan_is_a_mistake(shell: Shell, plan: Path) -> None:
    applied(shell, plan, "--target", "acme", code=64)


def test_invalid_manifests_beside_a_saved_plan_are_8(shell: Shell, plan: Path) -> None:
    shell.write("acme.yaml", "x: [")
    applied(shell, plan, shell.folder, code=8)


def test_certificates_secrets_and_pins_survive(shell: Shell) -> None:
    target = shell.home / "delivered"
    shell.write("environment.yaml", f"{ENVIRONMENT}spec: {{id: {shell.environment.id}}}\n")
    idp = f"{{entityId: urn:x, redirectUrl: https://idp.example/sso, certificate: {{pem: {json.dumps(pem())}}}}}"
    shell.declare(
        "acme",
        f"displayName: Acme, samlConnections: [{{name: okta, primary: true, idp: {idp}}}], "
        "scimDirectories: [{name: okta, bearerToken: issue}]",
    )
    shell.declare("globex", "displayName: Globex, setupLink: {saml: true}")
    path = shell.home / "plan.json"
    assert shell("plan", shell.folder, "--deliver", target, "--out", path).code == 0
    document = applied(shell, path, "--deliver", target)
    assert set(results(document).values()) == {"applied"}
    assert len(document["outcomes"]) == 6
    assert len(list(target.rglob("*.json"))) == 2

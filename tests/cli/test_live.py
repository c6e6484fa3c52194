"""list, observe, show --pem and --observed: what is live, without and with the API."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.emulator.seed import certificate
from reconciler.source import schemas
from tests.support.shell import Shell


@pytest.fixture
def lived_in(shell: Shell) -> Shell:
    """Three organizations; one is in git."""
    store, here = shell.emulator.store, shell.environment.id
    acme = store.put_organization(here, external_id="4711", display_name="Acme", domains=["acme.example"])
    store.put_connection(
        acme.id,
        primary=True,
        idp_entity_id="e",
        idp_redirect_url="https://idp.example",
        idp_certificate=certificate(store.rng, "acme"),
    )
    store.rotate_bearer_token(store.put_directory(acme.id, primary=True).id)
    store.put_organization(here, external_id="9", display_name="Twin", domains=["Globex.example"])
    store.put_organization(here, display_name="Twin")
    shell.declare("acme", 'externalId: "4711", displayName: Acme')
    return shell


def observed(shell: Shell) -> Path:
    """A file of everything live; from then on there is no key."""
    path = shell.home / "live.json"
    assert shell("observe", "--out", path).code == 0
    shell.variables.delenv("SSOREADY_API_KEY")
    return path


def test_a_list_says_what_is_live_and_how_much_of_it_is_in_git(lived_in: Shell) -> None:
    done = lived_in("list", lived_in.folder)
    assert done.code == 0
    head, *rows, coverage = done.out.splitlines()
    assert head.split()[0] == "ID"
    (acme,) = [row for row in rows if "4711" in row]
    for shown in ("Acme", "acme.example", "1, primary configured", "1, primary with token", "2035-12-30"):
        assert shown in acme
    assert acme.endswith("acme")
    assert [row.split()[-1] for row in rows if row is not acme] == ["none", "none"]
    assert coverage == "1 of 3 in git."
    assert lived_in("list").out.splitlines()[-1] == "3 organizations."


def test_a_list_as_json_keeps_its_schema(lived_in: Shell) -> None:
    document = json.loads(lived_in("list", lived_in.folder, "--output", "json").out)
    Draft202012Validator(json.loads(schemas.text("inventory"))).validate(document)
    assert document["summary"] == {"organizations": 3, "inGit": 1}


def test_what_is_observed_is_a_document_with_a_schema_and_no_secret(lived_in: Shell) -> None:
    path = observed(lived_in)
    document = json.loads(path.read_bytes())
    Draft202012Validator(json.loads(schemas.text("observed"))).validate(document)
    assert document["environmentId"] == lived_in.environment.id
    assert "ssoready_" not in path.read_text()
    assert list(path.parent.glob(".*")) == []


@pytest.mark.parametrize("command", [("plan",), ("plan", "--output", "json"), ("list",)])
def test_a_command_says_the_same_of_the_file_as_of_the_api(lived_in: Shell, command: tuple[str, ...]) -> None:
    live = lived_in(*command, lived_in.folder)
    path = observed(lived_in)
    requests = len(lived_in.emulator.requests)

    said = lived_in(*command, lived_in.folder, "--observed", path)
    of_file = re.compile(r'Compared with a file of what was live .*\n|(?<="observedAgeS": )[\w.]+')
    assert said._replace(out=of_file.sub("", said.out)) == live._replace(out=of_file.sub("", live.out))
    assert ("ago, not with the API" in said.out) is (command == ("plan",))
    assert len(lived_in.emulator.requests) == requests


@pytest.mark.parametrize("name", ["4711", "acme", "ACME", "acme.example", "Acme.Example."])
def test_a_customer_is_found_by_any_of_its_names(lived_in: Shell, name: str) -> None:
    assert "4711" in lived_in("show", name, "--dir", lived_in.folder).out
    path = observed(lived_in)
    assert "4711" in lived_in("show", name, "--observed", path).out


def test_a_name_of_two_customers_is_refused_with_their_ids(lived_in: Shell) -> None:
    done = lived_in("show", "twin")
    assert done.code == 64
    assert done.err.count("org_") == 2


def test_a_certificate_is_shown_as_pem(lived_in: Shell) -> None:
    pem = lived_in.emulator.store.contents().saml_connections[0].idp_certificate
    head, _, rest = lived_in("show", "acme", "--pem").out.partition("\n")
    assert head.startswith("# saml_conn_")
    assert rest == pem


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"kind": "Plan"}', "\xff", "{" * 100_000],
    ids=["empty", "a list", "a plan", "not UTF-8", "deep"],
)
def test_a_file_that_observe_did_not_write_is_refused(lived_in: Shell, text: str) -> None:
    path = lived_in.home / "live.json"
    path.write_bytes(text.encode("latin-1"))
    done = lived_in("list", "--observed", path)
    assert done.code == 8
    assert str(path) in done.err


def test_a_file_that_is_too_old_is_refused(lived_in: Shell) -> None:
    path = observed(lived_in)
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps({**document, "observedAt": "2020-01-01T00:00:00Z"}))
    assert lived_in("plan", lived_in.folder, "--observed", path).code == 0
    done = lived_in("plan", lived_in.folder, "--observed", path, "--max-age", "10m")
    assert (done.code, "--max-age" in done.err) == (8, True)
    assert lived_in("plan", lived_in.folder, "--max-age", "10m").code == 64


def test_a_file_of_another_environment_is_refused(lived_in: Shell) -> None:
    path = observed(lived_in)
    head = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"
    lived_in.write("environment.yaml", f"{head}spec: {{id: env_{'1' * 25}}}\n")
    assert lived_in("plan", lived_in.folder, "--observed", path).code == 6


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(lived_in: Shell) -> None:
    done = lived_in("observe", "--out", lived_in.home / "missing" / "live.json")
    assert done.code == 1
    assert "cannot write" in done.err
    assert not (lived_in.home / "missing").exists()

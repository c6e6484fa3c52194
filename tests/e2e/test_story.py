"""The story of a first week, on the emulator: from the example manifests to an onboarded customer."""

from __future__ import annotations

import json
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.emulator import SetupPage
from reconciler.emulator.rows import Organization
from tests.support.shell import EXAMPLES, Shell

PRODUCTION, DEVELOPMENT = EXAMPLES / "production", EXAMPLES / "development"


def live(shell: Shell, environment: str = "production") -> dict[str, Organization]:
    """What is there, by external id."""
    return {each.external_id: each for each in shell.emulator.store.organizations(environment)}


def writes(shell: Shell) -> list[str]:
    return [request.method for request in shell.emulator.requests if request.method != "GET"]


def edit(shell: Shell, organization: Organization, **fields: Any) -> None:
    """Somebody changes an organization outside of git."""
    row = replace(organization, **fields)
    shell.emulator.store.put_organization(
        shell.environment.id,
        row_id=row.id,
        display_name=row.display_name,
        external_id=row.external_id,
        domains=row.domains,
    )


def summary(shell: Shell, *arguments: object) -> dict[str, int]:
    found: dict[str, int] = shell("plan", *arguments, "--output", "json").document["summary"]
    return found


@pytest.fixture
def mine(shell: Shell) -> Path:
    """A copy of the example manifests, to be edited."""
    return Path(shutil.copytree(PRODUCTION, shell.home / "production"))


def change(folder: Path, file: str, before: str, after: str) -> None:
    path = folder / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


# -- the main job ----------------------------------------------------------------------------------


def test_the_examples_from_nothing_to_an_empty_plan_and_back_from_a_drift(shell: Shell) -> None:
    valid = shell("validate", PRODUCTION)
    assert (valid.code, valid.out) == (0, "Valid: 5 manifests in 5 files, 0 errors, 0 warnings.\n")

    planned = shell("plan", PRODUCTION)
    assert planned.code == 0
    assert "Plan: 9 to create, 0 to update, 0 unchanged." in planned.out
    assert "i initech  NoTarget: a setup link is wanted" in planned.out

    applied = shell("apply", PRODUCTION, "--yes")
    assert applied.code == 0
    assert "Done: 9 applied." in applied.out
    assert live(shell)["4711"].domains == ("acme-labs.example", "acme.example")
    okta, blank = sorted(
        shell.emulator.store.connections(live(shell)["4711"].id), key=lambda each: not each.primary
    )
    assert (okta.primary, okta.idp_entity_id) == (True, "http://www.okta.example/exk1acme")
    assert "BEGIN CERTIFICATE" in okta.idp_certificate
    assert (blank.primary, blank.idp_entity_id) == (False, "")
    (entra,) = shell.emulator.store.connections(live(shell)["4712"].id)
    assert entra.primary
    assert entra.idp_entity_id
    assert entra.idp_redirect_url
    assert entra.idp_certificate

    state = shell.emulator.state
    assert "No changes. 9 unchanged." in shell("plan", PRODUCTION).out
    again = shell("apply", PRODUCTION, "--yes")
    assert again.code == 0
    assert again.out.splitlines()[1].startswith("No changes.")
    assert shell.emulator.state == state

    edit(shell, live(shell)["4711"], display_name="Acme Inc.", domains=())
    drifted = shell("plan", PRODUCTION)
    assert '    displayName  "Acme Inc." → "Acme Corporation"\n' in drifted.out
    assert "Plan: 0 to create, 1 to update, 8 unchanged, 1 at risk." in drifted.out
    assert shell("apply", PRODUCTION, "--yes").code == 0
    assert shell.emulator.state.decode().replace(" ", "") == state.decode().replace(" ", "")
    assert shell("plan", PRODUCTION, "--detailed-exitcode").code == 0


def test_every_pin_that_is_missing_can_be_inserted(shell: Shell, mine: Path) -> None:
    """With all of them in git the plan is still empty, and there is nothing left to pin."""
    shell("apply", mine, "--yes")
    assert "9 pins missing" in shell("plan", mine).out
    assert shell("pin", mine, "--write").code == 0
    done = shell("plan", mine)
    assert done.code == 0
    assert done.out.splitlines()[1].startswith("No changes. 9 unchanged.")
    assert "missing" not in done.out


def test_a_report_offers_the_id_lines_of_what_it_made(shell: Shell) -> None:
    out = shell("apply", PRODUCTION, "--yes").out
    ids = re.findall(r"^applied   create .*  id: (\S+)  # .*\.yaml:\d+$", out, re.MULTILINE)
    assert len(ids) == 9
    assert live(shell)["4711"].id in ids


# -- adoption --------------------------------------------------------------------------------------


def test_an_organization_that_exists_is_adopted_by_id_and_never_made_twice(shell: Shell, mine: Path) -> None:
    store = shell.emulator.store
    umbrella = store.put_organization(shell.environment.id, domains=["umbrella.example"], display_name="Old name")

    blocked = shell("plan", mine, "--target", "umbrella")
    assert blocked.code == 4
    assert "x umbrella  Ambiguous" in blocked.out
    assert f"id: {umbrella.id}" in blocked.out
    assert shell("apply", mine, "--target", "umbrella", "--yes").code == 4
    assert writes(shell) == []

    change(mine, "umbrella.yaml", "spec:\n", f"spec:\n  id: {umbrella.id}\n  externalId: umbrella\n")
    planned = shell("plan", mine, "--target", "umbrella")
    assert planned.code == 0
    assert '    displayName  "Old name" → -\n' in planned.out
    assert '    externalId   - → "umbrella"\n' in planned.out
    assert shell("apply", mine, "--target", "umbrella", "--yes").code == 0
    (only,) = store.organizations("production")
    assert (only.id, only.external_id, only.display_name) == (umbrella.id, "umbrella", "")
    assert shell("plan", mine, "--target", "umbrella", "--detailed-exitcode").code == 0


def test_one_that_only_looks_alike_is_told_apart(shell: Shell, mine: Path) -> None:
    other = shell.emulator.store.put_organization(shell.environment.id, display_name="Initech")
    assert shell("plan", mine, "--target", "initech").code == 4
    change(mine, "initech.yaml", "spec:\n", f"spec:\n  distinctFrom: [{other.id}]\n")
    assert shell("apply", mine, "--target", "initech", "--yes").code == 0
    assert len(shell.emulator.store.organizations("production")) == 2


def test_a_connection_that_a_customer_made_is_never_duplicated(shell: Shell, mine: Path) -> None:
    """Initech configures itself; the declared blank connection is the one that it filled in."""
    assert shell("apply", mine, "--yes").code == 0
    link = shell("setup-link", "initech", "--dir", mine).out.strip()
    page = SetupPage(shell.emulator.store, link)
    (blank,) = page.connections()
    page.change_connection(blank.id, idp_entity_id="urn:initech", idp_redirect_url="https://idp.initech.example")
    assert shell("plan", mine, "--detailed-exitcode").code == 0
    page.create_connection(idp_entity_id="urn:second")
    done = shell("plan", mine, "--detailed-exitcode")
    assert done.code in {0, 4}
    assert "to create" not in done.out


# -- parts of it -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "made"),
    [
        (("--target", "acme"), {"4711"}),
        (("--target", "acme", "--target", "umbrella"), {"4711", "umbrella"}),
        (("--selector", "tier=enterprise"), {"4711", "4712"}),
        (("--selector", "tier=enterprise", "--target", "globex"), {"4712"}),
    ],
)
def test_targets_and_selectors_leave_everything_else_alone(
    shell: Shell, flags: tuple[str, ...], made: set[str]
) -> None:
    assert shell("apply", PRODUCTION, "--yes", *flags).code == 0
    assert set(live(shell)) == made


def test_a_suspended_organization_is_left_alone_and_named(shell: Shell, mine: Path) -> None:
    shell("apply", mine, "--yes")
    change(mine, "acme.yaml", "spec:\n", "spec:\n  suspend: moving, ask first\n")
    edit(shell, live(shell)["4711"], display_name="Elsewhere")
    done = shell("apply", mine, "--yes")
    assert done.code == 0
    assert "= acme  suspended: moving, ask first" in done.out
    assert live(shell)["4711"].display_name == "Elsewhere"


# -- guards ----------------------------------------------------------------------------------------


def test_too_many_creates_need_exactly_this_approval(shell: Shell, mine: Path) -> None:
    change(mine, "environment.yaml", "spec:\n", "spec:\n  limits: {maxCreates: 3}\n")
    refused = shell("apply", mine, "--yes")
    assert refused.code == 6
    assert writes(shell) == []
    digest = re.search(r"--approve (\w+)", refused.out)
    assert digest

    assert shell("apply", mine, "--yes", "--approve", "0" * 32).code == 7
    change(mine, "acme.yaml", "Acme Corporation", "Acme Ltd")
    assert shell("apply", mine, "--yes", "--approve", digest[1]).code == 7, "that was another plan"
    change(mine, "acme.yaml", "Acme Ltd", "Acme Corporation")
    assert writes(shell) == []
    assert shell("plan", mine, "--approve", digest[1]).code == 0
    assert shell("apply", mine, "--yes", "--approve", digest[1]).code == 0
    assert len(live(shell)) == 4


def test_a_change_of_everything_is_refused_once_ten_are_matched(shell: Shell) -> None:
    for number in range(12):
        shell.declare(f"o{number:02}", f"displayName: Number {number}")
    assert shell("apply", shell.folder, "--yes").code == 0
    for number in range(5):
        shell.declare(f"o{number:02}", f"displayName: Renamed {number}")
    refused = shell("plan", shell.folder, "--output", "json")
    assert refused.code == 6
    assert [each["rule"] for each in refused.document["refusals"]] == ["maxChangedPercent"]
    assert shell("apply", shell.folder, "--yes").code == 6
    assert {each.display_name for each in live(shell).values()} == {f"Number {n}" for n in range(12)}
    assert shell("apply", shell.folder, "--yes", "--target", "o00").code == 0


def test_an_approval_is_for_this_plan_or_for_nothing(shell: Shell) -> None:
    """Also where no guard refuses: what somebody read is what is applied."""
    shell.declare("acme", "displayName: Acme")
    digest = shell("plan", shell.folder, "--output", "json").document["digest"]
    assert shell("plan", shell.folder, "--approve", "0" * 32).code == 7
    assert shell("apply", shell.folder, "--yes", "--approve", "0" * 32).code == 7
    assert live(shell) == {}
    assert shell("apply", shell.folder, "--yes", "--approve", digest).code == 0
    assert set(live(shell)) == {"acme"}


def test_a_folder_for_another_environment_writes_nothing_until_that_is_pinned(shell: Shell) -> None:
    environment = shell.emulator.store.environments["production"].id
    for number in range(10):
        shell.emulator.store.put_organization(environment, external_id=f"theirs-{number}")
        shell.declare(f"ours-{number}", f"displayName: Ours {number}")
    refused = shell("plan", shell.folder, "--output", "json")
    assert (refused.code, refused.document["environmentId"]) == (6, environment)
    assert [each["rule"] for each in refused.document["refusals"]] == ["nothingMatches"]
    assert shell("apply", shell.folder, "--yes", "--approve", refused.document["digest"]).code == 6
    assert len(live(shell)) == 10
    path = shell.folder / "environment.yaml"
    path.write_text(f"{path.read_text()}spec: {{id: {environment}}}\n")
    assert shell("apply", shell.folder, "--yes").code == 0
    assert len(live(shell)) == 20


def test_a_bank_that_a_manifest_takes_over_is_named_in_the_plan(shell: Shell) -> None:
    environment = shell.emulator.store.environments["production"].id
    bank = shell.emulator.store.put_organization(
        environment, external_id="b1", display_name="Victim Bank", domains=["bank.example"]
    )
    shell.declare("demo-sandbox", f"id: {bank.id}, samlConnections: [{{name: okta, idp: {{entityId: urn:evil}}}}]")
    shown = shell("plan", shell.folder)
    assert shown.out, shown.err
    assert f'adopts {bank.id} "Victim Bank" (bank.example)\n' in shown.out
    assert "+ saml/okta  ! sign-in risk (widens)" in shown.out


# -- two environments ------------------------------------------------------------------------------


def configuration(shell: Shell, *, swapped: bool = False) -> Path:
    """reconciler.toml for both environments; `swapped`: each has the other's key."""
    sections = []
    names = ["production", "development"]
    for name, keyed in zip(names, reversed(names) if swapped else names, strict=True):
        environment, key = (shell.emulator.store.environments[each] for each in (name, keyed))
        (shell.home / f"{name}.key").write_text(key.key + "\n")
        sections.append(
            f'[environments.{name}]\nmanifests = "{EXAMPLES / name}"\napi_url = "{shell.url}"\n'
            f'api_key_file = "{name}.key"\nenvironment_id = "{environment.id}"\n'
            f'deliver = {{ to = "directory", path = "delivered/{name}" }}\n'
        )
    path = shell.home / "reconciler.toml"
    path.write_text("".join(sections))
    return path


def test_two_environments_from_one_file(shell: Shell) -> None:
    config = configuration(shell)
    shell.variables.setenv("RECONCILER_CONFIG", str(config))
    undecided = shell("plan")
    assert undecided.code == 64
    assert "several environments: production, development" in undecided.err
    for name, count in (("development", 2), ("production", 4)):
        assert shell("apply", "--environment", name, "--yes").code == 0
        assert len(live(shell, name)) == count
        assert shell("plan", "--environment", name, "--detailed-exitcode").code == 0
    assert (shell.home / "delivered/production/initech/setup-link.json").exists()
    assert live(shell, "development")["acme"].display_name == "Acme Staging"
    shown = shell("show", "acme", "--environment", "development").out
    assert shown.startswith(f'"Acme Staging"  {live(shell, "development")["acme"].id}  in ')


def test_swapped_keys_reach_nothing(shell: Shell) -> None:
    config = configuration(shell)
    for name in ("development", "production"):
        assert shell("apply", "--config", config, "--environment", name, "--yes").code == 0
    configuration(shell, swapped=True)
    state, sent = shell.emulator.state, len(writes(shell))
    for command in (
        *(("plan",), ("apply", "--yes"), ("show", "acme")),
        *(("setup-link", "acme"), ("rotate-token", "acme", "okta", "--yes")),
    ):
        done = shell(*command, "--config", config, "--environment", "production")
        assert done.code == 6, command
        assert "wrong environment: the key belongs to env_" in done.err
        assert "is pinned" in done.err
    assert len(writes(shell)) == sent
    assert shell.emulator.state == state


# -- onboarding ------------------------------------------------------------------------------------


def test_a_customer_is_onboarded_by_link_and_token(shell: Shell, mine: Path) -> None:
    delivered = shell.home / "delivered"
    change(mine, "acme.yaml", "    - name: okta\n      primary: true\n", "    - name: okta\n      primary: true\n")
    change(
        mine,
        "acme.yaml",
        "  scimDirectories:\n    - name: okta\n",
        "  scimDirectories:\n    - name: okta\n      bearerToken: issue\n",
    )
    shell.variables.setenv("RECONCILER_DELIVER", str(delivered))
    done = shell("apply", mine, "--yes")
    assert done.code == 0
    assert "issue acme token/okta" in done.out
    assert "issue initech setup-link" in done.out

    (directory,) = shell.emulator.store.directories(live(shell)["4711"].id)
    record = json.loads((delivered / "acme/scim-okta.json").read_text())
    assert (record["state"], record["directoryId"]) == ("issued", directory.id)
    assert shell.emulator.store.is_bearer_token(directory.id, record["bearerToken"])
    link = json.loads((delivered / "initech/setup-link.json").read_text())
    assert SetupPage(shell.emulator.store, link["url"]).organization_id == live(shell)["initech"].id
    for path in (delivered / "acme/scim-okta.json", delivered / "initech/setup-link.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    assert shell("plan", mine, "--detailed-exitcode").code == 0, "what was delivered is not made again"

    rotated = shell("rotate-token", "acme", "okta", "--dir", mine, "--yes")
    assert rotated.out == f"Rotated the token of {directory.id} and delivered it.\n"
    assert not shell.emulator.store.is_bearer_token(directory.id, record["bearerToken"])
    renewed = json.loads((delivered / "acme/scim-okta.json").read_text())["bearerToken"]
    assert shell.emulator.store.is_bearer_token(directory.id, renewed)

    shown = shell("show", "acme", "--dir", mine).out
    (connection, *_) = [each for each in shell.emulator.store.connections(live(shell)["4711"].id) if each.primary]
    for needed in (connection.sp_acs_url, connection.sp_entity_id, directory.scim_base_url, "bearer token  true"):
        assert needed in shown
    assert shell("show", "4711").out == shown
    assert shell("show", live(shell)["4711"].id).out == shown


@pytest.mark.parametrize(
    ("flags", "may_saml", "may_scim"),
    [((), True, False), (("--scim",), False, True), (("--saml", "--scim"), True, True)],
)
def test_a_setup_link_allows_what_was_asked_for(
    shell: Shell, flags: tuple[str, ...], may_saml: bool, may_scim: bool
) -> None:
    acme = shell.emulator.store.put_organization(shell.environment.id, external_id="4711")
    url = shell("setup-link", "4711", *flags).out.strip()
    page = SetupPage(shell.emulator.store, url)
    assert page.organization_id == acme.id
    for allowed, look in ((may_saml, page.connections), (may_scim, page.directories)):
        if allowed:
            assert look() == []
        else:
            with pytest.raises(PermissionError):
                look()


# -- external ids ----------------------------------------------------------------------------------


def numbered(shell: Shell, *external_ids: str) -> None:
    """Organizations a, b, c that are live as 1, 2, 3, pinned, each with the external id that it is to have."""
    found = live(shell)
    for number, (name, wanted) in enumerate(zip("abc", external_ids, strict=False), 1):
        row = found.get(str(number)) or shell.emulator.store.put_organization(
            shell.environment.id, external_id=str(number), display_name=name
        )
        shell.declare(name, f"id: {row.id}, externalId: '{wanted}'")


def ids(shell: Shell) -> dict[str, str]:
    return {each.display_name: each.external_id for each in shell.emulator.store.organizations("production")}


def test_external_ids_move_along_a_chain_in_one_pass(shell: Shell) -> None:
    """The server refuses one that another organization has at that moment."""
    numbered(shell, "2", "3", "4")
    assert shell("apply", shell.folder, "--yes").code == 0
    assert ids(shell) == {"a": "2", "b": "3", "c": "4"}


def test_external_ids_are_swapped_in_the_two_commits_that_the_refusal_names(shell: Shell) -> None:
    numbered(shell, "2", "1")
    refused = shell("apply", shell.folder, "--yes")
    assert (refused.code, ids(shell)) == (4, {"a": "1", "b": "2"})
    assert (
        "State an external id that nobody has there in one commit, and the right ones in the next" in refused.out
    )
    numbered(shell, "free", "2")
    assert shell("apply", shell.folder, "--yes").code == 0
    pinned = {each.display_name: each.id for each in live(shell).values()}
    for name, wanted in (("a", "2"), ("b", "1")):
        shell.declare(name, f"id: {pinned[name]}, externalId: '{wanted}'")
    assert shell("apply", shell.folder, "--yes").code == 0
    assert ids(shell) == {"a": "2", "b": "1"}

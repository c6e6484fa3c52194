"""Commands that only read: whatever they are asked, the API sees no verb but GET, and stays as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from reconciler.api.client import Client
from reconciler.model.state import Organization
from tests.support.shell import EXAMPLES, Shell

READING: dict[str, tuple[object, ...]] = {
    "validate": ("validate", EXAMPLES / "production"),
    "validate json": ("validate", EXAMPLES / "production", "--output", "json"),
    "plan": ("plan", EXAMPLES / "production"),
    "plan json": ("plan", EXAMPLES / "production", "--output", "json"),
    "plan approved": ("plan", EXAMPLES / "production", "--approve", "0" * 32),
    "plan with a target": ("plan", EXAMPLES / "production", "--target", "acme"),
    "plan to deliver": ("plan", EXAMPLES / "production", "--deliver", "delivered"),
    "list": ("list",),
    "list json": ("list", EXAMPLES / "production", "--output", "json"),
    "observe": ("observe", "--out", "/dev/null/live.json"),
    "import as a dry run": ("import", EXAMPLES / "production", "--dry-run"),
    "import to a place that cannot be written": ("import", "/dev/null/manifests"),
    "pin": ("pin", EXAMPLES / "production"),
    "show": ("show", "4711"),
    "show as PEM": ("show", "Acme", "--pem"),
    "show by handle": ("show", "acme", "--dir", EXAMPLES / "production"),
    "show nobody": ("show", "nobody"),
    "schema": ("schema", "plan"),
    "init where nothing can be written": ("init", "/dev/null/repository"),
    "completion": ("completion", "bash"),
    "apply that nobody confirms": ("apply", EXAMPLES / "production"),
    "rotate-token without a target": ("rotate-token", "acme", "okta", "--dir", EXAMPLES / "production", "--yes"),
    "rotate-token that nobody confirms": ("rotate-token", "acme", "okta", "--deliver", "delivered"),
    "rotate-token of nobody": ("rotate-token", "nobody", "okta", "--deliver", "delivered", "--yes"),
    "rotate-token of no directory": (
        *("rotate-token", "acme", "nothing", "--dir", EXAMPLES / "production"),
        *("--deliver", "delivered", "--yes"),
    ),
    "setup-link of nobody": ("setup-link", "nobody"),
}


@pytest.fixture
def lived_in(shell: Shell) -> Shell:
    """Much to do: organizations that differ, children that nobody pinned, one with another's domain."""
    store, here = shell.emulator.store, shell.environment.id
    acme = store.put_organization(here, external_id="4711", display_name="Acme", domains=["acme.example"])
    store.put_connection(acme.id, primary=True, idp_entity_id="http://www.okta.example/exk1acme")
    store.put_directory(acme.id, primary=True)
    store.put_organization(here, external_id="9", domains=["globex.example"])
    for number in range(12):
        store.put_organization(here, external_id=f"extra-{number}")
    return shell


@pytest.mark.parametrize("arguments", READING.values(), ids=READING)
def test_a_reading_command_sends_nothing_but_get(
    lived_in: Shell, arguments: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lived_in.home)
    before = lived_in.emulator.state
    files = sorted(lived_in.home.rglob("*"))

    lived_in(*arguments)

    assert lived_in.emulator.verbs <= {"GET"}
    assert lived_in.emulator.state == before
    assert sorted(lived_in.home.rglob("*")) == files


def test_a_link_or_a_token_is_asked_for_after_reading_alone(lived_in: Shell) -> None:
    lived_in("setup-link", "4711")
    lived_in(
        *("rotate-token", "acme", "okta", "--dir", EXAMPLES / "production"),
        *("--deliver", lived_in.home / "delivered", "--yes"),
    )

    writes = [request.path for request in lived_in.emulator.requests if request.method != "GET"]
    assert [path.rpartition("/")[2] for path in writes] == ["setup-urls", "rotate-bearer-token"]


def test_a_plan_could_not_write_if_it_tried(lived_in: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that wrote by mistake is stopped by the transport, before anything is sent."""

    async def organizations(self: Client) -> AsyncIterator[tuple[Organization, ...]]:
        async with self.lane() as lane:
            await lane.setup_url("org_" + "1" * 25, saml=True, scim=True)
        yield ()

    before = lived_in.emulator.state
    monkeypatch.setattr(Client, "organizations", organizations)

    done = lived_in("plan", EXAMPLES / "production")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: internal error: ")
    assert lived_in.emulator.requests == []
    assert lived_in.emulator.state == before

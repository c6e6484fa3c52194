"""import: what is live becomes manifests that plan nothing; nothing is overwritten; the next run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.emulator import Request, Response
from reconciler.model.errors import ReconcilerError
from reconciler.source import files, schemas
from tests.support.lifelike import plant_oddities
from tests.support.shell import Shell


@pytest.fixture
def odd(shell: Shell) -> Shell:
    """Every oddity is live, and there is no folder yet."""
    plant_oddities(shell.emulator.store, shell.environment.id)
    (shell.folder / "environment.yaml").unlink()
    shell.folder.rmdir()
    return shell


def live(shell: Shell) -> int:
    return len(shell.emulator.store.organizations("production"))


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("flags", [(), ("--own-idp",), ("--ownership", "observe"), ("--label", "wave=1")])
def test_every_oddity_round_trips_to_an_empty_plan(odd: Shell, flags: tuple[str, ...]) -> None:
    state = odd.emulator.state
    done = odd("import", odd.folder, *flags)
    assert (done.code, done.err) == (0, "")
    assert "Their plan is empty." in done.out
    assert f"{live(odd)} of {live(odd)} are in git." in done.out

    assert odd("plan", odd.folder, "--detailed-exitcode").code == 0
    assert odd("validate", odd.folder).code == 0
    assert odd("pin", odd.folder, "--output", "json").document["summary"]["missing"] == 0
    assert odd.emulator.verbs == {"GET"}
    assert odd.emulator.state == state
    assert not list(odd.folder.rglob(".reconciler-*"))
    assert not any("ssoready_sk_1" in f"{name}{data!r}" for name, data in everything(odd.folder).items())


def test_normalising_plans_exactly_what_it_says(odd: Shell) -> None:
    done = odd("import", odd.folder, "--normalise", "--output", "json")
    document = done.document
    Draft202012Validator(json.loads(schemas.text("import"))).validate(document)
    assert (done.code, document["plan"]) == (0, "normalisations")
    said = {
        (each["name"], oddity["path"])
        for each in document["organizations"]
        for oddity in each["oddities"]
        if oddity["normalised"]
    }
    changes = odd("plan", odd.folder, "--output", "json").document["changes"]
    assert {each["organization"] for each in changes} == {name for name, _ in said}
    assert {each["action"] for each in changes} == {"update"}
    assert len(changes) == len(said) > 5


def test_a_second_import_changes_nothing(odd: Shell) -> None:
    odd("import", odd.folder, "--own-idp")
    before = everything(odd.folder)
    done = odd("import", odd.folder, "--own-idp", "--normalise")
    assert (done.code, "0 manifests written" in done.out) == (0, True)
    assert everything(odd.folder) == before


def test_a_dry_run_writes_nothing_and_tells_the_same(odd: Shell) -> None:
    done = odd("import", odd.folder, "--dry-run")
    assert (done.code, odd.folder.exists()) == (0, False)
    assert f"{live(odd)} manifests would be written" in done.out
    odd("observe", "--out", odd.home / "live.json")
    odd.variables.delenv("SSOREADY_API_KEY")
    assert odd("import", odd.folder, "--dry-run", "--observed", odd.home / "live.json") == done


def test_batches_and_targets_go_on_until_all_is_there(odd: Shell) -> None:
    assert odd("import", odd.folder, "--batch", "10").code == 0
    assert len(list(odd.folder.glob("*.yaml"))) == 11
    done = odd("import", odd.folder, "--target", "Setup page", "--target", "a.example", "--own-idp")
    assert (done.code, "2 manifests" in done.out) == (0, True)
    done = odd("import", odd.folder)
    assert f"{live(odd)} of {live(odd)} are in git." in done.out
    assert odd("plan", odd.folder, "--detailed-exitcode").code == 0


@pytest.mark.parametrize("target", ["nobody", "Twin"])
def test_a_target_must_be_one_live_organization(odd: Shell, target: str) -> None:
    assert odd("import", odd.folder, "--target", target).code == 64
    assert not odd.folder.exists()


def test_an_environment_that_is_there_gets_its_pin_and_keeps_all_else(odd: Shell) -> None:
    text = "# ours\napiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: ours}  # no spec\n"
    odd.write("env.yaml", text)
    odd.write("README", "about us")
    assert odd("import", odd.folder, "--batch", "1").code == 0
    assert (odd.folder / "env.yaml").read_text() == f"{text}spec: {{id: {odd.environment.id}}}\n"
    assert not (odd.folder / "environment.yaml").exists()
    assert (odd.folder / "README").read_text() == "about us"


def test_an_environment_that_makes_lone_directories_primary_has_that_in_its_plan(odd: Shell) -> None:
    head = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"
    odd.write("environment.yaml", f"{head}spec: {{directories: {{makeLonePrimary: true}}}}\n")
    done = odd("import", odd.folder, "--output", "json")
    assert (done.code, done.document["plan"]) == (0, "normalisations")
    changes = odd("plan", odd.folder, "--output", "json").document["changes"]
    assert [(change["kind"], change["organization"]) for change in changes] == [("SCIMDirectory", "setup-page")]
    assert odd("apply", odd.folder, "--yes").code == 0
    assert odd("plan", odd.folder, "--detailed-exitcode").code == 0


def test_the_editors_schema_lies_beside_the_manifests(odd: Shell) -> None:
    odd("import", odd.folder, "--batch", "1")
    for path in odd.folder.glob("*.yaml"):
        address = path.read_text().splitlines()[0].partition("$schema=")[2]
        assert json.loads((path.parent / address).read_text())["$schema"]


# -- interrupted, and bad input --------------------------------------------------------------------


@pytest.mark.parametrize("writes", [0, 1, 2, 3, 4, 10, 30])
def test_a_full_disk_leaves_whole_files_and_the_next_run_goes_on(
    odd: Shell, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    left, create = [writes], files.create

    def until_full(path: Path, data: bytes) -> bool:
        if left[0] == 0:
            raise ReconcilerError(f"cannot write {path}: No space left on device", "Make room.")
        left[0] -= 1
        return create(path, data)

    monkeypatch.setattr(files, "create", until_full)
    done = odd("import", odd.folder, "--own-idp")
    assert (done.code, "No space left" in done.err) == (1, True)
    if list(odd.folder.glob("*.yaml")):
        assert odd("plan", odd.folder, "--allow-empty", "--detailed-exitcode").code == 0
    monkeypatch.undo()
    odd.variables.setenv("SSOREADY_API_URL", odd.url)
    odd.variables.setenv("SSOREADY_API_KEY", odd.environment.key)
    assert odd("import", odd.folder, "--own-idp").code == 0
    assert odd("plan", odd.folder, "--detailed-exitcode").code == 0


def test_a_file_that_is_there_is_never_overwritten(odd: Shell) -> None:
    """Not even one that no manifest means; and no name is taken that differs in its ending or case alone."""
    odd.write("TWIN.txt", "mine")
    certificate = odd.folder / "certs" / "connected-0-okta.pem"
    odd.write("certs/connected-0-okta.pem", "mine")
    done = odd("import", odd.folder, "--own-idp")
    assert (done.code, str(certificate) in done.out) == (4, True)
    assert "Their plan is empty." in done.out
    assert certificate.read_text() == "mine"
    assert not (odd.folder / "twin.yaml").exists()
    certificate.unlink()
    assert odd("import", odd.folder, "--own-idp").code == 0


def test_a_folder_that_is_none_is_refused(odd: Shell) -> None:
    odd.folder.write_text("a file")
    done = odd("import", odd.folder)
    assert (done.code, "is not a folder" in done.err) == (8, True)


def test_a_folder_that_cannot_be_written_is_an_error(odd: Shell) -> None:
    done = odd("import", "/proc/manifests")
    assert (done.code, "cannot write" in done.err) == (1, True)


def test_a_manifest_that_cannot_be_opened_may_claim_anything(odd: Shell) -> None:
    odd.folder.mkdir()
    (odd.folder / "twin.yaml").symlink_to("nowhere")
    assert odd("import", odd.folder).code == 8


@pytest.mark.parametrize("text", ["a: [", "a: b\n", "services: {web: {image: x}}\n"])
def test_a_folder_with_files_that_may_claim_anything_is_refused(odd: Shell, text: str) -> None:
    odd.write("other.yaml", text)
    done = odd("import", odd.folder)
    assert done.code == 8
    assert everything(odd.folder) == {"other.yaml": text.encode()}


def test_the_folder_of_another_environment_is_refused(odd: Shell) -> None:
    head = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"
    odd.write("environment.yaml", f"{head}spec: {{id: env_{'1' * 25}}}\n")
    assert odd("import", odd.folder).code == 6
    odd.write("environment.yaml", head)
    for number in range(10):
        odd.declare(f"other-{number}", f"displayName: Other {number}")
    before = everything(odd.folder)
    assert odd("import", odd.folder).code == 6
    assert odd("import", odd.folder, "--environment", "staging").code == 64
    assert everything(odd.folder) == before


@pytest.mark.parametrize("key", ["unknown", "without access"])
def test_a_key_without_access_is_refused_and_nothing_is_made(odd: Shell, key: str) -> None:
    known = {"unknown": f"ssoready_sk_{'1' * 25}", "without access": odd.environment.unprivileged_key}
    odd.variables.setenv("SSOREADY_API_KEY", known[key])
    assert odd("import", odd.folder).code == 3
    assert not odd.folder.exists()


def test_what_changes_while_it_is_read_is_whole_all_the_same(odd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifests are of what was read, and their plan of that is empty; the next plan shows what moved."""
    handle, store = odd.emulator.handle, odd.emulator.store
    (moving,) = (each for each in store.organizations("production") if each.display_name == "Setup page")

    def then_changed(request: Request) -> Response:
        response = handle(request)
        if len(odd.emulator.requests) == 20:
            store.put_connection(moving.id, primary=True)
            store.put_organization(odd.environment.id, display_name="New")
            store.put_organization(odd.environment.id, row_id=moving.id, display_name="Renamed")
        return response

    monkeypatch.setattr(odd.emulator, "handle", then_changed)
    done = odd("import", odd.folder)
    assert (done.code, "Their plan is empty." in done.out) == (0, True)
    changes = odd("plan", odd.folder, "--output", "json").document["changes"]
    assert {change["organization"] for change in changes} <= {"setup-page"}
    assert odd("import", odd.folder).code == 0
    assert f"{live(odd)} of {live(odd)} in git." in odd("list", odd.folder).out


def test_of_an_empty_environment_nothing_is_made(shell: Shell) -> None:
    done = shell("import", shell.folder)
    assert (done.code, "0 of 0 are in git." in done.out) == (0, True)
    assert list(shell.folder.iterdir()) == [shell.folder / "environment.yaml"]


def test_a_label_is_a_pair(odd: Shell) -> None:
    assert odd("import", odd.folder, "--label", "wave").code == 64

"""Command lines from outside: help, mistakes, exit codes, and one JSON document whatever happened."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler import __version__
from reconciler.cli.main import COMMANDS, HELP, cli
from reconciler.core.applying.verdict import WORST_FIRST
from reconciler.source import schemas
from tests.support.quiet import Done, ended
from tests.support.shell import EXAMPLES, Shell

PRODUCTION = EXAMPLES / "production"


def checked(done: Done, kind: str) -> Any:
    """The one document, of that kind and as its published schema has it."""
    document = done.document
    assert document["kind"] == kind
    Draft202012Validator(json.loads(schemas.text(kind.lower()))).validate(document)
    return document


# -- help ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_every_command(arguments: tuple[str, ...]) -> None:
    done = ended(*arguments)
    assert done.code == 0
    assert not done.err
    assert [name for name in COMMANDS if f"  {name} " not in done.out] == []


@pytest.mark.parametrize("command", HELP)
def test_every_command_explains_itself(command: str) -> None:
    done = ended(command, "--help")
    assert done.code == 0
    assert f"Usage: reconciler {command}" in done.out


def test_the_version() -> None:
    assert ended("--version").out == f"reconciler, version {__version__}\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [("pl", "plan"), ("set", "setup-link"), ("plan --outp", "--output"), ("plan --output j", "json")],
)
def test_a_shell_completes(words: str, offered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_RECONCILER_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"reconciler {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    done = ended()
    assert done.code == 0
    assert f"plain,{offered}\n" in done.out


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_that_completes_is_printed(name: str) -> None:
    done = ended("completion", name)
    assert done.code == 0
    assert "_RECONCILER_COMPLETE" in done.out


@pytest.mark.parametrize("kind", schemas.PUBLISHED)
def test_every_published_schema_is_printed_and_sound(kind: str) -> None:
    done = ended("schema", kind.capitalize())
    assert done.code == 0
    Draft202012Validator.check_schema(done.document)


# -- mistakes --------------------------------------------------------------------------------------

MISTAKES = [
    ("plna", "there is no command 'plna'", "Did you mean `plan`?"),
    ("frobnicate", "there is no command 'frobnicate'", "`reconciler --help` lists them."),
    ("plan --environmet x m", "No such option '--environmet'. Did you mean '--environment'?", "plan --help"),
    ("plan", "no folder was named", "manifests/production"),
    ("plan m n", "Got unexpected extra argument (n)", "plan --help"),
    ("plan --output xml m", "'xml' is not one of 'text', 'json'", "plan --help"),
    ("plan --concurrency 0 m", "0 is not in the range", "plan --help"),
    ("plan --max-requests-per-second nan m", "'nan' is not a number", "plan --help"),
    ("apply --yes --settle-s nan m", "'nan' is not a number", "apply --help"),
    ("apply m", "stdin is not a terminal", "Pass --yes"),
    ("rotate-token acme okta", "stdin is not a terminal", "Pass --yes"),
    ("schema nothing", "no schema is called 'nothing'", "There are organization,"),
    ("completion csh", "'csh' is not one of", "completion --help"),
    ("show", "Missing argument 'NAME'", "show --help"),
    ("emulator --latency soon", "'soon' is not a duration", "20ms"),
    ("emulator --fault fire", "fault 'fire'", "reset:0.05:after"),
    # what does not exist yet is a mistake, too
    ("plan --observes x m", "No such option '--observes'", "plan --help"),
    ("plan --output yaml m", "'yaml' is not one of", "plan --help"),
    ("status", "there is no command 'status'", "--help"),
    ("plan --api-key k m", "No such option '--api-key'", "plan --help"),
]


@pytest.mark.parametrize(("line", "message", "hint"), MISTAKES, ids=[line for line, _, _ in MISTAKES])
def test_a_mistake_is_64_with_what_and_what_next(line: str, message: str, hint: str) -> None:
    done = ended(*line.split())
    assert (done.code, done.out) == (64, "")
    said, _, what_next = done.err.partition("\n")
    assert said.startswith("error: ")
    assert message in said
    assert hint in what_next


@pytest.mark.parametrize("line", [line for line, _, _ in MISTAKES if "--output" not in line])
def test_a_mistake_is_one_json_document_too(line: str) -> None:
    done = ended(*line.split(), "--output", "json")
    assert done.code == 64
    assert not done.err
    assert checked(done, "Error")["error"]["code"] == "UsageError"


@pytest.mark.parametrize("way", ["--output=json", "variable"])
def test_json_is_asked_for_by_flag_or_variable(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "variable":
        monkeypatch.setenv("RECONCILER_OUTPUT", "json")
        checked(ended("plan"), "Error")
    else:
        checked(ended("plan", way), "Error")


ENDLESS_OR_WRITING = {"run", "emulator", "init"}  # init makes files in whatever folder it is given


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [*COMMANDS, "--output", "json", "--target", "--help", "--config", "-x", "--", "=", ""]
            ),
            st.text(max_size=6),
        ),
        max_size=4,
    ).filter(lambda arguments: not ENDLESS_OR_WRITING & set(arguments))
)
def test_any_command_line_ends_with_a_known_code_and_no_traceback(arguments: list[str]) -> None:
    with TemporaryDirectory() as nowhere, chdir(nowhere):  # `init` makes files where it is told to
        assert ended(*arguments).code in WORST_FIRST


# -- selections ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "message", "hint"),
    [
        (("--target", "acm"), "no organization is called 'acm'", "Did you mean `acme`?"),
        (("--target", "nothing-like-it"), "no organization is called", "metadata.name"),
        (("--selector", "tier=none"), "has the labels tier=none", "metadata.labels"),
        (("--selector", "tier"), "'tier' is not a selector", "tier=enterprise"),
        (("--environment", "development"), "is the environment 'production', not 'development'", "metadata.name"),
    ],
)
def test_a_selection_of_nothing_is_a_mistake(
    shell: Shell, flags: tuple[str, ...], message: str, hint: str
) -> None:
    done = shell("plan", PRODUCTION, *flags)
    assert (done.code, done.out) == (64, "")
    assert message in done.err
    assert hint in done.err
    assert shell.emulator.requests == []


def test_a_folder_of_another_environment_is_not_validated_as_this_one(shell: Shell) -> None:
    assert shell("validate", PRODUCTION, "--environment", "development").code == 64
    assert shell("validate", PRODUCTION, "--environment", "production").code == 0


# -- documents -------------------------------------------------------------------------------------


def test_each_command_prints_one_document_as_its_schema_has_it(shell: Shell) -> None:
    json_ = ("--output", "json")
    checked(shell("validate", PRODUCTION, *json_), "Validation")
    plan = checked(shell("plan", PRODUCTION, *json_), "Plan")
    report = checked(shell("apply", PRODUCTION, "--yes", "--deliver", shell.home / "d", *json_), "Report")
    assert report["summary"]["applied"] == plan["summary"]["create"] + 1
    assert checked(shell("plan", PRODUCTION, *json_, "--deliver", shell.home / "d"), "Plan")["changes"] == []
    found = checked(shell("show", "acme", "--dir", PRODUCTION, *json_), "Customer")
    assert found["externalId"] == "4711"
    assert checked(shell("setup-link", "4711", *json_), "SetupLink")["url"].startswith("https://")
    rotated = shell(
        *("rotate-token", "acme", "okta", "--dir", PRODUCTION, "--deliver", shell.home / "d", "--yes", *json_)
    )
    assert checked(rotated, "BearerToken")["delivered"] is True


def test_invalid_manifests_are_8_and_a_validation_document_for_every_command(shell: Shell) -> None:
    shell.declare("acme", "dispalyName: Acme")
    for command in (("validate",), ("plan",), ("apply", "--yes")):
        done = shell(*command, shell.folder, "--output", "json")
        assert done.code == 8
        problem = checked(done, "Validation")["problems"][0]
        assert (problem["file"], problem["line"], problem["severity"]) == ("acme.yaml", 4, "error")
        text = shell(*command, shell.folder)
        assert text.code == 8
        assert f"{shell.folder}/acme.yaml:4:" in (text.out if command == ("validate",) else text.err)
    assert shell.emulator.requests == []


def test_warnings_of_the_manifests_are_pointed_at(shell: Shell) -> None:
    shell.declare("acme", "displayName: Acme, samlConnections: [{name: a, idp: {entityId: a}}, {name: b}]")
    done = shell("plan", shell.folder)
    assert done.err == f"1 warning: see `reconciler validate {shell.folder}`\n"
    assert shell("validate", shell.folder).code == 0


def test_an_internal_error_is_one_line_without_what_it_was_about(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("ssoready_sk_" + "a" * 25)

    monkeypatch.setattr("reconciler.engine.load.load", broken)
    done = shell("validate", PRODUCTION)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: internal error: KeyError at cli/check.py:")
    assert "ssoready" not in done.err
    checked(shell("validate", PRODUCTION, "--output", "json"), "Error")


def test_an_interruption_is_5(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reconciler.engine.load.load", interrupted)
    done = shell("plan", PRODUCTION, "--output", "json")
    assert done.code == 5
    assert checked(done, "Error")["error"]["code"] == "Interrupted"


def test_what_fails_after_the_document_never_adds_another(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("reconciler.cli.passes.exit_code", broken)
    done = shell("plan", PRODUCTION, "--output", "json")
    assert done.code == 5
    checked(done, "Plan")
    assert done.err.lstrip().startswith("error: interrupted")


@pytest.mark.parametrize("spelling", ["absolute", "slash", "relative", "dots"])
def test_a_folder_may_be_spelt_in_any_way(shell: Shell, spelling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES.parent)
    folder, shown = {
        "absolute": (str(PRODUCTION), str(PRODUCTION)),
        "slash": ("manifests/production/", "manifests/production"),
        "relative": ("manifests/production", "manifests/production"),
        "dots": ("./manifests/../manifests/production", "./manifests/../manifests/production"),
    }[spelling]
    done = shell("plan", folder)
    assert done.code == 0
    assert f"+ acme  {shown}/acme.yaml:2\n" in done.out


def test_a_folder_that_is_the_working_directory(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PRODUCTION)
    assert "+ acme  ./acme.yaml:2\n" in shell("plan", ".").out


# -- exit codes ------------------------------------------------------------------------------------


def test_a_plan_with_changes_is_0_and_2_on_request(shell: Shell) -> None:
    shell.declare("acme", "displayName: Acme")
    assert shell("plan", shell.folder).code == 0
    assert shell("plan", shell.folder, "--detailed-exitcode").code == 2
    assert shell("apply", shell.folder, "--yes").code == 0
    assert shell("plan", shell.folder, "--detailed-exitcode").code == 0


def test_a_blocked_resource_is_4_also_when_there_is_nothing_else(shell: Shell) -> None:
    shell.declare("acme", "id: org_" + "1" * 25 + ", displayName: Acme")
    for command in (("plan",), ("plan", "--detailed-exitcode"), ("apply", "--yes")):
        assert shell(*command, shell.folder).code == 4


def test_a_guard_is_6_and_wins_over_blocked_and_changes(shell: Shell) -> None:
    (shell.folder / "environment.yaml").write_text(
        (shell.folder / "environment.yaml").read_text() + "spec: {limits: {maxCreates: 0}}\n"
    )
    shell.declare("acme", "displayName: Acme")
    shell.declare("globex", "id: org_" + "1" * 25 + ", displayName: Globex")
    done = shell("plan", shell.folder, "--detailed-exitcode")
    assert done.code == 6
    assert "Refused (maxCreates): 1 organization would be created" in done.out
    refused = shell("apply", shell.folder, "--yes", "--output", "json")
    assert refused.code == 6
    report = checked(refused, "Report")
    assert (report["outcomes"], [each["rule"] for each in report["refusals"]]) == ([], ["maxCreates"])
    assert shell.emulator.verbs == {"GET"}
    assert (
        shell("apply", shell.folder, "--yes", "--approve", report["digest"]).code == 4
    )  # globex is still blocked


def test_the_files_settings_hold_for_plan_and_apply(shell: Shell, tmp_path: Path) -> None:
    """Limits of the configuration bind; a target that is not theirs is refused."""
    shell.declare("acme", "displayName: Acme")
    shell.declare("globex", "displayName: Globex")
    config = tmp_path / "reconciler.toml"
    config.write_text(f'[environments.production]\nmanifests = "{shell.folder}"\nlimits = {{max_creates = 1}}\n')
    assert shell("plan", "--config", config).code == 6
    assert shell("plan", "--config", config, "--target", "acme").code == 0
    shell.variables.setenv("RECONCILER_CONFIG", str(config))
    shell.variables.setenv("RECONCILER_TARGET", "acme")
    assert shell("plan").code == 0


# -- variables -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in {"schema", "completion"}])
def test_every_flag_has_a_variable(command: str) -> None:
    """RECONCILER_ and the flag's name; address and key have theirs where the two are put together."""
    found = cli.get_command(click.Context(cli), command)
    assert found
    flags = [param for param in found.params if isinstance(param, click.Option)]
    assert flags
    for flag in flags:
        (name,) = flag.opts
        variable = "RECONCILER_" + name.removeprefix("--").upper().replace("-", "_")
        expected = None if variable in {"RECONCILER_API_URL", "RECONCILER_API_KEY_FILE"} else variable
        assert flag.envvar == expected, name


def test_what_the_file_loosens_and_protects_holds_for_plan_and_validate(shell: Shell, tmp_path: Path) -> None:
    shell.declare("acme", "displayName: Acme, domains: [shared.example]")
    shell.declare("globex", "displayName: Globex, domains: [shared.example]")
    path = shell.folder / "environment.yaml"
    path.write_text(f"{path.read_text()}spec: {{domains: {{forbidShared: false}}}}\n")
    assert shell("plan", shell.folder).code == shell("validate", shell.folder).code == 8
    config = tmp_path / "reconciler.toml"
    section = f'[environments.production]\nmanifests = "{shell.folder}"\ndomains = {{forbid_shared = false}}\n'
    config.write_text(section)
    assert shell("validate", "--config", config).code == 0
    shown = shell("plan", "--config", config)
    assert shown.code == 0
    assert "! the process lets manifests loosen forbidShared\n" in shown.out
    config.write_text(f'{section}protected = {{domains = ["shared.example"]}}\n')
    protected = shell("plan", "--config", config, "--output", "json")
    assert [each["reason"] for each in protected.document["blocked"]] == ["Protected"] * 2
    assert (protected.document["changes"], protected.document["loosened"]) == ([], ["forbidShared"])


def test_a_flag_wins_over_its_variable(shell: Shell) -> None:
    shell.variables.setenv("RECONCILER_OUTPUT", "json")
    shell.variables.setenv("RECONCILER_TARGET", "acme globex")
    assert {each["organization"] for each in shell("plan", PRODUCTION).document["changes"]} == {"acme", "globex"}
    text = shell("plan", PRODUCTION, "--output", "text", "--target", "umbrella")
    assert "\n+ umbrella" in text.out
    assert "acme" not in text.out

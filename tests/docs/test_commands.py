"""docs/commands.md says what the command line knows: no command, flag, variable, code or key more or less."""

from __future__ import annotations

import re

import click
import pytest

from reconciler.cli.config import Daemon, Deliver, Section, read_file
from reconciler.cli.credentials import KEY, KEY_FILES, URL_VARIABLES
from reconciler.cli.main import cli
from reconciler.core.applying.verdict import WORST_FIRST
from reconciler.core.planning.guard import GUARDS, MATCHED_MIN
from reconciler.delivery.targets import TARGETS
from reconciler.model.change import BlockReason, HintReason
from reconciler.model.errors import ApiError, ReconcilerError
from reconciler.model.outcome import Result
from reconciler.render.formats import FORMATS, TEXT
from reconciler.source import schemas
from tests.docs.pages import ROOT, blocks, codes, command_lines, first_codes, page, sentences, table
from tests.support.golden import settled

PAGE, SENTENCES = page("commands.md"), sentences("commands.md")
ONLINE = "plan", "apply", "run", "list", "observe", "import", "pin", "show", "setup-link", "rotate-token"


def commands() -> dict[str, click.Command]:
    assert isinstance(cli, click.Group)
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return {name: command for name, command in found.items() if command}


def flags(command: click.Command) -> dict[str, click.Option]:
    return {each.opts[0]: each for each in command.params if isinstance(each, click.Option)}


def test_every_command_is_described_and_no_other() -> None:
    described = [code.split()[0] for code in first_codes(table(PAGE, "command"))]
    assert described == list(commands())


def test_every_command_is_described_with_its_arguments() -> None:
    for code in first_codes(table(PAGE, "command")):
        name, *arguments = code.split()
        own = [each for each in commands()[name].params if isinstance(each, click.Argument)]
        assert len(arguments) == len(own), name
        assert [word.startswith("[") for word in arguments] == [not each.required for each in own], name


def test_every_flag_is_described_with_its_commands_and_variable_and_no_other() -> None:
    known: dict[str, tuple[set[str], set[str]]] = {}
    for name, command in commands().items():
        for flag, option in flags(command).items():
            of, variables = known.setdefault(flag, (set(), set()))
            of.add(name)
            variables.update([option.envvar] if isinstance(option.envvar, str) else [])
    described = {}
    for flag, variable, of, _ in table(PAGE, "flag", "variable", "commands"):
        names = {*codes(of), *(ONLINE if "online" in of else ())}
        described[codes(flag)[0]] = (names, set(codes(variable)))
    assert described == known


def test_online_are_the_commands_that_ask_for_an_api() -> None:
    sentence = re.search(r"\*Online\* are ([^.]+)\.", SENTENCES)
    assert sentence
    assert tuple(codes(sentence[1])) == ONLINE
    assert [name for name, command in commands().items() if "--api-url" in flags(command)] == list(ONLINE)


@pytest.mark.parametrize("flag", ["--concurrency", "--settle-s", "--listen", "--resync"])
def test_a_default_stands_where_its_flag_is_described(flag: str) -> None:
    option = next(found[flag] for command in commands().values() if flag in (found := flags(command)))
    default = {"--listen": Daemon().listen, "--resync": Daemon().resync}.get(flag, option.default)
    meaning = next(row[3] for row in table(PAGE, "flag", "variable") if codes(row[0]) == [flag])
    shown = f"{default:g}" if isinstance(default, int | float) else f"`{default}`"
    assert f"{shown} by default" in meaning


def test_the_table_of_formats_is_the_codes_own() -> None:
    """UPDATE_GOLDEN=1 writes it."""
    head = "| `--output` | is for | commands |\n|---|---|---|\n"
    offered = {
        name: [command for command, own in commands().items() if "--output" in flags(own) and offers(own, name)]
        for name in FORMATS
    }
    every = offered[TEXT.name]
    rows = [
        f"| `{name}` | {form.about} | "
        + ("all with this flag" if offered[name] == every else ", ".join(f"`{each}`" for each in offered[name]))
        + " |\n"
        for name, form in FORMATS.items()
    ]
    before, _, rest = page("commands.md").partition(head)
    text = before + head + "".join(rows) + rest[rest.index("\n\n") + 1 :]
    assert settled(ROOT / "docs" / "commands.md", text) == text


def offers(command: click.Command, name: str) -> bool:
    choice = flags(command)["--output"].type
    assert isinstance(choice, click.Choice)
    return name in map(str, choice.choices)


def variables() -> set[str]:
    """Every variable that is read: by a flag, or where the code names it."""
    source = "".join(path.read_text() for path in (ROOT / "reconciler").rglob("*.py"))
    of_flags = {option.envvar for command in commands().values() for option in flags(command).values()}
    named = re.findall(r"(?<![_A-Z])(?:RECONCILER|SSOREADY)_[A-Z_]+[A-Z]", source)
    return {*named, *(each for each in of_flags if isinstance(each, str))}


def test_every_variable_is_described_and_no_other() -> None:
    assert {*URL_VARIABLES, KEY, *KEY_FILES} <= variables()
    assert set(re.findall(r"(?:RECONCILER|SSOREADY)_[A-Z_]+[A-Z]", PAGE)) == variables()


def errors(root: type[ReconcilerError] = ReconcilerError) -> list[type[ReconcilerError]]:
    return [root, *(found for child in root.__subclasses__() for found in errors(child))]


def test_the_table_of_exit_codes_is_the_codes_own() -> None:
    described = [int(row[0]) for row in table(PAGE, "code")]
    assert described == sorted(WORST_FIRST)
    assert {error.exit_code for error in errors()} <= set(described)
    assert f"the first of {', '.join(map(str, WORST_FIRST))} is it" in SENTENCES


def test_every_kind_of_error_is_described_with_its_exit_code_and_no_other() -> None:
    described = {codes(row[0])[0]: int(row[1]) for row in table(PAGE, "`error.code`")}
    raised = [error for error in errors() if error is not ApiError]  # only one of its kinds is ever raised
    assert described == {error.__name__: error.exit_code for error in raised}


def test_every_json_document_is_described_with_its_schema_and_no_other() -> None:
    described = {tuple(codes(row[0]) + codes(row[-1])) for row in table(PAGE, "kind", "printed by")}
    printed = [name for name in schemas.PUBLISHED if name not in schemas.MANIFEST_KINDS.values()]
    kinds = {name: re.search(r'"kind": \{\s*"const": "(\w+)"', schemas.text(name)) for name in printed}
    assert described == {(kind[1], name) for name, kind in kinds.items() if kind}


def given(reasons: type[BlockReason | HintReason]) -> list[str]:
    """The reasons that a decision gives; one that none gives is nothing to tell people of."""
    source = "".join(path.read_text() for path in (ROOT / "reconciler" / "core").rglob("*.py"))
    return [reason for reason in reasons if f"{reasons.__name__}.{reason.name}" in source]


def test_every_reason_and_result_is_described_and_no_other() -> None:
    assert first_codes(table(PAGE, "blocked")) == given(BlockReason)
    assert first_codes(table(PAGE, "hint")) == given(HintReason)
    assert first_codes(table(PAGE, "result of a change")) == list(Result)


def test_every_delivery_target_is_described_and_no_other() -> None:
    assert first_codes(table(PAGE, "`deliver.to`")) == list(TARGETS)


def test_every_guard_is_described_with_its_bound_and_no_other() -> None:
    described = [(codes(name)[0], codes(limit)[0], bound) for name, limit, bound, _ in table(PAGE, "guard")]
    assert described == [(guard.name, guard.limit, guard.unit.shown(guard.default)) for guard in GUARDS]
    assert MATCHED_MIN == 10
    assert "counted once ten are matched" in SENTENCES


def test_every_key_of_the_configuration_file_is_described_and_no_other() -> None:
    inner = {"deliver": Deliver}
    known = {f"daemon.{name}" for name in Daemon.__struct_fields__}
    for name in Section.__struct_fields__:
        below = inner[name].__struct_fields__ if name in inner else ()
        known |= {f"environments.NAME.{name}.{key}" for key in below} or {f"environments.NAME.{name}"}
    assert set(first_codes(table(PAGE, "key", "meaning"))) == known


def test_the_configuration_file_that_is_shown_can_be_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    (shown,) = [block for block in blocks("toml") if "commands.md" in block.place]
    path = tmp_path_factory.mktemp("docs") / "reconciler.toml"
    path.write_text(shown.text)
    configuration = read_file(str(path))
    assert list(configuration.environments) == ["production", "development"]
    assert configuration.daemon == Daemon(max_requests_per_second=50)


def test_every_command_line_that_is_shown_is_one() -> None:
    shown = list(command_lines())
    assert len(shown) > 20
    for place, (name, *arguments) in shown:
        assert name.startswith("-") or name in commands(), place
        if name in commands():
            try:
                commands()[name].make_context(name, list(arguments), resilient_parsing=not arguments)
            except click.exceptions.ClickException as error:
                pytest.fail(f"{place}: {name} {arguments}: {error.message}")


def test_every_target_of_make_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [line for block in blocks("sh") for line in block.text.splitlines()]
    shown = {line.split()[1] for line in lines if line.startswith("make ")}
    assert {"demo", "test", "bench"} <= shown <= targets

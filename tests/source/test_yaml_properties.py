"""Whatever the bytes are, reading them gives values that all readers of YAML agree about, or our problems."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml as pyyaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from reconciler.core.manifests.resolve import resolve
from reconciler.core.manifests.validate import validate
from reconciler.core.values.problems import Budget
from reconciler.model.manifest import Manifests, Problem
from reconciler.source import schemas
from reconciler.source.scalars import Ambiguous, plain
from reconciler.source.yaml import parse
from tests.support import corruption as mutate
from tests.support.certificates import NOW

LINE_END = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")


def assert_inside(problem: Problem, text: str) -> None:
    """A problem is whole, short, and stands inside the file."""
    lines = LINE_END.split(text)
    assert problem.origin.file == "f"
    assert 1 <= problem.origin.line <= len(lines)
    assert 1 <= problem.origin.column <= len(lines[problem.origin.line - 1]) + 1
    assert problem.rule.partition("/")[2]
    assert problem.message
    assert problem.hint
    assert len(problem.message) + len(problem.hint) < 700


def judged(data: bytes) -> tuple[Problem, ...]:
    """All problems of a folder with this one file."""
    parsed = parse(data, "f")
    manifests = Manifests(
        revision="r",
        documents=parsed.documents,
        attachments={},
        problems=parsed.problems,
        unparsed=frozenset() if parsed.complete else frozenset({"f"}),
        files=1,
    )
    found = (*parsed.problems, *validate(manifests, schemas.check, Budget()))
    resolution = resolve(manifests, found, now=NOW, allow_empty=False)
    for each in resolution.desired.organizations if resolution.desired else ():
        assert each.name
    return tuple(problem for problem in resolution.problems if problem.origin.file != ".")


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf\xef\xbb\xbfa: 1")
@example(b"%TAG ! !\n---\n!x a")
@example(b"a: 1\n... x\n---\nb")
def test_any_bytes_give_values_or_problems(data: bytes) -> None:
    text = data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    for problem in judged(data):
        assert_inside(problem, text)


@given(st.text("{}[]:,-?&*!|>'\"%@`#~ \n\tab01<=.\x85\u2028\ufeff", max_size=40))
def test_any_yaml_like_text_gives_values_or_problems(text: str) -> None:
    for problem in judged(text.encode()):
        assert_inside(problem, text.removeprefix("\ufeff"))


@settings(max_examples=400)
@given(mutate.texts())
def test_a_damaged_manifest_gives_values_or_problems(text: str) -> None:
    for problem in judged(text.encode("utf-8", "replace")):
        assert_inside(problem, text.removeprefix("\ufeff"))


@given(mutate.texts() | st.text("{}[]:,-&*|>'\"# \nab01.", max_size=40))
def test_what_is_accepted_is_what_yaml_1_1_readers_read_too(text: str) -> None:
    """Only spellings that both versions of YAML agree about get through."""
    parsed = parse(text.encode("utf-8", "replace"), "f")
    if parsed.problems or "!" in text:
        return
    theirs = [value for value in pyyaml.load_all(text, pyyaml.CSafeLoader) if value is not None]
    assert [each.value for each in parsed.documents if each.value is not None] == theirs


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**14), 10**14)
    | st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cn")), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(categories=("L", "N", "P", "S")), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 2]), st.booleans())
def test_json_is_read_as_it_is(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assume(not re.search(r"\\ud[89ab]", text))  # halves of a character, as JSON writes what lies beyond U+FFFF
    parsed = parse(text.encode(), "f")
    assert parsed.problems == ()
    assert [each.value for each in parsed.documents] == [value]


@given(JSON, st.sampled_from([None, True, False]))
def test_what_pyyaml_writes_is_read_as_it_was(value: Any, flow: bool | None) -> None:
    text = pyyaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    parsed = parse(text.encode(), "f")
    assert [problem.rule for problem in parsed.problems if problem.rule != "yaml/ambiguous-scalar"] == []
    assert [each.value for each in parsed.documents] == [value]


def core(text: str) -> Any:
    """The core schema of YAML 1.2, from its own table (10.3.2)."""
    if re.fullmatch(r"null|Null|NULL|~|", text):
        return None
    if re.fullmatch(r"true|True|TRUE|false|False|FALSE", text):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]+|0x[0-9a-fA-F]+", text):
        return int(text, 0)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text):
        return float(text.replace(".", ""))
    return text


@settings(max_examples=500)
@given(
    st.text("0123456789+-._:eExXoOabfTZ ", max_size=10)
    | st.sampled_from(
        [
            "yes",
            "No",
            "on",
            "OFF",
            "y",
            "n",
            "true",
            "False",
            "null",
            "~",
            "NULL",
            ".inf",
            "-.INF",
            ".nan",
            "0o17",
            "0x1F",
            "1e3",
            "=",
        ]
    )
)
def test_a_scalar_that_is_accepted_is_what_yaml_1_2_and_1_1_say(text: str) -> None:
    value = plain(text)
    if isinstance(value, Ambiguous):
        assert value.hint
        return
    assert value == core(text)
    assert isinstance(value, bool) == isinstance(core(text), bool)
    resolver = pyyaml.SafeLoader("")
    node = pyyaml.ScalarNode(resolver.resolve(pyyaml.ScalarNode, text, (True, False)), text)
    assert value == resolver.construct_object(node)  # type: ignore[no-untyped-call] # it has none


@given(st.sampled_from(mutate.TEXTS))
def test_every_path_of_a_manifest_is_located_at_itself(text: str) -> None:
    lines = LINE_END.split(text)
    for document in parse(text.encode(), "f").documents:
        for path in mutate.paths(document.value):
            place = document.locate(path)
            line = lines[place.line - 1][place.column - 1 :]
            if path and isinstance(path[-1], str):
                assert line.startswith((path[-1], f'"{path[-1]}"'))

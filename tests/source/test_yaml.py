"""What a YAML file says, and where and why one says nothing."""

from __future__ import annotations

from typing import Any

import pytest
import yaml as pyyaml

from reconciler.source import yaml
from reconciler.source.syntax import explain
from reconciler.source.yaml import parse

BOM = b"\xef\xbb\xbf"


def values(text: str | bytes) -> list[Any]:
    return [document.value for document in read(text).documents]


def read(text: str | bytes) -> yaml.Parsed:
    return parse(text.encode() if isinstance(text, str) else text, "f")


def problems(text: str | bytes) -> list[tuple[str, str]]:
    """Rule and place of each."""
    found = read(text).problems
    assert all(each.rule.startswith("yaml/") and each.message and each.hint for each in found)
    return [(each.rule.removeprefix("yaml/"), str(each.origin).removeprefix("f:")) for each in found]


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None), ("true", True), ("True", True), ("FALSE", False),
        ("0", 0), ("-1", -1), ("+7", 7), ("0x1F", 31), ("999999999999999", 999999999999999), ("1.5", 1.5),
        ("-0.25", -0.25),
        ("1.0", 1), ("a", "a"), ("nO", "nO"), (".", "."), ("..", ".."), ("1.2.3", "1.2.3"), ("1a", "1a"),
        ("2026-1", "2026-1"), ("12:34:56:xx", "12:34:56:xx"), ("'no'", "no"), ('"0123"', "0123"),
        ("! 0123", "0123"),
        ("!!str 0123", "0123"), ("!!int 7", 7), ("!!float 1.5", 1.5), ("!!float 1", 1), ("!!bool true", True),
        ("!!null ~", None), ("!!str", ""), ("!!seq [a]", ["a"]), ("!!map {a: b}", {"a": "b"}), ("[]", []),
        ("{}", {}),
        ("{a: }", {"a": None}), ("[a, {b: c}]", ["a", {"b": "c"}]), ('"\\u00e9\\n"', "é\n"), ("é", "é"),
        ("&a x", "x"), ("[&a x, *a]", ["x", "x"]), ("[&a {b: 1}, *a]", [{"b": 1}, {"b": 1}]), ("😀", "😀"),
    ],
)  # fmt: skip
def test_a_value_is_what_yaml_1_2_says(text: str, value: Any) -> None:
    (document,) = values(f"x: {text}")
    assert document == {"x": value}
    assert type(document["x"]) is type(value)


def test_block_scalars_keep_or_fold_their_lines() -> None:
    assert values("a: |\n  x\n  y\nb: >-\n  x\n  y\n") == [{"a": "x\ny\n", "b": "x y"}]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: [x]\n",
        "a: 1\r\nb: [x]\r\n",
        BOM + b"a: 1\nb: [x]\n",
        "a: 1\rb: [x]\r",
        "---\na: 1\nb: [x]\n...\n",
    ],
)
def test_line_ends_marks_and_document_ends_do_not_matter(text: str | bytes) -> None:
    assert (values(text), problems(text)) == ([{"a": 1, "b": ["x"]}], [])


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "---\n---\n", "---\n...\n", BOM])
def test_what_is_empty_has_no_documents_and_no_problems(text: str | bytes) -> None:
    found = read(text)
    assert (found.documents, found.problems, found.complete) == ((), (), True)


def test_a_file_may_hold_several_documents_and_empty_ones_do_not_count() -> None:
    parsed = read("---\na: 1\n---\n# nothing\n---\n~\n--- [b]\n")
    assert [(each.value, str(each.origin)) for each in parsed.documents] == [
        ({"a": 1}, "f:2:1"),
        (None, "f:6:1"),
        (["b"], "f:7:5"),
    ]


# -- refused scalars -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "yes", "No", "ON", "off", "y", "N", "0123", "-0123", "+01", "0o17", "0b101", "0x1_F", "1_000", "1.",
        ".5", "1e3",
        "1.5e-3", "01.5", "1:20", "190:20:30.15", "12:30:45", ".inf", "-.INF", ".nan", ".NaN", "2026-11-24",
        "2026-1-2",
        "2026-11-24T10:00:00Z", "2026-11-24 10:00:00 +1", "1000000000000000", "0x1234567890abc", "1.1234567", "=",
    ],
)  # fmt: skip
def test_a_spelling_that_readers_of_yaml_disagree_about_is_refused_and_kept_as_text(text: str) -> None:
    parsed = read(f"x: {text}")
    assert [each.value for each in parsed.documents] == [{"x": text}]
    assert problems(f"x: {text}") == [("ambiguous-scalar", "1:4")]
    assert parsed.complete
    hint = parsed.problems[0].hint
    assert hint.startswith(f'write "{text}"')
    assert values(hint.partition(" for text")[0].replace("write ", "x: ")) == [{"x": text}]


def test_every_word_that_pyyaml_reads_as_something_else_than_yaml_1_2_is_refused() -> None:
    """PyYAML follows YAML 1.1; its own list of words and patterns is the other opinion."""
    for text in ("yes", "no", "on", "off", "Yes", "NO", "0123", "1:20", "2026-11-24", "0b1", "1_0", ".inf", "1."):
        assert not isinstance(pyyaml.safe_load(text), str)
        assert problems(f"x: {text}") == [("ambiguous-scalar", "1:4")]


# -- faults ----------------------------------------------------------------------------------------

# the text → the rule, the place and what the message has to name
FAULTS = {
    "a: 1\na: 2": ("duplicate-key", "2:1", "line 1"),
    "x: {a: 1,\n 'a': 2}": ("duplicate-key", "2:2", "`a`"),
    "<<: {b: 1}": ("merge-key", "1:1", "merge"),
    "1: a": ("key-not-text", "1:1", "`1`"),
    "~: a": ("key-not-text", "1:1", "`~`"),
    "no: a": ("ambiguous-scalar", "1:1", "`no`"),
    "? [a]\n: b": ("key-not-text", "1:3", "list"),
    "a: &x [*x]": ("recursive-alias", "1:8", "`*x`"),
    "a: *y": ("unknown-alias", "1:4", "`&y`"),
    "a: !!binary aGk=": ("tag", "1:4", "binary"),
    "a: !!int x": ("tag", "1:4", "int"),
    "a: !!int 0123": ("tag", "1:4", "int"),
    "a: !custom {b: c}": ("tag", "1:4", "`!custom`"),
    "a: !!map [b]": ("tag", "1:4", "map"),
    "a: !x!y b": ("syntax", "1:4", "tag"),
    'a: "\\x07"': ("control-character", "1:4", "U+0007"),
    "a: 1\nb: \0": ("control-character", "2:4", "U+0000"),
    "a: \ufffe": ("control-character", "1:4", "U+FFFE"),
    "a:\n\tb: 1": ("tab", "2:1", "tab"),
    "a:\n  - b\n \t- c": ("tab", "3:2", "tab"),
    "a: b: c": ("syntax", "1:5", "`:`"),
    "a: [b": ("syntax", "1:6", "list in brackets"),
    "a: [b\n": ("syntax", "2:1", "list in brackets"),
    "a: {b: c": ("syntax", "1:9", "mapping in braces"),
    "a: [": ("syntax", "1:5", "value in it"),
    "a:\n  b: 1\n c: 2": ("syntax", "3:2", "mapping around"),
    "- a\nb: 1": ("syntax", "2:1", "list around"),
    "a: - b": ("syntax", "1:4", "list item"),
    "a: 'b": ("syntax", "1:6", "quoted"),
    'a: "b\n--- c': ("syntax", "2:1", "quoted"),
    'a: "\\q"': ("syntax", "1:5", "escape"),
    'a: "\\ud83d\\ude00"': ("syntax", "1:7", "whole character"),
    "a: @b": ("syntax", "1:4", "begin"),
    "a\nb: 1": ("syntax", "2:2", "`:`"),
    "a: 1\nb\n": ("syntax", "3:1", "no `:`"),
    "[a] b": ("syntax", "1:5", "end of a document"),
    "%YAML 3.0\n--- a": ("syntax", "1:1", "version"),
    "%YAML 1.1\n%YAML 1.1\n--- a": ("syntax", "2:1", "found duplicate %YAML directive"),
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_told_with_its_place(text: str) -> None:
    rule, place, word = FAULTS[text]
    assert problems(text)[0] == (rule, place)
    assert word in read(text).problems[0].message


def test_an_error_of_the_parser_without_a_place_is_told_all_the_same() -> None:
    problem = explain(pyyaml.YAMLError("odd"), "a: 1", "f")
    assert (problem.rule, str(problem.origin)) == ("yaml/syntax", "f:1:1")
    assert problem.hint


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff\xfea\0:\0", ("encoding", "1:1")),
        ("a: b".encode("utf-16-be"), ("encoding", "1:1")),
        ("a: b".encode("utf-16"), ("encoding", "1:1")),
        ("a: b".encode("utf-32"), ("encoding", "1:1")),
        (b"a: 1\nb: \xe9", ("encoding", "2:4")),
        (BOM + b"\xe9", ("encoding", "1:1")),
        (b"x" * 1_048_577, ("too-large", "1:1")),
    ],
)
def test_what_is_no_text_in_utf_8_is_refused(data: bytes, problem: tuple[str, str]) -> None:
    assert problems(data) == [problem]
    assert not read(data).complete


@pytest.mark.parametrize(
    ("limit", "text", "problem"),
    [
        ("MAX_DOCUMENTS", "a\n--- b\n--- c\n--- d\n", ("too-many-documents", "4:1")),
        ("MAX_NODES", "[a, b, c]", ("too-many-values", "1:8")),
        ("MAX_ALIASES", "[&a x, *a, *a, *a, *a]", ("too-many-aliases", "1:20")),
        ("MAX_DEPTH", "[[[[]]]]", ("too-deep", "1:4")),
        ("MAX_DEPTH", "- &a [[]]\n- [*a]", ("too-deep", "2:4")),
    ],
)
def test_every_limit_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, limit: str, text: str, problem: tuple[str, str]
) -> None:
    monkeypatch.setattr(yaml, limit, 3)
    assert problems(text) == [problem]
    assert "more than 3 " in read(text).problems[0].message
    assert not read(text).complete


def test_an_alias_counts_as_much_as_what_it_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "MAX_NODES", 4)
    assert problems("[&a [x], *a]") == [("too-many-values", "1:10")]
    assert problems("[&a x, *a, *a]") == []


def test_aliases_within_the_limits_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "MAX_DEPTH", 3)
    monkeypatch.setattr(yaml, "MAX_ALIASES", 2)
    assert problems("- &a [[]]\n- *a\n- *a") == []


def test_a_file_full_of_problems_is_left_at_a_limit() -> None:
    found = problems("".join(f"k{n}: no\n" for n in range(500)))
    assert len(found) == 101
    assert found[-1] == ("too-many-problems", "100:6")


def test_what_hides_a_part_of_a_file_makes_it_incomplete() -> None:
    complete = {
        text: read(text).complete for text in ("a: no", "1: a", "a: 1\na: 2", "<<: {a: 1}", "a: [", "a: !x b")
    }
    assert complete == {
        "a: no": True,
        "1: a": True,
        "a: 1\na: 2": False,
        "<<: {a: 1}": False,
        "a: [": False,
        "a: !x b": True,
    }


# -- several documents, some of them broken --------------------------------------------------------


def test_documents_behind_one_that_is_not_yaml_are_read_at_their_own_places() -> None:
    parsed = read("a: 1\n---\nb: [1\n---\nc: no\n---\nd: 'x\n---\n\ne: {f: 1}\n--- @\n---\ng: 1")
    assert [(each.value, str(each.origin)) for each in parsed.documents] == [
        ({"a": 1}, "f:1:1"),
        ({"c": "no"}, "f:5:1"),
        ({"e": {"f": 1}}, "f:10:1"),
        ({"g": 1}, "f:13:1"),
    ]
    assert str(parsed.documents[2].locate(("e", "f"))) == "f:10:5"
    assert [(each.rule, str(each.origin)) for each in parsed.problems] == [
        ("yaml/syntax", "f:4:1"),
        ("yaml/ambiguous-scalar", "f:5:4"),
        ("yaml/syntax", "f:8:1"),
        ("yaml/syntax", "f:11:5"),
    ]
    assert not parsed.complete


def test_dashes_that_begin_no_document_are_passed_over() -> None:
    assert values("a: [1\n----\n ---\n---x\n--- b\n") == ["b"]


def test_anchors_end_with_their_document() -> None:
    assert problems("&a x\n--- *a\n") == [("unknown-alias", "2:5")]


# -- places ----------------------------------------------------------------------------------------

PLACED = """\
# a comment
apiVersion: x
spec:
  list:
    - name: a
      deep: {x: 1, y: [p, q]}
    - &two {name: b}
    - *two
  "quoted": 'it''s'
  twice: 1
  twice: {z: 0}
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "2:1"),
        (("apiVersion",), "2:1"),
        (("spec",), "3:1"),
        (("spec", "list"), "4:3"),
        (("spec", "list", 0), "5:7"),
        (("spec", "list", 0, "name"), "5:7"),
        (("spec", "list", 0, "deep", "y", 1), "6:27"),
        (("spec", "list", 1, "name"), "7:13"),
        (("spec", "list", 2), "7:7"),
        (("spec", "quoted"), "9:3"),
        (("spec", "twice"), "10:3"),
        (("spec", "absent", "more"), "3:1"),
        (("nowhere",), "2:1"),
        (("apiVersion", 3), "2:1"),
    ],
)
def test_a_path_is_found_or_the_nearest_thing_around_it(path: tuple[str | int, ...], place: str) -> None:
    (document,) = read(PLACED).documents
    assert str(document.locate(path)) == f"f:{place}"


def test_a_scalar_is_known_as_it_is_spelled() -> None:
    (document,) = read("a: 0x1F\nb: [+7]\nc: {}\n").documents
    assert [document.written(path) for path in (("a",), ("b", 0), ("c",), ("d",))] == ["0x1F", "+7", "", ""]


def test_a_value_that_a_duplicate_key_drops_never_lends_its_place_to_another() -> None:
    """The dropped list's items are gone; a later mapping must not be taken for one of them."""
    text = "a: [{x: 1}]\n" + "a: [{x: 1}, {x: 2}]\n" * 3 + "".join(f"k{n}: {{v: {n}}}\n" for n in range(60))
    (document,) = read(text).documents
    places = [str(document.locate((f"k{n}",))) for n in range(60)]
    assert places == [f"f:{5 + n}:1" for n in range(60)]

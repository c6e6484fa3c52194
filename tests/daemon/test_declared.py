"""What the passes of a process have read: which organizations stay known, and which have gone."""

from __future__ import annotations

import pytest
from msgspec import structs

from reconciler.daemon.declared import Declared
from reconciler.model.manifest import Origin
from reconciler.model.state import Desired
from tests.support.build import desired, organization


def read(*names: str, revision: str, unparsed: tuple[str, ...] = ()) -> Desired:
    made = desired(*(structs.replace(organization(name), origin=Origin(f"{name}.yaml")) for name in names))
    return structs.replace(made, revision=revision, unparsed=frozenset(unparsed))


def ten(count: int = 10) -> list[str]:
    return [f"o{number}" for number in range(count)]


@pytest.mark.parametrize(("left", "expected"), [(10, None), (7, None), (6, 4), (1, 9)])
def test_more_than_a_share_gone_is_a_finding(left: int, expected: int | None) -> None:
    declared = Declared()
    declared.note(read(*ten(), revision="r1"))
    assert declared.vanished is None
    declared.note(read(*ten(left), revision="r2"))
    assert (len(declared.vanished.names) if declared.vanished else None) == expected


def test_it_stands_until_another_revision_is_read() -> None:
    declared = Declared()
    declared.note(read(*ten(), revision="r1"))
    declared.note(read(*ten(5), revision="r2"))
    first = declared.vanished
    declared.note(read(*ten(5), revision="r2"))
    assert first is declared.vanished is not None
    declared.note(read(*ten(5), "new", revision="r3"))
    assert declared.vanished is None


def test_what_cannot_be_parsed_has_not_gone_and_is_remembered_until_it_can() -> None:
    declared = Declared()
    declared.note(read("acme", "globex", revision="r1"))
    for revision in ("r2", "r3"):
        declared.note(read("acme", revision=revision, unparsed=("globex.yaml", "other.yaml")))
        assert [each.organization for each in declared.unparsed] == ["globex"]
        assert declared.vanished is None
    declared.note(read("acme", revision="r4"))
    assert declared.unparsed == ()
    assert declared.vanished is not None
    assert declared.vanished.names == ("globex",)


def test_what_stands_in_another_file_now_is_not_remembered_from_the_one_before() -> None:
    declared = Declared()
    declared.note(read("acme", revision="r1"))
    declared.note(read("acme", revision="r2", unparsed=("acme.yaml",)))
    assert declared.unparsed == ()

"""Only the organizations that a change is about are touched by it."""

from __future__ import annotations

from msgspec import structs

from reconciler.core.manifests.since import since
from reconciler.model.since import Declared

ACME = Declared("acme", None, "acme", "acme.yaml", {"spec": {"displayName": "Acme"}}, ("certs/acme.pem",))
GLOBEX = Declared("globex", None, "globex", "globex.yaml", {"spec": {}})
EDITED = structs.replace(ACME, content={"spec": {"displayName": "New"}})


def touched(changed: list[str], before: list[Declared], now: list[Declared], **references: list[str]) -> set[str]:
    files = {f"certs/{name}.pem": names for name, names in references.items()}
    return set(since("c0", changed, before, now, files).touched)


def test_one_that_is_new_or_edited_is_touched_and_its_neighbours_are_not() -> None:
    assert touched(["acme.yaml"], [], [ACME]) == {"acme"}
    assert touched(["all.yaml"], [ACME, GLOBEX], [EDITED, GLOBEX]) == {"acme"}


def test_one_that_was_only_moved_is_not_touched_unless_it_refers_to_other_files_now() -> None:
    files = ["acme.yaml", "wave/acme.yaml"]
    moved = structs.replace(ACME, file="wave/acme.yaml")
    assert touched(files, [ACME], [moved]) == set()
    assert touched(files, [ACME], [structs.replace(moved, attachments=("wave/certs/acme.pem",))]) == {"acme"}


def test_who_refers_to_a_changed_file_is_touched() -> None:
    assert touched(["certs/acme.pem"], [], [], acme=["acme", "globex"], other=["hooli"]) == {"acme", "globex"}


def test_one_that_is_gone_is_known_by_what_it_was() -> None:
    found = since("c0", ["acme.yaml", "README.md"], [ACME], [], {})
    assert (found.base, found.touched, found.before) == ("c0", frozenset(), (ACME,))
    assert found.files == {"acme.yaml"}, "the README is no manifest"

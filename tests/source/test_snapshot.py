"""A folder is read as one value, whatever lies in it and whatever happens to it meanwhile."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.model.errors import SourceError
from reconciler.source import snapshot
from tests.support.folders import ENVIRONMENT, organization, placed, sound, write

NOBODY = 65534


def problems(folder: Path) -> list[tuple[str, str, str]]:
    """Rule, severity and place of each."""
    return placed(snapshot.read(str(folder)).problems)


def names(folder: Path) -> list[str]:
    return [document.origin.file for document in snapshot.read(str(folder)).documents]


@contextmanager
def powerless() -> Iterator[None]:
    """As a user whom permissions bind; root reads everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter, which a temporary one of pytest's is not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(folder)


# -- what cannot be read at all --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "does not exist"),
        ("file", "not a folder"),
        ("loop", "symbolic links"),
        ("dangling", "does not exist"),
        ("nul\0", "not a valid path"),
        ("x" * 300, "too long"),
        ("/dev/null", "not a folder"),
        ("empty", "no *.yaml or *.yml files"),
    ],
)
def test_what_holds_no_manifests_is_refused_with_the_reason(tmp_path: Path, name: str, why: str) -> None:
    write(tmp_path, {"file": ENVIRONMENT, "empty/readme.md": "", "empty/x.json": "{}"})
    write(tmp_path / "empty", {".hidden.yaml": ENVIRONMENT, ".git/x.yaml": ENVIRONMENT})
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    folder = os.path.join(tmp_path, name)  # noqa: PTH118 a Path would refuse the NUL by itself
    with pytest.raises(SourceError) as caught:
        snapshot.read(folder)
    assert folder in caught.value.message
    assert why in caught.value.message
    assert caught.value.exit_code == 8


def test_an_empty_name_is_not_the_working_directory() -> None:
    with pytest.raises(SourceError, match="is empty"):
        snapshot.read("")


@pytest.mark.parametrize("mode", [0, 0o400], ids=["not listed", "listed, not entered"])
def test_a_folder_without_permission_is_refused(open_folder: Path, mode: int) -> None:
    write(open_folder, {"environment.yaml": ENVIRONMENT, "closed/below/acme.yaml": organization()})
    os.chown(open_folder / "closed", NOBODY, NOBODY) if os.geteuid() == 0 else None
    (open_folder / "closed").chmod(mode)
    with powerless(), pytest.raises(SourceError, match=r"closed.*: Permission denied"):
        snapshot.read(str(open_folder))


def test_a_file_that_may_not_be_read_is_a_problem_of_its_own(open_folder: Path) -> None:
    write(open_folder, {"environment.yaml": ENVIRONMENT, "acme.yaml": organization()})
    (open_folder / "acme.yaml").chmod(0)
    with powerless():
        manifests = snapshot.read(str(open_folder))
    assert [(each.rule, str(each.origin)) for each in manifests.problems] == [("file/unreadable", "acme.yaml:1:1")]
    assert manifests.unparsed == {"acme.yaml"}


def test_too_many_manifests_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound(tmp_path, {"a.yaml": "", "b.yaml": ""})
    monkeypatch.setattr(snapshot, "MAX_FILES", 3)
    with pytest.raises(SourceError, match="has more than 3 manifests"):
        snapshot.read(str(tmp_path))


def test_too_much_altogether_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound(tmp_path, {"a.yaml": "#" * 500, "b.yaml": "#" * 500})
    monkeypatch.setattr(snapshot, "MAX_TOTAL_BYTES", 1000)
    with pytest.raises(SourceError, match="refer to have more than 1,000 bytes"):
        snapshot.read(str(tmp_path))


# -- what lies in it -------------------------------------------------------------------------------


def test_manifests_are_found_at_every_depth_in_a_stable_order(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(("b.yml", "a.yaml", "x/y/z.yaml", "x/a.yaml", "w/q.yml", "n.json"), "a: 1"))
    assert names(tmp_path) == ["a.yaml", "b.yml", "w/q.yml", "x/a.yaml", "x/y/z.yaml"]


def _fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path, _: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def _sparse(path: Path, _: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 * 1024**3)


def _device(path: Path, _: Path) -> None:
    path.symlink_to("/dev/zero")


def _outside(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def _loop(path: Path, _: Path) -> None:
    path.symlink_to(path.name)


def _dangling(path: Path, _: Path) -> None:
    path.symlink_to("nowhere")


def _linked_fifo(path: Path, _: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


ODDITIES: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "FIFO": (_fifo, "not-regular"),
    "link to a FIFO": (_linked_fifo, "not-regular"),
    "socket": (_socket, "not-regular"),
    "sparse 10 GB": (_sparse, "too-large"),
    "device": (_device, "outside"),
    "link out": (_outside, "outside"),
    "loop of links": (_loop, "unreadable"),
    "link to nothing": (_dangling, "missing"),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_no_plain_file_is_refused_unread_as_manifest_and_as_reference(tmp_path: Path, oddity: str) -> None:
    make, rule = ODDITIES[oddity]
    outside = write(tmp_path, {"out.yaml": organization()}) / "out.yaml"
    short = Path(tempfile.mkdtemp(dir=tmp_path))
    spec = "\n  samlConnections: [{name: a, idp: {certificate: {file: odd.pem}}}]"
    folder = sound(short, {"acme.yaml": organization(spec=spec)})
    here = Path.cwd()
    os.chdir(folder)  # a socket's path has to be short
    try:
        make(Path("odd.yaml"), outside)
        make(Path("odd.pem"), outside) if oddity != "link to a FIFO" else Path("odd.pem").symlink_to("pipe")
    finally:
        os.chdir(here)
    began = time.monotonic()
    manifests = snapshot.read(str(folder))
    assert time.monotonic() - began < 5
    assert [(each.rule, str(each.origin)) for each in manifests.problems] == [
        (f"reference/{rule}", "acme.yaml:5:51"),
        (f"file/{rule}", "odd.yaml:1:1"),
    ]
    assert manifests.unparsed == {"odd.yaml"}
    assert manifests.attachments == {}


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    sound(tmp_path, {"real.txt": organization()})
    (tmp_path / "acme.yaml").symlink_to("real.txt")
    assert names(tmp_path) == ["acme.yaml", "environment.yaml", "sound.yaml"]


def test_a_linked_folder_is_warned_about_since_its_manifests_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/acme.yaml": organization()})
    folder = sound(tmp_path / "here", {})
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    assert problems(folder) == [("file/linked-folder", "warning", "more:1:1")]
    assert names(folder) == ["environment.yaml", "sound.yaml"]


def test_a_reference_through_a_linked_folder_stays_inside(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/a.pem": "x"})
    spec = "\n  samlConnections: [{name: a, idp: {certificate: {file: certs/a.pem}}}]"
    folder = sound(tmp_path / "here", {"acme.yaml": organization(spec=spec), "pki/a.pem": "x"})
    (folder / "certs").symlink_to("pki")
    assert set(snapshot.read(str(folder)).attachments) == {"certs/a.pem"}
    (folder / "certs").unlink()
    (folder / "certs").symlink_to(tmp_path / "elsewhere")
    assert ("reference/outside", "error", "acme.yaml:5:51") in problems(folder)


def test_a_file_that_two_manifests_refer_to_is_read_once_and_missed_twice(tmp_path: Path) -> None:
    spec = "\n  samlConnections: [{name: a, idp: {certificate: {file: x.pem}}}]"
    sound(tmp_path, {"a.yaml": organization("a", spec), "b.yaml": organization("b", spec), "x.pem": "x"})
    assert snapshot.read(str(tmp_path)).attachments == {"x.pem": b"x"}
    (tmp_path / "x.pem").unlink()
    assert problems(tmp_path) == [
        ("reference/missing", "error", "a.yaml:5:51"),
        ("reference/missing", "error", "b.yaml:5:51"),
    ]


def test_a_folder_named_like_a_manifest_is_refused(tmp_path: Path) -> None:
    sound(tmp_path, {"acme.yaml/x.yaml": organization()})
    assert problems(tmp_path) == [("file/not-regular", "error", "acme.yaml:1:1")]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"a\nb.yaml", "a\\nb.yaml"),
        (b"a\xff.yaml", "a\\udcff.yaml"),
        (b"a\x1b[31m.yaml", "a\\x1b[31m.yaml"),
        (b"d\xff/a.yaml", "d\\udcff/a.yaml"),
        ("a\u202eb.yaml".encode(), "a\\u202eb.yaml"),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused_and_shown_escaped(tmp_path: Path, name: bytes, shown: str) -> None:
    sound(tmp_path, {})
    path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))  # noqa: PTH118 it is bytes
    path.parent.mkdir(exist_ok=True)
    path.write_text(organization())
    assert problems(tmp_path) == [("file/name", "error", f"{shown}:1:1")]
    assert snapshot.read(str(tmp_path)).unparsed == {shown}


def test_a_reference_in_a_document_of_any_shape_does_no_harm(tmp_path: Path) -> None:
    shapes = ["[]", "x", "spec", "{spec: 1}", "{spec: {samlConnections: 1}}", "{spec: {samlConnections: [1]}}"]
    shapes += [f"{{spec: {{samlConnections: [{{idp: {idp}}}]}}}}" for idp in ("1", "{certificate: 1}", "[]")]
    shapes += [
        f"{{spec: {{samlConnections: [{{idp: {{metadata: {{file: {file}}}}}}}]}}}}"
        for file in ("1", '""', '"\\0"', "[a]")
    ]
    manifests = snapshot.read(str(write(tmp_path, {f"{n}.yaml": text for n, text in enumerate(shapes)})))
    assert manifests.attachments == {}
    assert not [problem for problem in manifests.problems if not problem.rule.startswith("yaml/")]


def test_the_revision_depends_on_names_and_content_alone(tmp_path: Path) -> None:
    one, same = (sound(tmp_path / name, {"acme.yaml": organization()}) for name in ("one", "same"))
    other = sound(tmp_path / "other", {"acme.yaml": organization("globex")})
    renamed = sound(tmp_path / "renamed", {"acmf.yaml": organization()})
    revisions = [snapshot.read(str(folder)).revision for folder in (one, same, other, renamed)]
    assert revisions[0] == revisions[1]
    assert len(set(revisions)) == 3
    assert all(revision.startswith("sha256:") for revision in revisions)


# -- what happens to it meanwhile ------------------------------------------------------------------

CALLS = ("fstat", "lstat", "open", "readlink", "scandir", "stat")


def checkout(folder: Path, word: str) -> None:
    """Files that all say which commit they are of; they are old, so that every change to them shows."""
    spec = "\n  samlConnections: [{name: a, idp: {certificate: {file: ../certs/a.pem}}}]\n  displayName: " + word
    files = {"sub/a.yaml": organization("a", spec), "certs/a.pem": word}
    write(folder, {"e.yaml": f"{ENVIRONMENT}# {word}", ".git/HEAD": word.encode().hex().zfill(40), **files})
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (0, 0))


def turn_link(link: Path, target: str) -> None:
    beside = link.with_name(f"{link.name}_tmp")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.rename(link)


def empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def replace(path: Path, make: Callable[[Path], object]) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    make(path)


def turns(link: str, old: str, new: str, then: Callable[[Path], object] | None = None) -> Callable[[Path], None]:
    """The link leads to another folder from now on, and something happens to the one before."""

    def change(root: Path) -> None:
        turn_link(root / link, new)
        if then:
            then((root / link).parent / old)

    return change


# what is read → what happens while it is read
CHANGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "git-sync turns the link": ("current", turns("current", "one", "other")),
    "git-sync removes the old worktree": ("current", turns("current", "one", "other", shutil.rmtree)),
    "git-sync has emptied the old worktree": ("current", turns("current", "one", "other", empty)),
    "the folder is inside the worktree": ("current/sub", turns("current", "one", "other", shutil.rmtree)),
    "a ConfigMap is updated": ("mount", turns("mount/..data", "..one", "..other", shutil.rmtree)),
    "files are rewritten in place": ("one", lambda root: checkout(root / "one", "other")),
    "a file appears": ("one", lambda root: write(root, {"one/sub/new.yaml": "a: 1"})),
    "a file goes": ("one", lambda root: (root / "one/sub/a.yaml").unlink()),
    "a reference goes": ("one", lambda root: (root / "one/certs/a.pem").unlink()),
    "a folder moves": ("one", lambda root: (root / "one/sub").rename(root / "one/moved")),
    "a folder becomes a file": ("one", lambda root: replace(root / "one/sub", Path.touch)),
    "a file becomes a pipe": ("one", lambda root: replace(root / "one/sub/a.yaml", os.mkfifo)),
    "the folder goes": ("one", lambda root: shutil.rmtree(root / "one")),
}


def prepared(root: Path, folder: str) -> Path:
    """Two commits side by side, and the link to the first of them that `folder` goes through."""
    parent, prefix, link = (root / "mount", "..", "..data") if folder == "mount" else (root, "", "current")
    checkout(parent / f"{prefix}one", "one")
    if folder != "one":
        checkout(parent / f"{prefix}other", "other")
        (parent / link).symlink_to(f"{prefix}one")
    return root


def reading(root: Path, folder: str) -> object:
    """All that one reading saw, or why there is none."""
    try:
        manifests = snapshot.read(str(root / folder))
    except SourceError as error:
        return error.message.removeprefix(f"cannot read {root}/")
    documents = [(each.origin, each.value) for each in manifests.documents]
    return manifests.revision, documents, manifests.attachments, manifests.problems, manifests.unparsed


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_in_the_middle_of_a_reading_is_seen_whole_or_not_at_all(tmp_path: Path, name: str) -> None:
    """Whatever the reading has just asked the operating system when it happens."""
    folder, change = CHANGES[name]
    root = prepared(tmp_path / "expected", folder)
    before = reading(root, folder)
    change(root)
    after = reading(root, folder)
    assert before != after
    for call in itertools.count(1):
        root = prepared(tmp_path / str(call), folder)
        with pytest.MonkeyPatch.context() as patches:
            left = after_call(patches, call, lambda root=root: change(root))
            assert reading(root, folder) in (before, after), f"after call {call}"
        shutil.rmtree(root)
        if next(left, None) is not None:  # no such call: the reading was over before
            break
    assert call > 20


def after_call(patches: pytest.MonkeyPatch, number: int, change: Callable[[], object]) -> Iterator[int]:
    """Makes the change right after the call of that number; what comes back is empty once it happened."""
    left = iter(range(number, 0, -1))

    def followed(call: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*arguments: object, **named: object) -> object:
            try:
                return call(*arguments, **named)
            finally:
                if next(left, None) == 1:
                    change()

        return wrapper

    for name in CALLS:
        patches.setattr(os, name, followed(getattr(os, name)))
    return left


def test_no_reading_mixes_two_commits_while_worktrees_come_and_go(tmp_path: Path) -> None:
    """The same in earnest: another thread turns the link and removes the old worktree, again and again."""
    link, stop = tmp_path / "current", threading.Event()
    checkout(tmp_path / "w0", "w0")
    turn_link(link, "w0")

    def churn() -> None:
        for turn in itertools.count(1):
            if stop.wait(0.005):
                return
            checkout(tmp_path / f"w{turn}", f"w{turn}")
            turn_link(link, f"w{turn}")
            shutil.rmtree(tmp_path / f"w{turn - 1}")

    thread = threading.Thread(target=churn)
    thread.start()
    seen: set[str] = set()
    try:
        for _ in range(100):
            manifests = snapshot.read(str(link))
            stated = {each.value["spec"]["displayName"] for each in manifests.documents if "spec" in each.value}
            words = stated | {data.decode() for data in manifests.attachments.values()}
            assert len(words) == 1
            seen |= words
    finally:
        stop.set()
        thread.join()
    assert len(seen) > 1


def test_a_config_map_is_read_where_its_data_lies_with_the_folders_in_it(tmp_path: Path) -> None:
    """In the mount itself a folder is a link, whose manifests would be missed."""
    write(tmp_path, {"..one/environment.yaml": ENVIRONMENT, "..one/sub/acme.yaml": organization()})
    (tmp_path / "..data").symlink_to("..one")
    for name in ("environment.yaml", "sub"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert names(tmp_path) == ["environment.yaml", "sub/acme.yaml"]
    assert problems(tmp_path) == []


def test_a_data_link_that_is_no_config_maps_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"outside/secret.yaml": organization("secret")})
    folder = sound(tmp_path / "here", {})
    (folder / "..data").symlink_to(tmp_path / "outside")
    assert names(folder) == ["environment.yaml", "sound.yaml"]


def touched(monkeypatch: pytest.MonkeyPatch, folder: Path, ending: str) -> None:
    """While a manifest is parsed another file comes."""
    parse, turns = snapshot.parse, iter(range(1000))

    def touch(data: bytes, name: str) -> object:
        write(folder, {f"{next(turns)}{ending}": ""})
        return parse(data, name)

    monkeypatch.setattr(snapshot, "parse", touch)


def test_a_folder_that_never_rests_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound(tmp_path, {})
    touched(monkeypatch, tmp_path, ".yaml")
    with pytest.raises(SourceError, match="kept changing"):
        snapshot.read(str(tmp_path))


def test_files_that_are_not_read_may_come_and_go_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that is rotated beside the manifests would keep a large folder from ever being read."""
    sound(tmp_path, {})
    touched(monkeypatch, tmp_path, ".log")
    assert names(tmp_path) == ["environment.yaml", "sound.yaml"]


# -- digest ----------------------------------------------------------------------------------------


def test_the_digest_changes_with_whatever_a_reading_could_see(tmp_path: Path) -> None:
    folder = sound(tmp_path / "here", {"a/acme.yaml": organization()})
    digest = snapshot.FolderDigest(str(folder))
    seen = [digest.now()]
    assert digest.now() == seen[0]

    def changed() -> bool:
        seen.append(digest.now())
        return seen[-1] not in seen[:-1]

    write(folder, {"a/acme.yaml": organization("globex")})
    assert changed()
    write(folder, {"a/new.yaml": organization()})
    assert changed()
    (folder / "a/new.yaml").rename(folder / "a/newer.yaml")
    assert changed()
    (folder / "a/newer.yaml").unlink()
    (folder / "dangling.yaml").symlink_to("nowhere")
    (folder / ".git").mkdir()
    digest.now()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.yaml")).write_text("")
    assert changed()


def test_the_digest_of_what_is_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        snapshot.FolderDigest(str(tmp_path / "absent")).now()


REFERRING = organization("globex", "\n  samlConnections: [{name: a, idp: {certificate: X}}]")


def test_the_digest_covers_the_files_that_manifests_refer_to(tmp_path: Path) -> None:
    """Also one that is not there yet, and one that a changed manifest names."""
    folder = sound(tmp_path / "here", {"a/globex.yaml": REFERRING.replace("X", "{file: ../certs/a.pem}")})
    digest = snapshot.FolderDigest(str(folder))
    seen = [digest.now()]

    def changed() -> bool:
        seen.append(digest.now())
        return seen[-1] != seen[-2]

    write(folder, {"certs/a.pem": "half"})
    assert changed()
    write(folder, {"certs/a.pem": "whole it is"})
    assert changed()
    write(folder, {"certs/b.pem": "nobody reads it"})
    assert not changed()
    write(folder, {"a/globex.yaml": REFERRING.replace("X", "{file: ../certs/b.pem}")})
    assert changed()
    write(folder, {"certs/a.pem": "nobody reads it any more"})
    assert not changed()
    write(folder, {"certs/b.pem": "now somebody does"})
    assert changed()


@pytest.mark.parametrize("name", ["log.txt", ".hidden.yaml", ".git/index", "sub/notes.md", "certs/unused.pem"])
def test_the_digest_does_not_change_with_what_is_not_read(tmp_path: Path, name: str) -> None:
    digest = snapshot.FolderDigest(str(sound(tmp_path, {"sub/acme.yaml": organization()})))
    before = digest.now()
    write(tmp_path, {name: "one"})
    assert digest.now() == before
    write(tmp_path, {name: "another"})
    assert digest.now() == before


@pytest.mark.parametrize("reference", ["/etc/passwd", "../beside", "..", "\\0"])
def test_the_digest_does_not_look_outside_the_folder(tmp_path: Path, reference: str) -> None:
    text = REFERRING.replace("X", f'{{file: "{reference}"}}')
    digest = snapshot.FolderDigest(str(sound(tmp_path / "here", {"globex.yaml": text})))
    before = digest.now()
    write(tmp_path, {"beside": "one"})
    assert digest.now() == before


def test_the_digest_reads_each_manifest_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = snapshot.FolderDigest(str(sound(tmp_path, {"a/acme.yaml": organization()})))
    parse, read = snapshot.parse, list[str]()

    def noted(data: bytes, name: str) -> object:
        read.append(name)
        return parse(data, name)

    monkeypatch.setattr(snapshot, "parse", noted)
    digest.now()
    assert sorted(read) == ["a/acme.yaml", "environment.yaml", "sound.yaml"]
    write(tmp_path, {"a/acme.yaml": organization("globex")})
    digest.now()
    assert read[3:] == ["a/acme.yaml"]


def test_the_digest_waits_for_no_pipe_and_survives_what_cannot_be_read(tmp_path: Path) -> None:
    folder = sound(tmp_path, {"broken.yaml": "a: ["})
    os.mkfifo(folder / "pipe.yaml")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    assert snapshot.FolderDigest(str(folder)).now()


def test_an_unexpected_refusal_while_listing_is_told_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound(tmp_path, {"a/acme.yaml": organization()})
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("/a"):
            raise OSError(errno.EIO, "Input/output error", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceError, match="/a: Input/output error"):
        snapshot.read(str(tmp_path))

"""A folder is read as one value, whatever lies in it and whatever happens to it meanwhile."""

from __future__ import annotations

import errno
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
from tests.support.folders import ENVIRONMENT, Found, found, organization, sound, write

NOBODY = 65534
REGULAR = "only regular files inside the environment's folder are read"


def problems(folder: Path) -> list[Found]:
    return [found(problem) for problem in snapshot.read(str(folder)).problems]


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
    ("name", "message"),
    [
        ("absent", "cannot read {}: it does not exist"),
        ("file", "cannot read {}: it is not a folder"),
        ("loop", "cannot read {}: Too many levels of symbolic links"),
        ("dangling", "cannot read {}: it does not exist"),
        ("nul\0", "cannot read {}: it is no name of a folder"),
        ("x" * 300, "cannot read {}: File name too long"),
        ("/dev/null", "cannot read {}: it is not a folder"),
    ],
)
def test_what_is_no_folder_is_refused_with_the_reason(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_text(ENVIRONMENT)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    folder = os.path.join(tmp_path, name)  # noqa: PTH118 a Path would refuse the NUL by itself
    with pytest.raises(SourceError) as caught:
        snapshot.read(folder)
    assert caught.value.message == message.format(folder)
    assert caught.value.hint == "Name the folder of one environment."
    assert caught.value.exit_code == 8


def test_an_empty_name_is_not_the_working_directory() -> None:
    with pytest.raises(SourceError, match="the name of the folder is empty"):
        snapshot.read("")


def test_a_folder_without_manifests_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"readme.md": "", ".hidden.yaml": ENVIRONMENT, ".git/x.yaml": ENVIRONMENT, "x.json": "{}"})
    with pytest.raises(SourceError) as caught:
        snapshot.read(str(tmp_path))
    assert caught.value.message == f"{tmp_path} has no *.yaml or *.yml files"
    assert caught.value.hint == "Name the folder of one environment."


def test_a_folder_that_may_not_be_listed_is_refused(open_folder: Path) -> None:
    write(open_folder, {"environment.yaml": ENVIRONMENT, "closed/acme.yaml": organization()})
    (open_folder / "closed").chmod(0)
    with powerless(), pytest.raises(SourceError) as caught:
        snapshot.read(str(open_folder))
    assert caught.value.message == f"cannot read {open_folder}/closed: Permission denied"
    assert caught.value.hint == "Make it readable."


def test_a_file_that_may_not_be_read_is_a_problem_of_its_own(open_folder: Path) -> None:
    write(open_folder, {"environment.yaml": ENVIRONMENT, "acme.yaml": organization()})
    (open_folder / "acme.yaml").chmod(0)
    with powerless():
        manifests = snapshot.read(str(open_folder))
    message = "`acme.yaml` cannot be read: Permission denied"
    assert [found(each) for each in manifests.problems] == [
        Found("file/unreadable", "error", "acme.yaml:1:1", message, "make it readable")
    ]
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


ODDITIES: dict[str, tuple[Callable[[Path, Path], None], str, str, str]] = {
    "FIFO": (_fifo, "not-regular", "is not a regular file", REGULAR),
    "link to a FIFO": (_linked_fifo, "not-regular", "is not a regular file", REGULAR),
    "socket": (_socket, "not-regular", "is not a regular file", REGULAR),
    "sparse 10 GB": (_sparse, "too-large", "has more than 4,194,304 bytes", "split it, or name the right file"),
    "device": (_device, "outside", "is a link out of the environment's folder", REGULAR),
    "link out": (_outside, "outside", "is a link out of the environment's folder", REGULAR),
    "loop of links": (
        _loop,
        "unreadable",
        "cannot be read: Too many levels of symbolic links",
        "make it readable",
    ),
    "link to nothing": (_dangling, "missing", "is a link to nothing", "correct the link"),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_no_plain_file_is_refused_unread_as_manifest_and_as_reference(tmp_path: Path, oddity: str) -> None:
    make, rule, message, hint = ODDITIES[oddity]
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
    assert [found(each) for each in manifests.problems] == [
        Found(f"reference/{rule}", "error", "acme.yaml:5:51", f"`odd.pem` {message}", hint),
        Found(f"file/{rule}", "error", "odd.yaml:1:1", f"`odd.yaml` {message}", hint),
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
    assert problems(folder) == [
        Found(
            "file/linked-folder",
            "warning",
            "more:1:1",
            "this is a link to a folder, and manifests behind it are not read",
            "put the folder itself here; if it holds no manifests, all is well",
        )
    ]
    assert names(folder) == ["environment.yaml", "sound.yaml"]


def test_a_reference_through_a_linked_folder_stays_inside(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/a.pem": "x"})
    spec = "\n  samlConnections: [{name: a, idp: {certificate: {file: certs/a.pem}}}]"
    folder = sound(tmp_path / "here", {"acme.yaml": organization(spec=spec), "pki/a.pem": "x"})
    (folder / "certs").symlink_to("pki")
    assert set(snapshot.read(str(folder)).attachments) == {"certs/a.pem"}
    (folder / "certs").unlink()
    (folder / "certs").symlink_to(tmp_path / "elsewhere")
    message = "`certs/a.pem` is a link out of the environment's folder"
    assert Found("reference/outside", "error", "acme.yaml:5:51", message, REGULAR) in problems(folder)


def test_a_file_that_two_manifests_refer_to_is_read_once_and_missed_twice(tmp_path: Path) -> None:
    spec = "\n  samlConnections: [{name: a, idp: {certificate: {file: x.pem}}}]"
    sound(tmp_path, {"a.yaml": organization("a", spec), "b.yaml": organization("b", spec), "x.pem": "x"})
    assert snapshot.read(str(tmp_path)).attachments == {"x.pem": b"x"}
    (tmp_path / "x.pem").unlink()
    assert [(each.rule, each.place) for each in problems(tmp_path)] == [
        ("reference/missing", "a.yaml:5:51"),
        ("reference/missing", "b.yaml:5:51"),
    ]


def test_a_folder_named_like_a_manifest_is_refused(tmp_path: Path) -> None:
    sound(tmp_path, {"acme.yaml/x.yaml": organization()})
    message = "this is a folder, with a name like a manifest's"
    assert problems(tmp_path) == [
        Found("file/not-regular", "error", "acme.yaml:1:1", message, "rename the folder")
    ]


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
    message = "the file's name, or its folder's, has a character that cannot be shown or is not UTF-8"
    assert problems(tmp_path) == [Found("file/name", "error", f"{shown}:1:1", message, "rename it")]
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


def commit(folder: Path, word: str) -> Path:
    """A checkout whose every file says which commit it is of."""
    spec = "\n  samlConnections: [{name: a, idp: {certificate: {file: certs/{}.pem}}}]\n  displayName: " + word
    files: dict[str, str] = {}
    for number in range(8):
        text = organization(f"org-{number}", spec.replace("{}", str(number)))
        files |= {f"org-{number}.yaml": text, f"certs/{number}.pem": word}
    return write(folder, {"environment.yaml": ENVIRONMENT, **files})


def words(folder: Path) -> set[str]:
    """Which commits one reading has values of."""
    manifests = snapshot.read(str(folder))
    stated = {each.value["spec"]["displayName"] for each in manifests.documents if "spec" in each.value}
    return stated | {data.decode() for data in manifests.attachments.values()}


@contextmanager
def meanwhile(change: Callable[[int], None]) -> Iterator[None]:
    """Changes something again and again, in another thread."""
    stop = threading.Event()

    def run() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            change(turn)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def readings(folder: Path, count: int) -> list[set[str]]:
    """What so many readings saw, less those that gave up."""
    seen, gave_up, reasons = [], 0, set()
    for _ in range(count):
        try:
            seen.append(words(folder))
        except SourceError as error:
            gave_up += 1
            reasons.add(error.message.removeprefix(str(folder)))
    assert reasons <= {" kept changing while it was being read"}
    assert gave_up < count
    return seen


def turn_link(link: Path, target: str) -> None:
    beside = link.with_name(f"{link.name}_tmp")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.rename(link)


def test_no_reading_mixes_two_commits_while_a_git_sync_link_turns(tmp_path: Path) -> None:
    for word in ("one", "two"):
        commit(tmp_path / "worktrees" / word, word)
    link = tmp_path / "current"
    turn_link(link, "worktrees/one")

    def swap(turn: int) -> None:
        turn_link(link, f"worktrees/{('one', 'two')[turn % 2]}")
        time.sleep(0.004)

    with meanwhile(swap):
        seen = readings(link, 300)
    assert all(len(each) == 1 for each in seen)
    assert {word for each in seen for word in each} == {"one", "two"}


def test_no_reading_mixes_two_commits_where_old_worktrees_go_at_once(tmp_path: Path) -> None:
    link = tmp_path / "current"
    commit(tmp_path / "w0", "w0")
    turn_link(link, "w0")

    def swap(turn: int) -> None:
        commit(tmp_path / f"w{turn}", f"w{turn}")
        turn_link(link, f"w{turn}")
        shutil.rmtree(tmp_path / f"w{turn - 1}")
        time.sleep(0.01)

    with meanwhile(swap):
        seen = readings(link, 100)
    assert all(len(each) == 1 for each in seen)
    assert len({word for each in seen for word in each}) > 1


def test_no_reading_of_a_config_map_mixes_two_of_its_versions(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    for word in ("one", "two"):
        commit(mount / f"..{word}", word)
    turn_link(mount / "..data", "..one")
    for entry in (mount / "..one").iterdir():
        (mount / entry.name).symlink_to(f"..data/{entry.name}")

    def swap(turn: int) -> None:
        turn_link(mount / "..data", f"..{('one', 'two')[turn % 2]}")
        time.sleep(0.004)

    with meanwhile(swap):
        seen = readings(mount, 300)
    assert all(len(each) == 1 for each in seen)
    assert {word for each in seen for word in each} == {"one", "two"}


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


def test_files_rewritten_in_place_are_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout without a link: what was read first is another commit's than what was read last."""
    commit(tmp_path, "one")
    parse, turned = snapshot.parse, []

    def checkout_in_the_middle(data: bytes, name: str) -> object:
        if name == "org-3.yaml" and not turned:
            turned.append(name)
            commit(tmp_path, "other")
        return parse(data, name)

    monkeypatch.setattr(snapshot, "parse", checkout_in_the_middle)
    assert words(tmp_path) == {"other"}


@pytest.mark.parametrize(
    ("change", "then"),
    [
        (lambda folder: write(folder, {"a/new.yaml": "a: 1"}), ["zz.yaml", "a/new.yaml", "a/old.yaml"]),
        (lambda folder: (folder / "zz.yaml").unlink(), ["a/old.yaml"]),
        (lambda folder: (folder / "a").rename(folder / "b"), ["zz.yaml", "b/old.yaml"]),
    ],
    ids=["appears", "goes", "moves"],
)
def test_a_file_that_comes_or_goes_in_the_middle_restarts_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object], then: list[str]
) -> None:
    write(tmp_path, {"a/old.yaml": "a: 1", "zz.yaml": "a: 1"})
    parse, waiting = snapshot.parse, [change]

    def turn(data: bytes, name: str) -> object:
        if waiting:
            waiting.pop()(tmp_path)
        return parse(data, name)

    monkeypatch.setattr(snapshot, "parse", turn)
    assert names(tmp_path) == then


def test_a_worktree_that_goes_before_it_is_listed_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for word in ("one", "two"):
        commit(tmp_path / word, word)
    link = tmp_path / "current"
    turn_link(link, "one")
    walk, waiting = snapshot.os.walk, [link]

    def turn(root: str, **more: object) -> object:
        if waiting:
            turn_link(waiting.pop(), "two")
            for file in (tmp_path / "one").rglob("*.yaml"):
                file.unlink()
        return walk(root, **more)

    monkeypatch.setattr(snapshot.os, "walk", turn)
    assert words(link) == {"two"}


def test_a_root_that_is_deleted_in_the_middle_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = sound(tmp_path / "here", {"z/acme.yaml": organization()})
    parse = snapshot.parse

    def delete(data: bytes, name: str) -> object:
        shutil.rmtree(folder, ignore_errors=True)
        return parse(data, name)

    monkeypatch.setattr(snapshot, "parse", delete)
    with pytest.raises(SourceError, match="it does not exist"):
        snapshot.read(str(folder))


def test_a_folder_that_never_rests_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound(tmp_path, {})
    parse, turns = snapshot.parse, iter(range(1000))

    def touch(data: bytes, name: str) -> object:
        write(tmp_path, {f"{next(turns)}.md": ""})
        return parse(data, name)

    monkeypatch.setattr(snapshot, "parse", touch)
    with pytest.raises(SourceError) as caught:
        snapshot.read(str(tmp_path))
    assert caught.value.message == f"{tmp_path} kept changing while it was being read"
    assert caught.value.hint == "Try again once the checkout is quiet."


def test_a_link_that_turns_just_after_the_reading_restarts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for word in ("one", "two"):
        commit(tmp_path / word, word)
    link = tmp_path / "current"
    turn_link(link, "one")
    known = snapshot.commit

    def turn(root: str) -> str | None:
        turn_link(link, "two")
        return known(root)

    monkeypatch.setattr(snapshot, "commit", turn)
    assert words(link) == {"two"}


def test_a_file_that_grows_while_it_is_read_restarts_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound(tmp_path, {"acme.yaml": organization()})
    fstat, waiting = os.fstat, [True]

    def grow(handle: int) -> os.stat_result:
        seen = fstat(handle)
        if waiting and seen.st_size == len(organization()):
            waiting.pop()
            with (tmp_path / "acme.yaml").open("a") as file:
                file.write("---\n" + organization("more"))
        return seen

    monkeypatch.setattr(os, "fstat", grow)
    assert names(tmp_path).count("acme.yaml") == 2


def test_a_file_that_is_swapped_for_a_pipe_before_it_is_opened_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound(tmp_path, {"acme.yaml": organization()})
    lstat = os.lstat

    def swap(path: str) -> os.stat_result:
        seen = lstat(path)
        if path.endswith("acme.yaml") and not (tmp_path / "acme.yaml").is_fifo():
            (tmp_path / "acme.yaml").unlink()
            os.mkfifo(tmp_path / "acme.yaml")
        return seen

    monkeypatch.setattr(os, "lstat", swap)
    assert [each.rule for each in problems(tmp_path)] == ["file/not-regular"]


# -- digest ----------------------------------------------------------------------------------------


def test_the_digest_changes_with_whatever_a_reading_could_see(tmp_path: Path) -> None:
    folder = sound(tmp_path / "here", {"a/acme.yaml": organization()})
    seen = [snapshot.digest(str(folder))]
    assert snapshot.digest(str(folder)) == seen[0]

    def changed() -> bool:
        seen.append(snapshot.digest(str(folder)))
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
    snapshot.digest(str(folder))
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.yaml")).write_text("")
    assert changed()


def test_the_digest_of_what_is_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        snapshot.digest(str(tmp_path / "absent"))


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

"""A delivered secret is whole or absent, its owner's alone, and never written through or over what is not ours."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from reconciler.delivery.directory import MAX_RECORD_BYTES, Directory
from reconciler.delivery.target import RecordName
from reconciler.model.errors import DeliveryError, DeliveryLost
from reconciler.model.secret import Secret
from reconciler.model.state import Record, RecordState
from tests.support.build import dir_id, org_id

TOKEN = "ssoready_scim_bearer_token_canary"
URL = "https://admin.example/setup?one-time-token=canary"
ORG, DIRECTORY = org_id(1), dir_id(1)
NOW = 1_700_000_000.5


def token_record(state: RecordState = RecordState.ISSUED) -> Record:
    return Record(state, ORG, DIRECTORY, saml=False, scim=False, issued_at=NOW, expires_at=None)


def link_record(state: RecordState = RecordState.ISSUED) -> Record:
    return Record(state, ORG, None, saml=True, scim=False, issued_at=NOW, expires_at=NOW + 86_400)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "deliveries" / "production"


@pytest.fixture
def target(root: Path) -> Directory:
    return Directory(str(root))


def put(  # noqa: PLR0917 a record and its secret
    target: Directory,
    organization: str,
    directory: str | None,
    record: Record,
    secret: Secret | None = None,
    scim_base_url: str = "",
) -> None:
    """A whole delivery; without a secret it stays pending."""
    delivery = target.begin(
        RecordName(organization, directory), structs.replace(record, state=RecordState.PENDING)
    )
    try:
        if secret:
            delivery.keep(record, secret, scim_base_url)
    finally:
        delivery.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


# -- what is kept


def test_nothing_delivered_is_nothing_known(target: Directory, root: Path) -> None:
    assert target.read(RecordName("acme", "okta")) is None
    assert target.read(RecordName("acme", None)) is None
    assert not root.exists()


def test_a_token_stands_in_one_file_of_its_owner(target: Directory, root: Path) -> None:
    put(target, "acme", "okta", token_record(), Secret(TOKEN), "https://scim.example/v1")
    assert files(root) == ["acme/scim-okta.json"]
    path = root / "acme" / "scim-okta.json"
    assert json.loads(path.read_text()) == {
        "state": "issued",
        "organizationId": ORG,
        "directoryId": DIRECTORY,
        "bearerToken": TOKEN,
        "scimBaseUrl": "https://scim.example/v1",
        "issuedAt": NOW,
    }
    assert path.read_bytes().endswith(b"}\n")
    assert [mode(each) for each in (root.parent, root, path.parent, path)] == [0o700, 0o700, 0o700, 0o600]


def test_a_link_stands_beside_the_tokens(target: Directory, root: Path) -> None:
    put(target, "acme", None, link_record(), Secret(URL))
    put(target, "acme", "setup-link", token_record(), Secret(TOKEN))
    assert files(root) == ["acme/scim-setup-link.json", "acme/setup-link.json"]
    assert json.loads((root / "acme" / "setup-link.json").read_text()) == {
        "state": "issued",
        "organizationId": ORG,
        "saml": True,
        "url": URL,
        "issuedAt": NOW,
        "expiresAt": NOW + 86_400,
    }


@pytest.mark.parametrize("state", RecordState)
def test_a_record_is_read_as_it_was_written_without_its_secret(target: Directory, state: RecordState) -> None:
    put(target, "acme", "okta", token_record(state), Secret(TOKEN) if state is RecordState.ISSUED else None)
    put(target, "acme", None, link_record(state), Secret(URL) if state is RecordState.ISSUED else None)
    assert target.read(RecordName("acme", "okta")) == token_record(state)
    assert target.read(RecordName("acme", None)) == link_record(state)
    assert TOKEN not in repr(target.read(RecordName("acme", "okta")))


def test_a_record_replaces_the_one_before(target: Directory, root: Path) -> None:
    put(target, "acme", "okta", token_record(RecordState.PENDING))
    os.chmod(root / "acme" / "scim-okta.json", 0o644)  # noqa: PTH101
    put(target, "acme", "okta", token_record(), Secret(TOKEN))
    assert target.read(RecordName("acme", "okta")) == token_record()
    assert files(root) == ["acme/scim-okta.json"]
    assert mode(root / "acme" / "scim-okta.json") == 0o600


def test_the_mode_does_not_depend_on_the_umask(target: Directory, root: Path) -> None:
    before = os.umask(0)
    try:
        put(target, "acme", "okta", token_record(), Secret(TOKEN))
    finally:
        os.umask(before)
    assert mode(root / "acme" / "scim-okta.json") == 0o600
    assert mode(root / "acme") == 0o700


# -- what is refused


@pytest.mark.parametrize("handle", ["", ".", "..", "a/b", "A", "a\n", "-a", "a-", "a" * 64, "a\0", "ä"])
def test_only_handles_become_paths(target: Directory, root: Path, handle: str) -> None:
    for organization, directory in ((handle, None), (handle, "okta"), ("acme", handle or "-")):
        with pytest.raises(DeliveryError, match="is not a handle"):
            target.read(RecordName(organization, directory))
        with pytest.raises(DeliveryError, match="is not a handle"):
            put(target, organization, directory, token_record(), Secret(TOKEN))
    assert not root.exists()


def make_link(path: Path, elsewhere: Path) -> None:
    elsewhere.write_text("theirs")
    path.symlink_to(elsewhere)


# What may stand where a record should, and what is said of it.
FOREIGN = {
    "a link": (make_link, "Too many levels of symbolic links"),
    "a link to nowhere": (lambda path, elsewhere: path.symlink_to(elsewhere), "Too many levels of symbolic links"),
    "a folder": (lambda path, _: path.mkdir(), "is not a delivery record"),
    "a pipe": (lambda path, _: os.mkfifo(path), "is not a delivery record"),
    "an empty file": (lambda path, _: path.touch(), "is not a delivery record"),
    "text": (lambda path, _: path.write_text("hello"), "is not a delivery record"),
    "bytes": (lambda path, _: path.write_bytes(b'{"state": "\xff"}'), "is not a delivery record"),
    "other JSON": (lambda path, _: path.write_text('{"name": "okta"}'), "is not a delivery record"),
    "deep JSON": (lambda path, _: path.write_text('{"state":' + "[" * 60_000), "is not a delivery record"),
    "half a record": (
        lambda path, _: path.write_text('{"state": "issued", "organizationId": "o'),
        "is not a delivery record",
    ),
    "another state": (
        lambda path, _: path.write_text('{"state": "lost", "organizationId": "o", "issuedAt": 1}'),
        "is not a delivery record",
    ),
    "a huge file": (
        lambda path, _: path.write_text(
            '{"state": "issued", "organizationId": "o", "issuedAt": 1}' + " " * MAX_RECORD_BYTES + "x"
        ),
        "is not a delivery record",
    ),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_not_a_record_is_neither_read_nor_replaced(
    target: Directory, root: Path, tmp_path: Path, what: str
) -> None:
    make, said = FOREIGN[what]
    (root / "acme").mkdir(parents=True)
    path, elsewhere = root / "acme" / "scim-okta.json", tmp_path / "elsewhere"
    make(path, elsewhere)
    before = path.lstat()
    for action in (
        lambda: target.read(RecordName("acme", "okta")),
        lambda: put(target, "acme", "okta", token_record(), Secret(TOKEN)),
    ):
        with pytest.raises(DeliveryError, match=said) as caught:
            action()
        assert str(path) in caught.value.message
        assert caught.value.hint
    after = path.lstat()
    assert (after.st_ino, after.st_mtime_ns, after.st_mode) == (before.st_ino, before.st_mtime_ns, before.st_mode)
    assert files(root) == ([] if what == "a folder" else ["acme/scim-okta.json"])
    assert what != "a link" or elsewhere.read_text() == "theirs"


def test_an_organization_s_folder_may_not_be_a_link(target: Directory, root: Path, tmp_path: Path) -> None:
    root.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "acme").symlink_to(elsewhere)
    with pytest.raises(DeliveryError, match="is a link or a file"):
        put(target, "acme", "okta", token_record(), Secret(TOKEN))
    with pytest.raises(DeliveryError, match="is a link or a file"):
        target.read(RecordName("acme", "okta"))
    assert list(elsewhere.iterdir()) == []


def test_the_target_itself_may_be_a_link_as_mounted_volumes_are(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "mount").symlink_to(tmp_path / "volume")
    put(Directory(str(tmp_path / "mount")), "acme", "okta", token_record(), Secret(TOKEN))
    assert files(tmp_path / "volume") == ["acme/scim-okta.json"]


def in_the_way(tmp_path: Path) -> str:
    (tmp_path / "file").touch()
    return str(tmp_path / "file")


# Targets that cannot be written, wherever they are named.
UNWRITABLE = {
    "a file": (in_the_way, "Not a directory|File exists"),
    "below a file": (lambda tmp_path: in_the_way(tmp_path) + "/deeper", "Not a directory|File exists"),
    "no file system for it": (lambda _: "/proc/deliveries", "No such file|Permission denied|not permitted"),
    "too long": (lambda tmp_path: str(tmp_path / ("x" * 300)), "File name too long"),
    "no path": (lambda tmp_path: f"{tmp_path}/a\0b", ": this cannot be a path$"),
}


@pytest.mark.parametrize("what", UNWRITABLE)
def test_a_target_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path, what: str) -> None:
    make, said = UNWRITABLE[what]
    path = make(tmp_path)
    with pytest.raises(DeliveryError, match=said) as caught:
        put(Directory(path), "acme", "okta", token_record(), Secret(TOKEN))
    assert path in caught.value.message
    assert "deliver" in caught.value.hint
    assert TOKEN not in str(caught.value)


def test_a_full_disk_leaves_the_old_record_and_no_other_file(
    target: Directory, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(target, "acme", "okta", token_record(RecordState.PENDING))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DeliveryError, match="No space left on device"):
        put(target, "acme", "okta", token_record(), Secret(TOKEN))
    monkeypatch.undo()
    assert target.read(RecordName("acme", "okta")) == token_record(RecordState.PENDING)
    assert files(root) == ["acme/scim-okta.json"]


# -- how it is written


def test_the_record_and_every_folder_made_for_it_are_flushed(
    target: Directory, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash of the machine a pending record must still stand: it says that a token may have been made."""
    flushed: list[str] = []

    def note(handle: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{handle}"))  # noqa: PTH115
        found = os.fstat(handle)
        assert stat.S_ISDIR(found.st_mode) or found.st_size > 0, "what is flushed is there already"

    monkeypatch.setattr(os, "fsync", note)
    put(target, "acme", "okta", token_record(RecordState.PENDING))
    folders = [str(each) for each in (root.parent.parent, root.parent, root)]
    assert flushed[:3] == folders
    acme = root / "acme"
    beside = [str(acme / f".scim-okta.json.{what}") for what in ("reserved", "new")]
    assert flushed[3:] == [*beside, str(acme)]


def test_whoever_looks_sees_one_whole_record_or_another(target: Directory, root: Path) -> None:
    """Four writers and a reader at once: one delivers at a time, and no file is torn, empty or left over."""
    put(target, "acme", "okta", token_record(RecordState.PENDING))
    path, failures, done = root / "acme" / "scim-okta.json", [], threading.Event()

    def write(writer: int) -> None:
        kept = 0
        while kept < 25:
            token = f"{writer}-{kept}-" + "x" * 2_000
            try:
                put(target, "acme", "okta", token_record(), Secret(token), f"https://{writer}-{kept}.example")
            except DeliveryError as error:
                if "another process is delivering" not in error.message:
                    failures.append(error.message)
                    return
            else:
                kept += 1

    def read() -> None:
        while not done.is_set():
            found = json.loads(path.read_bytes())
            if found["state"] == "issued" and found["bearerToken"].rstrip("x") != found["scimBaseUrl"][8:-8] + "-":
                failures.append("mixed")

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert failures == []
    assert files(root) == ["acme/scim-okta.json"]
    assert mode(path) == 0o600


# -- one secret on its way


NAME = RecordName("acme", "okta")


def test_the_space_for_both_states_is_taken_before_a_secret_is_asked_for(
    target: Directory, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up after that loses nothing, since the file of the final record is there already."""
    delivery = target.begin(NAME, token_record(RecordState.PENDING))
    reserved = root / "acme" / ".scim-okta.json.reserved"
    assert (reserved.stat().st_blocks * 512, mode(reserved)) >= (16 * 1024, 0o600)

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reconciler.delivery.directory._created", full)
    delivery.keep(token_record(), Secret(TOKEN), "https://scim.example/v1")
    delivery.close()
    assert target.read(NAME) == token_record()
    assert files(root) == ["acme/scim-okta.json"]


def test_without_room_for_the_final_record_nothing_is_begun(
    target: Directory, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(target, "acme", "okta", token_record(), Secret(TOKEN))

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DeliveryError, match="No space left on device"):
        target.begin(NAME, token_record(RecordState.PENDING))
    assert target.read(NAME) == token_record()
    assert files(root) == ["acme/scim-okta.json"]


@pytest.mark.parametrize("earlier", [None, RecordState.PENDING, RecordState.ISSUED])
def test_a_secret_that_was_not_issued_leaves_the_record_as_it_was(
    target: Directory, root: Path, earlier: RecordState | None
) -> None:
    if earlier:
        put(
            target, "acme", "okta", token_record(earlier), Secret(TOKEN) if earlier is RecordState.ISSUED else None
        )
    before = {name: (root / name).read_bytes() for name in files(root)}
    delivery = target.begin(NAME, structs.replace(token_record(RecordState.PENDING), issued_at=NOW + 9))
    delivery.take_back()
    delivery.close()
    assert {name: (root / name).read_bytes() for name in files(root)} == before


def test_a_secret_that_cannot_be_kept_is_said_to_be_lost(
    target: Directory, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = target.begin(NAME, token_record(RecordState.PENDING))

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(DeliveryLost, match="Input/output error"):
        delivery.keep(token_record(), Secret(TOKEN), "")
    monkeypatch.undo()
    delivery.close()
    assert target.read(NAME) == token_record(RecordState.PENDING)
    assert files(root) == ["acme/scim-okta.json"]


def test_a_record_of_another_live_object_is_never_overwritten(target: Directory, root: Path) -> None:
    put(target, "acme", "okta", token_record(), Secret(TOKEN))
    put(target, "acme", None, link_record(), Secret(URL))
    before = {name: (root / name).read_bytes() for name in files(root)}
    for name, record in (
        (NAME, structs.replace(token_record(), directory_id=dir_id(2))),
        (RecordName("acme", None), structs.replace(link_record(), organization_id=org_id(2))),
    ):
        with pytest.raises(DeliveryError, match="holds the secret of"):
            target.begin(name, record)
    assert {name: (root / name).read_bytes() for name in files(root)} == before


def test_one_organization_s_secrets_are_delivered_by_one_process_at_a_time(target: Directory, root: Path) -> None:
    delivery = target.begin(NAME, token_record(RecordState.PENDING))
    with pytest.raises(DeliveryError, match="another process is delivering"):
        Directory(str(root)).begin(NAME, token_record(RecordState.PENDING))
    put(target, "globex", "okta", token_record(), Secret(TOKEN))
    delivery.close()
    put(target, "acme", "okta", token_record(), Secret(TOKEN))


def test_what_a_dead_process_left_behind_is_removed(target: Directory, root: Path) -> None:
    put(target, "acme", "okta", token_record(), Secret(TOKEN))
    left = ("scim-okta.json.new", "scim-okta.json.reserved", "scim-gone.json.reserved", "setup-link.json.new")
    for name in (*(f".{name}" for name in left), ".of-somebody-else", "scim-okta.json.new"):
        (root / "acme" / name).write_text("half")
    put(target, "acme", "okta", token_record(), Secret(TOKEN))
    assert files(root) == ["acme/.of-somebody-else", "acme/scim-okta.json", "acme/scim-okta.json.new"]


@pytest.mark.parametrize("permissions", [0o770, 0o707, 0o777])
def test_a_target_that_others_may_write_to_is_refused(target: Directory, root: Path, permissions: int) -> None:
    root.mkdir(parents=True)
    root.chmod(permissions)
    for action in (lambda: target.read(NAME), lambda: target.begin(NAME, token_record(RecordState.PENDING))):
        with pytest.raises(DeliveryError, match="others may write to it"):
            action()
    assert files(root) == []


def test_a_target_of_somebody_else_is_refused(
    target: Directory, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.mkdir(parents=True)
    if os.geteuid() == 0:  # whose own folders are trusted, whoever asks
        os.chown(root, 12345, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 12346)
    with pytest.raises(DeliveryError, match="belongs to somebody else"):
        target.begin(NAME, token_record(RecordState.PENDING))


def test_a_record_of_another_version_with_more_in_it_is_read(target: Directory, root: Path) -> None:
    (root / "acme").mkdir(parents=True)
    more = {"state": "issued", "organizationId": ORG, "directoryId": DIRECTORY, "issuedAt": NOW, "later": [1]}
    (root / "acme" / "scim-okta.json").write_bytes(msgspec.json.encode(more))
    assert target.read(RecordName("acme", "okta")) == token_record()


@pytest.mark.parametrize(("size", "read"), [(MAX_RECORD_BYTES, True), (MAX_RECORD_BYTES + 1, False)])
def test_a_record_has_a_limit(target: Directory, root: Path, size: int, read: bool) -> None:
    assert MAX_RECORD_BYTES == 65_536
    put(target, "acme", "okta", token_record(), Secret(TOKEN))
    path = root / "acme" / "scim-okta.json"
    path.write_bytes(path.read_bytes().ljust(size))
    if read:
        assert target.read(RecordName("acme", "okta")) == token_record()
        return
    with pytest.raises(DeliveryError, match="is not a delivery record"):
        target.read(RecordName("acme", "okta"))


def test_no_descriptor_is_left_open(target: Directory, root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for state in RecordState:
        put(target, "acme", "okta", token_record(state))
        target.read(RecordName("acme", "okta"))
    (root / "acme" / "setup-link.json").mkdir()
    with pytest.raises(DeliveryError):
        target.read(RecordName("acme", None))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

"""Other users of the machine: what they swap, read, or ask the system to write down leads to no secret."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.api.connection import _context
from reconciler.api.keys import parse_key
from reconciler.core.values.redaction import masked
from reconciler.delivery.directory import Directory
from reconciler.delivery.target import RecordName
from reconciler.emulator.snapshot import load
from reconciler.model.errors import DeliveryError, UsageError
from reconciler.model.secret import Secret
from reconciler.model.state import Record, RecordState
from reconciler.source import beneath, snapshot
from reconciler.source.beneath import Beneath, Swapped
from tests.support.build import dir_id, org_id
from tests.support.folders import ENVIRONMENT, organization, write

KEY = "ssoready_sk_z8y7x6w5v4u3t2s1r0q9p8o7n"
PEM = "\n  samlConnections: [{name: a, idp: {certificate: {file: certs/a.pem}}}]"

# -- what the system writes down -------------------------------------------------------------------

SHOWS = """
import os, resource, sys
from reconciler.cli import main
main.main = lambda _: print(resource.getrlimit(resource.RLIMIT_CORE), "SSLKEYLOGFILE" in os.environ)
from reconciler.__main__ import main
main()
"""


def test_there_are_no_core_dumps_and_no_file_of_session_keys(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "SSLKEYLOGFILE": str(tmp_path / "keys")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", SHOWS], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "(0, 0) False\n"


def test_the_client_writes_no_session_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    _context.cache_clear()
    assert _context(None).keylog_filename is None
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("shape", [KEY, KEY.upper(), KEY[12:], KEY[12:].upper(), KEY[9:], f"({KEY[12:]})"])
def test_a_part_of_the_key_is_masked_wherever_it_comes_from(shape: str) -> None:
    parse_key(KEY)
    assert KEY[12:] not in masked(f"the proxy said {shape}").lower()


# -- races in the source ---------------------------------------------------------------------------


def _link(path: Path, target: Path) -> None:
    path.rename(path.with_name(f"{path.name}.gone"))
    path.symlink_to(target)


SWAPS: dict[str, Callable[[Path, Path], None]] = {
    "a folder for a link": lambda folder, outside: _link(folder / "certs", outside),
    "a file for a link": lambda folder, outside: _link(folder / "certs" / "a.pem", outside / "a.pem"),
    "the folder for a link": _link,
}


@pytest.mark.parametrize("swap", SWAPS.values(), ids=SWAPS.keys())
def test_what_is_swapped_between_a_look_and_the_reading_leads_nowhere(
    swap: Callable[[Path, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(
        tmp_path / "m",
        {"environment.yaml": ENVIRONMENT, "x.yaml": organization("x", PEM), "certs/a.pem": "in"},
    )
    outside = write(tmp_path / "outside", {"a.pem": "outside", "certs/a.pem": "outside", "x.yaml": "a: 1"})
    look, swapped = Beneath.look, []

    def looked(self: Beneath, path: str) -> os.stat_result:
        if path.endswith("a.pem") and not swapped:
            swapped.append(path)
            swap(folder, outside)
            self.close()  # as if it was the first file of its folder
        return look(self, path)

    monkeypatch.setattr(Beneath, "look", looked)
    try:
        found = snapshot.read(str(folder)).attachments
    except snapshot.SourceError:
        found = {}
    assert swapped
    if swap is not SWAPS["the folder for a link"]:  # that is what git-sync does: the other folder is read whole
        assert b"outside" not in found.values()


def test_below_a_folder_no_step_is_a_link(tmp_path: Path) -> None:
    write(tmp_path, {"m/a/b/x": "inside", "outside/b/x": "outside"})
    root = str(tmp_path / "m")
    below = Beneath(root)
    handle = below.open(f"{root}/a/b/x")
    assert os.read(handle, 99) == b"inside"
    os.close(handle)
    below.close()
    (tmp_path / "m" / "a").rename(tmp_path / "gone")
    (tmp_path / "m" / "a").symlink_to(tmp_path / "outside")
    with pytest.raises(Swapped):
        below.open(f"{root}/a/b/x")
    assert beneath.os is os
    below.close()


# -- delivery --------------------------------------------------------------------------------------

NAME = RecordName("acme", "okta")
PENDING = Record(RecordState.PENDING, org_id(1), dir_id(1), False, False, 0, None)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722, 0o702, 0o1777])
def test_a_target_that_others_can_write_is_refused(mode: int, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(mode)
    with pytest.raises(DeliveryError):
        Directory(str(tmp_path / "out")).begin(NAME, PENDING)


@pytest.mark.parametrize("before", ["a link", "a link to a file", "a file"])
def test_a_folder_that_is_something_else_gets_no_secret(before: str, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir(mode=0o700)
    elsewhere.mkdir()
    if before == "a file":
        (out / "acme").write_text("")
    else:
        (elsewhere / "x").write_text("")
        (out / "acme").symlink_to(elsewhere if before == "a link" else elsewhere / "x")
    with pytest.raises(DeliveryError):
        Directory(str(out)).begin(NAME, PENDING)
    assert [each.name for each in elsewhere.iterdir() if each.name != "x"] == []


def test_a_folder_swapped_during_a_delivery_gets_no_secret(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    delivery = Directory(str(tmp_path / "out")).begin(NAME, PENDING)
    _link(tmp_path / "out" / "acme", elsewhere)
    delivery.keep(PENDING, Secret("canary"), "")
    delivery.close()
    assert list(elsewhere.iterdir()) == []
    kept = tmp_path / "out" / "acme.gone" / "scim-okta.json"
    assert "canary" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


# -- the emulator's file ---------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["a link", "a pipe", "a folder", "a device"])
def test_the_emulator_reads_no_such_file(what: str, tmp_path: Path) -> None:
    path = tmp_path / "data"
    if what == "a link":
        (tmp_path / "real").write_text("{}")
        path.symlink_to(tmp_path / "real")
    elif what == "a pipe":
        os.mkfifo(path)
    elif what == "a folder":
        path.mkdir()
    else:
        path = Path("/dev/zero")
    with pytest.raises(UsageError):
        load(path, random.Random(1))

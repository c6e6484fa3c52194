"""The author of a pull request may be hostile: nothing of the checkout is run, obeyed or followed outside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from reconciler.cli.config import Flags, one_environment
from reconciler.cli.serve import Reading, _sources
from reconciler.model.errors import UsageError
from reconciler.source.snapshot import read
from tests.docs.pages import ROOT
from tests.support.folders import ENVIRONMENT, organization, write

KEY, OTHER_KEY = "ssoready_sk_" + "a" * 25, "ssoready_sk_" + "b" * 25
SCRIPT = Path(sys.executable).parent / "reconciler"
OURS = (
    "click",
    "yaml",
    "msgspec",
    "idna",
    "sitecustomize",
    "usercustomize",
    "readline",
    "cryptography",
    "conftest",
)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("SSOREADY_", "RECONCILER_"))]:
        monkeypatch.delenv(name)


# -- executed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start",
    [[SCRIPT], [sys.executable, "-P", "-m", "reconciler"], [sys.executable, "-m", "reconciler"]],
    ids=["script", "python -P -m", "python -m"],
)
def test_modules_in_the_working_directory_are_not_run(start: list[str], tmp_path: Path) -> None:
    """Each would leave a mark; the key would have been in its environment."""
    write(tmp_path, {"environment.yaml": ENVIRONMENT, "acme.yaml": organization()})
    for name in OURS:
        (tmp_path / f"{name}.py").write_text(f"open('run-{name}', 'w')\nraise SystemExit(77)\n")
    done = subprocess.run(
        [*start, "validate", "."],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "SSOREADY_API_KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(tmp_path.glob("run-*"))


def test_image_and_demo_never_run_the_working_directory() -> None:
    assert "PYTHONSAFEPATH=1" in (ROOT / "Dockerfile").read_text()
    demo = (ROOT / "demo" / "demo.sh").read_text()
    assert demo.count("python -P -") == demo.count("python -") > 0


# -- obeyed ----------------------------------------------------------------------------------------


def config(path: Path, manifests: Path, url: str = "https://own.example", key: str = KEY) -> Path:
    key_file = path.parent / "key"
    key_file.write_text(key)
    key_file.chmod(0o600)
    path.write_text(
        f'[environments.production]\nmanifests = "{manifests}"\napi_url = "{url}"\napi_key_file = "{key_file}"\n'
    )
    path.chmod(0o600)
    return path


def _in_the_folder(home: Path) -> Path:
    return config(home / "repo" / "manifests" / "r.toml", home / "repo" / "manifests")


def _beside_the_folder(home: Path) -> Path:
    return config(home / "repo" / "r.toml", home / "repo" / "manifests")


def _elsewhere_in_the_tree(home: Path) -> Path:
    (home / "repo" / "ci").mkdir()
    return config(home / "repo" / "ci" / "r.toml", home / "repo" / "manifests")


def _link_out_of_the_tree(home: Path) -> Path:
    """The author of a pull request can lead the link elsewhere."""
    config(home / "good.toml", home / "repo" / "manifests")
    (home / "repo" / "r.toml").symlink_to(home / "good.toml")
    return home / "repo" / "r.toml"


def _link_into_the_tree(home: Path) -> Path:
    (home / "r.toml").symlink_to(_beside_the_folder(home))
    return home / "r.toml"


def _linked_folder(home: Path) -> Path:
    """As git-sync has it: the manifests are named by a link to the work tree."""
    (home / "current").symlink_to(home / "repo")
    return config(home / "repo" / "r.toml", home / "current" / "manifests")


def _a_worktree(home: Path) -> Path:
    """As git-sync has it: `.git` is a file."""
    (home / "repo" / ".git").rmdir()
    (home / "repo" / ".git").write_text("gitdir: ../.git/worktrees/x\n")
    return _beside_the_folder(home)


def _linked_git(home: Path) -> Path:
    (home / "repo" / ".git").rmdir()
    (home / "repo" / ".git").symlink_to("nowhere")
    return _beside_the_folder(home)


INSIDE = [
    _in_the_folder,
    _beside_the_folder,
    _elsewhere_in_the_tree,
    _link_out_of_the_tree,
    _link_into_the_tree,
    _linked_folder,
    _a_worktree,
    _linked_git,
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    write(tmp_path / "repo" / "manifests", {"environment.yaml": ENVIRONMENT, "acme.yaml": organization()})
    return tmp_path


@pytest.mark.parametrize("place", INSIDE, ids=lambda place: place.__name__)
def test_a_configuration_in_the_work_tree_is_refused(place: Callable[[Path], Path], home: Path) -> None:
    with pytest.raises(UsageError, match="lies in the work tree"):
        one_environment(Flags(config=str(place(home))))


def test_a_configuration_outside_of_the_work_tree_is_read(home: Path) -> None:
    assert one_environment(Flags(config=str(config(home / "r.toml", home / "repo" / "manifests")))).api


@pytest.mark.parametrize("mode", [0o666, 0o662, 0o620, 0o606, 0o777])
def test_a_configuration_that_others_can_write_is_refused(mode: int, home: Path) -> None:
    file = config(home / "r.toml", home / "repo" / "manifests")
    file.chmod(mode)
    with pytest.raises(UsageError, match="others may write to it"):
        one_environment(Flags(config=str(file)))


def test_a_configuration_of_somebody_else_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = config(home / "r.toml", home / "repo" / "manifests")
    owner = file.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:  # root may write anything anyway
        assert one_environment(Flags(config=str(file))).api
        return
    with pytest.raises(UsageError, match="belongs to somebody else"):
        one_environment(Flags(config=str(file)))


@pytest.mark.parametrize("name", ["reconciler.toml", ".reconciler.toml", "pyproject.toml", ".env", "key"])
def test_no_file_is_read_because_it_lies_there(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home / "repo")
    (home / "repo" / name).write_text(f'SSOREADY_API_KEY={KEY}\napi_url = "https://evil.example"\n')
    assert one_environment(Flags(folder="manifests")).api is None


def test_while_it_runs_only_the_key_is_read_again(home: Path) -> None:
    """A changed key is used, and all beside it stays; another address is refused, and gets no key at all."""
    file = config(home / "r.toml", home / "repo" / "manifests")
    reading = Reading(Flags(config=str(file)), "production")
    reading()
    file.write_text(file.read_text() + f'proxy = "http://evil.example:1"\nmode = "plan"\nca_file = "{file}"\n')
    file.with_name("key").write_text(OTHER_KEY)
    file.write_text(file.read_text().replace(f'ca_file = "{file}"\n', ""))
    again = reading()
    assert again.api is not None
    assert (again.api.url, again.api.key.reveal()) == ("https://own.example", OTHER_KEY)
    assert (again.api.proxy, again.api.ca_file, again.apply) == (None, None, True)
    config(file, home / "repo" / "manifests", "https://evil.example")
    with pytest.raises(UsageError, match="the API's address was changed"):
        reading()


# -- keys that lie open ----------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "open_to_all"), [(0o644, True), (0o604, True), (0o640, False), (0o400, False)])
def test_a_key_file_that_everybody_can_read_is_warned_of(
    mode: int, open_to_all: bool, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(home / "r.toml", home / "repo" / "manifests")
    file.with_name("key").chmod(mode)
    one_environment(Flags(config=str(file)))
    assert ("every user of this machine can read" in capsys.readouterr().err) is open_to_all
    with structlog.testing.capture_logs() as lines:
        _sources(Flags(config=str(file)))
    assert any("every user of this machine" in line["event"] for line in lines) is open_to_all


# -- followed outside ------------------------------------------------------------------------------

OUTSIDE = {
    "an absolute path": "/etc/passwd",
    "a parent": "../secret.pem",
    "a parent behind a folder": "certs/../../secret.pem",
    "a link": "link.pem",
    "a link by way of a folder": "linked/secret.pem",
    "a link to the key": "key.pem",
    "a process's memory": "/proc/self/environ",
    "a link to a process's environment": "environ.pem",
    "a device": "/dev/zero",
    "a link to a device": "zero.pem",
    "a link in a circle": "circle.pem",
    "a pipe": "pipe.pem",
    "a folder": "certs",
    "standard input": "/dev/stdin",
}


@pytest.mark.parametrize("reference", OUTSIDE.values(), ids=OUTSIDE.keys())
@pytest.mark.parametrize("kind", ["certificate", "metadata"])
def test_a_reference_never_leads_outside(kind: str, reference: str, home: Path) -> None:
    """Nothing of the file is read or shown, nothing blocks, and the message has the place."""
    folder = home / "repo" / "manifests"
    secret = home / "secret.pem"
    secret.write_text("canary-in-a-file")
    (folder / "certs").mkdir()
    for name, target in (
        *(("link.pem", secret), ("linked", home), ("key.pem", home / "repo" / ".git")),
        *(("environ.pem", Path("/proc/self/environ")), ("zero.pem", Path("/dev/zero"))),
        ("circle.pem", folder / "circle.pem"),
    ):
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.pem")
    spec = f"\n  samlConnections: [{{name: a, idp: {{{kind}: {{file: {reference}}}}}}}]"
    write(folder, {"x.yaml": organization("x", spec)})
    manifests = read(str(folder))
    assert manifests.attachments == {}
    found = [each for each in manifests.problems if each.origin.file == "x.yaml"]
    assert [each.rule.partition("/")[0] for each in found] == ["reference"]
    assert found[0].origin.line == 5
    assert "canary" not in repr(manifests)

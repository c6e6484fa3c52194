"""The guides are carried out line by line, with real processes, against an emulator and a git repository."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Store
from reconciler.emulator.seed import certificate, plant
from reconciler.emulator.serve import background
from tests.docs.pages import ROOT, blocks
from tests.support.lifelike import plant_oddities

LIMIT_S = 60
GIT = {
    "GIT_AUTHOR_NAME": "n",
    "GIT_AUTHOR_EMAIL": "e@example",
    "GIT_COMMITTER_NAME": "n",
    "GIT_COMMITTER_EMAIL": "e@example",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
# The two programs of others that guides call: what they do here is what they do to the state and to the API.
TERRAFORM = """\
#!/bin/sh
if [ "$2" = list ]; then cat state; else grep -vxF "$3" state > rest; mv rest state; fi
"""
PROVISION = """\
import json, os, urllib.request
url = os.environ["SSOREADY_API_URL"] + "/v1/organizations"
headers = {"authorization": "Bearer " + os.environ["SSOREADY_API_KEY"], "content-type": "application/json"}
def send(method, address, body=None):
    data = json.dumps(body).encode() if body else None
    return json.load(urllib.request.urlopen(urllib.request.Request(address, data, headers, method=method)))
live = send("GET", url)["organizations"][0]
send("PATCH", url + "/" + live["id"], {"domains": live["domains"], "externalId": live["externalId"]})
"""


class Story:
    """A repository with a remote, beside a live environment."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.repository = home / "sso"
        self.store = Store.fresh(random.Random(1))
        self.environment = self.store.environments["production"]
        self.variables: dict[str, str] = {}
        self.shell("git init --quiet --bare origin.git", home)
        self.shell("git init --quiet --initial-branch=main sso", home)
        self.write("README.md", "SSO")
        self.commit()
        self.shell("git remote add origin ../origin.git && git push --quiet --set-upstream origin main")

    def write(self, name: str, text: str) -> Path:
        path = self.repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self) -> None:
        self.shell("git add . && git commit --quiet --message before")

    def program(self, name: str, text: str) -> None:
        path = self.home / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def shell(self, line: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(self.home / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
        variables = {"PATH": path, "HOME": str(self.home), "LC_ALL": "C.UTF-8", "RECONCILER_SETTLE_S": "0", **GIT}
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=folder or self.repository,
            env={**variables, **self.variables},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def empty_plan(self) -> bool:
        return self.shell("reconciler plan --detailed-exitcode manifests/production").returncode == 0


# -- where each story begins, and how it ends ------------------------------------------------------


def adopt(story: Story) -> Iterator[None]:
    plant_oddities(story.store, story.environment.id, sound=20)
    before = story.store.contents()
    yield
    assert story.store.contents() == before
    assert "manifests/production/twin-2.yaml" in story.shell("git ls-tree -r --name-only origin/main").stdout
    assert "observe" not in story.shell("cat manifests/production/*.yaml").stdout
    assert story.shell("git status --porcelain").stdout == ""


def terraform(story: Story) -> Iterator[None]:
    plant(story.store, story.environment.id, 5)
    story.program("terraform", TERRAFORM)
    story.write("sso.tf", "")
    story.write("state", "aws_vpc.main\nrestapi_object.acme\nrestapi_object.globex\n")
    story.commit()
    yield
    assert (story.repository / "state").read_text() == "aws_vpc.main\n"
    assert story.empty_plan()


def sdk(story: Story) -> Iterator[None]:
    plant(story.store, story.environment.id, 3)
    story.write("provision.py", PROVISION)
    story.commit()
    names = [each.display_name for each in story.store.organizations("production")]
    yield
    assert [each.display_name for each in story.store.organizations("production")] == names


def rotate(story: Story) -> Iterator[None]:
    examples = ROOT / "manifests" / "production"
    for name in ("environment.yaml", "globex.yaml", "idp/globex-entra.xml"):
        story.write(f"manifests/production/{name}", (examples / name).read_text())
    story.commit()
    assert story.shell("reconciler apply --yes manifests/production").returncode == 0
    new = certificate(random.Random(2), "new")
    body = "".join(new.splitlines()[1:-1])
    metadata = (examples / "idp/globex-entra.xml").read_text()
    text = re.sub(r"(X509Certificate>)[^<]+", rf"\g<1>{body}", metadata, count=1)
    (story.home / "metadata.xml").write_text(text)
    yield
    (organization,) = story.store.organizations("production")
    (connection,) = story.store.connections(organization.id)
    assert connection.idp_certificate == new


def move(story: Story) -> Iterator[None]:
    there = story.store.environments["development"]
    acme = story.store.put_organization(
        there.id, display_name="Acme", external_id="4711", domains=["acme.example"]
    )
    story.store.put_connection(acme.id, primary=True)
    for name, key in (("development", there.key), ("production", story.environment.key)):
        story.write(
            f"manifests/{name}/environment.yaml",
            f"apiVersion: reconciler/v1\nkind: Environment\nmetadata: {{name: {name}}}\n",
        )
        story.variables["SSOREADY_API_KEY"] = key
        assert story.shell(f"reconciler import manifests/{name}").returncode == 0
    yield
    (moved,) = story.store.organizations("production")
    assert (moved.external_id, moved.domains) == (acme.external_id, acme.domains)
    assert moved.id in (story.repository / "manifests/production/acme.yaml").read_text()
    assert story.empty_plan()


def offboard(story: Story) -> Iterator[None]:
    for name in ("Acme", "Globex"):
        story.store.put_organization(story.environment.id, display_name=name, domains=[f"{name.lower()}.example"])
    assert story.shell("reconciler import manifests/production").returncode == 0
    story.commit()
    yield
    domains = {each.display_name: tuple(each.domains) for each in story.store.organizations("production")}
    assert domains == {"Acme": (), "Globex": ("globex.example",)}


STORIES: dict[str, Callable[[Story], Iterator[None]]] = {
    each.__name__: each for each in (adopt, terraform, sdk, rotate, move, offboard)
}


def lines(name: str) -> list[str]:
    own = [block for block in blocks("sh") if block.remark == f"carried out: {name}"]
    return [line for block in own for line in block.text.splitlines()]


@pytest.mark.parametrize("name", STORIES)
def test_a_guide_does_what_it_says(name: str, tmp_path: Path) -> None:
    """A line leaves with 0, or as its comment says."""
    story = Story(tmp_path)
    with background(Emulator(story.store)) as url:
        story.variables = {"SSOREADY_API_URL": url, "SSOREADY_API_KEY": story.environment.key}
        course = STORIES[name](story)
        next(course)
        for line in lines(name):
            said = re.search(r"\(exit (\d+)\)", line)
            done = story.shell(line)
            assert done.returncode == int(said[1] if said else 0), f"{line}\n{done.stdout}{done.stderr}"
        assert next(course, "the end") == "the end"


def test_every_guide_has_a_story_and_no_more() -> None:
    told = {block.remark.partition(": ")[2] for block in blocks("sh") if block.remark.startswith("carried out")}
    assert told == set(STORIES)


def test_adopting_takes_six_commands_at_most() -> None:
    (readme,) = (block for block in blocks("sh") if block.place.startswith("README") and "adopt" in block.remark)
    (guide,) = (block for block in blocks("sh") if block.remark == "as in the README")
    commands = [line.partition(" #")[0].rstrip() for line in readme.text.splitlines()]
    assert commands == guide.text.splitlines()
    assert len(commands) <= 6
    assert commands[0].startswith("reconciler list")
    assert commands[-1].startswith("reconciler plan --detailed-exitcode")

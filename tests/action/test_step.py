"""The step of the action: one comment, outputs, merge queue, apply, drift; with GitHub and the API on loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import step
import yaml
from msgspec import Struct

from tests.docs.pages import ROOT
from tests.support.fake_github import BOT, REPOSITORY, TOKEN, FakeGitHub
from tests.support.quiet import ended
from tests.support.shell import Shell, opened

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
DEFAULTS = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()}
(RUN,) = [each for each in ACTION["runs"]["steps"] if each["id"] == "run"]
PROGRAM = str(Path(sys.executable).parent / "reconciler")
PULL = {"pull_request": {"number": 7, "head": {"repo": {"full_name": REPOSITORY}}}}
FORK = {"pull_request": {"number": 7, "head": {"repo": {"full_name": "mallory/identity"}}}}
HEAD_REF = "refs/heads/gh-readonly-queue/main/pr-7-0123abcd"
QUEUE = {"merge_group": {"head_ref": HEAD_REF, "base_sha": "0123abcd"}}
COMMIT = "c" * 40


class Ended(Struct, frozen=True):
    """How a job's step ended."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


class Runner:
    """A job on a branch with manifests; each call is one use of the action."""

    def __init__(self, shell: Shell, fake: FakeGitHub, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell, self.fake, self.capsys = shell, fake, capsys
        names = "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"
        self.files = {each: shell.home / each.lower() for each in names}
        self.observed = shell.home / "observed.json"
        self.environment = {"environment": "production", "path": "manifests", "observed": str(self.observed)}

    def observe(self) -> None:
        """What the job on main does now and then."""
        assert self.shell("observe", "--out", self.observed).code == 0

    def __call__(self, name: str, event: dict[str, Any], **inputs: str) -> Ended:
        """One use of the action, in this process."""
        variables = self._variables(name, event, inputs)
        self.capsys.readouterr()
        code = step.main(variables, in_process, pause=lambda _: None)
        return self._ended(code, self.capsys.readouterr().out)

    def really(self, name: str, event: dict[str, Any], **inputs: str) -> Ended:
        """The same as a runner does it: by bash, with the program as a process."""
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", RUN["run"]],
            env=self._variables(name, event, inputs),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return self._ended(done.returncode, done.stdout)

    def _variables(self, name: str, event: dict[str, Any], inputs: dict[str, str]) -> dict[str, str]:
        """What the runner and action.yml set."""
        home = self.shell.home
        given = DEFAULTS | self.environment | {key.replace("_", "-"): each for key, each in inputs.items()}
        for path in self.files.values():
            path.write_text("")
        (home / "event.json").write_text(json.dumps(event))
        values = {f"inputs.{key}": each for key, each in given.items()} | {
            "github.token": TOKEN,
            "github.action_path": str(ROOT),
            "steps.install.outputs.program": PROGRAM,
        }
        return {
            "PATH": os.environ["PATH"],
            "RUNNER_TEMP": str(home / "temp"),
            "GITHUB_EVENT_PATH": str(home / "event.json"),
            "GITHUB_EVENT_NAME": name,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": self.fake.url,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SHA": COMMIT,
            **{key: str(path) for key, path in self.files.items()},
            **{key: filled(filled(each, values), values) for key, each in RUN["env"].items()},
        }

    def _ended(self, code: int, log: str) -> Ended:
        assert "Traceback" not in log, log
        outputs = dict(line.split("=", 1) for line in self.files["GITHUB_OUTPUT"].read_text().splitlines())
        return Ended(code, log, outputs, self.files["GITHUB_STEP_SUMMARY"].read_text())


def in_process(arguments: list[str], variables: Mapping[str, str]) -> int:
    """The program, quicker than a process; its environment is that of the step."""
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("SSOREADY_", "RECONCILER_"))]:
            patch.delenv(name)
        patch.setenv("RECONCILER_SETTLE_S", "0")
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.delenv("RECONCILER", raising=False)
        done = ended(*arguments)
    for number, handler in handlers:
        signal.signal(number, handler)
    sys.stdout.write(done.out + done.err)
    return done.code


def filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: values[found[1]], text)


@pytest.fixture
def runner(
    tmp_path: Path, fake: FakeGitHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Runner]:
    with opened(tmp_path, capsys, monkeypatch) as shell:
        (shell.home / ".git").mkdir()
        shell.declare("acme", "displayName: Acme, domains: [acme.example]")
        monkeypatch.chdir(shell.home)
        made = Runner(shell, fake, capsys)
        made.observe()
        yield made


def test_a_change_is_one_comment_that_follows_it(runner: Runner) -> None:
    first = runner.really("pull_request", PULL)
    assert first.code == 0, first.log
    (comment,) = runner.fake.bodies(7)
    assert "### `production`" in comment
    assert "1 to create" in comment
    assert first.outputs["digest"] in comment
    counted = {key: first.outputs[key] for key in ("changes", "to_create", "to_update", "at_risk", "blocked")}
    assert counted == {"changes": "true", "to_create": "1", "to_update": "0", "at_risk": "0", "blocked": "0"}
    assert "1 to create" in first.summary
    assert "::notice title=" in first.log
    for key in ("json_path", "markdown_path"):
        assert Path(first.outputs[key]).stat().st_size
    runner.shell.declare("globex", "displayName: Globex")
    assert runner("pull_request", PULL).outputs["to_create"] == "2"
    (comment,) = runner.fake.bodies(7)
    assert "2 to create" in comment


def test_an_invalid_manifest_is_said_at_its_line_and_never_no_changes(runner: Runner) -> None:
    runner("pull_request", PULL)
    runner.shell.write("globex.yaml", "apiVersion: reconciler/v1\nkind: Organization\nmetadata: {name: Globex!}\n")
    done = runner("pull_request", PULL)
    assert done.code == 8
    assert re.search(r"^::error file=manifests/globex.yaml,line=3,", done.log, re.MULTILINE)
    assert {done.outputs[key] for key in ("changes", "to_create", "digest")} == {""}
    (comment,) = runner.fake.bodies(7)
    assert "Invalid" in comment
    assert "o changes" not in comment + done.summary


def test_nothing_to_do_is_no_comment_unless_one_is_to_be_mended(runner: Runner) -> None:
    runner("pull_request", PULL)
    assert runner.shell("apply", "--yes", runner.shell.folder).code == 0
    runner.observe()
    done = runner("pull_request", PULL)
    assert (done.code, done.outputs["changes"]) == (0, "false")
    (comment,) = runner.fake.bodies(7)
    assert "No changes" in comment
    del runner.fake.comments[7]
    runner("pull_request", PULL)
    assert runner.fake.bodies(7) == []
    runner("pull_request", PULL, comment="always", comment_footer="Ask **identity** for a review.")
    (comment,) = runner.fake.bodies(7)
    assert comment.endswith("Ask **identity** for a review.")


def test_a_fork_gets_its_plan_without_key_or_comment(runner: Runner) -> None:
    done = runner("pull_request", FORK)
    assert (done.code, done.outputs["to_create"]) == (0, "1")
    assert "a fork's token may not comment" in done.log
    assert "1 to create" in done.summary
    assert runner.fake.requests == []


@pytest.mark.parametrize("fault", [403, 500])
def test_the_check_says_its_result_where_the_comment_fails(runner: Runner, fault: int) -> None:
    runner.fake.faults["POST"] = [fault] * 9
    event = json.loads(json.dumps(PULL))
    done = runner("pull_request", event)
    assert (done.code, done.outputs["to_create"]) == (0, "1")
    assert "::warning title=reconciler::POST /issues/7/comments: GitHub responded" in done.log
    assert "1 to create" in done.summary


def test_the_merge_queue_fails_on_another_plan_than_was_shown_and_says_nothing(runner: Runner) -> None:
    unseen = runner("merge_group", QUEUE)
    assert unseen.code == 0
    assert "nothing to compare with" in unseen.log
    runner("pull_request", PULL)
    assert runner("merge_group", QUEUE).code == 0
    shown = runner.fake.bodies(7)
    runner.shell.declare("globex", "displayName: Globex")
    done = runner("merge_group", QUEUE)
    assert done.code == step.OTHER_PLAN
    assert "another plan" in done.log
    assert runner.fake.bodies(7) == shown


def test_what_was_reviewed_is_applied_and_the_commit_says_so(runner: Runner) -> None:
    runner("pull_request", PULL)
    runner.fake.pulls[COMMIT] = [{"number": 7, "merged_at": "today", "merge_commit_sha": COMMIT}]
    key = {"api_url": runner.shell.url, "api_key": runner.shell.environment.key}
    done = runner("push", {}, command="apply", **key)
    assert done.code == 0, done.log
    assert b"Acme" in runner.shell.emulator.state
    (status,) = runner.fake.statuses
    assert (status["context"], status["state"]) == ("reconciler/production", "success")
    assert status["target_url"] == f"https://github.example/{REPOSITORY}/actions/runs/1"
    assert key["api_key"] not in done.log + done.summary


def test_another_plan_than_was_reviewed_writes_nothing(runner: Runner) -> None:
    runner("pull_request", PULL)
    runner.fake.pulls[COMMIT] = [{"number": 7, "merged_at": "today", "merge_commit_sha": COMMIT}]
    runner.shell.declare("globex", "displayName: Globex")
    key = {"api_url": runner.shell.url, "api_key": runner.shell.environment.key}
    assert runner("push", {}, command="apply", **key).code == step.OTHER_PLAN
    assert runner.shell.emulator.verbs == {"GET"}
    assert runner.fake.statuses[0]["state"] == "failure"


def test_without_a_reviewed_plan_nothing_is_applied_and_the_plan_is_shown(runner: Runner) -> None:
    key = {"api_url": runner.shell.url, "api_key": runner.shell.environment.key}
    done = runner("push", {}, command="apply", **key)
    assert done.code == step.OTHER_PLAN
    assert done.outputs["digest"] in done.log.rpartition("run it again")[2]
    assert runner.shell.emulator.verbs == {"GET"}
    assert runner("workflow_dispatch", {}, command="apply", approve=done.outputs["digest"], **key).code == 0
    assert runner("push", {}, command="apply", **key).code == 0, "there is nothing to apply"
    assert [each["state"] for each in runner.fake.statuses] == ["failure", "success", "success"]


@pytest.mark.parametrize("approve", ["everything", ""])
def test_what_is_no_digest_approves_nothing(runner: Runner, approve: str) -> None:
    key = {"api_url": runner.shell.url, "api_key": runner.shell.environment.key}
    assert runner("push", {}, command="apply", approve=approve, **key).code == step.USAGE
    assert runner.shell.emulator.verbs <= {"GET"}


def test_a_saved_plan_is_carried_out(runner: Runner) -> None:
    shown = runner("pull_request", PULL)
    saved = runner.shell.home / "saved.json"
    saved.write_bytes(Path(shown.outputs["plan_path"]).read_bytes())
    key = {"api_url": runner.shell.url, "api_key": runner.shell.environment.key, "plan": str(saved)}
    done = runner("push", {}, command="apply", approve=shown.outputs["digest"], **key)
    assert done.code == 0, done.log
    assert b"Acme" in runner.shell.emulator.state


def test_a_github_that_is_away_applies_nothing(runner: Runner) -> None:
    runner.fake.faults["GET"] = [500] * 9
    key = {"api_url": runner.shell.url, "api_key": runner.shell.environment.key}
    assert runner("push", {}, command="apply", **key).code == 1
    assert runner.shell.emulator.verbs == {"GET"}


def test_a_plan_that_a_guard_refuses_is_shown(runner: Runner) -> None:
    runner.shell.write(
        "environment.yaml",
        "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\n"
        "spec: {limits: {maxCreates: 1}}\n",
    )
    runner.shell.declare("globex", "displayName: Globex")
    done = runner("pull_request", PULL)
    assert (done.code, done.outputs["to_create"]) == (6, "2")
    (comment,) = runner.fake.bodies(7)
    assert "Refused by a guard" in comment
    assert done.outputs["digest"] in comment
    assert runner("pull_request", PULL, fail_on="blocked").code == 0
    assert runner("pull_request", PULL, fail_on="changes").code == 2


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_what_others_bring_to_main_meanwhile_makes_no_other_plan(runner: Runner) -> None:
    """The pull request adds Globex; Acme is in main and not live, and Hooli stands before it in the queue."""
    home, shell = runner.shell.home, runner.shell
    (home / ".git").rmdir()
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "manifests")
    git(home, "commit", "-qm", "main")
    git(home, "update-ref", "refs/remotes/origin/main", "main")
    shell.declare("globex", "displayName: Globex")
    git(home, "add", "manifests")
    git(home, "commit", "-qm", "globex")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_BASE_REF", "main")
        shown = runner("pull_request", PULL, changed_since="auto")
    assert (shown.code, shown.outputs["to_create"]) == (0, "1"), shown.log
    git(home, "reset", "-q", "--hard", "HEAD~1")
    shell.declare("hooli", "displayName: Hooli")
    git(home, "add", "manifests")
    git(home, "commit", "-qm", "hooli")
    before = git(home, "rev-parse", "HEAD")
    shell.declare("globex", "displayName: Globex")
    git(home, "add", "manifests")
    git(home, "commit", "-qm", "globex")
    queue = {"merge_group": {"head_ref": HEAD_REF, "base_sha": before}}
    queued = runner("merge_group", queue, changed_since="auto")
    assert (queued.code, queued.outputs["digest"]) == (0, shown.outputs["digest"]), queued.log
    runner.fake.pulls[COMMIT] = [{"number": 7, "merged_at": "today", "merge_commit_sha": COMMIT}]
    key = {"api_url": shell.url, "api_key": shell.environment.key, "observed": ""}
    done = runner("push", {"before": before}, command="apply", changed_since="auto", **key)
    assert done.code == 0, done.log
    assert b"Globex" in shell.emulator.state
    assert b"Hooli" not in shell.emulator.state


def test_drift_is_one_issue_that_ends_with_it(runner: Runner) -> None:
    for _ in range(2):
        assert runner("schedule", {}, command="drift", fail_on="none").code == 0
    (issue,) = runner.fake.issues
    assert "1 to create" in issue["body"]
    runner.shell("apply", "--yes", runner.shell.folder)
    runner.observe()
    runner.shell.write("broken.yaml", "x: [")
    assert runner("schedule", {}, command="drift", fail_on="none").code == 8
    assert issue["state"] == "open", "no plan, so nobody knows"
    (runner.shell.folder / "broken.yaml").unlink()
    runner("schedule", {}, command="drift")
    assert issue["state"] == "closed"


def test_names_give_the_runner_no_commands(runner: Runner) -> None:
    runner.shell.declare("evil", r'displayName: "x\n::error::owned ##[warning]owned @all"')
    done = runner("pull_request", PULL)
    (word,) = re.findall(r"^::stop-commands::([0-9a-f]{32})$", done.log, re.MULTILINE)
    _, _, rest = done.log.partition(word)
    printed, _, after = rest.partition(f"::{word}::")
    assert "owned" in printed
    assert not re.search(r"^\s*::error::owned", after, re.MULTILINE)


def test_a_check_alone_writes_no_comment_over_that_of_the_plan(runner: Runner) -> None:
    runner.shell.write("broken.yaml", "x: [")
    done = runner("pull_request", PULL, command="validate", comment="always")
    assert (done.code, done.outputs["changes"]) == (8, "")
    assert "Invalid" in done.summary
    assert runner.fake.requests == []


def test_sarif_is_written_where_it_is_wanted(runner: Runner) -> None:
    runner("pull_request", PULL, sarif="plan.sarif")
    assert json.loads((runner.shell.home / "plan.sarif").read_text())["version"] == "2.1.0"


def test_an_observed_file_that_is_too_old_is_no_plan(runner: Runner) -> None:
    text = re.sub(r'("observedAt": ?")[^"]+', r"\g<1>2020-01-01T00:00:00Z", runner.observed.read_text())
    runner.observed.write_text(text)
    done = runner("pull_request", PULL, max_age="25h")
    assert done.code not in {0, 2}
    assert done.outputs["changes"] == ""


@pytest.mark.parametrize(
    "inputs", [{"command": "destroy"}, {"comment": "loudly"}, {"fail_on": "blocked typo"}, {"path": ""}]
)
def test_inputs_that_do_not_fit_are_said(runner: Runner, inputs: dict[str, str]) -> None:
    done = runner("pull_request", PULL, **inputs)
    assert done.code == step.USAGE
    assert "::error title=reconciler::" in done.log


def test_a_bots_comment_of_an_invalid_run_carries_no_digest(runner: Runner) -> None:
    runner.shell.write("broken.yaml", "x: [")
    runner("pull_request", PULL)
    (comment,) = runner.fake.comments[7]
    assert comment["user"] == BOT
    assert "reconciler-digest" not in comment["body"]


def test_every_input_and_output_is_one_that_the_step_knows() -> None:
    source = (ROOT / "action" / "step.py").read_text(encoding="utf-8")
    given = {name.removeprefix("INPUT_") for name in RUN["env"] if name.startswith("INPUT_")}
    assert given - {"API_URL", "API_KEY"} == set(step._NAMES)
    assert {name.upper().replace("-", "_") for name in DEFAULTS} == given | {"VERSION", "TOKEN"}
    for name in ACTION["outputs"]:
        assert re.search(rf'"{name}"', source), name
        assert re.fullmatch("[a-z_]+", name)

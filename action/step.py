"""Runs one command for the action: log, annotations, summary, comment, outputs, and whether the job fails.

Inputs come as INPUT_… variables. `bash -e` has nothing to decide: this process leaves with the code that the job
shall have.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from github_api import GitHub, GitHubError, body

COMMANDS = "validate", "plan", "apply", "drift"
COMMENTS = "always", "changes", "never"
CODES = {
    "blocked": 4,
    "refused": 6,
    "risk": 2,
    "changes": 2,
}  # what `fail-on` may name, and the code
FILES = {"json": "json", "markdown": "md", "summary": "summary.md", "github": "annotations"}
USAGE, OTHER_PLAN = 64, 7
COUNTS = {"create": "to_create", "update": "to_update", "risks": "at_risk", "blocked": "blocked"}


Program = Callable[[list[str], Mapping[str, str]], int]


class UsageError(Exception):
    """The workflow's inputs do not fit together."""


@dataclass(frozen=True)
class Inputs:
    """What the workflow asked for. `key` names the environment in comments, status and issue."""

    command: str
    path: str
    key: str
    environment: str
    observed: str
    max_age: str
    changed_since: str
    comment: str
    footer: str
    sarif: str
    fail_on: tuple[str, ...]
    approve: str
    plan: str

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Inputs:
        """Raises UsageError."""
        given = {name: variables.get(f"INPUT_{name}", "").strip() for name in _NAMES}
        fail_on = tuple(given["FAIL_ON"].replace(",", " ").split())
        if given["COMMAND"] not in COMMANDS:
            raise UsageError(f"command is one of {', '.join(COMMANDS)}, or install")
        if given["COMMENT"] not in COMMENTS:
            raise UsageError(f"comment is one of {', '.join(COMMENTS)}")
        if set(fail_on) - {*CODES, "none"}:
            raise UsageError(f"fail-on names some of {', '.join(CODES)}, or none")
        if not given["PATH"]:
            raise UsageError("path is missing: the folder of one environment's manifests")
        return cls(
            command=given["COMMAND"],
            path=given["PATH"],
            key=given["ENVIRONMENT"] or given["PATH"].strip("./") or "manifests",
            environment=given["ENVIRONMENT"],
            observed=given["OBSERVED"],
            max_age=given["MAX_AGE"],
            changed_since=given["CHANGED_SINCE"],
            comment=given["COMMENT"],
            footer=given["COMMENT_FOOTER"],
            sarif=given["SARIF"],
            fail_on=fail_on,
            approve=given["APPROVE"],
            plan=given["PLAN"],
        )


_NAMES = (
    "COMMAND",
    "PATH",
    "ENVIRONMENT",
    "OBSERVED",
    "MAX_AGE",
    "CHANGED_SINCE",
    "COMMENT",
    "COMMENT_FOOTER",
    "SARIF",
    "FAIL_ON",
    "APPROVE",
    "PLAN",
)


class Job:
    """One step of a job: its inputs, where it writes, and what it found."""

    def __init__(self, variables: Mapping[str, str], program: Program, pause: Callable[[float], object]) -> None:
        self.variables = variables
        self.inputs = Inputs.read(variables)
        self.program = program
        self.folder = Path(variables["RUNNER_TEMP"]) / "reconciler-results" / _slug(self.inputs.key)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files = {name: self.folder / f"{self.inputs.command}.{end}" for name, end in FILES.items()}
        self.saved = self.folder / "plan.saved.json"
        self.event = json.loads(Path(variables["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        self.github = GitHub(
            variables["GITHUB_API_URL"], variables["GITHUB_REPOSITORY"], variables["GITHUB_TOKEN"], pause
        )
        self.document: dict[str, Any] = {}

    def run(self) -> int:
        """The exit code of the step."""
        inputs = self.inputs
        code = self._apply() if inputs.command == "apply" else self._plan(inputs.command)
        _append(self.variables.get("GITHUB_STEP_SUMMARY"), _text(self.files["summary"]))
        self._outputs()
        found = self._judged(code)
        if inputs.command == "drift":
            self._try(self._drift)
        elif inputs.command == "apply":
            self._try(lambda: self._status(good=found == 0))
        elif self.variables["GITHUB_EVENT_NAME"] == "merge_group":
            found = found or self._compared()
        elif inputs.command == "plan" and inputs.comment != "never":
            self._comment()  # a plan also says what is invalid; a second voice would write over it
        return found

    def _plan(self, command: str) -> int:
        """Of validate, plan and drift."""
        environment = self._flag("--environment", self.inputs.environment)
        if command == "validate":
            return self._reconciler(command, *environment)
        observed = self._flag("--observed", self.inputs.observed) + self._flag("--max-age", self.inputs.max_age)
        return self._planned(*environment, *observed, *self._changed())

    def _apply(self) -> int:
        """Applies what was reviewed. Where nothing was, a plan says whether there is anything to apply."""
        digest, inputs = self._approved(), self.inputs
        environment = self._flag("--environment", inputs.environment)
        if digest:
            return self._apply_only(digest, environment)
        code = self._reconciler("plan", *environment)
        if not self._is("Plan") or not (self.document["changes"] or self.document["refusals"]):
            return code
        words = "no pull request showed a plan for this commit. If this one is right, run it again with its digest"
        _say("error", f"{words}: {self.document['digest']}")
        return OTHER_PLAN

    def _apply_only(self, digest: str, environment: list[str]) -> int:
        """Applies the plan with this digest, or nothing. What only changed is planned so again, with the key."""
        saved, changed = self.inputs.plan, self._changed()
        if changed and not saved:
            code = self._planned(*environment, *changed)
            if not (self._is("Plan") and self.saved.exists()):
                return code or 1
            saved = str(self.saved)
        return self._reconciler(
            "apply", "--yes", f"--approve={digest}", *environment, *self._flag("--plan", saved)
        )

    def _planned(self, *words: str) -> int:
        self.saved.unlink(missing_ok=True)
        return self._reconciler("plan", *words, f"--out={self.saved}")

    def _changed(self) -> list[str]:
        """What `auto` means here: the base of a pull request or of its place in the queue, main before a push."""
        since = self.inputs.changed_since
        if since == "auto":
            event = self.variables["GITHUB_EVENT_NAME"]
            if event == "merge_group":
                since = self.event["merge_group"]["base_sha"]
            elif event == "push":
                since = self.event["before"].strip("0") and self.event["before"]
            elif event != "pull_request":
                since = ""
        return self._flag("--changed-since", since)

    def _flag(self, name: str, value: str) -> list[str]:
        return [f"{name}={value}"] if value else []

    def _reconciler(self, *words: str) -> int:
        """Runs it. What it prints is no command to the runner, but for its annotations."""
        inputs = self.inputs
        outputs = [f"--output={name}={path}" for name, path in self.files.items()]
        outputs += [f"--output=sarif={inputs.sarif}"] if inputs.sarif else []
        for path in self.files.values():
            path.unlink(missing_ok=True)
        word = secrets.token_hex(16)
        print(f"::stop-commands::{word}", flush=True)
        arguments = [*words, "--output=text", *outputs, "--", inputs.path]
        code = self.program(arguments, _environment(self.variables))
        print(f"\n::{word}::", flush=True)
        print(_text(self.files["github"]), end="", flush=True)
        try:
            self.document = json.loads(_text(self.files["json"]))
        except ValueError:
            self.document = {}
        return code

    def _outputs(self) -> None:
        """Nothing is said of a plan that was not made: its outputs are empty, not zero."""
        summary = self.document.get("summary", {}) if self._is("Plan") else {}
        values = {name: summary.get(key, "") for key, name in COUNTS.items()}
        values["changes"] = json.dumps(bool(self.document["changes"])) if self._is("Plan") else ""
        values["digest"] = self.document.get("digest", "")
        values["plan_path"] = self.saved if self._is("Plan") and self.saved.exists() else ""
        values["json_path"], values["markdown_path"] = self.files["json"], self.files["markdown"]
        _append(self.variables.get("GITHUB_OUTPUT"), "".join(f"{key}={each}\n" for key, each in values.items()))

    def _judged(self, code: int) -> int:
        """The code to leave with. Only a whole plan can be let through by `fail-on`."""
        if not self._is("Plan") or code not in {0, CODES["blocked"], CODES["refused"]}:
            return code or (0 if self.document else 1)
        summary = self.document["summary"]
        holds = {
            "blocked": summary["blocked"] or summary.get("duplicates"),
            "refused": self.document["refusals"],
            "risk": summary.get("risks"),
            "changes": self.document["changes"],
        }
        failing = [each for each in self.inputs.fail_on if each != "none" and holds[each]]
        if failing:
            _say("error", f"the check fails on {', '.join(failing)}, as fail-on asks")
        return max((CODES[each] for each in failing), default=0)

    # -- what GitHub is told ---------------------------------------------------------------------------

    def _comment(self) -> None:
        pull = self.event.get("pull_request")
        if not pull:
            return
        if (pull["head"].get("repo") or {}).get("full_name") != self.variables["GITHUB_REPOSITORY"]:
            _say("notice", "a fork's token may not comment: the result stands in the summary of this job")
            return
        nothing_to_do = self._is("Plan") and not (self.document["changes"] or self.document["blocked"])
        create = self.inputs.comment == "always" or not nothing_to_do
        markdown = _text(self.files["markdown"]) or "### Failed\n\n**No result.** The log of the job says why.\n"
        self._try(
            lambda: self.github.comment(
                pull["number"],
                self.inputs.key,
                body(self.inputs.key, markdown, self._digest(), self.inputs.footer),
                create=create,
            )
        )

    def _compared(self) -> int:
        """In the merge queue: whether this is the plan that the pull request showed."""
        if not self._is("Plan"):
            return 0
        queued = re.search(r"/pr-(\d+)-[0-9a-f]+$", self.event["merge_group"]["head_ref"])
        reviewed = self.github.reviewed(int(queued[1]), self.inputs.key) if queued else ""
        if not reviewed:
            _say("notice", "no comment shows a plan of this environment: nothing to compare with")
            return 0
        if reviewed != self._digest():
            _say("error", f"this is another plan ({self._digest()}) than the pull request showed ({reviewed})")
            return OTHER_PLAN
        return 0

    def _approved(self) -> str:
        """The digest that `apply` is bound to; "" where no pull request showed one."""
        if self.inputs.approve != "reviewed":
            if not re.fullmatch(r"[0-9a-f]{8,64}", self.inputs.approve):
                raise UsageError("approve is reviewed, or the digest of a plan")
            return self.inputs.approve
        number = self.github.merged_by(self.variables["GITHUB_SHA"])
        return self.github.reviewed(number, self.inputs.key) if number else ""

    def _status(self, *, good: bool) -> None:
        summary = self.document.get("summary", {}) if self._is("Report") else {}
        words = ", ".join(f"{number} {name}" for name, number in summary.items() if number)
        link = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format_map(self.variables)
        words = words or ("nothing to do" if good else "failed: see the job")
        self.github.status(
            self.variables["GITHUB_SHA"], f"reconciler/{self.inputs.key}", good=good, words=words, link=link
        )

    def _drift(self) -> None:
        """Only a whole plan says that there is drift, or that there is none any more."""
        if not self._is("Plan"):
            return
        drifted = self.document["changes"] or self.document["blocked"]
        text = body(self.inputs.key, _text(self.files["markdown"]), footer=self.inputs.footer) if drifted else ""
        self.github.drift(self.inputs.key, f"{self.inputs.key}: the live environment is not as git has it", text)

    def _try(self, tell: Callable[[], None]) -> None:
        """A comment that cannot be made changes nothing about the result."""
        try:
            tell()
        except GitHubError as error:
            _say("warning", f"{error}. The result stands in the log and in the summary of this job.")

    def _is(self, kind: str) -> bool:
        return self.document.get("kind") == kind

    def _digest(self) -> str:
        return str(self.document["digest"]) if self._is("Plan") else ""


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """What the program sees: the key that it needs, not the token, and no empty variable."""
    hidden = "GITHUB_TOKEN", "INPUT_"
    kept = {name: each for name, each in variables.items() if not name.startswith(hidden)}
    given = {
        "SSOREADY_API_URL": variables.get("INPUT_API_URL"),
        "SSOREADY_API_KEY": variables.get("INPUT_API_KEY"),
    }
    return kept | {name: each for name, each in given.items() if each}


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "manifests"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _append(path: str | None, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def _say(level: str, words: str) -> None:
    shown = words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::{level} title=reconciler::{shown}", flush=True)


def installed(arguments: list[str], variables: Mapping[str, str]) -> int:
    """The exit code of the installed program; both its outputs go to the log."""
    program = [variables["RECONCILER"], *arguments]
    done = subprocess.run(program, env=variables, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, check=False)
    return done.returncode


def main(
    variables: Mapping[str, str], program: Program = installed, pause: Callable[[float], object] = time.sleep
) -> int:
    """Runs the step; returns its exit code."""
    try:
        return Job(variables, program, pause).run()
    except UsageError as error:
        _say("error", str(error))
        return USAGE
    except GitHubError as error:
        _say("error", f"the reviewed plan could not be looked up: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(os.environ))

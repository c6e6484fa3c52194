"""The workflows, the component and the hook hold what docs/pull-requests.md says of keys, pins and permissions."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.render.formats import FORMATS
from tests.docs.pages import ROOT, blocks, codes, first_codes, page, table

WORKFLOWS = sorted((ROOT / "docs" / "ci" / "github").glob("*.yml"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
COMPONENT = (ROOT / "templates" / "reconciler.yml").read_text(encoding="utf-8")
OURS = "example-org/ssoready-reconciler"


def workflow(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    loaded["on"] = loaded.pop(True)  # YAML 1.1 reads `on` so
    return loaded


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in workflow(path)["jobs"].items():
            yield f"{path.stem}/{name}", job


def steps(job: dict[str, Any], uses: str = "") -> list[dict[str, Any]]:
    return [step for step in job["steps"] if step.get("uses", "").startswith(uses)]


def test_every_action_is_pinned_by_a_commit() -> None:
    used = [step["uses"] for _, job in jobs() for step in steps(job) if "uses" in step]
    used += [step["uses"] for step in ACTION["runs"]["steps"] if "uses" in step]
    assert len(used) > 10
    assert [each for each in used if not re.fullmatch(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}", each)] == []


def test_no_permission_is_given_but_to_a_job_that_needs_it() -> None:
    assert [path.name for path in WORKFLOWS if workflow(path)["permissions"] != {}] == []
    given = {name: {key for key, level in job["permissions"].items() if level == "write"} for name, job in jobs()}
    assert given == {
        "reconciler-apply/apply": {"statuses"},
        "reconciler-pull-request/plan": {"pull-requests"},
        "reconciler-scheduled/observe": set(),
        "reconciler-scheduled/drift": {"issues"},
        "reconciler-scheduled/pins": {"contents", "pull-requests"},
    }


def test_a_key_is_in_jobs_of_a_protected_environment_alone_and_never_in_a_pull_request() -> None:
    holding = {name for name, job in jobs() if "secrets." in str(job)}
    assert holding == {"reconciler-apply/apply", "reconciler-scheduled/observe"}
    assert [name for name, job in jobs() if name in holding and "environment" not in job] == []
    started = {trigger for path in WORKFLOWS if "secrets." in path.read_text() for trigger in workflow(path)["on"]}
    assert started == {"push", "workflow_dispatch", "schedule"}
    assert set(workflow(WORKFLOWS[1])["on"]) == {"pull_request", "merge_group"}


def test_no_script_holds_an_expression_that_others_could_fill() -> None:
    scripts = [step["run"] for _, job in jobs() for step in steps(job) if "run" in step]
    scripts += [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    assert len(scripts) > 5
    assert [script for script in scripts if "${{" in script] == []


def test_no_checkout_leaves_its_token_behind() -> None:
    checkouts = [step for _, job in jobs() for step in steps(job, "actions/checkout@")]
    assert len(checkouts) == len(list(jobs()))
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_every_input_that_is_given_is_one_of_the_action() -> None:
    used = [step for _, job in jobs() for step in steps(job, OURS)]
    assert {step["with"]["command"] for step in used} == {"plan", "apply", "drift", "install"}
    assert [name for step in used for name in step["with"] if name not in ACTION["inputs"]] == []


def test_two_applies_never_run_at_once_and_none_is_cut_short() -> None:
    (apply,) = [path for path in WORKFLOWS if path.stem == "reconciler-apply"]
    assert workflow(apply)["concurrency"] == {"group": "reconciler-apply", "cancel-in-progress": False}
    assert "github." not in workflow(apply)["concurrency"]["group"]


def test_every_input_and_output_is_described_and_no_other() -> None:
    text = page("pull-requests.md")
    assert set(first_codes(table(text, "input"))) == set(ACTION["inputs"])
    assert set(first_codes(table(text, "output"))) == set(ACTION["outputs"])
    meanings = {code: row[1] for row in table(text, "input") for code in codes(row[0])}
    assert f"`{ACTION['inputs']['fail-on']['default']}` by default" in meanings["fail-on"]


# -- GitLab ----------------------------------------------------------------------------------------


def component() -> tuple[dict[str, Any], dict[str, Any]]:
    """Its inputs and its jobs, as for the environment `production`."""
    head, body = yaml.safe_load_all(COMPONENT.replace("$[[ inputs.environment ]]", "production"))
    return head["spec"]["inputs"], body


def test_every_input_of_the_component_is_declared_and_used_and_no_other() -> None:
    assert set(re.findall(r"\$\[\[ inputs\.([\w-]+) \]\]", COMPONENT)) == set(component()[0])
    (shown,) = [yaml.safe_load(block.text) for block in blocks("yaml") if "templates/reconciler.yml" in block.text]
    given = shown["include"][0]["inputs"]
    assert set(component()[0]) - set(given) == {"max-age"}
    assert re.fullmatch(component()[0]["image"]["regex"], given["image"])


def test_only_jobs_of_the_default_branch_and_of_the_environment_may_see_the_key() -> None:
    _, all_jobs = component()
    online = {name for name, job in all_jobs.items() if job.get("extends") == ".reconciler-online:production"}
    assert {name.partition(":")[0] for name in online} == {
        "reconciler plan on main",
        "reconciler apply",
        "reconciler observe",
    }
    for name, job in all_jobs.items():
        if name.startswith("."):
            continue
        conditions = [rule["if"] for rule in job["rules"]]
        assert ("environment" in job) == (name in online), name
        if name in online:
            assert all("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in each for each in conditions)
        assert "artifacts" not in job or job["artifacts"]["access"] == "developer"
    assert all_jobs[".reconciler-online:production"]["resource_group"] == "reconciler-production"


def test_every_format_and_flag_in_a_script_is_one_of_the_program() -> None:
    scripts = [line for job in component()[1].values() for line in job.get("script", [])]
    asked = [word for line in scripts for word in re.findall(r"--output[ =]([\w-]+)", line)]
    assert {"gitlab-terraform", "code-quality", "junit"} <= set(asked) <= set(FORMATS)


# -- pre-commit ------------------------------------------------------------------------------------


def test_the_hook_validates_and_is_the_one_that_is_shown() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert shlex.split(hook["entry"]) == ["reconciler", "validate"]
    assert hook["pass_filenames"] is False
    (shown,) = [yaml.safe_load(block.text) for block in blocks("yaml") if "hooks:" in block.text]
    assert shown["repos"][0]["hooks"][0]["id"] == hook["id"]


@pytest.mark.parametrize("name", ["acme.yaml", "certs/acme.pem", "idp/globex.xml", "environment.yml"])
def test_the_hook_looks_at_everything_that_manifests_are_made_of(name: str) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert re.search(hook["files"], f"manifests/production/{name}")

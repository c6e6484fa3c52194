"""The kustomize base, the overlay and the chart name what the program has, and confine it alike."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml
from starlette.routing import Route

from reconciler import __version__
from reconciler.cli.config import read_file
from reconciler.cli.serve import run
from reconciler.daemon.http import application
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.status import Status
from tests.docs.pages import ROOT
from tests.support.golden import settled

DEPLOY = ROOT / "deploy"
BASE, OVERLAY = DEPLOY / "kustomize" / "base", DEPLOY / "kustomize" / "overlays" / "production"
RULES = DEPLOY / "kustomize" / "components" / "prometheus" / "rules.yaml"
CHART = DEPLOY / "helm"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


POD = loaded(BASE / "deployment.yaml")["spec"]["template"]["spec"]
(GIT_SYNC,), (RECONCILER,) = POD["initContainers"], POD["containers"]


@pytest.mark.parametrize(
    "path",
    [path for path in DEPLOY.rglob("*.yaml") if path.parent.name != "templates"],
    ids=lambda path: path.name,
)
def test_every_file_is_yaml(path: Path) -> None:
    assert loaded(path)


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("kustomization.yaml")), ids=lambda path: path.parent.name)
def test_every_file_of_a_folder_is_used_and_there(path: Path) -> None:
    stated = loaded(path)
    named = [*stated.get("resources", []), *stated.get("components", [])]
    named += [each["path"] for each in stated.get("patches", [])]
    named += [file for each in stated.get("configMapGenerator", []) for file in each["files"]]
    assert [name for name in named if not (path.parent / name).exists()] == []
    others = {each.name for each in path.parent.iterdir()} - {path.name}
    assert others == {name for name in named if "/" not in name}


def test_its_command_and_variables_are_those_of_the_program() -> None:
    assert RECONCILER["args"] == [run.name]
    known = {option.envvar for option in run.params if isinstance(option, click.Option)}
    given = {each["name"]: each["value"] for each in RECONCILER["env"]}
    assert set(given) <= known
    mounts = {each["mountPath"]: each for each in RECONCILER["volumeMounts"]}
    assert given["RECONCILER_CONFIG"] in {f"{place}/reconciler.toml" for place in mounts}
    assert all(each["readOnly"] for each in mounts.values())


def test_its_port_user_and_probes_are_those_of_the_image() -> None:
    (port,) = RECONCILER["ports"]
    assert f"EXPOSE {port['containerPort']}\n" in DOCKERFILE
    assert f"USER {POD['securityContext']['runAsUser']}:{POD['securityContext']['runAsGroup']}\n" in DOCKERFILE
    listen = next(each["value"] for each in RECONCILER["env"] if each["name"] == "RECONCILER_LISTEN")
    assert f"RECONCILER_LISTEN={listen}" in DOCKERFILE
    assert listen.endswith(f":{port['containerPort']}")
    routes = {
        each.path for each in application(Status(0.0), Metrics(["production"])).routes if isinstance(each, Route)
    }
    probes = {name: RECONCILER[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")}
    assert {name: each["path"] for name, each in probes.items()} == {
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    assert {each["path"] for each in probes.values()} | {"/metrics"} <= routes
    assert {each["port"] for each in probes.values()} == {port["name"]}


def test_nothing_in_the_pod_has_more_than_it_needs() -> None:
    """What the restricted standard of Kubernetes asks for, and a read-only root."""
    pod = POD["securityContext"]
    assert pod["runAsNonRoot"] is True
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    for container in (GIT_SYNC, RECONCILER):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own.get("runAsUser", pod["runAsUser"]) > 0
        assert {"limits", "requests"} == set(container["resources"])
    kinds = {loaded(path)["kind"] for path in BASE.glob("*.yaml")}
    assert not kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "Secret"}


def test_only_one_process_writes() -> None:
    spec = loaded(BASE / "deployment.yaml")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_git_sync_neither_ends_at_a_failure_nor_takes_a_commit_away_from_a_pass() -> None:
    assert {"--max-failures=-1", "--stale-worktree-timeout=10m", "--http-bind=:1234"} <= set(GIT_SYNC["args"])
    assert GIT_SYNC["restartPolicy"] == "Always"
    assert GIT_SYNC["startupProbe"]["httpGet"]["port"] == GIT_SYNC["ports"][0]["name"]
    assert GIT_SYNC["ports"][0]["containerPort"] == 1234


@pytest.mark.parametrize("folder", [BASE, OVERLAY], ids=["base", "overlay"])
def test_the_configuration_can_be_read_and_fits_the_mounts(folder: Path) -> None:
    (section,) = read_file(str(folder / "reconciler.toml")).environments.values()
    root = next(each.removeprefix("--root=") for each in GIT_SYNC["args"] if each.startswith("--root="))
    assert section.manifests.startswith(f"{root}/current/")
    mounts = {each["name"]: each["mountPath"] for each in RECONCILER["volumeMounts"]}
    assert (section.api_key_file or "").startswith(f"{mounts['keys']}/")


def test_the_base_writes_nothing_until_somebody_says_so() -> None:
    (section,) = read_file(str(BASE / "reconciler.toml")).environments.values()
    assert section.mode == "plan"


def test_an_overlay_names_every_image_by_digest() -> None:
    pinned = {each["name"]: each["digest"] for each in loaded(OVERLAY / "kustomization.yaml")["images"]}
    assert set(pinned) == {GIT_SYNC["image"], RECONCILER["image"]}
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", digest) for digest in pinned.values())


# -- the chart -------------------------------------------------------------------------------------


def merged(under: Any, over: Any) -> Any:
    """As Helm lays values over each other."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {key: merged(under.get(key), each) for key, each in over.items()}


SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
DEFAULTS = loaded(CHART / "values.yaml")
EXAMPLE = merged(DEFAULTS, loaded(CHART / "example.yaml"))


def test_the_example_is_valid_and_the_defaults_alone_are_not() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(EXAMPLE, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(DEFAULTS, SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [
        {"replicas": 2},
        {"image": {"digest": "latest"}},
        {"image": {"tag": "latest"}},
        {"gitSync": {"repository": "https://user:token@git.example/a.git"}},
        {"environments": {"production": {"manifests": "/srv/elsewhere"}}},
        {"environments": {"production": {"api_key_file": "/git/current/key"}}},
        {"daemon": {"listen": "0.0.0.0:9"}},
    ],
)
def test_values_that_would_not_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(merged(EXAMPLE, wrong), SCHEMA)


def test_every_value_is_used_and_every_used_one_is_in_the_schema() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (CHART / "templates").iterdir())
    used = {tuple(found.split(".")) for found in re.findall(r"\.Values\.([\w.]+)", text)}
    assert {path[0] for path in used} == set(SCHEMA["properties"]) - {"global"} == set(DEFAULTS)
    for path in used:
        known = SCHEMA
        for part in path:
            known = SCHEMA["definitions"]["image"] if "$ref" in known else known
            known = known["properties"][part]


def test_the_chart_is_the_base_with_holes() -> None:
    """Each line of the base stands in the chart, but for those that a value fills."""
    filled = (
        "replaced: ",
        "image: ",
        "value: ",
        "matchLabels: ",
        "labels: ",
        "serviceAccountName",
        "name: reconciler",
    )
    filled += (
        "secretName: ",
        "- --ref=",
        "- --period=",
        "resources:",
        "requests: ",
        "limits: ",
        "securityContext:",
    )
    text = "".join(path.read_text(encoding="utf-8") for path in (CHART / "templates").iterdir())
    have = {line.strip() for line in text.splitlines()}
    lines = [line.strip() for line in (BASE / "deployment.yaml").read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if line not in have and not line.startswith(filled)] == []


def test_the_chart_is_of_this_version() -> None:
    chart = loaded(CHART / "Chart.yaml")
    assert chart["appVersion"] == chart["version"] == __version__


def test_both_have_the_same_rules_and_every_metric_in_them_exists() -> None:
    rules = loaded(CHART / "rules.yaml")
    assert rules == loaded(RULES)["spec"]
    answered = Metrics(["production"]).text().decode()
    for rule in rules["groups"][0]["rules"]:
        for metric in re.findall(r"reconciler_\w+", rule["expr"]):
            assert f"\n{metric}" in f"\n{answered}", metric
        page = rule["annotations"]["runbook_url"].partition("/blob/main/")[2].partition("#")[0]
        assert (ROOT / page).exists()


def test_the_charts_readme_is_made_from_its_schema() -> None:
    """UPDATE_GOLDEN=1 writes it."""
    text = (
        "# Helm chart\n\nMade from `values.schema.json` and `values.yaml`. `example.yaml` has what an installation"
        " states at least;\n[deployment](../../docs/deployment.md) says why things are as they are.\n\n"
        "| value | default | is |\n|---|---|---|\n"
    )
    for name, default, about in rows(SCHEMA, DEFAULTS):
        text += f"| `{name}` | `{json.dumps(default)}` | {about} |\n"
    assert settled(CHART / "README.md", text) == text


def rows(schema: dict[str, Any], default: Any, prefix: str = "") -> list[tuple[str, Any, str]]:
    found = []
    for name, each in schema["properties"].items():
        if name not in (default or {}):
            continue
        own = SCHEMA["definitions"]["image"] | each if "$ref" in each else each
        value = default[name]
        if "properties" in own and value:
            found += rows(own, value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value, own["description"]))
    return found

"""Finds the one Environment manifest of a folder: with none, two or a broken one nothing in it may be applied."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.values.problems import Fault, warning
from reconciler.model.manifest import Document, Origin, Problem
from reconciler.model.settings import DomainRules
from reconciler.model.state import DesiredEnvironment

KIND = "Environment"
FOLDER = Origin(".")
_WARN_DAYS = 30

# What organizations are judged by while it is not known what the environment allows.
UNKNOWN = DesiredEnvironment(
    name="",
    id=None,
    limits={},
    forbid_shared=False,
    forbid_public_mail=False,
    warn_days=_WARN_DAYS,
    origin=FOLDER,
)


def find(stated: Sequence[Document]) -> tuple[Document | None, tuple[Problem, ...]]:
    """The one to use among all Environment documents of a folder, and what is wrong with their number or place."""
    if not stated:
        return None, (_MISSING.at(FOLDER),)
    if len(stated) > 1:
        return None, tuple(_also(stated[0 if each is not stated[0] else 1]).at(each.origin) for each in stated)
    if "/" in stated[0].origin.file:
        return None, (_BELOW.at(stated[0].origin),)
    return stated[0], ()


def declare(document: Document, rules: DomainRules) -> DesiredEnvironment:
    """The settings in an Environment that keeps its schema, with the defaults for what it leaves out.

    It can tighten the process's rules, and loosen what they do not forbid.
    """
    spec = document.value.get("spec", {})
    domains = spec.get("domains", {})
    return DesiredEnvironment(
        name=document.value["metadata"]["name"],
        id=spec.get("id"),
        limits=spec.get("limits", {}),
        forbid_shared=rules.forbid_shared or domains.get("forbidShared", True),
        forbid_public_mail=rules.forbid_public_mail or domains.get("forbidPublicMail", True),
        warn_days=spec.get("certificates", {}).get("warnDays", _WARN_DAYS),
        origin=document.origin,
        make_lone_primary=spec.get("directories", {}).get("makeLonePrimary", False),
    )


def without_effect(document: Document, rules: DomainRules) -> list[Problem]:
    """A warning for each rule that the Environment would loosen and the process does not."""
    domains = document.value.get("spec", {}).get("domains", {})
    return [
        _no_effect(name).at(document.locate(("spec", "domains", name)))
        for name, stated in domains.items()
        if stated is False and name not in rules.loosened
    ]


_MISSING = Fault(
    "environment/missing",
    "there is no Environment in this folder",
    "add a file at its root with `apiVersion: reconciler/v1`, `kind: Environment` and `metadata: {name: …}`, or "
    "name the folder that has one",
)
_BELOW = Fault(
    "environment/not-at-root",
    "the Environment is not at the folder's root",
    "move its file to the root, or name the folder that it is in",
)


def _also(other: Document) -> Fault:
    return Fault(
        "environment/two",
        f"another Environment stands at {other.origin}, and a folder holds one environment",
        "keep one; each environment has a folder of its own",
    )


def _no_effect(name: str) -> Fault:
    key = {"forbidShared": "forbid_shared", "forbidPublicMail": "forbid_public_mail"}[name]
    return warning(
        "environment/no-effect",
        f"`{name}: false` has no effect, since the process forbids it",
        f"remove it, or set `domains = {{ {key} = false }}` in reconciler.toml",
    )

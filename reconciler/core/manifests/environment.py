"""Finds the one Environment manifest of a folder: with none, two or a broken one nothing in it may be applied."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.values.problems import Fault
from reconciler.model.manifest import Document, Origin, Problem
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


def declare(document: Document) -> DesiredEnvironment:
    """The settings in an Environment that keeps its schema, with the defaults for what it leaves out."""
    spec = document.value.get("spec", {})
    domains = spec.get("domains", {})
    return DesiredEnvironment(
        name=document.value["metadata"]["name"],
        id=spec.get("id"),
        limits=spec.get("limits", {}),
        forbid_shared=domains.get("forbidShared", True),
        forbid_public_mail=domains.get("forbidPublicMail", True),
        warn_days=spec.get("certificates", {}).get("warnDays", _WARN_DAYS),
        origin=document.origin,
    )


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

"""Holds what the daemon knows of itself, for /status, /livez and /readyz."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.core.applying.verdict import PassResult, Verdict
from reconciler.core.values.redaction import json_escaped, masked
from reconciler.daemon.declared import Vanished
from reconciler.model.condition import Condition, ConditionType
from reconciler.model.errors import WrongEnvironment
from reconciler.model.manifest import Problem, Severity

PROBLEMS_MAX = 100  # shown of one environment; the rest is counted
NAMES_MAX = 5
Conditions = dict[str, tuple[Condition, ...]]  # by organization's handle


class EnvironmentStatus(Struct):
    """One environment's last pass and the next; times are Unix seconds.

    `notice` is a trouble that did not stop the pass. `stopped_since` is set while the key opens the wrong
    environment: nothing is written until it is right.
    """

    mode: str = "apply"
    result: str = "waiting"
    reason: str = "Waiting"
    message: str = "no pass has ended yet"
    hint: str = ""
    notice: str = ""
    revision: str = ""
    environment_id: str | None = None
    since: float | None = None  # when Ready last became what it is
    last_pass: float | None = None
    last_success: float | None = None
    next_pass: float | None = None
    stopped_since: float | None = None
    vanished: Vanished | None = None
    vanished_since: float | None = None
    configured: bool = False
    source_read: bool = False
    problems: tuple[Problem, ...] = ()
    organizations: Conditions = {}

    def note(self, verdict: Verdict, now: float) -> None:
        """Takes in how a pass ended."""
        success = verdict.result is PassResult.SUCCESS
        if self.since is None or (self.result == PassResult.SUCCESS) is not success:
            self.since = now
        self.result, self.reason, self.message = verdict.result, verdict.reason, verdict.message
        self.hint = verdict.hint
        self.last_pass = now
        wrong = verdict.reason == WrongEnvironment.__name__
        self.stopped_since = (self.stopped_since or now) if wrong else None
        if success:
            self.last_success = now

    def lose(self, vanished: Vanished | None, now: float) -> None:
        """Takes in which organizations are no longer declared."""
        if vanished is not self.vanished:
            self.vanished, self.vanished_since = vanished, now

    @property
    def stopped(self) -> bool:
        """Whether nothing is written because of the key."""
        return self.stopped_since is not None

    @property
    def writes(self) -> bool:
        """Whether a pass may write."""
        return self.configured and self.mode == "apply" and not self.stopped

    def conditions(self) -> tuple[Condition, ...]:
        """The environment's own, and which organizations are not ready."""
        ready = self.result == PassResult.SUCCESS
        own = Condition(ConditionType.READY, ready, self.reason, self.message, self.revision, self.since or 0.0)
        return (own, *self._own(), *_gathered(self.organizations))

    def _own(self) -> Iterable[Condition]:
        if self.stopped_since is not None:
            since = self.stopped_since
            yield Condition(ConditionType.STOPPED, True, self.reason, self.message, self.revision, since)
        if self.vanished and self.vanished_since is not None:
            type_, since = ConditionType.MANIFESTS_VANISHED, self.vanished_since
            message = f"{self.vanished.message}: {_some(self.vanished.names)}"
            yield Condition(type_, True, type_, message, self.revision, since)


def _gathered(organizations: Conditions) -> Iterable[Condition]:
    for type_ in ConditionType:
        if type_ is ConditionType.READY:
            continue
        found = {
            name: condition
            for name, conditions in organizations.items()
            for condition in conditions
            if condition.type is type_ and condition.status
        }
        if found:
            first = min(found.values(), key=lambda each: each.since)
            yield Condition(type_, True, first.reason, _some(sorted(found)), first.revision, first.since)


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMES_MAX
    return ", ".join(names[:NAMES_MAX]) + (f" and {more} more" if more > 0 else "")


class Status:
    """All environments, and the loop's heartbeat."""

    def __init__(self, beat: float) -> None:
        self.environments: dict[str, EnvironmentStatus] = {}
        self.beat = beat  # the event loop's clock
        self._built: dict[str, tuple[Conditions, msgspec.Raw]] = {}
        self._building = threading.Lock()

    @property
    def ready(self) -> bool:
        """Configuration loaded, every source readable once; never the API's health."""
        every = self.environments.values()
        return bool(every) and all(each.configured and each.source_read for each in every)

    def body(self) -> bytes:
        """The body of /status: handles and conditions, nothing secret.

        That of the organizations is built once after a pass, however many read it.
        """
        with self._building:
            shown = {
                masked(name): masked(_environment(each)) | {"organizations": self._organizations(name, each)}
                for name, each in self.environments.items()
            }
        document = {"apiVersion": "reconciler/v1", "kind": "Status", "environments": shown}
        return json_escaped(msgspec.json.encode(document))

    def _organizations(self, name: str, status: EnvironmentStatus) -> msgspec.Raw:
        known = self._built.get(name)
        if known is None or known[0] is not status.organizations:
            shown = masked(
                {
                    handle: {"conditions": [_condition(each) for each in conditions]}
                    for handle, conditions in status.organizations.items()
                }
            )
            known = self._built[name] = status.organizations, msgspec.Raw(msgspec.json.encode(shown))
        return known[1]


def _environment(status: EnvironmentStatus) -> dict[str, Any]:
    return {
        "environmentId": status.environment_id,
        "mode": status.mode,
        "revision": status.revision,
        "result": status.result,
        "message": status.message,
        "hint": status.hint,
        "notice": status.notice,
        "stopped": status.stopped,
        "lastPass": _time(status.last_pass),
        "lastSuccess": _time(status.last_success),
        "nextPass": _time(status.next_pass),
        "conditions": [_condition(each) for each in status.conditions()],
        "organizations": None,  # those that were built last stand here
        "errors": sum(problem.severity is Severity.ERROR for problem in status.problems),
        "warnings": sum(problem.severity is Severity.WARNING for problem in status.problems),
        "problems": [_problem(each) for each in status.problems[:PROBLEMS_MAX]],
    }


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "revision": condition.revision,
        "since": _time(condition.since),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "rule": problem.rule,
        "severity": problem.severity,
        "file": problem.origin.file,
        "line": problem.origin.line,
        "column": problem.origin.column,
        "message": problem.message,
        "hint": problem.hint,
    }


def _time(seconds: float | None) -> str | None:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None

"""Structured logs on stderr: one line per change, one per pass, and never a secret in any of them."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any

from reconciler.cli.output import show_traceback
from reconciler.core.values.redaction import cut, escaped, masked
from reconciler.model.change import Change
from reconciler.model.event import ChangeDone, Crashed, Event, Listed, RequestDone
from reconciler.model.outcome import GOOD, Report
from reconciler.model.state import Certificate, Value
from reconciler.render.words import value

ITEMS_MAX, TEXT_MAX = 100, 300  # of a value in a change's line
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
Entry = MutableMapping[str, Any]
_least = [LEVELS["warning"]]  # checked for each request: faster than asking structlog


def configure(format_: str | None, level: str | None) -> None:
    """Sets structlog up, once per process; None chooses by whether stderr is a terminal.

    On a terminal only errors are logged: the bar counts retries, and the report lists what failed.
    """
    import structlog  # noqa: PLC0415 150 ms, and not needed to validate

    terminal = sys.stderr.isatty()
    _least[0] = least = LEVELS[level or ("error" if terminal else "warning")]
    chosen = format_ or ("console" if terminal else "json")
    renderers: list[Any] = [structlog.processors.JSONRenderer()]
    if chosen == "console":
        plain = structlog.dev.plain_traceback
        renderers = [
            printable,
            structlog.dev.ConsoleRenderer(colors=terminal, pad_event_to=0, exception_formatter=plain),
        ]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        # asked for each line: a progress bar puts its own stderr in place to stay below the lines
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def redact(_: Any, __: str, entry: Entry) -> Entry:
    """Masks whatever looks like a secret, in every value of an entry."""
    return {key: masked(value) for key, value in entry.items() if value is not None}


def printable(_: Any, __: str, entry: Entry) -> Entry:
    """Escapes what would steer a terminal."""
    return {key: escaped(value) if isinstance(value, str) else value for key, value in entry.items()}


def watch(event: Event) -> None:
    """Logs each change and each retry; at debug also each request, never its body or key."""
    if isinstance(event, Listed) or (isinstance(event, RequestDone) and _least[0] > LEVELS["debug"]):
        return
    import structlog  # noqa: PLC0415

    log = structlog.get_logger()
    if isinstance(event, Crashed):
        show_traceback(event.error)
    elif isinstance(event, RequestDone):
        log.debug(
            "request",
            route=f"{event.method} {event.route}",
            http_status=event.status,
            attempt=event.attempt,
            duration_ms=_ms(event.duration_s),
        )
    elif isinstance(event, ChangeDone):
        outcome = event.outcome
        write = log.info if outcome.result in GOOD else log.warning
        write(
            "change",
            **_fields(outcome.change, outcome.id),
            result=outcome.result,
            duration_ms=_ms(event.duration_s),
            error=outcome.error,
        )
    else:
        log.warning("retry", route=f"{event.method} {event.route}", attempt=event.attempt, error=event.reason)


def dropped(number: int) -> None:
    """Says how many lines stderr did not take so far, once it takes lines again."""
    import structlog  # noqa: PLC0415

    structlog.get_logger().warning("log lines dropped", number=number)


def summary(report: Report, code: int) -> None:
    """One line for a whole pass."""
    import structlog  # noqa: PLC0415

    plan = report.plan
    structlog.get_logger().info(
        "pass",
        environment=plan.environment,
        revision=plan.revision,
        digest=plan.digest,
        exit_code=code,
        changes=len(plan.changes),
        blocked=len(plan.blocked),
        duplicates=len(plan.duplicates),
        unchanged=plan.unchanged,
        duration_ms=_ms(report.duration_s),
    )


def _fields(change: Change, id_: str | None) -> dict[str, Any]:
    return {
        "action": change.action,
        "kind": change.key.kind,
        "organization": change.key.organization,
        "name": change.key.name,
        "id": id_ or change.live_id,
        "fields": [field.path for field in change.fields],
        "before": {field.path: _shown(field.before) for field in change.fields if field.before is not None},
        "after": {field.path: _shown(field.after) for field in change.fields},
        "risk": change.risks,
    }


def _shown(shown: Value | None) -> Any:
    """A field's value, bounded."""
    if isinstance(shown, Certificate):
        return value(shown)
    if isinstance(shown, tuple):
        more = len(shown) - ITEMS_MAX
        return [*map(_shown, shown[:ITEMS_MAX]), *([f"and {more} more"] if more > 0 else [])]
    return cut(masked(shown), TEXT_MAX) if isinstance(shown, str) else shown


def _ms(duration_s: float) -> int:
    return round(duration_s * 1000)

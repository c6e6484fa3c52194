"""Structured logs on stderr: one line per change, one per pass, and never a secret in any of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

from reconciler.model.change import Change
from reconciler.model.event import ChangeDone, Event, Retrying
from reconciler.model.outcome import GOOD
from reconciler.model.secret import MASK, Secret

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECRETS = re.compile(
    r"ssoready_[a-z_]+_[0-9A-Za-z]+|one-time-token=[^\s\"&]+|-----BEGIN[^-]*PRIVATE KEY[\s\S]*|Bearer \S+"
)


def configure(format_: str | None, level: str) -> None:
    """Sets structlog up, once per process."""
    import structlog  # noqa: PLC0415 150 ms, and not needed to validate

    chosen = format_ or ("console" if sys.stderr.isatty() else "json")
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if chosen == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Masks whatever looks like a secret, in every value of an event."""
    return {key: masked(value) for key, value in event.items()}


def masked(value: Any) -> Any:
    """The value without anything that looks like a secret."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, str):
        return _SECRETS.sub(MASK, value)
    if isinstance(value, Mapping):
        return {key: masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(each) for each in value]
    return value


def watch(event: Event) -> None:
    """Logs what is worth a line: each change, and each retry."""
    import structlog  # noqa: PLC0415

    log = structlog.get_logger()
    if isinstance(event, ChangeDone):
        outcome = event.outcome
        write = log.info if outcome.result in GOOD else log.warning
        write(
            "change",
            **_fields(outcome.change),
            result=outcome.result,
            duration_ms=_ms(event.duration_s),
            error=outcome.error,
        )
    elif isinstance(event, Retrying):
        log.warning("retry", route=f"{event.method} {event.route}", attempt=event.attempt, reason=event.reason)


def _fields(change: Change) -> dict[str, Any]:
    return {
        "action": change.action,
        "kind": change.key.kind,
        "organization": change.key.organization,
        "name": change.key.name,
        "id": change.id if isinstance(change.id, str) else None,
        "fields": [field.path for field in change.fields],
    }


def _ms(duration_s: float) -> int:
    return round(duration_s * 1000)

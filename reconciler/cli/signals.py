"""Says what a signal means from the first moment on, long before a command is loaded."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

INTERRUPTED = 5


def catch(arguments: Sequence[str]) -> None:
    """Makes SIGTERM the same as Ctrl-C, and keeps SIGHUP from killing `run` before it hears it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if _runs(arguments):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it starts with a pass anyway


def stays_up(arguments: Sequence[str]) -> bool:
    """Whether this is the daemon, which a signal ends well."""
    once = "--once" in arguments or os.environ.get("RECONCILER_ONCE")
    return _runs(arguments) and not once


def _runs(arguments: Sequence[str]) -> bool:
    return list(arguments[:1]) == ["run"]


def interrupted(arguments: Sequence[str]) -> int:
    """The exit code of a command that a signal ended before it began."""
    return 0 if stays_up(arguments) else INTERRUPTED

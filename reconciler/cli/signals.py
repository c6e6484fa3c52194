"""Says what a signal means from the first moment on, long before a command is loaded."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

INTERRUPTED = 5


def catch(arguments: Sequence[str]) -> None:
    """Makes SIGTERM the same as Ctrl-C, and lets SIGHUP wake a daemon that cannot hear it yet."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if stays_up(arguments):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it starts with a pass anyway


def stays_up(arguments: Sequence[str]) -> bool:
    """Whether this is the daemon, which a signal ends well."""
    once = "--once" in arguments or os.environ.get("RECONCILER_ONCE")
    return list(arguments[:1]) == ["run"] and not once


def interrupted(arguments: Sequence[str]) -> int:
    """The exit code of a command that a signal ended before it began."""
    return 0 if stays_up(arguments) else INTERRUPTED

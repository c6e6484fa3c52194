"""The kinds of delivery targets as a table: the configuration's `to`, and what opens one from its `path`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.delivery.directory import Directory
from reconciler.delivery.target import Target

TARGETS: Mapping[str, Callable[[str], Target]] = {
    "directory": Directory,
}

"""What the daemon knows of itself, for /status, /livez and /readyz."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, to_builtins

from reconciler.model.condition import Condition


class EnvironmentStatus(Struct):
    """One environment's last pass and the next; times are Unix seconds."""

    result: str = "waiting"
    message: str = ""
    revision: str = ""
    environment_id: str | None = None
    last_pass: float | None = None
    last_success: float | None = None
    next_pass: float | None = None
    source_read: bool = False
    conditions: dict[str, tuple[Condition, ...]] = {}


class Status:
    """All environments, and the loop's heartbeat."""

    def __init__(self) -> None:
        self.environments: dict[str, EnvironmentStatus] = {}
        self.beat = 0.0  # the event loop's clock

    @property
    def ready(self) -> bool:
        """Configuration loaded, every source readable once; never the API's health."""
        return bool(self.environments) and all(each.source_read for each in self.environments.values())

    def document(self) -> dict[str, Any]:
        """What /status answers: handles and conditions, nothing secret."""
        return {
            "apiVersion": "reconciler/v1",
            "kind": "Status",
            "environments": {name: to_builtins(each) for name, each in self.environments.items()},
        }

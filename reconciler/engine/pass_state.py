"""Holds what one apply knows while it runs: ids of new objects, outcomes others wait for, why to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from reconciler.api.client import Client
from reconciler.delivery.target import Target
from reconciler.engine.runtime import Runtime
from reconciler.model.change import Change, Create, Key, Plan, Ref
from reconciler.model.errors import Interrupted
from reconciler.model.kinds import KindName
from reconciler.model.outcome import GOOD, Halt, Outcome
from reconciler.model.settings import EnvironmentSettings


class PassState:
    """Shared by the organizations of one apply; all of them run on one event loop."""

    def __init__(  # noqa: PLR0913 all that a pass needs, named once
        self,
        *,
        plan: Plan,
        environment: EnvironmentSettings,
        client: Client,
        delivery: Target | None,
        runtime: Runtime,
        stop: asyncio.Event,
        seen: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.client = client
        self.delivery = delivery
        self.runtime = runtime
        self.settle_s = environment.settle_s
        self.environment_id = plan.environment_id  # None until a response shows it
        self.pins = (environment.environment_id, plan.pin)
        self.first_create = asyncio.Lock()
        self.unknown_first_create = False
        self.outcomes: list[Outcome] = []
        self.halt: Halt | None = None
        self.stop = stop
        self.seen = seen  # gets the live environment's id with each response that shows it
        self._ids: dict[Key, str] = {}
        self._uncertain: set[str] = set()
        self._ends: dict[Key, asyncio.Future[bool]] = {
            change.key: asyncio.get_running_loop().create_future() for change in plan.changes
        }

    @property
    def stopped(self) -> bool:
        """Whether no further write may start."""
        if self.stop.is_set() and self.halt is None:
            self.halt = Halt(
                Interrupted.__name__, "asked to stop; the rest was not started", Interrupted.exit_code
            )
        return self.halt is not None

    def stop_for(self, halt: Halt) -> None:
        """Starts no further write; the first reason is kept."""
        self.halt = self.halt or halt

    async def missing_need(self, change: Change) -> str | None:
        """Waits, holding no lane, for what the change needs; returns the name of what did not succeed, or None."""
        for need in change.needs:
            if need not in self._ends or not await self._ends[need]:
                return f"{need.organization}/{need.name}" if need.name != need.organization else need.name
        return None

    def conclude(self, outcome: Outcome) -> None:
        """A change has ended: changes that wait for it go on."""
        self.outcomes.append(outcome)
        if outcome.id and isinstance(outcome.change, Create):
            self._ids[outcome.change.key] = outcome.id
        self._ends[outcome.change.key].set_result(outcome.result in GOOD)

    def leave(self, change: Change) -> None:
        """A change is not started."""
        self._ends[change.key].set_result(False)

    def resolve(self, reference: str | Ref) -> str:
        """The live id; a Ref's create has succeeded, since the change needs it."""
        return self._ids[reference.key] if isinstance(reference, Ref) else reference

    def created(self, organization: str, kind: KindName) -> dict[str, str]:
        """The ids of the children of that kind that this pass created there, by handle."""
        return {
            key.name: id_
            for key, id_ in self._ids.items()
            if key.organization == organization and key.kind is kind
        }

    def uncertain(self, change: Change) -> None:
        """The change got no response: its organization gets no new child before the next pass has read it."""
        self._uncertain.add(change.key.organization)
        self.runtime.recent_writes.uncertain(asyncio.get_running_loop().time())

    def is_uncertain(self, organization: str) -> bool:
        """Whether a change of that organization got no response."""
        return organization in self._uncertain

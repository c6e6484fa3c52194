"""Mistakes in sending requests and in believing responses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reconciler.api import paging, session
from reconciler.api.known import Known
from reconciler.api.lane import Lane
from reconciler.api.session import Session
from reconciler.engine import apply, survey, write
from reconciler.engine.pass_state import PassState
from reconciler.engine.runtime import RecentWrites
from reconciler.model.errors import ApiError, BadAnswer, Refused, Uncertain, Unsent
from reconciler.model.outcome import Halt
from tests.simulation.oracle.breach import Breach
from tests.simulation.planting import Promise, plant, swap, together

Faulty = AbstractContextManager[Any]
Send = Callable[..., Awaitable[Any]]


def _twisted(twist: Callable[[Uncertain], Exception]) -> Callable[[Send], Send]:
    """A send that reports an uncertain end as something else."""

    def of(send: Send) -> Send:
        async def twisted(*args: Any) -> Any:
            try:
                return await send(*args)
            except Uncertain as error:
                raise twist(error) from error

        return twisted

    return of


def _with_status(*statuses: int | None, error: type[ApiError]) -> Callable[[Uncertain], Exception]:
    def twist(found: Uncertain) -> Exception:
        return error(found.message, route="POST") if found.status in statuses else found

    return twist


# -- what is sent again ----------------------------------------------------------------------------


@plant(Promise.ONCE, Breach.AGAIN)
def retry_a_post_blindly() -> Faulty:
    """Whatever went wrong, the request is sent again."""

    def blind(send: Send) -> Send:
        async def again(*args: Any) -> Any:
            for _ in range(3):
                try:
                    return await send(*args)
                except Uncertain:
                    continue
            return await send(*args)

        return again

    return swap(Lane, "create", blind)


@plant(Promise.ONCE, Breach.AGAIN)
def retry_a_lost_post() -> Faulty:
    """A reset connection counts as one that never was."""
    return swap(Lane, "create", _twisted(_with_status(None, error=Unsent)))


@plant(Promise.ONCE, Breach.AGAIN)
def take_a_503_for_unsent() -> Faulty:
    """What a gateway calls unavailable was never carried out."""
    return swap(Lane, "create", _twisted(_with_status(503, error=Unsent)))


@plant(Promise.ONCE, Breach.AGAIN)
def take_a_504_on_a_rotation_for_unsent() -> Faulty:
    """A gateway that gave up waiting did not pass the request on."""
    return swap(Lane, "rotate", _twisted(_with_status(504, 502, 500, error=Unsent)))


@plant(Promise.ONCE, Breach.AGAIN)
def update_twice() -> Faulty:
    """Every PATCH goes out twice, to be sure."""

    def twice(send: Send) -> Send:
        async def both(*args: Any) -> Any:
            await send(*args)
            return await send(*args)

        return both

    return swap(Lane, "update", twice)


@plant(Promise.ONCE, Breach.UNSETTLED)
def take_a_500_on_a_post_for_failure() -> Faulty:
    """What the server calls an error was not done."""
    return swap(Lane, "create", _twisted(_with_status(500, 502, 503, 504, error=Refused)))


@plant(Promise.ONCE, Breach.UNSETTLED)
def call_an_unknown_create_failed() -> Faulty:
    """A POST without a response was not done, and is not sent again either."""

    def sure(found: Uncertain) -> Exception:
        found.certainly_not_done, found.retryable = True, False
        return found

    return swap(Lane, "create", _twisted(sure))


@plant(Promise.ONCE, Breach.UNSETTLED)
def create_beside_a_lost_write() -> Faulty:
    """What became of the organization's last write does not matter to its next one."""
    return patch.object(PassState, "is_uncertain", lambda *_: False)


@plant(Promise.ONCE, Breach.UNSETTLED)
def create_before_settling() -> Faulty:
    """A create that the process before lost is thought never to come."""
    return patch.object(RecentWrites, "creatable_at", lambda *_: float("-inf"))


@plant(Promise.ONCE, Breach.UNSETTLED)
def look_before_settling() -> Faulty:
    """A write that was lost a moment ago is thought never to come."""
    return patch.object(RecentWrites, "observable_at", lambda *_: float("-inf"))


@plant(Promise.ONCE, Breach.UNSETTLED)
def settle_half_as_long() -> Faulty:
    """Half of the settle time is thought to be enough."""
    return swap(RecentWrites, "observable_at", lambda at: lambda self, settle_s: at(self, settle_s / 2))


@plant(Promise.ONCE, Breach.UNSETTLED)
def forget_lost_updates() -> Faulty:
    """Only a create without a response is remembered."""

    def creates_only(remember: Callable[..., None]) -> Callable[..., None]:
        def uncertain(self: PassState, change: Any) -> None:
            if change.action == "create":
                remember(self, change)

        return uncertain

    return swap(PassState, "uncertain", creates_only)


@plant(Promise.MOVED, Breach.STALE)
def send_again_what_was_decided_before_a_wait() -> Faulty:
    """After a 429 the same body goes out, whatever became of the object meanwhile."""

    def again(update: Send) -> Send:
        async def sent(self: Lane, *args: Any) -> Any:
            return await self.retry_unsent(lambda: update(self, *args))

        return sent

    return swap(Lane, "update", again)


# -- what is believed ------------------------------------------------------------------------------


@plant(Promise.RESPONSE, Breach.BLOCKED)
def believe_an_empty_200() -> Faulty:
    """A crash's empty answer counts as an empty object."""

    def gullible(judge: Callable[..., Any]) -> Callable[..., Any]:
        def judged(route: str, status: int, headers: dict[str, str], body: bytes, **more: Any) -> Any:
            return {} if status == 200 and not body else judge(route, status, headers, body, **more)

        return judged

    return swap(session, "judge", gullible)


@plant(Promise.RESPONSE, Breach.BLOCKED)
def believe_any_200() -> Faulty:
    """A page of a proxy counts as an empty object."""

    def gullible(judge: Callable[..., Any]) -> Callable[..., Any]:
        def judged(*args: Any, **more: Any) -> Any:
            try:
                return judge(*args, **more)
            except BadAnswer:
                return {}

        return judged

    return swap(session, "judge", gullible)


@plant(Promise.LIST, Breach.PARTIAL)
def read_only_the_first_page() -> Faulty:
    """A list is what its first page holds."""

    def only(pages: Callable[..., Any]) -> Callable[..., Any]:
        async def first(*args: Any) -> AsyncIterator[Any]:
            async for page in pages(*args):
                yield page
                return

        return first

    return swap(paging, "pages", only)


@plant(Promise.LIST, Breach.PARTIAL, 40)
def take_an_empty_page_for_the_end() -> Faulty:
    """A page that was promised, and that holds nothing, ends the list."""

    def ended(pages: Callable[..., Any]) -> Callable[..., Any]:
        async def to_the_empty_one(*args: Any) -> AsyncIterator[Any]:
            try:
                async for page in pages(*args):
                    yield page
            except BadAnswer as error:
                if "promised" not in error.message:
                    raise

        return to_the_empty_one

    return together(swap(paging, "pages", ended), patch.object(Known, "ids", lambda *_: frozenset()))


@plant(Promise.LIST, Breach.PARTIAL, 40)
def believe_a_list_that_lacks_something() -> Faulty:
    """Whatever a list lacks is gone: what was seen, what a manifest pins, what a record names."""

    async def gone(*_: Any) -> None:
        """Asks nobody."""

    return patch.object(Lane, "gone", gone)


# -- where, and when to stop -----------------------------------------------------------------------


@plant(Promise.ENVIRONMENT, Breach.WRONG_ENVIRONMENT)
def ignore_the_pin_of_the_environment() -> Faulty:
    """Whose environment the key opens is not asked."""
    return patch.object(survey, "foreign_environment", lambda *_: None)


@plant(Promise.ENVIRONMENT, Breach.TOO_EARLY)
def create_all_at_once_in_an_empty_environment() -> Faulty:
    """The first create does not go alone."""
    return patch.object(write, "_shown", lambda _: True)


@plant(Promise.ENVIRONMENT, Breach.TOO_EARLY)
def go_on_after_a_lost_first_create() -> Faulty:
    """In an empty environment the next create follows one without a response."""

    def forgetful(create: Send) -> Send:
        async def first(change: Any, state: PassState) -> Any:
            state.unknown_first_create = False
            return await create(change, state)

        return first

    return swap(write, "_first_create", forgetful)


@plant(Promise.STOP, Breach.AFTER_STOP)
def write_after_sigterm() -> Faulty:
    """The rest of the plan is done before the process ends."""

    def halted(self: PassState) -> bool:
        return self.halt is not None

    return together(
        patch.object(Session, "_check", lambda *_: None), patch.object(PassState, "stopped", property(halted))
    )


@plant(Promise.STOP, Breach.AFTER_STOP)
def stop_reads_alone() -> Faulty:
    """Once asked to stop, a process reads nothing more, and writes what it has begun."""

    def reads(check: Callable[..., None]) -> Callable[..., None]:
        def checked(self: Session, request: Any) -> None:
            if request.method == "GET":
                check(self, request)

        return checked

    return swap(Session, "_check", reads)


@plant(Promise.ALONE, Breach.UNDONE)
def one_failure_stops_the_rest() -> Faulty:
    """The first change that does not succeed ends the pass."""

    def halting(attempt: Send) -> Send:
        async def tried(change: Any, state: PassState, watch: Any) -> Any:
            outcome = await attempt(change, state, watch)
            state.stop_for(Halt("Failed", "a change failed", 4))
            return outcome

        return tried

    return swap(apply, "_attempt", halting)


@plant(Promise.DOMAIN, Breach.TOO_EARLY)
def forget_that_a_parent_failed() -> Faulty:
    """Nothing waits for what it needs."""

    async def nothing_missing(self: PassState, change: Any) -> None:
        del self, change
        await asyncio.sleep(0)

    return patch.object(PassState, "missing_need", nothing_missing)

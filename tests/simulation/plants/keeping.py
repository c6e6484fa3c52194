"""Mistakes in making and delivering links and tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any
from unittest.mock import patch

import structlog
from msgspec import structs

from reconciler.api import wire
from reconciler.api.lane import Lane
from reconciler.cli import logs
from reconciler.core.planning import plan
from reconciler.core.planning import secrets as planning
from reconciler.delivery import directory
from reconciler.engine import secrets
from reconciler.engine.secrets import Issuer
from reconciler.model.secret import Secret
from reconciler.model.state import Record, RecordState, SCIMDirectory
from tests.simulation.oracle.breach import Breach
from tests.simulation.planting import Promise, plant, swap, together

Faulty = AbstractContextManager[Any]
Any_ = Callable[..., Any]
Send = Callable[..., Awaitable[Any]]


@plant(Promise.TOKEN, Breach.NOT_DUE, 10)
def issue_a_token_over_another() -> Faulty:
    """A directory's token is rotated whether or not it has one."""

    def tokenless(read: Any_) -> Any_:
        def found(*args: Any) -> Any:
            live = read(*args)
            if isinstance(live, SCIMDirectory):
                return structs.replace(live, has_client_bearer_token=False)
            return live

        return found

    return swap(wire, "_live", tokenless)


@plant(Promise.TOKEN, Breach.AGAIN, 10)
def rotate_every_token_twice() -> Faulty:
    """The second token is delivered; both were made."""

    def twice(rotate: Send) -> Send:
        async def both(self: Lane, directory_id: str) -> Any:
            await rotate(self, directory_id)
            return await rotate(self, directory_id)

        return both

    return swap(Lane, "rotate", twice)


@plant(Promise.TOKEN, Breach.BLOCKED)
def rotate_a_lost_token() -> Faulty:
    """A token that was made and never kept is made again, and cuts off whoever has it."""

    def again(planned: Any_) -> Any_:
        def made(wanted: Any, child: Any, live: Any, parent: Any, records: Any) -> Any:
            record = (records or {}).get((wanted.name, child.name))
            lost = isinstance(record, Record) and record.state is RecordState.PENDING
            blank = structs.replace(live, has_client_bearer_token=False) if live and lost else live
            return planned(wanted, child, blank, parent, records)

        return made

    async def rotated(self: Issuer, directory_id: str, name: Any) -> bool:
        await self.new_token(directory_id, name)
        return True

    return together(swap(plan, "plan_token", again), patch.object(Issuer, "first_token", rotated))


@plant(Promise.TOKEN, Breach.UNSETTLED)
def rotate_before_a_lost_rotation_shows() -> Faulty:
    """A pending record is followed up at once."""

    async def at_once(*_: Any) -> None:
        return

    return patch.object(secrets, "_settle", at_once)


@plant(Promise.TOKEN, Breach.NOT_RECORDED, 10)
def make_a_secret_without_a_record() -> Faulty:
    """Where a secret goes is seen to once it is there."""

    @asynccontextmanager
    async def nothing(*_: Any) -> AsyncIterator[None]:
        yield None

    return patch.object(Issuer, "_delivering", nothing)


@plant(Promise.TOKEN, Breach.NOT_RECORDED)
def record_another_directory() -> Faulty:
    """The pending record names the organization where the directory belongs."""

    def wrong(begin: Any_) -> Any_:
        def begun(self: Any, name: Any, pending: Record) -> Any:
            wrong_id = pending.organization_id if pending.directory_id else None
            return begin(self, name, structs.replace(pending, directory_id=wrong_id))

        return begun

    return swap(directory.Directory, "begin", wrong)


def _kept(keep: Callable[[Any_, tuple[Any, ...]], Any]) -> Faulty:
    return swap(directory._Delivery, "keep", lambda original: lambda *args: keep(original, args))


@plant(Promise.TOKEN, Breach.NOT_DELIVERED)
def deliver_another_token() -> Faulty:
    """What is delivered is not what was made."""
    return _kept(lambda keep, args: keep(args[0], args[1], Secret(args[2].reveal()[:-4] + "0000"), args[3]))


@plant(Promise.TOKEN, Breach.NOT_DELIVERED)
def deliver_nothing() -> Faulty:
    """The record stays pending."""
    return patch.object(directory._Delivery, "keep", lambda *_: None)


@plant(Promise.TOKEN, Breach.NOT_DELIVERED)
def deliver_readable_by_all() -> Faulty:
    """Everybody on the machine may read what is delivered."""
    return swap(directory.os, "open", lambda opened: lambda *args, **more: opened(*_public(args), **more))


def _public(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*args[:2], 0o644) if len(args) > 2 and args[2] == 0o600 else args


@plant(Promise.TOKEN, Breach.BLOCKED)
def overwrite_the_record_of_another() -> Faulty:
    """A record of another directory, which may hold the only copy of its token, is replaced."""
    return together(
        patch.object(planning, "_unusable", lambda *_: ""),
        patch.object(directory, "_check_owner", lambda *_: None),
    )


@plant(Promise.DONE, Breach.UNDONE)
def issue_no_tokens() -> Faulty:
    """A token that is wanted is left to the customer."""
    return patch.object(plan, "plan_token", lambda *_: planning.IssuePlan())


def _logged(name: str) -> Faulty:
    """A secret in a line of the log, and a log that masks nothing."""

    def telling(make: Send) -> Send:
        async def told(*args: Any, **more: Any) -> Any:
            secret = await make(*args, **more)
            structlog.get_logger().info("made", secret=secret.reveal())
            return secret

        return told

    return together(swap(Lane, name, telling), patch.object(logs, "redact", lambda _, __, entry: entry))


@plant(Promise.SECRET, Breach.LEAKED)
def log_a_token() -> Faulty:
    """A line of the log has the token that was made."""
    return _logged("rotate")


@plant(Promise.SECRET, Breach.LEAKED)
def log_a_link() -> Faulty:
    """A line of the log has the link that was made."""
    return _logged("setup_url")


# -- links -----------------------------------------------------------------------------------------


@plant(Promise.OBJECT, Breach.WRONG_PLACE)
def open_another_organization_with_a_link() -> Faulty:
    """A link is made for the organization that was read first."""
    seen: list[str] = []

    def reading(children: Send) -> Send:
        async def read(self: Lane, kind: Any, organization_id: str) -> Any:
            seen.append(organization_id)
            return await children(self, kind, organization_id)

        return read

    def elsewhere(link: Send) -> Send:
        async def made(self: Lane, organization_id: str, **parts: bool) -> Any:
            return await link(
                self, next((each for each in seen if each != organization_id), organization_id), **parts
            )

        return made

    return together(swap(Lane, "children", reading), swap(Lane, "setup_url", elsewhere))


@plant(Promise.OBJECT, Breach.NOT_DUE)
def open_everything_with_a_link() -> Faulty:
    """A link lets the customer set up both parts, whatever was asked for."""

    def both(link: Send) -> Send:
        async def made(self: Lane, organization_id: str, **_: bool) -> Any:
            return await link(self, organization_id, saml=True, scim=True)

        return made

    return swap(Lane, "setup_url", both)


@plant(Promise.TOKEN, Breach.NOT_DUE, 10)
def make_a_link_at_every_pass() -> Faulty:
    """A link that is delivered and valid does not count."""
    return patch.object(planning, "_still_good", lambda *_: False)


@plant(Promise.DONE, Breach.UNDONE)
def give_up_a_lost_link() -> Faulty:
    """A link whose record is pending is thought to be on its way."""

    def waiting(good: Any_) -> Any_:
        def still(record: Any, *args: Any) -> Any:
            return (isinstance(record, Record) and record.state is RecordState.PENDING) or good(record, *args)

        return still

    return swap(planning, "_still_good", waiting)


@plant(Promise.OBJECT, Breach.NOT_DUE)
def make_a_link_for_what_is_configured() -> Faulty:
    """A customer who has set up everything gets another link."""
    return patch.object(planning, "configured", lambda _: planning.SetupLink(saml=False, scim=False))

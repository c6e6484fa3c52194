"""Mistakes that a reconciler could make, planted one at a time: the simulation has to find each of them.

They live here alone; the product has no switch for any of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from msgspec import structs

from reconciler.api import paging, session, wire
from reconciler.api.footing import Footing
from reconciler.api.known import Known
from reconciler.api.lane import Lane
from reconciler.api.responses import judge
from reconciler.api.wire import Page
from reconciler.core.applying import merge
from reconciler.core.planning import children as collection
from reconciler.core.planning import diff, match, order, plan
from reconciler.core.planning import domain_transfer as takeover
from reconciler.core.values import certificate
from reconciler.engine import write
from reconciler.engine.pass_state import PassState
from reconciler.engine.runtime import RecentWrites
from reconciler.model.change import Change, Create, Update
from reconciler.model.errors import BadAnswer, Refused, Uncertain, Unsent
from reconciler.model.kinds import Field, Kind
from reconciler.model.state import Certificate, Child, DesiredChild, Live, SCIMDirectory, Value

Plant = Callable[[], Any]


@contextmanager
def retry_a_post_blindly() -> Iterator[None]:
    """Whatever went wrong, the request is sent again."""
    send = Lane.create

    async def again(self: Lane, kind: Kind, body: dict[str, Any]) -> Live:
        for _ in range(3):
            try:
                return await send(self, kind, body)
            except Uncertain:
                continue
        return await send(self, kind, body)

    with patch.object(Lane, "create", again):
        yield


@contextmanager
def believe_an_empty_200() -> Iterator[None]:
    """A crash's empty answer counts as an empty object."""

    def gullible(route: str, status: int, headers: dict[str, str], body: bytes, **more: Any) -> dict[str, Any]:
        return {} if status == 200 and not body else judge(route, status, headers, body, **more)

    with patch.object(session, "judge", gullible):
        yield


@contextmanager
def read_only_the_first_page() -> Iterator[None]:
    """A list is what its first page holds."""
    pages = paging.pages

    async def first(*args: Any) -> AsyncIterator[Page]:
        async for page in pages(*args):
            yield page
            return

    with patch.object(paging, "pages", first):
        yield


@contextmanager
def take_an_empty_page_for_the_end() -> Iterator[None]:
    """A page that was promised, and that holds nothing, ends the list."""
    pages = paging.pages

    async def to_the_empty_one(*args: Any) -> AsyncIterator[Page]:
        try:
            async for page in pages(*args):
                yield page
        except BadAnswer as error:
            if "promised" not in error.message:
                raise

    with patch.object(paging, "pages", to_the_empty_one):
        yield


@contextmanager
def forget_what_was_seen() -> Iterator[None]:
    """A list that lacks what the process has seen is believed."""
    with patch.object(Known, "ids", lambda *_: frozenset()):
        yield


@contextmanager
def patch_without_merging() -> Iterator[None]:
    """The body holds the changed fields alone."""
    decide = merge.merge

    def bare(change: Update, live: Live, body: dict[str, Any]) -> Any:
        decision = decide(change, live, body)
        if not isinstance(decision, merge.Write):
            return decision
        return merge.Write({field.wire: merge.wire_value(field.after) for field in change.fields})

    with patch.object(write, "merge", bare):
        yield


@contextmanager
def demote_before_promoting() -> Iterator[None]:
    """The old primary goes first, by a write of its own, also where it is the live one."""
    keep, decide = collection._keep_a_primary, merge.merge

    def eager(scope: Any, changes: Sequence[Create | Update]) -> Any:
        safe, refused = keep(scope, changes)
        demotions = tuple(change for change in changes if _demotes(change))
        others = tuple(change for change in safe if change.key not in {each.key for each in demotions})
        return (*(structs.replace(each, needs=()) for each in demotions), *others), refused

    def level(change: Change) -> int:
        return 0 if _demotes(change) else order_level(change)

    def bold(change: Update, live: Live, body: dict[str, Any]) -> Any:
        return merge.Write(body | {"primary": False}) if _demotes(change) else decide(change, live, body)

    order_level = order.level
    with (
        patch.object(collection, "_keep_a_primary", eager),
        patch.object(order, "level", level),
        patch.object(write, "merge", bold),
    ):
        yield


def _demotes(change: Change) -> bool:
    return any(field.wire == "primary" and field.after is False for field in change.fields)


@contextmanager
def match_by_list_order() -> Iterator[None]:
    """The first declared one is the first live one."""

    def in_order(declared: Mapping[str, DesiredChild], live: Mapping[str, Child]) -> Any:
        return [((name, id_), ()) for name, id_ in zip(declared, live, strict=False)]

    with patch.object(match, "_by_evidence", in_order):
        yield


@contextmanager
def take_a_500_on_a_post_for_failure() -> Iterator[None]:
    """What the server calls an error was not done."""
    send = Lane.create

    async def sure(self: Lane, kind: Kind, body: dict[str, Any]) -> Live:
        try:
            return await send(self, kind, body)
        except Uncertain as error:
            if error.status is None or error.status < 500:
                raise
            raise Refused(error.message) from error

    with patch.object(Lane, "create", sure):
        yield


@contextmanager
def skip_the_list_before_a_create() -> Iterator[None]:
    """The plan's own list is thought to be fresh enough."""
    with patch.object(write, "still_absent", lambda *_: None):
        yield


@contextmanager
def wait_between_a_read_and_its_write() -> Iterator[None]:
    """Each request waits for its own turn, whatever was read before."""
    with (
        patch.object(Footing, "turns_to_read", lambda _: 1),
        patch.object(Footing, "turns_to_write", lambda _: 1),
        patch.object(Footing, "age_s", lambda *_: 0.0),
    ):
        yield


@contextmanager
def ignore_stale() -> Iterator[None]:
    """What moved since the plan is overwritten."""

    def always(change: Update, live: Live, body: dict[str, Any]) -> Any:
        del live
        return merge.Write(body | {field.wire: merge.wire_value(field.after) for field in change.fields})

    with patch.object(write, "merge", always):
        yield


@contextmanager
def treat_absent_as_empty() -> Iterator[None]:
    """A field that a manifest does not state is cleared."""

    def everything(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(kind: Kind, owned: Mapping[str, Value], live: Live) -> Any:
            blank = {field.wire: field.empty for field in kind.fields if field.wire != "externalId"}
            return original(kind, {**blank, **owned}, live)

        return wrapped

    with (
        patch.object(plan, "diff", everything(diff.diff)),
        patch.object(collection, "diff", everything(diff.diff)),
    ):
        yield


@contextmanager
def forget_that_a_parent_failed() -> Iterator[None]:
    """Children are created wherever their organization should be."""

    async def nothing_missing(self: PassState, change: Change) -> None:
        del self, change

    with patch.object(PassState, "missing_need", nothing_missing):
        yield


@contextmanager
def compare_certificates_as_text() -> Iterator[None]:
    """Two spellings of a certificate count as two certificates."""
    parse = certificate.parse

    def as_written(text: Any, **more: Any) -> Any:
        found, faults = parse(text, **more)
        return (structs.replace(found, pem=text) if found and isinstance(text, str) else found), faults

    def is_live(field: Field, stated: Value, live: Live) -> bool:
        if isinstance(stated, Certificate):
            return bool(getattr(live, field.attribute) == stated.pem)
        return diff.same(field, stated, diff.live_value(field, live))

    with patch.object(certificate, "parse", as_written), patch.object(diff, "_is_live", is_live):
        yield


@contextmanager
def create_before_settling() -> Iterator[None]:
    """A create that the process before lost is thought never to come."""
    with patch.object(RecentWrites, "creatable_at", lambda *_: float("-inf")):
        yield


@contextmanager
def look_before_settling() -> Iterator[None]:
    """A write that was lost a moment ago is thought never to come."""
    with patch.object(RecentWrites, "observable_at", lambda *_: float("-inf")):
        yield


@contextmanager
def create_beside_a_look_alike() -> Iterator[None]:
    """A renamed manifest is a new organization."""
    with patch.object(plan, "look_alikes", lambda *_: ()):
        yield


@contextmanager
def add_a_domain_that_another_has() -> Iterator[None]:
    """Who has a domain already is not asked."""
    with patch.object(takeover, "_holders", lambda _: {}):
        yield


@contextmanager
def issue_a_token_over_another() -> Iterator[None]:
    """A directory's token is rotated whether or not it has one."""
    read = wire._live

    def tokenless(*args: Any) -> Any:
        live = read(*args)
        return structs.replace(live, has_client_bearer_token=False) if isinstance(live, SCIMDirectory) else live

    with patch.object(wire, "_live", tokenless):
        yield


@contextmanager
def send_again_what_was_decided_before_a_wait() -> Iterator[None]:
    """After a 429 the same body goes out, whatever became of the object meanwhile."""
    update = Lane.update

    async def again(self: Lane, kind: Kind, id_: str, body: dict[str, Any]) -> Live:
        return await self.retry_unsent(lambda: update(self, kind, id_, body))

    with patch.object(Lane, "update", again):
        yield


@contextmanager
def call_an_unknown_create_failed() -> Iterator[None]:
    """A POST without a response was not done, and is not sent again either."""
    send = Lane.create

    async def sure(self: Lane, kind: Kind, body: dict[str, Any]) -> Live:
        try:
            return await send(self, kind, body)
        except Uncertain as error:
            error.certainly_not_done, error.retryable = True, False
            raise

    with patch.object(Lane, "create", sure):
        yield


@contextmanager
def retry_a_lost_post() -> Iterator[None]:
    """A reset connection counts as one that never was."""
    send = Lane.create

    async def again(self: Lane, kind: Kind, body: dict[str, Any]) -> Live:
        try:
            return await send(self, kind, body)
        except Uncertain as error:
            if error.status is not None:
                raise
            raise Unsent(error.message, route="POST") from error

    with patch.object(Lane, "create", again):
        yield


# Each, and within how many seeds it has to be found.
PLANTS: Mapping[str, tuple[Plant, int]] = {
    plant.__name__: (plant, seeds)
    for plant, seeds in (
        (retry_a_post_blindly, 40),
        (believe_an_empty_200, 40),
        (read_only_the_first_page, 40),
        (take_an_empty_page_for_the_end, 20),
        (forget_what_was_seen, 20),
        (patch_without_merging, 10),
        (demote_before_promoting, 40),
        (match_by_list_order, 40),
        (take_a_500_on_a_post_for_failure, 40),
        (skip_the_list_before_a_create, 20),
        (wait_between_a_read_and_its_write, 20),
        (ignore_stale, 40),
        (treat_absent_as_empty, 10),
        (forget_that_a_parent_failed, 40),
        (compare_certificates_as_text, 10),
        (create_before_settling, 40),
        (look_before_settling, 60),
        (create_beside_a_look_alike, 40),
        (add_a_domain_that_another_has, 10),
        (issue_a_token_over_another, 10),
        (call_an_unknown_create_failed, 40),
        (retry_a_lost_post, 40),
        (send_again_what_was_decided_before_a_wait, 40),
    )
}

"""The whole retry policy: what is repeated, how often, and how long to wait in between.

A read is repeated after any error that is `retryable`. A write is repeated only if, besides, it certainly did
not happen; nothing is ever sent twice because its response was lost.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar

from reconciler.api.waiting import sleep_or_stop
from reconciler.core.applying.backoff import delay_s
from reconciler.model.errors import ApiError
from reconciler.model.event import Retrying, Watch

D = TypeVar("D")
T = TypeVar("T")

BASE_S = 0.25  # the longest first wait; it doubles with every attempt
CAP_S = 20.0
MAX_RETRY_AFTER_S = 300.0


class Retry:
    """Sends again what may be sent again, until it succeeds or the attempts are used up.

    The waits end early when `stop` or `ended` is set; after `ended` nothing is repeated.
    """

    attempts = 5  # of one request, the first included

    def __init__(self, rng: random.Random, watch: Watch, stop: asyncio.Event, ended: asyncio.Event) -> None:
        self._rng = rng
        self._watch = watch
        self._stop = stop
        self._ended = ended
        self.count = 0  # retries so far

    async def read(self, send: Callable[[int], Awaitable[D]], decode: Callable[[D], T]) -> T:
        """The decoded response to a GET. `send` gets the attempt's number, from 1; `decode` may refuse as well.

        Raises the ApiError of the last attempt, or Interrupted.
        """
        attempt = 1
        while True:
            try:
                return decode(await send(attempt))
            except ApiError as error:
                if not error.retryable or self._exhausted(attempt):
                    raise
                await self._wait(error, attempt)
            attempt += 1

    async def unsent(self, send: Callable[[int], Awaitable[T]]) -> T:
        """What `send` returns, which ends in a write: done anew while that write certainly did not happen.

        All of it is done anew, including the read that the write rests on: a wait can take minutes. Raises the
        error of the last attempt, or Interrupted.
        """
        attempt = 1
        while True:
            try:
                return await send(attempt)
            except ApiError as error:
                read = error.route.startswith("GET ")  # `read` has repeated it already
                again = error.retryable and error.certainly_not_done and not read
                if not again or self._exhausted(attempt):
                    raise
                await self._wait(error, attempt)
            attempt += 1

    def _exhausted(self, attempt: int) -> bool:
        return attempt >= self.attempts or self._ended.is_set()

    async def _wait(self, error: ApiError, attempt: int) -> None:
        """Waits while the caller keeps its lane, so that no other lane asks a server that wants to be left alone.

        The random part comes on top of Retry-After: clients that were told the same do not all return at once.
        """
        wait_s = (error.retry_after_s or 0.0) + delay_s(attempt, self._rng.random(), base_s=BASE_S, cap_s=CAP_S)
        self.count += 1
        method, _, path = error.route.partition(" ")
        self._watch(Retrying(method, path, attempt, wait_s, error.message))
        await sleep_or_stop(wait_s, self._stop, self._ended)


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """How many seconds the server asks us to wait, at most five minutes; None if it does not say.

    Retry-After is a number of seconds or a date; `now` is in Unix seconds.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        wait_s = float(text[:9])
    else:
        try:
            when = parsedate_to_datetime(text)
            wait_s = when.replace(tzinfo=when.tzinfo or UTC).timestamp() - now
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)

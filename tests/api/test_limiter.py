"""The limiter bounds what a server has to bear: never more busy than allowed, first come first served."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.limiter import CREEP_PARTS, SLOW_FACTOR, SLOW_FLOOR_S, SLOWEST_PART, WINDOW, Limiter, Rate
from tests.simulation.clock import run


class Use:
    """Tasks that enter and stay busy until told, so that every order of events can be tried."""

    def __init__(self, size: int) -> None:
        self.limiter = Limiter(size)
        self.waiting: list[asyncio.Task[None]] = []
        self.busy = 0
        self.came: list[asyncio.Task[None]] = []

    async def step(self) -> None:
        """All tasks that can go on do."""
        for _ in range(3):
            await asyncio.sleep(0)
        for task in [task for task in self.waiting if task.done()]:
            self.waiting.remove(task)
            self.came.append(task)
            self.busy += 1

    async def enter(self) -> None:
        self.waiting.append(asyncio.create_task(self.limiter.enter()))
        await self.step()

    async def leave(self) -> None:
        if self.busy:
            self.busy -= 1
            self.limiter.leave()
        await self.step()

    async def cancel(self, which: int) -> None:
        """One that waits goes away, also in the very moment in which its turn comes."""
        if not self.waiting:
            return
        task = self.waiting.pop(which % len(self.waiting))
        if which % 2 and self.busy:
            self.busy -= 1
            self.limiter.leave()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.busy += not task.cancelled()
        await self.step()


EVENTS = st.lists(
    st.tuples(st.sampled_from(["enter", "enter", "leave", "cancel", "overloaded", "answered"]), st.integers(0, 7)),
    max_size=60,
)


@given(st.integers(1, 5), EVENTS)
def test_never_more_are_busy_than_allowed_and_no_place_is_lost(size: int, events: list[tuple[str, int]]) -> None:
    async def main() -> None:
        use = Use(size)
        for number, (event, which) in enumerate(events):
            before = use.busy - (event == "leave")  # whoever is busy stays so when fewer are allowed
            match event:
                case "enter":
                    await use.enter()
                case "leave":
                    await use.leave()
                case "cancel":
                    await use.cancel(which)
                case "overloaded":
                    use.limiter.overloaded(number, number)
                case "answered":
                    use.limiter.answered(0.01)
                    await use.step()
            assert use.busy <= max(before, use.limiter.allowed)
            assert 1 <= use.limiter.allowed <= size
            assert not use.waiting or use.busy >= use.limiter.allowed, "one waits beside a free place"
        while use.busy or use.waiting:
            await use.leave()
        await use.enter()
        assert use.busy == 1

    asyncio.run(main())


def test_first_come_first_served() -> None:
    async def main() -> None:
        use = Use(2)
        for _ in range(7):
            await use.enter()
        order = use.came + use.waiting
        for _ in range(7):
            await use.leave()
        assert use.came == order

    asyncio.run(main())


def test_those_who_wait_go_on_as_soon_as_more_are_allowed() -> None:
    async def main() -> None:
        use = Use(2)
        use.limiter.overloaded(0.0, 0.0)
        await use.enter()
        await use.enter()
        assert (use.busy, len(use.waiting)) == (1, 1)
        for _ in range(WINDOW):
            use.limiter.answered(0.01)
        await use.step()
        assert (use.busy, len(use.waiting)) == (2, 0)

    asyncio.run(main())


def test_an_overload_halves_and_good_responses_bring_all_back() -> None:
    limiter, allowed = Limiter(24), []
    for now in range(6):
        limiter.overloaded(now, now)
        allowed.append(limiter.allowed)
    assert allowed == [12, 6, 3, 1, 1, 1]
    responses = 0
    while limiter.allowed < 24:
        limiter.answered(0.01)
        responses += 1
    assert 200 < responses < 400


def test_concurrent_failures_from_the_same_overload_count_once() -> None:
    limiter = Limiter(24)
    for started, now, allowed in [(0.0, 5.0, 12), (1.0, 6.0, 12), (4.9, 9.0, 12), (5.1, 9.0, 6)]:
        limiter.overloaded(started, now)
        assert limiter.allowed == allowed


def after(limiter: Limiter, windows: int, duration_s: float) -> int:
    for _ in range(windows * WINDOW):
        limiter.answered(duration_s)
    return limiter.allowed


def test_slow_responses_take_places_away_but_never_more_than_three_of_four() -> None:
    """A slow network looks the same as a busy server; a single lane over it would take hours."""
    limiter = Limiter(24)
    assert after(limiter, 4, 0.05) == 24
    slow_s = SLOW_FACTOR * 0.05 + 0.01
    assert slow_s > SLOW_FLOOR_S
    assert after(limiter, 1, slow_s) == 18
    assert after(limiter, 1, slow_s) == 13
    assert after(limiter, 50, slow_s) == 6
    assert after(limiter, 50, 0.05) == 24


@pytest.mark.parametrize(
    ("usual_s", "later_s"),
    [(0.001, 0.99 * SLOW_FLOOR_S), (0.1, 0.99 * SLOW_FACTOR * 0.1), (1.0, 3.9), (5.0, 5.0)],
)
def test_what_is_not_much_slower_than_before_is_not_slow(usual_s: float, later_s: float) -> None:
    limiter = Limiter(24)
    after(limiter, 4, usual_s)
    assert after(limiter, 10, later_s) == 24


# -- requests per second


def test_requests_start_one_by_one_at_the_rate() -> None:
    rate = Rate(50)
    assert [round(rate.wait_s(10.0), 6) for _ in range(4)] == [0, 0.02, 0.04, 0.06]
    assert round(rate.wait_s(10.05), 6) == 0.03
    assert rate.wait_s(11.0) == 0, "time in which nobody asked is not saved up"
    assert round(rate.wait_s(11.0), 6) == 0.02


def test_the_rate_is_halved_to_a_floor_and_creeps_up() -> None:
    rate, seen = Rate(64), []
    for halvings, creeps in [(1, 0), (20, 0), (0, CREEP_PARTS // 2), (0, CREEP_PARTS)]:
        for _ in range(halvings):
            rate.halve()
        for _ in range(creeps):
            rate.creep()
        seen.append(rate.per_second)
    assert seen == pytest.approx([32, 64 / SLOWEST_PART, 64 / SLOWEST_PART + 32, 64])


def test_a_lower_rate_is_felt_by_those_who_already_wait() -> None:
    async def main() -> list[float]:
        limiter, times = Limiter(24, 10), []

        async def one() -> None:
            await limiter.turn()
            times.append(asyncio.get_running_loop().time())

        waiting = asyncio.gather(*(one() for _ in range(4)))
        await asyncio.sleep(0.05)
        limiter.overloaded(0.0, 0.0)
        await waiting
        return times

    assert run(main) == pytest.approx([0.0, 0.1, 0.2, 0.4])


@given(st.floats(0.1, 1_000), st.lists(st.sampled_from(["ask", "halve", "creep", "later"]), max_size=200))
def test_no_second_has_more_requests_than_the_rate(per_second: float, events: list[str]) -> None:
    rate, now, sent = Rate(per_second), 0.0, []
    for event in events:
        match event:
            case "ask":
                sent.append(now + rate.wait_s(now))
            case "halve":
                rate.halve()
            case "creep":
                rate.creep()
            case "later":
                now += 0.3
    assert all(later - earlier >= 0.999 / per_second for earlier, later in pairwise(sent))

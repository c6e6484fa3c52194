"""Lanes bound what a server has to bear at once: never more busy than allowed, first come first served."""

from __future__ import annotations

import asyncio
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.limiter import SLOW_FACTOR, SLOW_FLOOR_S, WINDOW, Lanes
from reconciler.api.rate import CREEP_PARTS, SLOWEST_PART, Rate


class Use:
    """Tasks that take a lane and keep it until told, so that every order of events can be tried."""

    def __init__(self, size: int) -> None:
        self.lanes = Lanes[int](size, count().__next__)
        self.waiting: list[asyncio.Task[int]] = []
        self.held: list[int] = []
        self.came: list[asyncio.Task[int]] = []

    async def step(self) -> None:
        """Everybody who can go on does."""
        for _ in range(3):
            await asyncio.sleep(0)
        for task in list(self.waiting):
            if task.done():
                self.waiting.remove(task)
                self.came.append(task)
                self.held.append(task.result())

    async def take(self) -> None:
        self.waiting.append(asyncio.create_task(self.lanes.take()))
        await self.step()

    async def give(self, which: int) -> None:
        if self.held:
            self.lanes.give(self.held.pop(which % len(self.held)))
        await self.step()

    async def cancel(self, which: int) -> None:
        """One that waits goes away, also in the very moment in which its turn comes."""
        if not self.waiting:
            return
        task = self.waiting.pop(which % len(self.waiting))
        if which % 2 and self.held:
            self.lanes.give(self.held.pop())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            self.held.append(task.result())
        await self.step()


EVENTS = st.lists(
    st.tuples(st.sampled_from(["take", "take", "give", "cancel", "suffered", "answered"]), st.integers(0, 7)),
    max_size=60,
)


@given(st.integers(1, 5), EVENTS)
def test_never_more_are_busy_than_allowed_and_no_lane_is_lost(size: int, events: list[tuple[str, int]]) -> None:
    async def live() -> None:
        use = Use(size)
        most = size
        for event, which in events:
            before = len(use.held)
            match event:
                case "take":
                    await use.take()
                case "give":
                    await use.give(which)
                case "cancel":
                    await use.cancel(which)
                case "suffered":
                    use.lanes.overloaded()
                case "answered":
                    use.lanes.answered(0.01)
                    await use.step()
            most = max(
                use.lanes.allowed, before - (event == "give")
            )  # whoever was busy stays so when fewer are allowed
            assert len(use.held) <= max(most, use.lanes.allowed)
            assert 1 <= use.lanes.allowed <= size
            assert len(set(use.held)) == len(use.held)
            assert len(use.lanes.all) <= size
            assert not use.waiting or len(use.held) >= use.lanes.allowed, "one waits beside a free lane"
        while use.held or use.waiting:
            await use.give(0)
        await use.take()
        assert len(use.held) == 1
        await use.give(0)

    asyncio.run(live())


def test_first_come_first_served() -> None:
    async def live() -> None:
        use = Use(2)
        for _ in range(7):
            await use.take()
        order = use.came + use.waiting
        for _ in range(7):
            await use.give(0)
        assert use.came == order
        assert use.lanes.all == [0, 1]

    asyncio.run(live())


def test_a_lane_that_was_used_last_is_used_first() -> None:
    """Its connection is the least likely to have been closed meanwhile."""

    async def live() -> None:
        lanes = Lanes[int](3, count().__next__)
        taken = [await lanes.take() for _ in range(3)]
        for lane in taken:
            lanes.give(lane)
        assert await lanes.take() == taken[-1]

    asyncio.run(live())


def test_a_lane_that_cannot_be_made_takes_no_turn() -> None:
    def fail() -> int:
        raise OSError("no more files")

    async def live() -> None:
        lanes = Lanes[int](1, fail)
        for _ in range(3):
            with pytest.raises(OSError, match="no more files"):
                await asyncio.wait_for(lanes.take(), 5)

    asyncio.run(live())


def test_one_that_gives_up_in_the_moment_of_its_turn_hands_it_on() -> None:
    async def live() -> None:
        lanes = Lanes[int](1, count().__next__)
        lane = await lanes.take()
        first, second = asyncio.create_task(lanes.take()), asyncio.create_task(lanes.take())
        await asyncio.sleep(0)
        lanes.give(lane)
        first.cancel()
        assert await asyncio.wait_for(second, 5) == lane
        assert first.cancelled()

    asyncio.run(live())


def test_trouble_halves_and_good_answers_bring_all_back() -> None:
    lanes = Lanes[int](24, count().__next__)
    seen = []
    for _ in range(6):
        lanes.overloaded()
        seen.append(lanes.allowed)
    assert seen == [12, 6, 3, 1, 1, 1]
    answers = 0
    while lanes.allowed < 24:
        lanes.answered(0.01)
        answers += 1
    assert 200 < answers < 400


def test_those_who_wait_go_on_as_soon_as_more_are_allowed() -> None:
    async def live() -> None:
        use = Use(2)
        use.lanes.overloaded()
        await use.take()
        await use.take()
        assert (len(use.held), len(use.waiting)) == (1, 1)
        for _ in range(WINDOW):
            use.lanes.answered(0.01)
        await use.step()
        assert (len(use.held), len(use.waiting)) == (2, 0)

    asyncio.run(live())


def answer(lanes: Lanes[int], windows: int, duration_s: float) -> int:
    for _ in range(windows * WINDOW):
        lanes.answered(duration_s)
    return lanes.allowed


def test_slow_answers_take_lanes_away_but_never_more_than_three_of_four() -> None:
    """A way that became long looks the same as a busy server; one lane on a long way would take hours."""
    lanes = Lanes[int](24, count().__next__)
    assert answer(lanes, 4, 0.05) == 24
    slow_s = SLOW_FACTOR * 0.05 + 0.01
    assert slow_s > SLOW_FLOOR_S
    assert answer(lanes, 1, slow_s) == 18
    assert answer(lanes, 1, slow_s) == 13
    assert answer(lanes, 50, slow_s) == 6
    assert answer(lanes, 50, 0.05) == 24


@pytest.mark.parametrize(
    ("usual_s", "later_s"),
    [(0.001, 0.99 * SLOW_FLOOR_S), (0.1, 0.99 * SLOW_FACTOR * 0.1), (1.0, 3.9), (5.0, 5.0)],
)
def test_what_is_not_much_slower_than_before_is_not_slow(usual_s: float, later_s: float) -> None:
    lanes = Lanes[int](24, count().__next__)
    answer(lanes, 4, usual_s)
    assert answer(lanes, 10, later_s) == 24


# -- the rate of requests


def test_requests_go_out_one_by_one_at_the_rate() -> None:
    rate = Rate(50)
    assert [round(rate.wait_s(10.0), 6) for _ in range(4)] == [0, 0.02, 0.04, 0.06]
    assert round(rate.wait_s(10.05), 6) == 0.03
    assert rate.wait_s(11.0) == 0, "time in which nobody asked is not saved up"
    assert round(rate.wait_s(11.0), 6) == 0.02


def test_the_rate_is_halved_to_a_floor_and_creeps_up() -> None:
    rate = Rate(64)
    rate.refused()
    assert rate.per_second == 32
    for _ in range(20):
        rate.refused()
    assert rate.per_second == 64 / SLOWEST_PART
    for _ in range(CREEP_PARTS // 2):
        rate.answered()
    assert rate.per_second == pytest.approx(1 + 32)
    for _ in range(CREEP_PARTS):
        rate.answered()
    assert rate.per_second == 64


@given(st.floats(0.1, 1_000), st.lists(st.sampled_from(["ask", "refused", "answered", "later"]), max_size=200))
def test_no_second_has_more_requests_than_the_rate(per_second: float, events: list[str]) -> None:
    rate, now, sent = Rate(per_second), 0.0, []
    for event in events:
        match event:
            case "ask":
                sent.append(now + rate.wait_s(now))
            case "refused":
                rate.refused()
            case "answered":
                rate.answered()
            case "later":
                now += 0.3
    assert all(later - earlier >= 0.999 / per_second for earlier, later in pairwise(sent))

"""The pace: how many a second, how many at once, who goes first, and that 429 is for everybody."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.errors import RateLimited
from rotator.pace import Pace, Urgency
from tests.virtual import VirtualClock, run_virtual

PATIENT = 45.0
DELETE, DECIDE, CREATE, POLL = Urgency.DELETE, Urgency.DECIDE, Urgency.CREATE, Urgency.POLL


class Crowd:
    """Requests that take turns; `begun` is who began when."""

    def __init__(self, clock: VirtualClock, pace: Pace) -> None:
        self.clock = clock
        self.pace = pace
        self.begun: list[tuple[str, float]] = []
        self.most = 0
        self._now = 0

    async def ask(
        self, name: str, urgency: Urgency = DECIDE, *, takes: float = 0.0, spare: float = PATIENT
    ) -> None:
        async with self.pace.turn(urgency, spare):
            self.begun.append((name, self.clock.monotonic()))
            self._now += 1
            self.most = max(self.most, self._now)
            await self.clock.sleep(takes)
            self._now -= 1

    @property
    def names(self) -> str:
        return "".join(name for name, _ in self.begun)

    @property
    def times(self) -> list[float]:
        return [time for _, time in self.begun]


def busiest_second(times: list[float]) -> int:
    """The most events in any window of one second that is open at its end."""
    return max(sum(start <= time < start + 1 - 1e-6 for time in times) for start in times)


@pytest.mark.parametrize(("rate", "seconds"), [(5, 11), (1, 59), (100, 0), (0, 0)])
def test_no_second_sees_more_requests_than_the_rate_limit(rate: float, seconds: float) -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, rate, concurrency=100))
        await asyncio.gather(*(crowd.ask("x") for _ in range(60)))
        return crowd

    crowd = run_virtual(main)
    assert crowd.times[-1] == pytest.approx(seconds)
    assert rate == 0 or busiest_second(crowd.times) <= rate


@pytest.mark.parametrize(("rate", "gap"), [(0.5, 2.0), (2.5, 0.4)])
def test_a_rate_that_is_no_whole_number_is_spread_evenly(rate: float, gap: float) -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, rate, concurrency=8))
        await asyncio.gather(*(crowd.ask("x") for _ in range(5)))
        return crowd

    assert run_virtual(main).times == pytest.approx([n * gap for n in range(5)])


@given(st.lists(st.floats(0, 5), min_size=1, max_size=30), st.integers(1, 4))
@settings(max_examples=30)
def test_no_arrivals_outrun_the_rate_limit(arrivals: list[float], rate: int) -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, rate, concurrency=3))

        async def arrive(after: float) -> None:
            await clock.sleep(after)
            await crowd.ask("x", takes=0.1)

        await asyncio.gather(*(arrive(after) for after in arrivals))
        return crowd

    crowd = run_virtual(main)
    assert len(crowd.times) == len(arrivals)
    assert busiest_second(crowd.times) <= rate
    assert crowd.most <= 3


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, 0, concurrency=3))
        await asyncio.gather(*(crowd.ask("x", takes=1) for _ in range(9)))
        return crowd

    crowd = run_virtual(main)
    assert crowd.most == 3
    assert crowd.times == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_urgent_go_first_and_equals_in_the_order_of_their_arrival() -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, 1, concurrency=8))
        arrivals = [("-", DECIDE), ("c", CREATE), ("d", DECIDE), ("x", DELETE), ("e", DECIDE)]
        arrivals += [("y", DELETE), ("!", Urgency.PROBE)]
        await asyncio.gather(*(crowd.ask(name, urgency) for name, urgency in arrivals))
        return crowd

    assert run_virtual(main).names == "-!xydec"


def test_polls_get_a_fifth_of_the_rate_and_keep_nobody_waiting() -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, 5, concurrency=8))
        async with asyncio.TaskGroup() as group:
            for _ in range(10):
                group.create_task(crowd.ask("p", POLL))
            await clock.sleep(0.5)
            for _ in range(4):
                group.create_task(crowd.ask("d", DECIDE))
        return crowd

    crowd = run_virtual(main)
    polls = [time for name, time in crowd.begun if name == "p"]
    assert polls == pytest.approx(list(range(10)))
    assert [time for name, time in crowd.begun if name == "d"] == [0.5] * 4


def test_a_long_row_of_urgent_requests_leaves_the_polls_their_fifth() -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, 5, concurrency=8))
        creates = [crowd.ask("c", CREATE) for _ in range(40)]
        await asyncio.gather(*creates, *(crowd.ask("p", POLL) for _ in range(5)))
        return crowd

    assert [time for name, time in run_virtual(main).begun if name == "p"] == pytest.approx([1, 2, 3, 4, 5])


def test_a_cancelled_request_gives_its_turn_back() -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, 0, concurrency=1))
        holder = asyncio.create_task(crowd.ask("a", takes=10))
        waiting = asyncio.create_task(crowd.ask("b"))
        await clock.sleep(1)
        last = asyncio.create_task(crowd.ask("c"))
        waiting.cancel()
        holder.cancel()
        await last
        assert waiting.cancelled()
        return crowd

    assert run_virtual(main).begun == [("a", 0), ("c", 1)]


def test_a_request_that_is_cancelled_just_as_its_turn_comes_loses_no_place() -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, 0, concurrency=1))
        async with crowd.pace.turn(DECIDE, PATIENT):
            waiting = asyncio.create_task(crowd.ask("b"))
            await clock.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await crowd.ask("c")
        return crowd

    assert run_virtual(main).names == "c"


# --- 429 ------------------------------------------------------------------------------------------


def refusal(seconds: float = 10) -> RateLimited:
    return RateLimited("GET /snapshots/: 429", status=429, retry_after=seconds)


def test_a_hold_keeps_everybody_waiting_until_it_is_over() -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, 0, concurrency=1))
        holder = asyncio.create_task(crowd.ask("a", takes=1))
        queued = asyncio.create_task(crowd.ask("b"))
        await clock.sleep(0.5)
        crowd.pace.hold(10, refusal())
        await clock.sleep(1)
        await asyncio.gather(holder, queued, crowd.ask("c"))
        return crowd

    assert run_virtual(main).begun == [("a", 0), ("b", 10.5), ("c", 10.5)]


def test_whoever_cannot_wait_that_long_is_told_at_once() -> None:
    async def main(clock: VirtualClock) -> Counter[str]:
        crowd = Crowd(clock, Pace(clock, 0, concurrency=8))
        crowd.pace.hold(60, refusal(60))
        results: Counter[str] = Counter()
        for spare in (45.0, 61.0):
            try:
                await crowd.ask("x", spare=spare)
                results["asked"] += 1
            except RateLimited as error:
                results[f"refused for {error.retry_after:g} s at {clock.monotonic():g}"] += 1
        return results

    assert run_virtual(main) == {"refused for 60 s at 0": 1, "asked": 1}


def test_holds_one_after_the_other_use_up_the_patience_of_those_who_wait() -> None:
    async def main(clock: VirtualClock) -> float:
        crowd = Crowd(clock, Pace(clock, 1, concurrency=1))
        queued = [asyncio.create_task(crowd.ask("x", takes=100)) for _ in range(2)]
        for _ in range(5):
            await clock.sleep(10)
            crowd.pace.hold(10, refusal())
        with pytest.raises(RateLimited) as caught:
            await queued[1]
        assert caught.value.retry_after == 10
        queued[0].cancel()
        return clock.monotonic()

    assert run_virtual(main) == 50


def test_a_shorter_hold_does_not_end_a_longer_one() -> None:
    async def main(clock: VirtualClock) -> Crowd:
        crowd = Crowd(clock, Pace(clock, 0, concurrency=8))
        crowd.pace.hold(10, refusal())
        crowd.pace.hold(2, refusal(2))
        await crowd.ask("x")
        return crowd

    assert run_virtual(main).times == [10]


def test_a_refusal_is_a_copy_for_each_and_names_what_is_left() -> None:
    async def main(clock: VirtualClock) -> list[RateLimited]:
        pace = Pace(clock, 0, concurrency=8)
        original = refusal(60)
        pace.hold(60, original)
        await clock.sleep(10)
        refused = [original]
        for _ in range(2):
            with pytest.raises(RateLimited) as caught:
                async with pace.turn(DECIDE, PATIENT):
                    pass
            refused.append(caught.value)
        return refused

    first, second, third = run_virtual(main)
    assert len({id(first), id(second), id(third)}) == 3
    assert (first.retry_after, second.retry_after, third.retry_after) == (60, 50, 50)

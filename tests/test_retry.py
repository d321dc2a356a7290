"""Repetition: how failing is timed and booked, how waits grow, what the budget allows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.errors import RateLimited, ServerFault, Unreachable
from rotator.retry import BUDGET_SIZE, LIMIT, Budget, Patience, Trouble, repeat, wait_before_next
from tests.virtual import VirtualClock, run_virtual


def test_the_limit_counts_from_the_first_failure_and_the_patience_from_the_first_try() -> None:
    async def main(clock: VirtualClock) -> None:
        patience = Patience()
        with Trouble(clock, patience) as trouble:
            await clock.sleep(100)  # in the queue: nobody's failing
            trouble.sending()
            await clock.sleep(30)
            trouble.failed()
            assert (trouble.left, trouble.failing) == (45, 30)
            await clock.sleep(5)
            trouble.sending()
            await clock.sleep(7)
            trouble.succeeded()
            assert (trouble.left, trouble.failing) == (40, 35)
        assert (patience.spent, patience.left) == (35, 10)

    run_virtual(main)


def test_what_lies_between_two_spells_of_failing_is_not_counted() -> None:
    async def main(clock: VirtualClock) -> None:
        with Trouble(clock) as trouble:
            trouble.sending()
            trouble.succeeded()
            await clock.sleep(100)  # the next page waits in the queue
            trouble.failed()
            await clock.sleep(3)
            trouble.sending()
            await clock.sleep(50)  # a slow answer, but a good one
            trouble.succeeded()
            assert (trouble.left, trouble.failing) == (42, 3)

    run_virtual(main)


def test_an_empty_patience_allows_a_first_try_and_no_second() -> None:
    async def main(clock: VirtualClock) -> None:
        patience = Patience()
        patience.spent = 50
        trouble = Trouble(clock, patience)
        trouble.sending()
        trouble.failed()
        assert (patience.left, trouble.left) == (0, 0)
        assert wait_before_next(Unreachable("reset"), trouble, random.Random(1)) is None

    run_virtual(main)


@given(st.integers(), st.integers(1, 12), st.none() | st.floats(0, 100))
def test_a_wait_is_never_shorter_than_told_nor_longer_than_what_is_left(
    seed: int, failures: int, told: float | None
) -> None:
    async def main(clock: VirtualClock) -> float | None:
        trouble = Trouble(clock)
        for _ in range(failures):
            trouble.failed()
        return wait_before_next(RateLimited("429", retry_after=told), trouble, random.Random(seed))

    wait = run_virtual(main)
    assert (wait is None) == ((told or 0) > LIMIT)
    assert wait is None or (told or 0.25) <= wait <= min(LIMIT, max(7.5, (told or 0) + 1))


def test_the_budget_is_spent_by_repetitions_and_earned_by_successes() -> None:
    budget = Budget()
    assert [budget.take() for _ in range(int(BUDGET_SIZE) + 1)] == [True] * int(BUDGET_SIZE) + [False]
    for _ in range(6):
        budget.earn()
    assert [budget.take(), budget.take()] == [True, False]
    for _ in range(1000):
        budget.earn()
    assert [budget.take() for _ in range(int(BUDGET_SIZE) + 1)].count(True) == BUDGET_SIZE


def test_only_our_own_errors_are_repeated_and_the_last_one_is_raised() -> None:
    async def main(clock: VirtualClock) -> float:
        errors = [ServerFault("500"), ServerFault("502"), KeyError("a bug")]

        async def attempt() -> None:
            raise errors.pop(0)

        with pytest.raises(KeyError):
            await repeat(attempt, lambda error: 10.0)
        errors.append(Unreachable("reset"))
        with pytest.raises(Unreachable):
            await repeat(attempt, lambda error: None)
        return clock.monotonic()

    assert run_virtual(main) == 20

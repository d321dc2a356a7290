"""How fast the account is asked: so many requests a second, so many at once, the urgent ones first.

The law: in any window of one second at most `rate_limit` requests begin (where that is not a whole number:
one in every 1/rate seconds), so that even the first burst is no more than one second's worth. Polls get a
fifth of that: no more, so that they keep nobody waiting for long, and no less, or a long row of creates would
outlast the patience of those that wait for theirs. The others go in the order of urgency, then of arrival.
When the provider says 429, everybody waits.
"""

from __future__ import annotations

import asyncio
import copy
import heapq
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from rotator.clock import Clock
from rotator.errors import RateLimited

POLL_SHARE = 5
"""Polls take one request of five: waiting for snapshots must never keep deletes and creates waiting."""

_TICK = 1e-6
"""Seconds below which a delay is none: far under any rate, far above the rounding of a clock's floats."""


class Urgency(IntEnum):
    """Who goes first. Deletes go before creates; a probe of an API that is down before everything."""

    PROBE = -1
    DELETE = 0
    DECIDE = 1
    CREATE = 2
    POLL = 3


class Window:
    """At most `rate` events a second, counted over a sliding window; 0 for no limit."""

    def __init__(self, rate: float) -> None:
        count = int(rate) if rate >= 1 and rate == int(rate) else 1
        self._length = count / rate if rate else 0.0
        self._begun: deque[float] = deque([float("-inf")] * count, maxlen=count)

    def delay(self, now: float) -> float:
        """Seconds until the next event is allowed."""
        return max(0.0, self._begun[0] + self._length - now) if self._length else 0.0

    def count(self, now: float) -> None:
        """An event happens now."""
        self._begun.append(now)


@dataclass(order=True, slots=True)
class _Waiter:
    urgency: Urgency
    arrival: int
    spare: float = field(compare=False)
    turn: asyncio.Future[None] = field(compare=False)


class Pace:
    """Hands out turns. `rate_limit` in requests a second (0: no limit), `concurrency` in requests at once."""

    def __init__(self, clock: Clock, rate_limit: float, concurrency: int) -> None:
        self._clock = clock
        self._free = concurrency
        self._all = Window(rate_limit)
        self._polls = Window(rate_limit / POLL_SHARE)
        self._waiting: list[_Waiter] = []
        self._polling: list[_Waiter] = []
        self._arrivals = 0
        self._held_until = float("-inf")
        self._refusal: RateLimited | None = None
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, urgency: Urgency, spare: float) -> AsyncIterator[None]:
        """Wait for a turn, and keep the place among those in flight until the block is left.

        `spare` is how many seconds the provider's "not now" (429) may hold this request in all: where it asks
        for more, RateLimited is raised at once, with the seconds left in `retry_after`.
        """
        await self._granted(urgency, spare)
        try:
            yield
        finally:
            self._free += 1
            self._pump()

    def hold(self, seconds: float, refusal: RateLimited) -> None:
        """Begin no request for that long; who waits and has less to spare fails with a copy of `refusal`."""
        now = self._clock.monotonic()
        longer = now + seconds - max(now, self._held_until)
        if longer <= 0:
            return
        # A copy: the error itself holds on to its traceback, and so to all that was under way in it.
        self._held_until, self._refusal = now + seconds, copy.copy(refusal)
        for waiter in (*self._waiting, *self._polling):
            waiter.spare -= longer
            if waiter.spare < 0 and not waiter.turn.done():
                waiter.turn.set_exception(self._refused(seconds))

    def _refused(self, seconds: float) -> RateLimited:
        assert self._refusal is not None  # noqa: S101  # only asked while a hold, and so a refusal, stands
        refusal = copy.copy(self._refusal)
        refusal.retry_after = seconds
        return refusal

    async def _granted(self, urgency: Urgency, spare: float) -> None:
        held = self._held_until - self._clock.monotonic()
        if held > max(0.0, spare):
            raise self._refused(held)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        waiter = _Waiter(urgency, self._arrivals, spare - max(0.0, held), turn)
        heapq.heappush(self._polling if urgency is Urgency.POLL else self._waiting, waiter)
        self._pump()
        try:
            await turn
        except asyncio.CancelledError:
            if (
                turn.done() and not turn.cancelled() and turn.exception() is None
            ):  # granted and cancelled at once
                self._free += 1
            self._pump()
            raise

    def _pump(self) -> None:
        """Grant every turn that may be granted now, and come back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._free and (queue := self._next_queue(self._clock.monotonic())) is not None:
            now = self._clock.monotonic()
            delay = self._delay(queue, now)
            if delay > _TICK:
                self._timer = asyncio.get_running_loop().call_later(delay, self._pump)
                return
            self._grant(heapq.heappop(queue), now)

    def _next_queue(self, now: float) -> list[_Waiter] | None:
        """Whose turn is next: the polls' while they have not had their share, else the others'."""
        for queue in (self._waiting, self._polling):
            while queue and queue[0].turn.done():
                heapq.heappop(queue)
        polls_first = self._polls.delay(now) <= _TICK
        queues = (self._polling, self._waiting) if polls_first else (self._waiting, self._polling)
        return next((queue for queue in queues if queue), None)

    def _delay(self, queue: list[_Waiter], now: float) -> float:
        share = self._polls.delay(now) if queue is self._polling else 0.0
        return max(self._all.delay(now), share, self._held_until - now)

    def _grant(self, waiter: _Waiter, now: float) -> None:
        self._free -= 1
        self._all.count(now)
        if waiter.urgency is Urgency.POLL:
            self._polls.count(now)
        waiter.turn.set_result(None)

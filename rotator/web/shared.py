"""One work for all who want its result: done once for all of them, and not without a rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from rotator.clock import Clock

T = TypeVar("T")

REST = 4
"""A result is kept for that many times as long as it took: so the work has a fifth of the time at most."""


class Shared(Generic[T]):
    """`get` gives the result of `work`. Whoever asks while it is under way waits for the same one."""

    def __init__(self, work: Callable[[], Awaitable[T]], clock: Clock) -> None:
        self._work = work
        self._clock = clock
        self._task: asyncio.Task[T] | None = None
        self._fresh_until = float("-inf")

    async def get(self) -> T:
        """The result; raises what the work raised. Cancelled, it leaves the work to the others."""
        if self._task is None or (self._task.done() and not self._is_fresh(self._task)):
            self._task = asyncio.create_task(self._timed())
            self._task.add_done_callback(_look_at_exception)
        return await asyncio.shield(self._task)

    def forget(self) -> None:
        """The next one who asks gets a new result."""
        self._fresh_until = float("-inf")

    def _is_fresh(self, task: asyncio.Task[T]) -> bool:
        failed = task.cancelled() or task.exception() is not None
        return not failed and self._clock.monotonic() < self._fresh_until

    async def _timed(self) -> T:
        began = self._clock.monotonic()
        result = await self._work()
        ended = self._clock.monotonic()
        self._fresh_until = ended + REST * (ended - began)
        return result


def _look_at_exception(task: asyncio.Task[T]) -> None:
    """Nobody may be left to hear of it when every asker has gone; asyncio would complain."""
    if not task.cancelled():
        task.exception()

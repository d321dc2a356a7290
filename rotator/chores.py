"""What a daemon does beside its rotations, as tasks: started, watched, ended together.

Its law: a chore that dies unforeseen takes the daemon with it: better restarted than half alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine


class Chores:
    """`broken` is what the first chore died of, None while all live; `on_broken` is called then."""

    def __init__(self, on_broken: Callable[[], None]) -> None:
        self._on_broken = on_broken
        self._tasks: set[asyncio.Task[None]] = set()
        self.broken: BaseException | None = None

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Begin with it; it may end by itself."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def cancel(self) -> None:
        """End them all, soon."""
        for task in self._tasks:
            task.cancel()

    async def ended(self) -> None:
        """Return when none is left."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.broken = self.broken or task.exception()
            self._on_broken()

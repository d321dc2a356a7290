"""Time that passes without waiting: an event loop that jumps to its next timer, and a clock to go with it.

Whenever nothing is ready, the loop's own time is set forward to the next timer. Work that is really under way
(a socket with something to read, a thread of the executor) is let finish first, so that a server on the
loopback interface can share the loop with its client.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START = datetime(2027, 3, 14, 7, 0, tzinfo=UTC)
"""Where the wall clock of a `VirtualClock` begins unless told otherwise."""

GRACE = 0.001
"""Real seconds that open sockets get before time jumps: a loopback interface needs far less."""

STUCK = 30.0
"""Real seconds after which a loop without any timer counts as stuck for good."""

RESOLUTION = 1e-6
"""Seconds by which a timer may be early. asyncio's own 1e-9 is lost in a float of more than 2**24 s, from the
195th day on: a timer that is due to the instant would be waited for again, for ever."""


class _JumpingSelector(selectors.DefaultSelector):
    """Looks for real events; where there are none it moves the loop's time instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = 0.0
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As `BaseSelector.select`, but a timeout passes at once."""
        if timeout is None:
            return self._for_ever()
        if self.threads:
            return super().select(GRACE)
        sockets = len(self.get_map()) > 1  # one is the loop's own wake-up pipe
        events = super().select(GRACE if sockets and timeout > 0 else 0)
        if not events:
            self.offset += max(0.0, timeout)
        return events

    def _for_ever(self) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(STUCK)
        if not events:
            raise RuntimeError("every task waits, with no timer left, and nothing happened outside either")
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` starts at 0 and jumps from timer to timer."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = RESOLUTION

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.offset

    def stand_still(self, seconds: float) -> None:
        """Time passes, and nobody in the process gets a turn."""
        self._jumping.offset += seconds

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As ever, but time stands still while the thread works."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: asyncio.Future[T]) -> None:
        self._jumping.threads -= 1


class VirtualClock:
    """`rotator.clock.Clock` over the running `VirtualLoop`; `step` moves the wall clock alone."""

    def __init__(self, start: datetime = START) -> None:
        self._wall = start

    def now(self) -> datetime:
        """The wall clock: the start, plus the virtual seconds, plus every step."""
        return self._wall + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Virtual seconds since the loop was made."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Sleep in virtual time."""
        await asyncio.sleep(max(0.0, seconds))

    def step(self, by: timedelta) -> None:
        """Set the wall clock forward or back, as an administrator or NTP would."""
        self._wall += by


def run_virtual(main: Callable[[VirtualClock], Coroutine[Any, Any, T]], *, start: datetime = START) -> T:
    """Run `main(clock)` in a fresh virtual loop and return what it returns."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main(VirtualClock(start)))

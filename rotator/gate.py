"""The account's one opinion of the API: up, down, or refusing the token.

Down: after three failures in a row nobody asks any more but one probe at a time, with growing pauses between
them; everybody else waits for its outcome, as long as they have patience, and then fails with what the probe
found. Refused: for a minute every request fails at once with the 401 that is known, unless the token's file
has changed. So ten thousand rotations meet one dead API as one client, and it is logged once.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Callable
from typing import Any, Protocol

from rotator.clock import Clock
from rotator.errors import ApiError, Unauthorized
from rotator.retry import Trouble

FAILURES = 3
"""Failures in a row that make a trouble the API's and not one request's: one repetition may fail too."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before the first probe and at most: short outages end soon, long ones are asked twice a minute."""

REFUSED_FOR = 60.0
"""Seconds for which a refused token is not shown again."""

_TICK = 1e-6
"""Seconds that are none: far above the rounding of a clock's floats."""


class Events(Protocol):
    """What is needed of a structlog logger."""

    def info(self, event: str, **fields: Any) -> Any:
        """Something went as it should."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Something may go wrong."""

    def error(self, event: str, **fields: Any) -> Any:
        """Something is wrong."""


class Gate:
    """Every request asks `admit` first and reports what came of it.

    `refresh` reads the token anew and says whether it changed.
    """

    def __init__(self, clock: Clock, events: Events, refresh: Callable[[], bool]) -> None:
        self._clock = clock
        self._events = events
        self._refresh = refresh
        self._failures = 0
        self._down: ApiError | None = None
        self._down_since = 0.0
        self._pause = FIRST_PAUSE
        self._next_probe = 0.0
        self._probing = False
        self._refusal: Unauthorized | None = None
        self._refused_until = 0.0
        self._changed = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Whether requests may go out; a refused token may be shown again after a while."""
        return self._down is None and not self._is_refused

    async def admit(self, trouble: Trouble) -> bool:
        """Wait until a request may go out. True: it is the probe, and `probe_ended` must follow.

        Raises the Unauthorized that is known, or, with the patience at its end, what the last probe found.
        """
        self._check_token()
        while self._down is not None:
            pause = self._next_probe - self._clock.monotonic()
            if not self._probing and pause <= _TICK:
                self._probing = True
                return True
            if trouble.failures == 0:
                trouble.failed()
            if trouble.left <= _TICK:
                raise _again(self._down, "not sent, the API is down")
            await self._wait_for_change(trouble.left if self._probing else min(pause, trouble.left))
            self._check_token()
        return False

    def probe_ended(self) -> None:
        """The probe was answered, failed or was given up: the others look again."""
        self._probing = False
        self._notify()

    def failed(self, error: ApiError, *, probe: bool) -> None:
        """No answer came, or a 5xx. What was under way already when it went down says nothing new."""
        self._failures += 1
        now = self._clock.monotonic()
        if self._down is None and self._failures >= FAILURES:
            self._down, self._down_since, self._pause = error, now, FIRST_PAUSE
            self._next_probe = now + self._pause
            self._events.error("api.failed", error=error.code, detail=error.message)
        elif self._down is not None and probe:
            self._down, self._pause = error, min(LONGEST_PAUSE, 2 * self._pause)
            self._next_probe = now + self._pause

    def answered(self) -> None:
        """The API answered, whatever it said."""
        self._failures = 0
        if self._down is None:
            return
        self._down = None
        self._notify()
        seconds = round(self._clock.monotonic() - self._down_since, 3)
        self._events.info("api.recovered", seconds=seconds)

    def accepted(self) -> None:
        """The token was accepted."""
        self._refusal = None

    def refused(self, error: Unauthorized) -> None:
        """The token was refused, and there is no other."""
        if self._refusal is None:
            self._events.error("api.unauthorized", detail=error.message)
        self._refusal, self._refused_until = error, self._clock.monotonic() + REFUSED_FOR
        self._notify()

    @property
    def _is_refused(self) -> bool:
        return self._refusal is not None and self._clock.monotonic() < self._refused_until

    def _check_token(self) -> None:
        if self._refusal is None or not self._is_refused:
            return
        if not self._refresh():
            raise _again(self._refusal, "not sent, the token is refused")
        self._refusal = None

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _wait_for_change(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()


def _again(error: ApiError, why: str) -> ApiError:
    """A copy of a known error: one exception raised in many tasks would gather all their tracebacks."""
    known = copy.copy(error)
    known.message = f"{why}: {error.message}"
    known.args = (known.message,)
    return known

"""What is repeated, how often and for how long.

A request may fail for 45 s in all, counted from its first failure; so may a whole rotation or command that
has written nothing yet (`Patience`). Between the tries the wait doubles, with jitter, and is never shorter
than the provider's Retry-After; one that asks for more than is left ends it at once. Across the account a
budget bounds the repetitions, so that a service in trouble gets little more load and not ten times as much.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina
import stamina.instrumentation

from rotator.clock import Clock
from rotator.errors import ApiError

LIMIT = 45.0
"""Seconds of failing in all: the contract's number."""

FIRST_WAIT, LONGEST_WAIT = 0.5, 5.0
"""Seconds before the second try and at most: some ten tries fit into 45 s."""

BUDGET_SIZE = 10.0
"""Repetitions that may come in a row: the bucket of gRPC's retry throttling (its proposal A6)."""

BUDGET_REFILL = 0.2
"""Repetitions earned by one success: a fifth on top of the load, the default of Finagle's retry budget."""

T = TypeVar("T")

stamina.instrumentation.set_on_retry_hooks([])  # every wait is reported as `api.retry`; once is enough


class Patience:
    """How long one rotation or command that has written nothing yet may fail in all: 45 s.

    `spent` in seconds; whoever shares it adds to it.
    """

    def __init__(self, limit: float = LIMIT) -> None:
        self.limit = limit
        self.spent = 0.0

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.limit - self.spent)


class Budget:
    """The account's allowance of repetitions: a bucket that successes refill."""

    def __init__(self) -> None:
        self._tokens = BUDGET_SIZE

    def earn(self) -> None:
        """A request succeeded."""
        self._tokens = min(BUDGET_SIZE, self._tokens + BUDGET_REFILL)

    def take(self) -> bool:
        """Whether one more repetition is allowed; if so it is spent."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Trouble:
    """How long one request, or one list of several, has been failing; used as a context manager.

    A spell of failing begins with the first failed try and ends where the try that succeeds begins. `left`
    counts from the first failure, `failing` from the beginning of the try that failed first: that is what is
    booked on the patience at the end.
    """

    def __init__(self, clock: Clock, patience: Patience | None = None) -> None:
        self._clock = clock
        self._patience = patience or Patience()
        self._left = self._patience.left
        self._failing = 0.0
        self._failing_from = 0.0
        self._failed_at: float | None = None
        self._trying = False
        self.sent_at: float | None = None
        self.failures = 0

    def __enter__(self) -> Trouble:
        return self

    def __exit__(self, *_: object) -> None:
        self._patience.spent += self.failing

    @property
    def left(self) -> float:
        """Seconds of failing until it has to be given up, never negative."""
        spell = 0.0 if self._failed_at is None else self._clock.monotonic() - self._failed_at
        return max(0.0, self._left - spell)

    @property
    def failing(self) -> float:
        """Seconds of failing so far."""
        spell = 0.0 if self._failed_at is None else self._clock.monotonic() - self._failing_from
        return self._failing + spell

    def sending(self) -> None:
        """A try begins now; `sent_at` is its monotonic time."""
        self.sent_at = self._clock.monotonic()
        self._trying = True

    def failed(self) -> None:
        """The try failed, or none can be begun because the account's others failed."""
        self.failures += 1
        if self._failed_at is None:
            self._failed_at = self._clock.monotonic()
            began = self.sent_at if self._trying else None
            self._failing_from = self._failed_at if began is None else began
        self._trying = False

    def succeeded(self) -> None:
        """The try that was begun last succeeded: the spell, if there was one, ended when it began."""
        if self._failed_at is not None and self.sent_at is not None:
            self._left -= max(0.0, self.sent_at - self._failed_at)
            self._failing += self.sent_at - self._failing_from
        self._failed_at = None
        self._trying = False
        self.failures = 0


def wait_before_next(error: ApiError, trouble: Trouble, chance: random.Random) -> float | None:
    """Seconds to wait before the try after this failure; None where that is more than is left."""
    doubled = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (trouble.failures - 1))
    backoff = doubled * chance.uniform(0.5, 1.5)
    told = error.retry_after or 0.0
    if told > trouble.left:
        return None
    wait = max(backoff, min(told + chance.random(), trouble.left)) if told else backoff
    return wait if wait <= trouble.left else None


async def repeat(attempt: Callable[[], Awaitable[T]], wait: Callable[[ApiError], float | None]) -> T:
    """Call `attempt` until it succeeds; after an ApiError `wait` gives the pause, or None to raise it."""

    def hook(error: Exception) -> float | bool:
        seconds = wait(error) if isinstance(error, ApiError) else None
        return False if seconds is None else seconds

    # The bounds are those of `wait`, which knows the injected clock; stamina's own would read the machine's.
    async for one in stamina.retry_context(on=hook, attempts=None, timeout=None):
        with one:
            return await attempt()
    raise AssertionError("stamina ends with a result or an error")

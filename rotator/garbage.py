"""When Python's collector may stop the world: while nobody works, or else seldom.

A full pass takes time in proportion to all that lives: with ten thousand rotations under way some 0.3 s,
in which no timer fires and no answer is read. What a rotation leaves is nearly all freed by its reference
counts, so full passes can wait for a quiet moment.
"""

from __future__ import annotations

import gc

from rotator.clock import Clock

YOUNG, MIDDLE, NEVER = 2_000, 5, 1_000_000
"""Thresholds: small passes are frequent and take some 10 ms, full ones are left to quiet moments."""

AT_LEAST_EVERY = 3600.0
"""Seconds after which a full pass is made whether it is quiet or not, so that nothing piles up for days."""

NOT_WITHIN = 60.0
"""Seconds between two full passes of an idle daemon at least."""


class Garbage:
    """Takes full passes over from the collector. One per process, once what lives for good is loaded."""

    def __init__(self, clock: Clock) -> None:
        self._given = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, NEVER)
        self._clock = clock
        self._last = clock.monotonic()

    def beat(self, *, quiet: bool) -> None:
        """Make a full pass if one is due; `quiet`: nobody would notice."""
        waited = self._clock.monotonic() - self._last
        if waited >= (NOT_WITHIN if quiet else AT_LEAST_EVERY):
            gc.collect()
            self._last = self._clock.monotonic()

    def give_back(self) -> None:
        """The collector works by itself again."""
        gc.unfreeze()
        gc.set_threshold(*self._given)

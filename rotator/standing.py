"""What a running daemon knows of itself: fed as it goes, read by whoever asks, at any time.

Law 1: it grows with the configuration and with nothing else; what leaves the configuration is forgotten.
Law 2: whoever reads asks nobody and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rotator.clock import Clock
from rotator.models import Outcome, Pair, Problem
from rotator.report import Report
from rotator.settings import Settings

BEAT_OVERDUE = 15.0
"""Seconds after the last heartbeat at which the scheduler's loop counts as hung: one and a half beats."""

LATE_BEATS = 3
"""Heartbeats in a row that may find the timer behind its time: after a suspend one or two do."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Last:
    """How a pair's last rotation ended, and when; `retry_at`: the same slot is tried again then."""

    slot: datetime
    at: datetime
    outcome: Outcome
    problem: Problem | None
    retry_at: datetime | None


class Standing:
    """One per daemon. `ready`: the configuration is loaded and the API was asked once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beat = clock.monotonic()
        self._late = 0
        self.settings: Settings | None = None
        self.pairs: Mapping[Key, Pair] = {}
        self.last: dict[Key, Last] = {}
        self.outcomes: Counter[Outcome] = Counter()
        self.reload_ok = True
        self.ready = False
        self.stopping = False

    # --- fed by the daemon ------------------------------------------------------------------------------

    def load(self, settings: Settings) -> None:
        """A configuration is in force from now on."""
        self.settings = settings
        self.pairs = {pair.key: pair for pair in settings.pairs}
        self.last = {key: last for key, last in self.last.items() if key in self.pairs}

    def beat(self, next_fire: datetime | None) -> None:
        """The scheduler's loop ran, and its timer is to fire next at that time."""
        self._beat = self._clock.monotonic()
        behind = next_fire is not None and next_fire < self._clock.now()
        self._late = self._late + 1 if behind else 0

    def report(self, report: Report) -> None:
        """A rotation ended."""
        self.outcomes[report.outcome] += 1
        if report.pair.key in self.pairs:
            self.last[report.pair.key] = Last(
                report.slot, self._clock.now(), report.outcome, report.problem, report.retry_at
            )

    # --- read -------------------------------------------------------------------------------------------

    def ailments(self) -> tuple[str, ...]:
        """Why the daemon is not healthy; none while it is, and while it stops, which is soon over."""
        if self.stopping:
            return ()
        silent = self._clock.monotonic() - self._beat
        found = {
            f"the scheduler's loop has not run for {silent:.0f} s": silent > BEAT_OVERDUE,
            f"the timer is behind its time, {self._late} heartbeats in a row": self._late >= LATE_BEATS,
        }
        return tuple(reason for reason, holds in found.items() if holds)

    def lacks(self) -> tuple[str, ...]:
        """Why the daemon is not ready; none once it is."""
        found = {
            "the configuration is not loaded yet": self.settings is None,
            "the API was not asked yet": self.settings is not None and not self.ready,
            "it is stopping": self.stopping,
        }
        return tuple(reason for reason, holds in found.items() if holds)

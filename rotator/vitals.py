"""What a running daemon knows of itself: fed as it goes, read by whoever asks, at any time.

Law 1: it grows with the configuration and with nothing else; what leaves the configuration is forgotten.
Law 2: whoever reads asks nobody and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

from rotator.census import View
from rotator.chronicle import Chronicle
from rotator.clock import Clock
from rotator.models import Outcome, Pair, Server
from rotator.once import view_of
from rotator.report import Report
from rotator.settings import Settings
from rotator.sight import Sight
from rotator.status import Last
from rotator.tally import Tally

BEAT_OVERDUE = 15.0
"""Seconds after the last heartbeat at which the scheduler's loop counts as hung: one and a half beats."""

LATE_BEATS = 3
"""Heartbeats in a row that may find the timer behind its time: after a suspend one or two do."""

NOT_SEEN = "nobody has looked at this server yet"

Key = tuple[str, str]


def blind(server: Server) -> Sight | None:
    """Nobody has looked at any server yet."""


class Vitals:
    """One per daemon.

    `ready`: the configuration is loaded and the API was asked once. `since` is when each pair came into the
    configuration, as far as this process knows; `last` how its last rotation ended. `see` gives the newest
    sight that anybody had of a server.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beat = clock.monotonic()
        self._late = 0
        self.settings: Settings | None = None
        self.pairs: Mapping[Key, Pair] = {}
        self.since: dict[Key, datetime] = {}
        self.last: dict[Key, Last] = {}
        self.see: Callable[[Server], Sight | None] = blind
        self.outcomes: Counter[Outcome] = Counter()
        self.tally = Tally()
        self.chronicle = Chronicle(clock.now())
        self.reload_ok = True
        self.ready = False
        self.stopping = False

    # --- fed by the daemon ------------------------------------------------------------------------------

    def load(self, settings: Settings) -> None:
        """A configuration is in force from now on."""
        now = self._clock.now()
        self.settings = settings
        self.pairs = {pair.key: pair for pair in settings.pairs}
        self.since = {key: self.since.get(key, now) for key in self.pairs}
        self.last = {key: last for key, last in self.last.items() if key in self.pairs}
        self.chronicle.keep(self.pairs)

    def beat(self, next_fire: datetime | None) -> None:
        """The scheduler's loop ran, and its timer is to fire next at that time."""
        self._beat = self._clock.monotonic()
        behind = next_fire is not None and next_fire < self._clock.now()
        self._late = self._late + 1 if behind else 0

    def report(self, report: Report) -> None:
        """A rotation ended."""
        self.outcomes[report.outcome] += 1
        if report.pair.key in self.pairs:
            self.last[report.pair.key] = Last.of(report, self._clock.now())
            self.chronicle.note(report, self._clock.now())

    # --- read -------------------------------------------------------------------------------------------

    def view(self, pair: Pair) -> View:
        """The pair's server as it was seen last; unsure where nobody has seen it yet."""
        sight = self.see(pair.server) or Sight(unsure=NOT_SEEN)
        return view_of(pair, sight, self._clock.now())

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

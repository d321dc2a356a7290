"""All rows, kept up to date: made anew only where something happened, or where time alone changed it.

Law 1: whoever asks costs the API nothing: the rows are made of what the daemon has seen anyway.
Law 2: work is done in slices, so that no number of servers holds up the event loop, and at most once a second
       for all who look.
Law 3: every change has a number; who knows the board as of a number is told what changed since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from rotator.clock import Clock

from .headline import Headline, headline
from .known import Known
from .recent import Ended
from .rows import Level, Row, row

SLICE = 10
"""Rows made before the event loop gets its turn: some 10 ms of work."""

LOOK_SLICE = 500
"""Servers only looked at before it does."""

FRESH_FOR = 1.0
"""Seconds for which one look serves all who ask."""

NOW_AND_THEN = 10.0
"""Seconds between two looks while nobody asks."""


class Source(Protocol):
    """What the daemon knows of itself."""

    def known(self) -> Iterator[Known]:
        """Every server of the configuration. An equal value means that nothing happened."""

    def lacks(self) -> tuple[str, ...]:
        """Why the daemon is not ready."""

    def refused(self) -> bool:
        """Whether the configuration file was changed, and refused."""

    def well_since(self) -> datetime:
        """When the last trouble of a rotation ended, or the daemon began."""

    def recent(self) -> Sequence[Ended]:
        """The rotations that ended last, newest first."""


class Board:
    """One per daemon. `revision` grows with each change; `rows` by server id's text, in any order."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source, self._clock = source, clock
        self._known: dict[str, Known] = {}
        self._changed: dict[str, int] = {}
        self._gone: dict[str, int] = {}
        self._sentence: tuple[tuple[int, datetime, tuple[str, ...], bool], Headline] | None = None
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()
        self.rows: dict[str, Row] = {}
        self.revision = 0

    async def keep(self) -> None:
        """Look now and then, for ever: so the first page, too, finds most rows made."""
        while True:
            await self.look()
            await self._clock.sleep(NOW_AND_THEN)

    async def look(self) -> None:
        """Bring the rows up to date."""
        async with self._looking:
            if self._clock.monotonic() - self._looked_at >= FRESH_FOR:
                await self._refresh()
                self._looked_at = self._clock.monotonic()

    @property
    def now(self) -> datetime:
        """The time of what is shown."""
        return self._clock.now()

    def headline(self) -> Headline:
        """The sentence at the top."""
        source = self._source
        facts = (self.revision, source.well_since(), source.lacks(), source.refused())
        if self._sentence is None or self._sentence[0] != facts:
            self._sentence = (facts, headline(self.rows.values(), *facts[1:3], refused=facts[3]))
        return self._sentence[1]

    def recent(self) -> Sequence[Ended]:
        """The rotations that ended last, newest first."""
        return self._source.recent()

    def known(self, key: str) -> Known | None:
        """What is known of the server with that id's text."""
        return self._known.get(key)

    def sorted(self, *, by_name: bool = False, search: str = "") -> list[Row]:
        """The rows whose name or id holds the words, problems first or by name."""
        wanted = search.casefold().split()
        found = [row for row in self.rows.values() if _fits(row, wanted)]
        return sorted(found, key=lambda each: each.order[1:] if by_name else each.order)

    def changed_since(self, revision: int) -> tuple[list[Row], list[str]]:
        """The rows that are new since then, and the ids' texts of those that are gone."""
        changed = [self.rows[key] for key, at in self._changed.items() if at > revision and key in self.rows]
        return changed, [key for key, at in self._gone.items() if at > revision]

    async def _refresh(self) -> None:
        made, left = 0, set()
        for count, known in enumerate(self._source.known(), 1):
            left.add(known.server.key)
            fresh = self._renew(known)
            made += fresh
            if count % LOOK_SLICE == 0 or (fresh and made % SLICE == 0):
                await asyncio.sleep(0)
        self._drop([key for key in self.rows if key not in left])
        self._gone = {key: at for key, at in self._gone.items() if key not in left}

    def _renew(self, known: Known) -> bool:
        """Make the server's row if it has to be made; whether it had to be."""
        key, now = known.server.key, self._clock.now()
        old, before = self.rows.get(key), self._known.get(key)
        self._known[key] = known
        if old is not None and before == known and now < old.good_until:
            return False
        fresh = row(known, now)
        self.rows[key] = fresh
        if fresh != old:
            self.revision += 1
            self._changed[key] = self.revision
        return True

    def _drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            del self.rows[key], self._known[key], self._changed[key]
            self.revision += 1
            self._gone[key] = self.revision


def _fits(row: Row, wanted: Iterable[str]) -> bool:
    text = f"{row.label} {row.key} {'problem' if row.level in (Level.BAD, Level.WARN) else ''}".casefold()
    return all(word in text for word in wanted)

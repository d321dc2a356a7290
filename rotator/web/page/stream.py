"""Changes as server-sent events, each reader at its own pace.

Law: nothing is kept for a reader but the number of the last change that it was told. Whoever reads slowly is
told less often, and then what holds by now; what is not read fills no memory here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from rotator.clock import Clock
from rotator.report import timestamp

from .board import Board
from .headline import Headline
from .paint import Painter
from .rows import Row

READERS = 16
"""Streams at once, at most; others are told what changed and asked to come back."""

EVERY, LATER = 1.0, 15.0
"""Seconds between two looks of a stream, and until a reader for whom there was no room may come back."""

LIFE = 50.0
"""Seconds after which a stream ends, before the listener would cut it; the reader comes back by itself."""

ROWS = 20
"""Rows in one event, at most: what is written in one go, some 5 ms of work."""


@dataclass(slots=True)
class Told:
    """What a reader knows: the board as of `revision`, the sentence, and the newest rotation."""

    revision: int
    headline: Headline | None = None
    newest: datetime | None = None


class Streams:
    """All streams of a daemon."""

    def __init__(self, board: Board, painter: Painter, clock: Clock) -> None:
        self._board, self._painter, self._clock = board, painter, clock
        self._readers = 0

    async def events(self, revision: int) -> AsyncIterator[str]:
        """What changed since that number, then every change, until the stream has lived its time."""
        room = self._readers < READERS
        self._readers += room
        end = self._clock.monotonic() + (LIFE if room else 0.0)
        told = Told(revision)
        try:
            yield f"retry: {1000 * (EVERY if room else LATER):.0f}\n\n"
            while True:
                await self._board.look()
                async for event in self._news(told):
                    yield event
                if self._clock.monotonic() >= end:
                    return
                await self._clock.sleep(EVERY)
        finally:
            self._readers -= room

    async def _news(self, told: Told) -> AsyncIterator[str]:
        """What brings the reader up to date; nothing where nothing happened."""
        board, now = self._board, self._board.now
        revision = board.revision
        if told.revision > revision:
            told.revision = -1  # it knows the board of an earlier process
        changed, gone = board.changed_since(told.revision)
        frame = self._frame(told, now) | ({"gone": gone} if gone else {})
        if frame:
            yield _event({"now": timestamp(now), **frame})
        for start in range(0, len(changed), ROWS):
            part = [self._row(row, now) for row in changed[start : start + ROWS]]
            yield _event({"now": timestamp(now), "rows": part})
            await asyncio.sleep(0)
        if told.revision != revision:
            yield f"id: {revision}\ndata: {{}}\n\n"
        told.revision = revision

    def _frame(self, told: Told, now: datetime) -> dict[str, object]:
        """What changed around the rows."""
        board, painter, changed = self._board, self._painter, {}
        headline, recent = board.headline(), board.recent()
        newest = recent[0].at if recent else None
        if headline != told.headline:
            changed["headline"] = painter.render("headline.html", now, headline=headline)
        if newest != told.newest:
            changed["recent"] = painter.render("recent.html", now, recent=recent)
        told.headline, told.newest = headline, newest
        return dict(changed)

    def _row(self, row: Row, now: datetime) -> dict[str, object]:
        return {
            "key": row.key,
            "name": row.label.lower(),
            "level": int(row.level),
            "html": self._painter.row(row, now),
        }


def _event(data: dict[str, object]) -> str:
    """One event; JSON holds no line break, so no value can end it early."""
    return f"data: {json.dumps(data)}\n\n"

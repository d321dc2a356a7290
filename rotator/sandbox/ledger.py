"""Where a world keeps its snapshots: by server, with those that were deleted but may still be listed.

The ledger knows instants, never the clock, and no rule.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from uuid import UUID

from rotator.models import Id

Home = str | None
"""The text of a server's id; None for snapshots whose server is gone."""


class End(Enum):
    """What becomes of a create. Any text in its place is the status that the snapshot ends in."""

    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """A snapshot. `end` is reached at `ends_at`, None for never. Lists show it from `listed` until `hidden`.

    `created_at` is by the API's clock, the other instants are true.
    """

    number: int
    server_id: Id | None
    name: str
    description: str
    created_at: datetime
    end: End | str
    ends_at: datetime | None
    size_mb: float | None
    listed: datetime
    hidden: datetime | None = None

    @property
    def home(self) -> Home:
        """Where the ledger keeps it."""
        return None if self.server_id is None else str(self.server_id)


class Ledger:
    """All snapshots of an account, found by number or by server."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._homes: dict[Home, dict[int, Entry]] = {}
        self._gone: dict[Home, list[Entry]] = {}
        self._coming: list[tuple[datetime, int]] = []

    def put(self, entry: Entry) -> None:
        """Add an entry, or replace the one of its number."""
        self.drop(entry.number)
        self._entries[entry.number] = entry
        self._homes.setdefault(entry.home, {})[entry.number] = entry

    def await_end(self, entry: Entry) -> None:
        """Have the entry's end named by `ended` once it has come."""
        if entry.ends_at is not None:
            heapq.heappush(self._coming, (entry.ends_at, entry.number))

    def find(self, number: int) -> Entry | None:
        """The entry of that number, unless it is gone."""
        return self._entries.get(number)

    def of(self, home: Home) -> list[Entry]:
        """The entries of one server, in the order in which they came."""
        return list(self._homes.get(home, {}).values())

    def drop(self, number: int, *, hidden: datetime | None = None) -> None:
        """Take an entry away; until `hidden` a lagging list shows it still."""
        entry = self._entries.pop(number, None)
        if entry is None:
            return
        del self._homes[entry.home][number]
        if hidden is not None:
            self._gone.setdefault(entry.home, []).append(replace(entry, hidden=hidden))

    def limit_lag(self, number: int, until: datetime) -> None:
        """From `until` on lists show what became of that entry, if they do not before."""
        entry = self._entries.get(number)
        if entry is not None:
            sooner = replace(entry, listed=min(entry.listed, until))
            self._entries[number] = self._homes[entry.home][number] = sooner
        for home, gone in self._gone.items():
            self._gone[home] = [
                replace(one, hidden=min(one.hidden or until, until)) if one.number == number else one
                for one in gone
            ]

    def clear(self, home: Home) -> list[Entry]:
        """Take all entries of a server away and return them."""
        entries = self.of(home)
        for entry in entries:
            self.drop(entry.number)
        self._gone.pop(home, None)
        return entries

    def homes(self) -> list[Home]:
        """Every server that has something to list."""
        return list(self._homes)

    def listed(self, home: Home, now: datetime) -> list[Entry]:
        """What a list of that server shows at that instant."""
        if home in self._gone:
            self._gone[home] = [entry for entry in self._gone[home] if _shows(entry, now)]
        return [entry for entry in self.of(home) if _shows(entry, now)] + self._gone.get(home, [])

    def ended(self, now: datetime) -> Iterator[Entry]:
        """The entries whose end has come since the last call, in its order; those dropped before are not."""
        while self._coming and self._coming[0][0] <= now:
            entry = self.find(heapq.heappop(self._coming)[1])
            if entry is not None:
                yield entry


def _shows(entry: Entry, now: datetime) -> bool:
    return entry.listed <= now and (entry.hidden is None or now < entry.hidden)


def number_in(id: Id) -> int:
    """The number behind an id of any form. Raises ValueError."""
    try:
        return int(id)
    except ValueError:
        return UUID(str(id)).int

"""The note of what was deleted, or asked to be, on one server: for whoever takes its lock next.

Lists lag. Who does not know of a delete counts a place as taken that is free, and may delete one more for
it. So each delete is noted before it goes out, and again once it is known that the id is gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.notefile import NoteFile

REMEMBERED = timedelta(hours=1)
"""How long a delete is remembered: far longer than any list is seen to lag, so that the file stays small."""

ROOM_REMEMBERED = timedelta(days=7)
"""How long it is remembered for which slot room was made: longer than a slot is made up for, as a rule."""


@dataclass(frozen=True, slots=True)
class Room:
    """For whom a ready snapshot made room: the slot's snapshot by its name, which may cost `limit` in all."""

    name: str
    limit: int


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A delete of the id with this text, sent at `at` (UTC). `gone`: its answer said so.

    An empty key means that the note is broken: nobody knows what was asked for.
    """

    key: str
    at: datetime
    gone: bool = False
    room: Room | None = None

    def matters(self, now: datetime) -> bool:
        """Whether a list may still show the id, or nobody knows whether it is gone."""
        return now - self.at < REMEMBERED or not self.gone

    def is_kept(self, now: datetime) -> bool:
        """Whether it is young enough to stay noted."""
        return now - self.at < (REMEMBERED if self.room is None else ROOM_REMEMBERED)


def _encode(stones: Iterable[Tombstone]) -> bytes:
    return json.dumps([_fields(stone) for stone in stones]).encode()


def _fields(stone: Tombstone) -> dict[str, object]:
    room = {} if stone.room is None else {"room_for": stone.room.name, "room": stone.room.limit}
    return {"key": stone.key, "at": stone.at.astimezone(UTC).isoformat(), "gone": stone.gone, **room}


def _decode(data: bytes) -> tuple[Tombstone, ...]:
    """Raises ValueError, KeyError or TypeError for anything that `_encode` did not write."""
    return tuple(_stone(fields) for fields in json.loads(data))


def _stone(fields: dict[str, object]) -> Tombstone:
    key, at, gone = fields["key"], datetime.fromisoformat(str(fields["at"])), fields["gone"]
    if not (isinstance(key, str) and key and isinstance(gone, bool) and at.tzinfo is not None):
        raise ValueError("an id, a time with its offset and a truth value were expected")
    return Tombstone(key, at.astimezone(UTC), gone, _room(fields))


def _room(fields: dict[str, object]) -> Room | None:
    """Absent where no room was made, and in the notes of versions that did not tell."""
    name, limit = fields.get("room_for"), fields.get("room")
    if name is None and limit is None:
        return None
    if not (isinstance(name, str) and isinstance(limit, int)):
        raise ValueError("a name and a number were expected")
    return Room(name, limit)


class TombstoneFile:
    """The file of one server's tombstones. Every method raises LockUnusable where the file system refuses."""

    def __init__(self, path: Path) -> None:
        self._file = NoteFile(path)

    def read(self) -> tuple[Tombstone, ...]:
        """All that is noted. A broken note is a delete of nobody knows what, sent when it was written."""
        found = self._file.read()
        if found is None:
            return ()
        data, written = found
        try:
            return _decode(data)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return (Tombstone("", written),)

    def write(self, stones: Iterable[Tombstone], now: datetime) -> None:
        """Note these, but for what is too old to matter at `now`."""
        young = [stone for stone in stones if stone.is_kept(now)]
        if young:
            self._file.write(_encode(young))
        else:
            self._file.remove()

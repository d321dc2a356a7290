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


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A delete of the id with this text, sent at `at` (UTC). `gone`: its answer said so.

    An empty key means that the note is broken: nobody knows what was asked for.
    """

    key: str
    at: datetime
    gone: bool = False


def _encode(stones: Iterable[Tombstone]) -> bytes:
    return json.dumps(
        [{"key": s.key, "at": s.at.astimezone(UTC).isoformat(), "gone": s.gone} for s in stones]
    ).encode()


def _decode(data: bytes) -> tuple[Tombstone, ...]:
    """Raises ValueError, KeyError or TypeError for anything that `_encode` did not write."""
    return tuple(_stone(fields) for fields in json.loads(data))


def _stone(fields: dict[str, object]) -> Tombstone:
    key, at, gone = fields["key"], datetime.fromisoformat(str(fields["at"])), fields["gone"]
    if not (isinstance(key, str) and key and isinstance(gone, bool) and at.tzinfo is not None):
        raise ValueError("an id, a time with its offset and a truth value were expected")
    return Tombstone(key, at.astimezone(UTC), gone)


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
        young = [stone for stone in stones if now - stone.at < REMEMBERED]
        if young:
            self._file.write(_encode(young))
        else:
            self._file.remove()

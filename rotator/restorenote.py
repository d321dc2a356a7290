"""The note that a restore was begun, or is to begin: written beforehand, for whoever takes the lock next.

A restore runs for minutes after its answer, and nobody holds a lock that long. A note cannot last for ever
either, for nobody may be left to take it away: it expires. Where the provider tells the server's state, that
decides earlier (see `restoring`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.notefile import NoteFile

EXPIRES = timedelta(minutes=20)
"""How long a restore is taken to be under way where nobody tells: the documented "5-15 minutes", and some."""


@dataclass(frozen=True, slots=True)
class RestoreNote:
    """A restore of the snapshot of that id's text, asked for at `at` (UTC).

    With `prepares` it is not asked for yet: for so long from `at` on its safety snapshot may be being made.
    An empty key means that the note is broken: nobody knows of what.
    """

    key: str
    name: str
    at: datetime
    prepares: timedelta | None = None


def _decode(data: bytes) -> RestoreNote:
    """Raises ValueError, KeyError or TypeError for anything that `write` did not write."""
    fields = json.loads(data)
    key, name, at = fields["key"], fields["name"], datetime.fromisoformat(fields["at"])
    if not (isinstance(key, str) and key and isinstance(name, str) and at.tzinfo is not None):
        raise ValueError("an id, a name and a time with its offset were expected")
    seconds = fields.get("prepares")
    return RestoreNote(key, name, at.astimezone(UTC), None if seconds is None else timedelta(seconds=seconds))


class RestoreFile:
    """The note's file. Every method raises LockUnusable where the file system refuses."""

    def __init__(self, path: Path) -> None:
        self._file = NoteFile(path)

    def read(self) -> RestoreNote | None:
        """The restore that was begun last, if it stands. A broken note is one, begun when it was written."""
        found = self._file.read()
        if found is None:
            return None
        data, written = found
        try:
            return _decode(data)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return RestoreNote("", "", written)

    def write(self, note: RestoreNote) -> None:
        """Put the note there in place of the last one."""
        fields: dict[str, object] = {
            "key": note.key,
            "name": note.name,
            "at": note.at.astimezone(UTC).isoformat(),
        }
        if note.prepares is not None:
            fields["prepares"] = note.prepares.total_seconds()
        self._file.write(json.dumps(fields).encode())

    def clear(self) -> None:
        """The restore is over: forget it."""
        self._file.remove()

"""The note that a create was begun: written before it goes out, cleared once its answer is settled.

It lies beside the lock of its server. Whoever finds it treats it as a lost answer, so a broken one still
counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rotator.models import Id
from rotator.notefile import NoteFile


@dataclass(frozen=True, slots=True)
class Record:
    """A create that was begun at `at` (UTC) under `name`; `snapshot_id` once it was answered.

    An empty name means that the record is broken: a create of an unknown name was begun.
    """

    name: str
    at: datetime
    snapshot_id: Id | None = None


def _encode(record: Record) -> bytes:
    return json.dumps(
        {"name": record.name, "at": record.at.astimezone(UTC).isoformat(), "snapshot_id": record.snapshot_id}
    ).encode()


def _decode(data: bytes) -> Record:
    """Raises ValueError, KeyError or TypeError for anything that `_encode` did not write."""
    fields = json.loads(data)
    name, at, snapshot_id = fields["name"], datetime.fromisoformat(fields["at"]), fields["snapshot_id"]
    if not (isinstance(name, str) and name and at.tzinfo is not None):
        raise ValueError("a name and a time with its offset were expected")
    if not isinstance(snapshot_id, int | str | None) or isinstance(snapshot_id, bool):
        raise TypeError("an id is an integer or a string")
    return Record(name, at.astimezone(UTC), snapshot_id)


class RecordFile:
    """The record's file. Every method raises LockUnusable where the file system refuses."""

    def __init__(self, path: Path) -> None:
        self._file = NoteFile(path)

    def read(self) -> Record | None:
        """The create that was begun and not settled, or None.

        A broken record is read as a create of an unknown name, begun when the file was written: taking it for
        nothing could make a twin, taking it for a create costs a look.
        """
        found = self._file.read()
        if found is None:
            return None
        data, written = found
        try:
            return _decode(data)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return Record("", written)

    def write(self, record: Record) -> None:
        """Put the record there in place of the last one."""
        self._file.write(_encode(record))

    def clear(self) -> None:
        """The create is settled: forget it."""
        self._file.remove()

"""The note that a create was begun: written before it goes out, cleared once its answer is settled.

It lies beside the lock of its server and is touched only under that lock. Whoever finds it treats it as a
lost answer, so it is written whole or not at all, and a broken one still counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rotator.errors import LockUnusable
from rotator.models import Id

OPEN_TO_ALL = 0o666
"""The mode of all files here: who may enter their directory may use them."""

_LONGEST = 64 * 1024  # bytes; a record has about 150


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
        self.path = path

    def read(self) -> Record | None:
        """The create that was begun and not settled, or None.

        A broken record is read as a create of an unknown name, begun when the file was written: taking it for
        nothing could make a twin, taking it for a create costs a look.
        """
        with usable(self.path):
            try:
                data, written = _read(self.path)
            except FileNotFoundError:
                return None
        try:
            return _decode(data)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return Record("", written)

    def write(self, record: Record) -> None:
        """Put the record there, whole or not at all: a half-written one never has the file's name."""
        fresh = self.path.with_name(self.path.name + ".new")  # alone under the lock, so one name is enough
        with usable(fresh):
            fresh.unlink(missing_ok=True)
            _create(fresh, _encode(record))
            fresh.replace(self.path)

    def clear(self) -> None:
        """The create is settled: forget it."""
        with usable(self.path):
            self.path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[bytes, datetime]:
    """What the file holds, and when that was written. O_NONBLOCK: a pipe there would block for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        written = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        return file.read(_LONGEST), written


def _create(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, OPEN_TO_ALL)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), OPEN_TO_ALL)  # the umask took its share of the mode above
        file.write(data)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error that says where and what to do."""
    try:
        yield
    except OSError as error:
        raise LockUnusable(
            f"{path}: {error.strerror or error}: locks need a directory that this user may write to; "
            "see that it is one, and remove this file if it is in the way"
        ) from error

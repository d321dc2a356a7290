"""A small file that is there whole or not at all, for what the next holder of a lock has to know.

It is touched only under the lock of its server. The files are open to everybody who may enter their
directory: root's shell and the service's user have to meet there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rotator.errors import LockUnusable

OPEN_TO_ALL = 0o666
"""The mode of all files here: who may enter their directory may use them."""

_LONGEST = 64 * 1024  # bytes; a record has about 150, a hundred tombstones 7,000


class NoteFile:
    """One file. Every method raises LockUnusable where the file system refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[bytes, datetime] | None:
        """What it holds, and when that was written; None if there is no such file."""
        with usable(self.path):
            try:
                return _read(self.path)
            except FileNotFoundError:
                return None

    def write(self, data: bytes) -> None:
        """Put the data there, whole or not at all: half of it never has the file's name."""
        fresh = self.path.with_name(self.path.name + ".new")  # alone under the lock, so one name is enough
        with usable(fresh):
            fresh.unlink(missing_ok=True)
            _create(fresh, data)
            fresh.replace(self.path)

    def remove(self) -> None:
        """There is nothing to know any more."""
        with usable(self.path):
            self.path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[bytes, datetime]:
    """O_NONBLOCK: a pipe there would block for ever."""
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

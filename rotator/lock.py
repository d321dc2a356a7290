"""One server, one writer on this host.

The lock is an flock: the kernel frees it when its holder dies, however it dies. The lock file itself stays
empty. Beside it lies the record of the last create that was begun, if its answer is not settled yet, and
the tombstones of what was deleted lately, and the note of a restore that was begun; they outlive their
writer, and whoever gets the lock next finds them there.

Root's shell and the service's user have to meet: the files are open to everybody (0666, whatever the umask),
and the directory keeps out who has no business here. Links to files are never followed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from rotator.clock import Clock
from rotator.errors import LockHeld, LockUnusable
from rotator.notefile import OPEN_TO_ALL, usable
from rotator.record import Record, RecordFile
from rotator.restorenote import RestoreFile, RestoreNote
from rotator.tombstones import Room, Tombstone, TombstoneFile

__all__ = ["Held", "Record", "RestoreNote", "Room", "ServerLock", "Tombstone", "lock_directory"]

SYSTEM_DIRECTORY = Path("/run/rotator")
"""Where root's shell and the service meet."""

# Seconds. A deciding list and a write take about one together, so nobody need look more rarely than that.
_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 0.1, 1.2, 1.0
_LONGEST_KEY = 120  # a file name holds 255 bytes; this leaves room for the digest and the suffixes


# --- the directory --------------------------------------------------------------------------------


def lock_directory(environ: Mapping[str, str], system: Path = SYSTEM_DIRECTORY) -> Path:
    """The first directory of the contract's list that can be written to, made where it is missing.

    Raises LockUnusable if only the temporary directory is left and what lies there is not ours alone, or if
    nothing can be written at all.
    """
    places: tuple[tuple[Path | None, int], ...] = (
        (system, 0o750),
        (_absolute(environ.get("RUNTIME_DIRECTORY", "").split(":")[0]), 0o750),
        (_absolute(environ.get("XDG_RUNTIME_DIR", ""), "rotator"), 0o700),
    )
    for path, mode in places:
        if path is not None and _writable(path, mode):
            return path
    return _private_directory(_temporary(environ))


def _absolute(text: str, *rest: str) -> Path | None:
    """Both variables hold absolute paths by their specifications; anything else is as if unset."""
    return Path(text, *rest) if text.startswith("/") else None


def _writable(path: Path, mode: int) -> bool:
    with suppress(OSError):
        path.mkdir(mode)
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)


def _temporary(environ: Mapping[str, str]) -> Path:
    try:
        return Path(environ.get("TMPDIR") or tempfile.gettempdir())
    except FileNotFoundError:
        raise LockUnusable(
            "no directory can be written, and locks have to lie somewhere: let this user write to"
            " /run/rotator (in a container with a read-only root: --tmpfs /run/rotator)"
        ) from None


def _private_directory(parent: Path) -> Path:
    """Our own directory among everybody's: anyone could have put something of this name there before us."""
    path = parent / f"rotator-{os.geteuid()}"
    with usable(path):
        with suppress(FileExistsError):
            path.mkdir(0o700)
        found = path.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
    if not ours:
        raise LockUnusable(
            f"{path}: must be a directory of this user with mode 0700 (no link), to keep locks in: "
            "remove it, or set XDG_RUNTIME_DIR to a directory of your own"
        )
    return path


# --- the lock -------------------------------------------------------------------------------------


class Held:
    """What only the holder of a lock may do. Raises RuntimeError once the lock was given back."""

    def __init__(self, stem: Path, clock: Clock, is_held: Callable[[], bool]) -> None:
        self._stem = stem
        self._record = RecordFile(_beside(stem, ".record"))
        self._tombstones = TombstoneFile(_beside(stem, ".gone"))
        self._restore = RestoreFile(_beside(stem, ".restore"))
        self._clock = clock
        self._is_held = is_held

    def record(self) -> Record | None:
        """The create that was begun and not settled, or None; a broken record has an empty name.

        Its time never lies after now, so that a clock that was set back leaves nobody waiting.
        """
        self._check()
        record, now = self._record.read(), self._clock.now()
        if record is not None and record.at > now:  # noted, or it would be believed anew at every look
            record = replace(record, at=now)
            if record.name:
                self._record.write(record)
        return record

    def write(self, record: Record) -> None:
        """Put the record there. Raises LockUnusable: then the create must not go out."""
        self._check()
        self._record.write(record)

    def clear(self) -> None:
        """The create is settled: forget it."""
        self._check()
        self._record.clear()

    def tombstones(self) -> tuple[Tombstone, ...]:
        """What was deleted in the last hour, or asked to be, by whomever; no time lies after now."""
        now = self._clock.now()
        return tuple(stone for stone in self._stones() if stone.matters(now))

    def room_made(self, name: str) -> tuple[int, frozenset[str]] | None:
        """How many ready ones the slot of that snapshot may cost, and the ids it did; None: none yet."""
        rooms = {s.key: s.room for s in self._stones() if s.room is not None and s.room.name == name}
        return (min(room.limit for room in rooms.values()), frozenset(rooms)) if rooms else None

    def bury(self, key: str, *, gone: bool, room: Room | None = None) -> None:
        """Note a delete of that id: about to be sent, or known to be done; `room` if that is what it is for.

        Raises LockUnusable: then the delete must not go out.
        """
        others = [stone for stone in self._stones() if stone.key != key]
        self._engrave([*others, Tombstone(key, self._clock.now(), gone, room)])

    def withdraw(self, key: str) -> None:
        """Forget what is noted of that id: its delete was refused, or it was given to a new snapshot."""
        stones = self._stones()
        if any(stone.key == key for stone in stones):
            self._engrave([stone for stone in stones if stone.key != key])

    def forget_doubts(self) -> None:
        """What became of every delete that was sent is known by now: a list has shown it."""
        self._engrave([stone for stone in self._stones() if stone.gone])

    def _stones(self) -> tuple[Tombstone, ...]:
        self._check()
        now = self._clock.now()
        return tuple(replace(stone, at=min(stone.at, now)) for stone in self._tombstones.read())

    def _engrave(self, stones: list[Tombstone]) -> None:
        self._tombstones.write(stones, self._clock.now())

    def restore_note(self) -> RestoreNote | None:
        """The restore that was begun last and not found to be over; its time never lies after now."""
        self._check()
        note, now = self._restore.read(), self._clock.now()
        if note is not None and note.at > now:  # noted, or it would never expire
            note = replace(note, at=now)
            self._restore.write(replace(note, key=note.key or "?"))
        return note

    def note_restore(self, note: RestoreNote) -> None:
        """Put the note there. Raises LockUnusable: then the restore must not go out."""
        self._check()
        self._restore.write(note)

    def clear_restore(self) -> None:
        """The restore is over, or was never begun: forget it."""
        self._check()
        self._restore.clear()

    def _check(self) -> None:
        if not self._is_held():
            raise RuntimeError(f"{self._stem}: the lock was given back")


class ServerLock:
    """The lock of one server of one API. Cheap to make; holds nothing until asked to."""

    def __init__(self, directory: Path, base_url: str, server_key: str, clock: Clock) -> None:
        self._stem = directory / _stem(base_url, server_key)
        self._server_key = server_key
        self._clock = clock

    @asynccontextmanager
    async def hold(self, patience: float = 30.0) -> AsyncIterator[Held]:
        """Hold the lock for the length of the block, also against other tasks of this process.

        It is tried for `patience` seconds of the clock without ever blocking the event loop. Raises LockHeld
        after that, LockUnusable if the file cannot be locked at all.
        """
        path = _beside(self._stem, ".lock")
        # A lock that is a mere file would survive a killed holder: rather none than that (fallback_to_soft).
        lock = FileLock(path, mode=OPEN_TO_ALL, thread_local=False, blocking=False, fallback_to_soft=False)
        await self._acquire(lock, path, patience)
        try:
            yield Held(self._stem, self._clock, lambda: lock.is_locked)
        finally:
            lock.release()

    async def _acquire(self, lock: FileLock, path: Path, patience: float) -> None:
        deadline = self._clock.monotonic() + patience
        pause = _FIRST_PAUSE
        while not _take(lock, path):
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise LockHeld(
                    f"another rotator process has worked on server {self._server_key} "
                    f"for the last {patience:g} s (lock {path})"
                )
            await self._clock.sleep(min(pause, left))
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _take(lock: FileLock, path: Path) -> bool:
    """One try. Timeout is filelock's word for a lock that another one holds."""
    with usable(path):
        try:
            lock.acquire()
        except Timeout:
            return False
    return True


def _beside(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)


def _stem(base_url: str, server_key: str) -> str:
    """A file name that no other server has, readable where it can be. `=` never stands in a quoted key."""
    api = hashlib.sha256(base_url.rstrip("/").encode()).hexdigest()[:8]
    key = quote(server_key, safe="", errors="surrogatepass")
    if len(key) > _LONGEST_KEY:
        key = "=" + hashlib.sha256(key.encode()).hexdigest()
    return f"{api}-{key}"

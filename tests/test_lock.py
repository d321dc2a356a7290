"""The lock of a server and the record beside it, with real processes and real files."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rotator.errors import LockHeld, LockUnusable
from rotator.lock import Held, Record, ServerLock, lock_directory
from rotator.models import Id

URL = "https://api.example/api/v1"
NOW = datetime(2027, 3, 14, 7, 0, tzinfo=UTC)

HOLDER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from rotator.clock import SystemClock
from rotator.lock import Record, ServerLock

async def main():
    async with ServerLock(Path(sys.argv[1]), sys.argv[2], "12345", SystemClock()).hold() as held:
        held.write(Record("nightly-20270314T070000Z", datetime(2027, 3, 14, 7, tzinfo=UTC)))
        print("held", flush=True)
        sys.stdin.read()

asyncio.run(main())
"""

# The interpreter may lie where only root can read it: the user is changed after the imports.
SERVICES_USER = """
import asyncio, os, sys
from datetime import UTC, datetime
from pathlib import Path
from rotator.clock import SystemClock
from rotator.lock import Record, ServerLock

async def main():
    async with ServerLock(Path(sys.argv[1]), sys.argv[2], "12345", SystemClock()).hold(0) as held:
        assert held.record().name == "from root"
        held.clear()
        held.write(Record("from the user", datetime(2027, 3, 14, 7, tzinfo=UTC)))

os.setgroups([])
os.setgid(12345)
os.setuid(12345)
asyncio.run(main())
"""


class StillClock:
    """Wall time stands; monotonic time moves only by sleeping, and every sleep gives the loop a turn."""

    def __init__(self, now: datetime = NOW) -> None:
        self.wall = now
        self.seconds = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


def server_lock(
    directory: Path, key: str = "12345", url: str = URL, clock: StillClock | None = None
) -> ServerLock:
    return ServerLock(directory, url, key, clock if clock is not None else StillClock())


@asynccontextmanager
async def held_in(directory: Path, clock: StillClock | None = None) -> AsyncIterator[Held]:
    async with server_lock(directory, clock=clock).hold() as held:
        yield held


@contextmanager
def another_process_holds(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds server 12345's lock, with a record written, until its input is closed."""
    command = [sys.executable, "-c", HOLDER, str(directory), URL]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def record_file(directory: Path) -> Path:
    (path,) = directory.glob("*.record")
    return path


# --- one holder -----------------------------------------------------------------------------------


async def test_two_processes_never_hold_one_servers_lock(tmp_path: Path) -> None:
    with another_process_holds(tmp_path) as process:
        with pytest.raises(LockHeld, match="12345") as caught:
            async with held_in(tmp_path):
                pytest.fail("both hold it")
        assert caught.value.passing
        process.communicate()  # closes its input: it gives the lock back and ends
        async with held_in(tmp_path):
            pass


async def test_a_killed_holder_frees_the_lock_and_its_record_survives(tmp_path: Path) -> None:
    with another_process_holds(tmp_path) as process:
        process.kill()
        process.wait()
        async with held_in(tmp_path) as held:
            assert held.record() == Record("nightly-20270314T070000Z", NOW)


async def test_two_tasks_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    async with held_in(tmp_path):
        with pytest.raises(LockHeld):
            async with held_in(tmp_path):
                pytest.fail("both hold it")


@pytest.mark.parametrize("patience", [0.0, 0.05, 30.0])
async def test_waiting_ends_after_the_patience_that_was_asked_for(tmp_path: Path, patience: float) -> None:
    clock = StillClock()
    async with held_in(tmp_path):
        with pytest.raises(LockHeld):
            async with server_lock(tmp_path, clock=clock).hold(patience):
                pytest.fail("both hold it")
    assert clock.seconds == pytest.approx(patience)
    assert all(0 < pause <= 1 for pause in clock.sleeps)


async def test_whoever_waits_gets_the_lock_when_it_is_free(tmp_path: Path) -> None:
    clock = StillClock()

    async def wait_for_it() -> bool:
        async with server_lock(tmp_path, clock=clock).hold():
            return True

    async with held_in(tmp_path):
        waiting = asyncio.create_task(wait_for_it())
        while not clock.sleeps:  # other tasks run while it waits: the loop is never blocked
            await asyncio.sleep(0)
    assert await waiting


async def test_an_error_inside_the_block_gives_the_lock_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with held_in(tmp_path):
            _ = 1 / 0
    async with held_in(tmp_path):
        pass


async def test_a_cancelled_holder_gives_the_lock_back(tmp_path: Path) -> None:
    entered = asyncio.Event()

    async def hold_for_ever() -> None:
        async with held_in(tmp_path):
            entered.set()
            await asyncio.Event().wait()

    holder = asyncio.create_task(hold_for_ever())
    await entered.wait()
    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder
    async with held_in(tmp_path):
        pass


async def test_what_was_held_cannot_be_used_after_the_lock_is_given_back(tmp_path: Path) -> None:
    async with held_in(tmp_path) as held:
        pass
    with pytest.raises(RuntimeError, match="given back"):
        held.record()
    with pytest.raises(RuntimeError, match="given back"):
        held.write(Record("a", NOW))
    with pytest.raises(RuntimeError, match="given back"):
        held.clear()


@pytest.mark.parametrize(
    ("url", "key"),
    [
        pytest.param(URL, "67890", id="another server"),
        pytest.param("https://other.example/api/v1", "12345", id="another API"),
        pytest.param(URL, "../12345", id="a key that looks like a path"),
        pytest.param(URL, "x" * 5000, id="a very long key"),
        pytest.param(URL, "\ud800", id="half a character"),
        pytest.param(URL, "", id="nothing"),
    ],
)
async def test_different_servers_do_not_wait_for_each_other(tmp_path: Path, url: str, key: str) -> None:
    async with held_in(tmp_path), server_lock(tmp_path, key, url).hold(0):
        assert len(list(tmp_path.glob("*.lock"))) == 2


async def test_a_slash_at_the_end_of_the_url_makes_no_other_server(tmp_path: Path) -> None:
    async with held_in(tmp_path):
        with pytest.raises(LockHeld):
            async with server_lock(tmp_path, url=URL + "/").hold(0):
                pytest.fail("both hold it")


# --- the record -----------------------------------------------------------------------------------


async def test_there_is_no_record_before_one_is_written_and_none_after_it_is_cleared(tmp_path: Path) -> None:
    async with held_in(tmp_path) as held:
        assert held.record() is None
        held.clear()
        held.write(Record("a", NOW))
        held.clear()
        assert held.record() is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    name=st.text(min_size=1, max_size=70),
    at=st.datetimes(max_value=NOW.replace(tzinfo=None), timezones=st.just(UTC)),
    snapshot_id=st.none() | st.integers() | st.text(max_size=40),
)
async def test_a_record_comes_back_as_it_was_written(
    tmp_path: Path, name: str, at: datetime, snapshot_id: Id | None
) -> None:
    async with held_in(tmp_path) as held:
        held.write(Record("something older", NOW))
        held.write(Record(name, at, snapshot_id))
        assert held.record() == Record(name, at, snapshot_id)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"[" * 60_000,
        b'{"name": "a", "at": "2027-03-14T07:00:00+00:00"}',
        b'{"name": "a", "at": "2027-03-14T07:00:00", "snapshot_id": null}',
        b'{"name": "a", "at": "yesterday", "snapshot_id": null}',
        b'{"name": "a", "at": 1, "snapshot_id": null}',
        b'{"name": "a", "at": "0001-01-01T00:00:00+14:00", "snapshot_id": null}',
        b'{"name": "", "at": "2027-03-14T07:00:00+00:00", "snapshot_id": null}',
        b'{"name": 1, "at": "2027-03-14T07:00:00+00:00", "snapshot_id": null}',
        b'{"name": "a", "at": "2027-03-14T07:00:00+00:00", "snapshot_id": true}',
        b'{"name": "a", "at": "2027-03-14T07:00:00+00:00", "snapshot_id": [1]}',
    ],
)
async def test_a_broken_record_counts_as_a_create_of_an_unknown_name(tmp_path: Path, content: bytes) -> None:
    async with held_in(tmp_path) as held:
        held.write(Record("a", NOW))
        path = record_file(tmp_path)
        path.write_bytes(content)
        written = NOW - timedelta(minutes=1)
        os.utime(path, (written.timestamp(), written.timestamp()))
        assert held.record() == Record("", written)


async def test_no_record_is_younger_than_now(tmp_path: Path) -> None:
    async with held_in(tmp_path, StillClock(NOW)) as held:
        held.write(Record("a", NOW + timedelta(days=1), 802))
        assert held.record() == Record("a", NOW, 802)


async def test_what_a_killed_writer_left_half_done_is_in_nobodys_way(tmp_path: Path) -> None:
    async with held_in(tmp_path) as held:
        held.write(Record("a", NOW))
        record_file(tmp_path).with_suffix(".record.new").write_bytes(b'{"na')
        assert held.record() == Record("a", NOW)
        held.write(Record("b", NOW))
        assert held.record() == Record("b", NOW)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".lock", ".record"]


# --- files and directories ------------------------------------------------------------------------


@pytest.fixture
def a_strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("a_strict_umask")
async def test_the_files_are_open_to_all_who_may_enter_whatever_the_umask(tmp_path: Path) -> None:
    async with held_in(tmp_path) as held:
        held.write(Record("a", NOW))
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {".lock": 0o666, ".record": 0o666}


async def test_a_link_in_the_locks_place_is_refused_and_not_followed(tmp_path: Path) -> None:
    async with held_in(tmp_path):
        (path,) = tmp_path.glob("*.lock")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LockUnusable, match=r"\.lock: .*remove"):
        async with held_in(tmp_path):
            pytest.fail("it was followed")
    assert not (tmp_path / "elsewhere").exists()


async def test_a_link_in_the_records_place_is_refused_when_read_and_replaced_when_written(
    tmp_path: Path,
) -> None:
    async with held_in(tmp_path) as held:
        held.write(Record("a", NOW))
        path = record_file(tmp_path)
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(LockUnusable):
            held.record()
        held.write(Record("b", NOW))
        assert held.record() == Record("b", NOW)
        assert '"a"' in (tmp_path / "elsewhere").read_text()


async def test_a_pipe_in_the_records_place_does_not_block(tmp_path: Path) -> None:
    async with held_in(tmp_path) as held:
        held.write(Record("a", NOW))
        path = record_file(tmp_path)
        path.unlink()
        os.mkfifo(path)
        assert held.record() is not None


async def test_a_create_must_not_go_out_where_its_record_cannot_be_written(tmp_path: Path) -> None:
    async with held_in(tmp_path) as held:
        held.write(Record("a", NOW))
        record_file(tmp_path).with_suffix(".record.new").mkdir()
        with pytest.raises(LockUnusable, match="directory"):
            held.write(Record("b", NOW))
        assert held.record() == Record("a", NOW)


async def test_a_directory_that_is_a_file_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LockUnusable, match="file"):
        async with server_lock(tmp_path / "file").hold():
            pytest.fail("there is no such directory")


def test_the_first_directory_that_can_be_written_is_taken(tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "rotator"
    runtime, session = tmp_path / "runtime", tmp_path / "session"
    session.mkdir()
    environ = {
        "RUNTIME_DIRECTORY": f"{runtime}:/elsewhere",
        "XDG_RUNTIME_DIR": str(session),
        "TMPDIR": str(tmp_path),
    }
    assert lock_directory(environ, tmp_path / "system") == tmp_path / "system"
    assert lock_directory(environ, nowhere) == runtime
    del environ["RUNTIME_DIRECTORY"]
    assert lock_directory(environ, nowhere) == session / "rotator"
    del environ["XDG_RUNTIME_DIR"]
    assert lock_directory(environ, nowhere) == tmp_path / f"rotator-{os.geteuid()}"


@pytest.mark.parametrize("name", ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"])
@pytest.mark.parametrize("value", ["", "relative", ":"])
def test_a_variable_without_an_absolute_path_is_as_if_unset(tmp_path: Path, name: str, value: str) -> None:
    environ = {name: value, "TMPDIR": str(tmp_path)}
    assert lock_directory(environ, tmp_path / "no" / "where") == tmp_path / f"rotator-{os.geteuid()}"


def test_a_directory_made_by_us_is_closed_to_others_and_found_again(tmp_path: Path) -> None:
    environ = {"TMPDIR": str(tmp_path)}
    path = lock_directory(environ, tmp_path / "no" / "where")
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert lock_directory(environ, tmp_path / "no" / "where") == path
    system = lock_directory(environ, tmp_path / "system")
    assert not stat.S_IMODE(system.stat().st_mode) & 0o007


def _a_link(path: Path) -> None:
    (path.parent / "target").mkdir(mode=0o700)
    path.symlink_to("target")


def _open_to_others(path: Path) -> None:
    path.mkdir()
    path.chmod(0o755)


@pytest.mark.parametrize(
    "put", [_a_link, _open_to_others, Path.touch], ids=["link", "open to others", "file"]
)
def test_a_trap_in_the_temporary_directory_is_refused(tmp_path: Path, put: object) -> None:
    assert callable(put)
    put(tmp_path / f"rotator-{os.geteuid()}")
    with pytest.raises(LockUnusable, match="mode 0700"):
        lock_directory({"TMPDIR": str(tmp_path)}, tmp_path / "no" / "where")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other users")
def test_somebody_elses_directory_in_the_temporary_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rotator-0"
    path.mkdir(0o700)
    os.chown(path, 12345, 12345)
    with pytest.raises(LockUnusable, match="mode 0700"):
        lock_directory({"TMPDIR": str(tmp_path)}, tmp_path / "no" / "where")


@pytest.fixture
def open_to_others() -> Iterator[Path]:
    """A directory that other users can pass through; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_root_and_the_services_user_take_turns_in_the_users_directory(open_to_others: Path) -> None:
    directory = open_to_others / "run"
    directory.mkdir(0o750)
    os.chown(directory, 12345, 12345)
    async with held_in(directory) as held:
        held.write(Record("from root", NOW))
    command = [sys.executable, "-c", SERVICES_USER, str(directory), URL]
    subprocess.run(command, check=True)
    async with held_in(directory) as held:
        assert held.record() == Record("from the user", NOW)

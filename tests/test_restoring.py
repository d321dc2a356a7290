"""Is a restore under way? The server's state decides where it is told, else a note that expires."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.errors import Forbidden, NotFound, ServerRestoring, Unauthorized, Unreachable
from rotator.lock import RestoreNote, ServerLock
from rotator.models import Outcome, Pair, Server, Wait
from rotator.restorenote import EXPIRES
from rotator.restoring import BEGINS_WITHIN, refuse_while_restoring
from rotator.sandbox import Switches
from rotator.serverstates import FRESH_SECONDS, ServerStates
from tests.fake import FakeProvider
from tests.staging import SLOT, Stage, on_stage, policy, server
from tests.virtual import START, VirtualClock, run_virtual

SECOND = timedelta(seconds=1)
NOTE = RestoreNote("801", "nightly-20270313T070000Z", START)


class Desk:
    """One server of a provider, and the lock beside which the note lies."""

    def __init__(self, clock: VirtualClock, locks: Path) -> None:
        self.clock, self.locks = clock, locks
        self.provider = FakeProvider(clock)
        self.provider.add_server(1, "web-1")
        self.states = ServerStates(self.provider, clock)
        self.server = Server(1, (), "web-1")

    async def note(self, note: RestoreNote) -> None:
        """Leave a note."""
        async with ServerLock(self.locks, "http://x", "1", self.clock).hold() as held:
            held.note_restore(note)

    async def refused(self) -> bool:
        """Whether nothing may be written to the server now."""
        async with ServerLock(self.locks, "http://x", "1", self.clock).hold() as held:
            try:
                await refuse_while_restoring(self.server, self.states, held, self.clock.now())
            except ServerRestoring:
                return True
            return False

    @property
    def asked(self) -> int:
        """How often the servers were asked for."""
        return sum(each.call == "list_servers" for each in self.provider.history)


def test_one_request_tells_of_all_servers_for_a_while(tmp_path: Path) -> None:
    async def scene(clock: VirtualClock) -> list[int]:
        desk = Desk(clock, tmp_path)
        counts = []
        for pause in (0, FRESH_SECONDS - 1, 1):
            await clock.sleep(pause)
            assert not await desk.refused()
            counts.append(desk.asked)
        return counts

    assert run_virtual(scene) == [1, 1, 2]


def test_a_server_that_says_so_is_being_restored(tmp_path: Path) -> None:
    async def scene(clock: VirtualClock) -> bool:
        desk = Desk(clock, tmp_path)
        desk.provider.add_server(1, "web-1", status="restoring")
        return await desk.refused()

    assert run_virtual(scene)


def test_a_server_that_is_shown_by_the_other_kind_of_id_is_known_by_its_name(tmp_path: Path) -> None:
    async def scene(clock: VirtualClock) -> tuple[bool, str | None, bool]:
        desk = Desk(clock, tmp_path)
        desk.server = Server("6f1c0c5e-0000-4000-8000-000000000001", (), "web-1")
        other = Server("6f1c0c5e-0000-4000-8000-000000000002", (), "web-2")
        desk.provider.add_server(1, "web-1", status="restoring")
        refused, state = await desk.refused(), await desk.states.of(desk.server)
        return refused, state, await desk.states.is_restoring(other)

    assert run_virtual(scene) == (True, "restoring", False)


@pytest.mark.parametrize(
    ("error", "asked"),
    [(NotFound("404"), 1), (Forbidden("403"), 1), (Unreachable("down"), 3)],
    ids=["no such call", "not for this token", "down"],
)
def test_where_nobody_answers_rotations_go_on_and_ask_rarely(
    tmp_path: Path, error: Exception, asked: int
) -> None:
    async def scene(clock: VirtualClock) -> int:
        desk = Desk(clock, tmp_path)
        desk.provider.fail("list_servers", error, times=9)  # type: ignore[arg-type]  # they are ApiErrors
        for _ in range(3):
            assert not await desk.refused()
            await clock.sleep(FRESH_SECONDS)
        return desk.asked

    assert run_virtual(scene) == asked


@pytest.mark.parametrize(
    ("after", "refused"), [(BEGINS_WITHIN - SECOND, True), (BEGINS_WITHIN, False)], ids=["just now", "over"]
)
def test_a_note_counts_until_the_state_has_had_time_to_show_it(
    tmp_path: Path, after: timedelta, refused: bool
) -> None:
    async def scene(clock: VirtualClock) -> tuple[bool, bool]:
        desk = Desk(clock, tmp_path)
        await desk.note(NOTE)
        await clock.sleep(after.total_seconds())
        return await desk.refused(), bool(list(tmp_path.glob("*.restore")))

    assert run_virtual(scene) == (refused, refused)


@pytest.mark.parametrize(
    ("after", "refused"), [(EXPIRES - SECOND, True), (EXPIRES, False)], ids=["not yet", "expired"]
)
def test_where_the_state_is_not_told_a_note_expires(tmp_path: Path, after: timedelta, refused: bool) -> None:
    async def scene(clock: VirtualClock) -> bool:
        desk = Desk(clock, tmp_path)
        desk.provider.fail("list_servers", NotFound("404"), times=9)
        await desk.note(NOTE)
        await clock.sleep(after.total_seconds())
        return await desk.refused()

    assert run_virtual(scene) is refused


def test_a_refused_token_is_no_silence(tmp_path: Path) -> None:
    async def scene(clock: VirtualClock) -> bool:
        desk = Desk(clock, tmp_path)
        desk.provider.fail("list_servers", Unauthorized("401"))
        await desk.note(NOTE)
        await clock.sleep(EXPIRES.total_seconds())
        with pytest.raises(Unauthorized):
            await desk.refused()
        return bool(list(tmp_path.glob("*.restore")))

    assert run_virtual(scene)


def test_a_long_restore_outlasts_its_note_where_the_state_is_told(tmp_path: Path) -> None:
    async def scene(clock: VirtualClock) -> bool:
        desk = Desk(clock, tmp_path)
        desk.provider.add_server(1, "web-1", status="restoring")
        await desk.note(NOTE)
        await clock.sleep(2 * EXPIRES.total_seconds())
        return await desk.refused()

    assert run_virtual(scene)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b'{"key": "", "name": "x", "at": "2027-03-14"}', b"\xff"]
)
def test_a_broken_note_is_a_restore_of_nobody_knows_what(tmp_path: Path, data: bytes) -> None:
    async def scene(clock: VirtualClock) -> bool:
        desk = Desk(clock, tmp_path)
        await desk.note(NOTE)
        (path,) = tmp_path.glob("*.restore")
        path.write_bytes(data)
        os.utime(path, (START.timestamp(), START.timestamp()))
        desk.provider.fail("list_servers", NotFound("404"), times=9)
        return await desk.refused()

    assert run_virtual(scene)


def test_a_note_from_the_future_is_dated_now_so_that_it_expires(tmp_path: Path) -> None:
    async def scene(clock: VirtualClock) -> tuple[bool, bool]:
        desk = Desk(clock, tmp_path)
        desk.provider.fail("list_servers", NotFound("404"), times=9)
        await desk.note(RestoreNote("801", "x", START + timedelta(days=9)))
        first = await desk.refused()
        (path,) = tmp_path.glob("*.restore")
        assert json.loads(path.read_text())["at"] == START.isoformat()
        await clock.sleep(EXPIRES.total_seconds())
        return first, await desk.refused()

    assert run_virtual(scene) == (True, False)


def test_a_rotation_of_a_restored_server_is_busy_and_another_goes_on() -> None:
    web, other = server(policy(wait=Wait())), server(policy(wait=Wait()), id=2)

    async def scene(stage: Stage) -> list[Outcome]:
        stage.world.set_server_status(1, "restoring")
        return [(await stage.rotate(Pair(each, each.policies[0]), SLOT)).outcome for each in (web, other)]

    assert on_stage(scene, web, other, switches=Switches(create_time=60)) == [Outcome.BUSY, Outcome.ROTATED]

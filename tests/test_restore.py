"""A restore by hand beside a daemon: what it is to restore stays, and what cuts it off is told truly."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from rotator.byhand import Refused, pair_of
from rotator.errors import Forbidden
from rotator.models import Keep, Outcome, Pair, Snapshot, Wait
from rotator.office import Office
from rotator.restore import Phase, Restore
from rotator.restorenote import RestoreNote
from rotator.sandbox import Fault, Switches
from tests.staging import SLOT, WAIT, Stage, days_before, on_stage, policy, server

WEB = server(policy(keep=Keep(last=4)))
NIGHTLY = Pair(WEB, WEB.policies[0])
RESTORE = "/snapshots/*/restore/"


async def oldest(stage: Stage) -> Snapshot:
    """The snapshot that a rotation would delete first."""
    sight = await stage.office.inventory.look(WEB)
    return min(sight.snapshots, key=lambda snapshot: snapshot.created_at)


def by_hand(office: Office, target: Snapshot, wait: Wait = WAIT) -> Restore:
    return Restore(office, pair_of(WEB, wait), target)


async def note_of(office: Office) -> RestoreNote | None:
    async with office.turn(WEB, even_restoring=True) as held:
        return held.restore_note()


@pytest.mark.parametrize("later", range(0, 300, 30))
def test_no_rotation_deletes_what_is_to_be_restored_while_its_safety_snapshot_is_made(later: int) -> None:
    """The server is full once the safety snapshot stands: a rotation would make room, the oldest first."""

    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 4, 3, 2, 1))
        target, daemon = await oldest(stage), stage.office
        restore = by_hand(stage.begin_process(), target)
        saving = asyncio.create_task(restore.save())
        await stage.clock.sleep(1 + later)
        stage.offices.append((daemon, stage.offices[0][1]))
        rotation = asyncio.create_task(stage.rotate(NIGHTLY))
        await saving
        await restore.begin()
        report = await rotation
        stage.offices.pop()
        assert restore.phase is Phase.BEGUN
        assert report.outcome is Outcome.BUSY
        assert report.problem is not None
        assert report.problem.code == "server_restoring"
        assert target.name in stage.names(WEB)

    on_stage(scene, WEB, switches=Switches(create_time=290))


def test_a_restore_that_is_called_off_keeps_nobody_away() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 4, 3, 2, 1))
        restore = by_hand(stage.begin_process(), await oldest(stage))
        saving = asyncio.create_task(restore.save())
        await stage.clock.sleep(60)
        assert await note_of(stage.office) is not None
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        assert await note_of(stage.office) is None

    on_stage(scene, WEB)


def test_one_whose_safety_snapshot_fails_or_that_is_refused_keeps_nobody_away() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 4, 3, 2, 1))
        target = await oldest(stage)
        stage.world.faults.add(Fault(method="POST", fate="fails"))
        with pytest.raises(Refused):
            await by_hand(stage.office, target).save()
        assert await note_of(stage.office) is None
        stage.world.faults.add(Fault(method="POST", path=RESTORE, status=403))
        with pytest.raises(Forbidden):
            await by_hand(stage.office, target).begin()
        assert await note_of(stage.office) is None

    on_stage(scene, WEB)


def test_one_that_was_killed_keeps_rotations_away_for_a_while_and_nobody_who_works_by_hand() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 4, 3, 2, 1))
        target = await oldest(stage)
        left = RestoreNote(target.key, target.name, stage.clock.now(), timedelta(minutes=50))
        async with stage.office.turn(WEB) as held:
            held.note_restore(left)
        assert (await stage.rotate(NIGHTLY)).outcome is Outcome.BUSY
        await stage.clock.sleep(49 * 60)
        assert (await stage.rotate(NIGHTLY)).outcome is Outcome.BUSY
        await stage.clock.sleep(60)
        assert (await stage.rotate(NIGHTLY)).outcome is Outcome.ROTATED
        async with stage.office.turn(WEB) as held:
            held.note_restore(left)
        restore = by_hand(stage.office, await oldest(stage))
        await restore.begin()
        assert restore.phase is Phase.BEGUN

    on_stage(scene, WEB)


@pytest.mark.parametrize("same", [True, False], ids=["of the same restore", "of another one"])
def test_a_safety_snapshot_in_the_making_is_taken_over_only_by_the_same_restore(same: bool) -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2))
        target = await oldest(stage)
        key = target.key if same else "999"
        async with stage.office.turn(WEB) as held:
            held.note_restore(RestoreNote(key, target.name, stage.clock.now(), timedelta(minutes=50)))
        left = stage.world.create(1, "safety-20270314T070000Z", "").id
        restore = by_hand(stage.begin_process(), target)
        await restore.save()
        assert restore.safety is not None
        assert (restore.safety.id == left) is same

    on_stage(scene, WEB)


def test_an_older_safety_snapshot_is_never_taken_for_this_restores() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2))
        left = stage.world.create(1, "safety-20270314T070000Z", "").id
        await stage.clock.sleep(120)
        restore = by_hand(stage.office, await oldest(stage))
        await restore.save()
        assert restore.safety is not None
        assert restore.safety.id != left

    on_stage(scene, WEB)


def test_a_restore_that_is_cut_off_in_its_request_may_have_begun() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 1))
        stage.world.faults.add(Fault(method="POST", path=RESTORE, delay_after=10))
        restore = by_hand(stage.office, await oldest(stage))
        asking = asyncio.create_task(restore.begin())
        await stage.clock.sleep(3)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert restore.phase is Phase.MAYBE_BEGUN
        assert await note_of(stage.office) is not None

    on_stage(scene, WEB)


def test_following_one_restore_leaves_the_note_of_the_next_one() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 2, 1))
        sight = await stage.office.inventory.look(WEB)
        one, two = sight.snapshots
        first = by_hand(stage.office, one)
        await first.begin()
        following = asyncio.create_task(first.follow())
        await stage.clock.sleep(15)
        async with stage.office.turn(WEB, even_restoring=True) as held:
            held.note_restore(RestoreNote(two.key, two.name, stage.clock.now()))
        await following
        assert first.phase is Phase.DONE
        left = await note_of(stage.office)
        assert left is not None
        assert left.key == two.key

    on_stage(scene, WEB, switches=Switches(restore_time=60))

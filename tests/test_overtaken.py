"""A rotation whose snapshot goes while it is waited for, and one whose patience was used up by its lists."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from rotator import naming
from rotator.models import Keep, Outcome, Pair
from rotator.sandbox import Fault, Switches
from tests.daemons import captured
from tests.staging import SLOT, Stage, days_before, on_stage, policy, server

WEB = server()
NIGHTLY = Pair(WEB, WEB.policies[0])
FULL = server(policy(keep=Keep(last=5)))
TIDY = server(policy(keep=Keep(last=1)))
NAME = naming.snapshot_name(WEB, NIGHTLY.policy, SLOT)
LATER = SLOT + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("resumed", "overtaken", "outcome"),
    [
        pytest.param(False, True, Outcome.ROTATED, id="made here, pushed out by a later slot's"),
        pytest.param(True, True, Outcome.PRUNED, id="taken up, pushed out by a later slot's"),
        pytest.param(False, False, Outcome.FAILED, id="made here, gone"),
        pytest.param(True, False, Outcome.FAILED, id="taken up, gone"),
    ],
)
def test_a_snapshot_that_goes_while_it_is_waited_for(
    resumed: bool, overtaken: bool, outcome: Outcome
) -> None:
    async def scene(stage: Stage) -> None:
        if resumed:
            stage.world.create(1, NAME, "")
        rotation = asyncio.create_task(stage.rotate(NIGHTLY))
        await stage.clock.sleep(70)
        (row,) = stage.rows(WEB)
        if overtaken:
            stage.plant(WEB, [LATER])
        stage.world.remove_snapshot(row.id)
        report = await rotation
        assert report.outcome is outcome
        assert report.ok is (outcome is not Outcome.FAILED)
        assert NAME not in stage.names(WEB)

    on_stage(scene, WEB, switches=Switches(create_time=300))


def test_a_legacy_snapshot_of_the_very_moment_does_not_stand_for_the_slots_that_went() -> None:
    web = server(policy(adopt=("legacy-*",)))
    pair = Pair(web, web.policies[0])

    async def scene(stage: Stage) -> None:
        stage.world.add_snapshot(1, "legacy-1", created_at=SLOT)
        rotation = asyncio.create_task(stage.rotate(pair))
        await stage.clock.sleep(70)
        (made,) = [row for row in stage.rows(web) if row.name == NAME]
        stage.world.remove_snapshot(made.id)
        report = await rotation
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "snapshot_failed")

    on_stage(scene, web, switches=Switches(create_time=300))


def test_the_time_for_which_lists_fail_is_taken_from_the_creates_patience() -> None:
    """Of 45 s the list takes 20: a create that is to come back in 30 s comes too late."""

    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(path="/snapshots/", status=503, headers={"Retry-After": "20"}))
        stage.world.faults.add(Fault(method="POST", status=429, headers={"Retry-After": "30"}))
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "rate_limited")
        assert stage.asked("POST") == 1

    on_stage(scene, WEB)


def test_a_snapshot_that_failed_is_not_asked_for_again_after_another_was_waited_for() -> None:
    """A rotation makes its slot's snapshot once; the skewed clock keeps it from saying so before the wait."""
    lines: list[dict[str, object]] = []

    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", fate="fails"))
        with captured(lambda line: lines.append(dict(line))):
            await play(stage)

    async def play(stage: Stage) -> None:
        rotation = asyncio.create_task(stage.rotate(NIGHTLY))
        await stage.clock.sleep(290)
        now = stage.clock.now()
        stage.world.add_snapshot(1, "by hand", created_at=now, ready_at=now + timedelta(minutes=5))
        stage.world.switches = Switches(create_time=300, clock_skew=3600)
        await stage.clock.sleep(200)
        stage.world.switches = Switches(create_time=300)
        report = await rotation
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "snapshot_failed")
        assert stage.asked("POST") == 1
        assert stage.names(WEB) == [NAME, "by hand"]
        assert resumed(lines) == ["by hand"]

    on_stage(scene, WEB, switches=Switches(create_time=300))


def resumed(lines: list[dict[str, object]]) -> list[object]:
    """Which snapshots of others, or of earlier processes, were waited for."""
    return [line["snapshot"] for line in lines if line["event"] == "rotation.resumed"]


def test_one_that_a_list_misses_and_the_next_shows_is_taken_up_once_and_asked_for_after_a_pause() -> None:
    lines: list[dict[str, object]] = []

    async def scene(stage: Stage) -> None:
        stage.world.create(1, NAME, "")
        stage.world.faults.add(
            Fault(path="/snapshots/", skip=1, status=200, body={"count": 0, "results": []})
        )
        with captured(lambda line: lines.append(dict(line))):
            report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.PRUNED
        assert resumed(lines) == [NAME]
        asked = [request.at for request in stage.world.requests if request.path.endswith("/snapshots/")]
        assert asked[1] - asked[0] < timedelta(seconds=1)
        assert asked[3] - asked[2] >= NIGHTLY.policy.wait.first

    on_stage(scene, WEB, switches=Switches(create_time=100))


def test_the_time_for_which_lists_fail_is_taken_from_the_deletes_patience_too() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(FULL, days_before(SLOT, 5, 4, 3, 2, 1))
        stage.world.faults.add(Fault(path="/snapshots/", status=503, headers={"Retry-After": "20"}))
        stage.world.faults.add(Fault(method="DELETE", status=429, headers={"Retry-After": "30"}))
        report = await stage.rotate(Pair(FULL, FULL.policies[0]))
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "delete_failed")
        assert stage.asked("DELETE") == 1

    on_stage(scene, FULL)


def test_while_deletes_fail_for_a_time_only_the_first_of_a_prune_is_tried() -> None:
    """What the API refuses to one for a time it refuses to the next: a later rotation goes on with it."""
    pair = Pair(TIDY, TIDY.policies[0])

    async def scene(stage: Stage) -> None:
        oldest, *_ = stage.plant(TIDY, days_before(SLOT, 3, 2, 1))
        stage.world.faults.add(Fault(method="DELETE", status=503, times=None))
        report = await stage.rotate(pair)
        assert report.problem is not None
        assert report.problem.code == "delete_failed"
        tried = {request.path for request in stage.world.requests if request.method == "DELETE"}
        assert {path.rstrip("/").rsplit("/", 1)[-1] for path in tried} == {str(oldest)}

    on_stage(scene, TIDY, switches=Switches(create_time=60))

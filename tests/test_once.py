"""Rotating and planning a selection: the pairs of a server one after the other, the servers side by side."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from rotator.models import Keep, Mode, Outcome, Pair
from rotator.once import look_at, plan_all, plan_due, rotate_due, rotate_now
from rotator.sandbox import Fault, Switches
from tests.staging import SLOT, Stage, days_before, on_stage, policy, server

WEEKLY = policy("weekly", schedule=("0 4 * * sun",), keep=Keep(last=1))
BOTH = server(policy(keep=Keep(last=2)), WEEKLY)
PAIRS = [Pair(BOTH, each) for each in BOTH.policies]


def test_a_plan_of_two_policies_does_not_promise_the_same_free_place_twice() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(BOTH, days_before(SLOT, 1))
        for number in (1, 2, 3):
            stage.world.add_snapshot(1, f"by-hand-{number}", created_at=SLOT - timedelta(days=number))
        first, second = plan_all(await look_at(stage.office, PAIRS), SLOT)
        assert (first.outcome, first.free_before, first.free_after) == (Outcome.ROTATED, 1, 0)
        assert (second.outcome, second.free_before) == (Outcome.CAP_REACHED, 0)
        assert stage.asked("POST") == 0
        done = await rotate_now(stage.office, PAIRS, SLOT)
        assert [report.outcome for report in done] == [first.outcome, second.outcome]

    on_stage(scene, BOTH)


def test_a_plan_lists_only_what_the_provider_has_shown() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(BOTH, days_before(SLOT, 2, 1))
        _, second = plan_all(await look_at(stage.office, PAIRS), SLOT)
        assert second.mode is Mode.CREATE_FIRST
        assert [v.snapshot.status for v in second.buckets.other] == ["completed"]

    on_stage(scene, BOTH)


def test_what_is_planned_is_what_is_done() -> None:
    web = server(policy(keep=Keep(last=3)), policy("hourly", schedule=("0 * * * *",), keep=Keep(last=1)))
    pairs = [Pair(web, each) for each in web.policies]

    async def scene(stage: Stage) -> None:
        stage.plant(web, days_before(SLOT, 4, 3, 2, 1))
        stage.plant(web, days_before(SLOT, 1), policy="hourly")
        planned = plan_all(await look_at(stage.office, pairs), SLOT)
        done = await rotate_now(stage.office, pairs, SLOT)
        for before, after in zip(planned, done, strict=True):
            assert (before.outcome, before.mode) == (after.outcome, after.mode)
            assert (before.free_before, before.free_after) == (after.free_before, after.free_after)
            gone = [v.snapshot.name for v in after.buckets.deleted]
            assert [v.snapshot.name for v in before.buckets.deleted] == gone

    on_stage(scene, web, switches=Switches(create_time=30))


def test_a_pair_that_owes_nothing_is_unchanged_under_its_last_slot() -> None:
    web = server()
    night = SLOT

    async def scene(stage: Stage) -> None:
        stage.plant(web, [night])
        (report,) = plan_due(await look_at(stage.office, [Pair(web, web.policies[0])]))
        assert (report.outcome, report.slot) == (Outcome.UNCHANGED, night)

    on_stage(scene, web, start=night + timedelta(hours=1))


def test_an_api_that_nobody_reaches_costs_a_server_its_patience_once() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(drop="before", times=None))
        began = stage.clock.monotonic()
        reports = await rotate_now(stage.office, PAIRS, SLOT)
        assert [report.problem.code for report in reports if report.problem] == ["unreachable"] * 2
        assert stage.clock.monotonic() - began < 60

    on_stage(scene, BOTH)


def test_ten_at_once_on_one_host_make_one_snapshot() -> None:
    web = server()
    pairs = [Pair(web, web.policies[0])]

    async def scene(stage: Stage) -> None:
        offices = [stage.begin_process() for _ in range(10)]
        done = await asyncio.gather(*(rotate_due(office, pairs) for office in offices))
        outcomes = [reports[0].outcome for reports in done]
        assert outcomes.count(Outcome.ROTATED) == 1
        assert set(outcomes) <= {Outcome.ROTATED, Outcome.PRUNED, Outcome.BUSY}
        assert len(stage.rows(web)) == 1

    on_stage(scene, web, start=SLOT + timedelta(minutes=5))


@pytest.mark.parametrize("status", [400, 404])
def test_a_server_that_is_no_more_stops_no_other_where_each_is_listed_alone(status: int) -> None:
    """So it is while the account's list does not add up."""
    here, gone = server(), server(id=2)

    async def scene(stage: Stage) -> None:
        stage.plant(here, days_before(SLOT, 1))
        whole = Fault(method="GET", path="/snapshots/", status=200, body={"count": 9, "results": []}, times=3)
        stage.world.faults.add(whole)
        stage.world.faults.add(Fault(method="GET", server_id=2, status=status, times=None))
        reports = await rotate_due(stage.office, [Pair(each, each.policies[0]) for each in (here, gone)])
        assert [report.outcome for report in reports] == [Outcome.ROTATED, Outcome.FAILED]
        assert len(stage.rows(here)) == 2

    on_stage(scene, here)

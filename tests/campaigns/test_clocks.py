"""Clock changes, suspends and steps of the clock: the share of `campaigns.clocks` that every run takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns import almanac, seeds
from campaigns.almanac import Change
from campaigns.clock_life import differences
from campaigns.clock_steps import step_and_back
from campaigns.clock_suspends import sleep_through
from campaigns.clock_year import BEFORE_TWO_CHANGES, live
from campaigns.summertime import all_changes, live_through, shapes
from rotator.models import Keep
from rotator.sandbox import Fault
from tests.daemons import living
from tests.staging import Stage, on_stage, policy, server, utc
from tests.test_daemon import slots_made
from tests.virtual import VirtualClock, run_virtual

NEW_YORK, BERLIN, LORD_HOWE = map(ZoneInfo, ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe"))
UTC_ZONE = ZoneInfo("UTC")
CHANGES = all_changes()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def name_of(change: Change) -> str:
    return f"{change.zone.key}, {change.season}"


# --- the almanac itself ---------------------------------------------------------------------------


def test_every_zone_changes_twice_and_one_of_them_by_half_an_hour() -> None:
    assert [(change.zone.key, change.by) for change in CHANGES] == [
        ("America/New_York", HOUR),
        ("America/New_York", -HOUR),
        ("Europe/Berlin", HOUR),
        ("Europe/Berlin", -HOUR),
        ("Australia/Lord_Howe", -HOUR / 2),
        ("Australia/Lord_Howe", HOUR / 2),
    ]


@pytest.mark.parametrize("change", [c for c in CHANGES if c.zone.key != LORD_HOWE.key], ids=name_of)
def test_cronsim_and_the_loop_of_debians_cron_agree_where_clocks_move_by_whole_hours(change: Change) -> None:
    start, end = change.at - 3 * DAY, change.at + 3 * DAY
    for shape in shapes(change):
        for expression in shape.schedule:
            walked = list(almanac.by_cronsim(expression, change.zone, start, end))
            assert walked == list(almanac.by_debian(expression, change.zone, start, end)), expression


BY_HAND = [
    # 4 April 2027: at 02:00 (+11:00) clocks go back to 01:30 (+10:30)
    ("45 1 * * *", "2027-04-04", ["14:45"]),  # fixed: the first of two
    ("15 2 * * *", "2027-04-04", ["15:45"]),
    ("*/15 1 * * *", "2027-04-04", ["14:00", "14:15", "14:30", "14:45", "15:00", "15:15"]),
    ("*/30 1-2 * * *", "2027-04-04", ["14:00", "14:30", "15:00", "15:30", "16:00"]),
    # 3 October 2027: at 02:00 (+10:30) clocks go forward to 02:30 (+11:00)
    ("15 2 * * *", "2027-10-03", ["15:30"]),  # fixed: right after the gap
    ("*/15 2 * * *", "2027-10-03", ["15:30", "15:45"]),
    ("0 */2 * * *", "2027-10-03", ["13:30", "17:00"]),  # 02:00 does not exist, and it follows the clock
]


@pytest.mark.parametrize(("expression", "day", "times"), BY_HAND)
def test_the_almanac_says_for_lord_howe_island_what_debians_rule_gives_by_hand(
    expression: str, day: str, times: list[str]
) -> None:
    change = datetime.fromisoformat(day).replace(tzinfo=LORD_HOWE).astimezone(UTC)
    found = almanac.slots([expression], LORD_HOWE, change - timedelta(minutes=1), change + 4.5 * HOUR)
    assert [f"{slot:%H:%M}" for slot in found] == times


def test_a_lost_a_repeated_and_an_unasked_slot_are_told_apart() -> None:
    one, two, three = (utc(2027, 1, day) for day in (1, 2, 3))
    assert [what[20:] for what in differences([one, one, three], [one, two])] == [
        "was made 2 times",
        "was lost",
        "was made, and is none",
    ]


# --- lives ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", CHANGES, ids=name_of)
def test_through_a_clock_change_every_slot_is_made_once(change: Change) -> None:
    run = live_through(change, timedelta(hours=3))
    assert run.wrong == ()
    assert run.made > 60


def test_three_days_with_a_change_lose_no_slot_and_make_none_twice() -> None:
    run = live(3, BEFORE_TWO_CHANGES)
    assert run.wrong == ()
    assert run.notes["warnings and errors"] == 0


def test_in_a_suspend_a_pending_timer_stands_still_while_the_wall_moves() -> None:
    async def main(clock: VirtualClock) -> None:
        began = clock.now()
        loop_time = clock.monotonic()
        await clock.sleep(4)
        clock.step(3 * HOUR)
        await clock.sleep(6)
        assert clock.monotonic() - loop_time == pytest.approx(10)
        assert (clock.now() - began - 3 * HOUR).total_seconds() == pytest.approx(10)

    run_virtual(main)


@pytest.mark.parametrize("seed", [*seeds.FIXED, seeds.fresh()])
def test_after_suspends_the_newest_slot_is_run_and_the_others_are_named(seed: int) -> None:
    assert sleep_through(seed, naps=3).wrong == ()


@pytest.mark.parametrize("step", ["-1 min", "+1 h", "-1 h", "+1 day", "-1 year"])
def test_a_clock_that_was_wrong_costs_no_restore_point(step: str) -> None:
    assert step_and_back(seeds.FIXED[0], step, times=1).wrong == ()


# --- what the campaign found ----------------------------------------------------------------------


def test_a_retry_that_was_slept_through_is_not_made_up_for_after_newer_slots() -> None:
    nightly = server(policy(schedule=("0 3 * * *",), zone=UTC_ZONE, catch_up=HOUR))

    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", fate="fails"))
        async with living(stage, nightly) as life:
            await life.sleep(minutes=8)
            assert life.events("rotation.retry_scheduled")
            stage.clock.step(2 * DAY + 3 * HOUR)
            await life.sleep(hours=2)
            missed = [line["slot"] for line in life.events("schedule.missed")]
            assert sorted(missed) == ["20270315T030000Z", "20270316T030000Z", "20270317T030000Z"]
        assert slots_made(stage, nightly) == [utc(2027, 3, 15, 3)]

    on_stage(scene, nightly, start=utc(2027, 3, 15, 2, 59))


def test_a_step_forward_and_back_between_two_heartbeats_silences_no_schedule() -> None:
    hourly = server(policy("hourly", schedule=("0 * * * *",), zone=UTC_ZONE, keep=Keep(last=3)))

    async def scene(stage: Stage) -> None:
        async with living(stage, hourly) as life:
            await life.sleep(seconds=62)  # beats come after 60 and 70, the slot after 63
            stage.clock.step(DAY)
            await life.sleep(seconds=2)
            stage.clock.step(-DAY)
            await life.sleep(hours=3)
        wrong, *right = slots_made(stage, hourly)
        assert wrong == utc(2027, 3, 16, 3)
        assert right == [utc(2027, 3, 15, hour) for hour in (4, 5, 6)]

    on_stage(scene, hourly, start=utc(2027, 3, 15, 2, 58) + timedelta(seconds=57))


def test_small_steps_back_that_add_up_silence_a_schedule_for_three_hours_at_most() -> None:
    hourly = server(policy("hourly", schedule=("0 * * * *",), zone=UTC_ZONE, keep=Keep(last=2)))

    async def scene(stage: Stage) -> None:
        async with living(stage, hourly) as life:
            await life.sleep(minutes=10)
            for _ in range(3):
                stage.clock.step(-2 * HOUR)
                await life.sleep(minutes=1)
            fired = len(life.events("rotation.started"))
            await life.sleep(hours=4)
            assert len(life.events("rotation.started")) == fired + 2

    on_stage(scene, hourly, start=utc(2027, 3, 15, 2, 59))

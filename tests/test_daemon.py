"""The daemon's life in virtual time, against the sandbox."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rotator import cron, naming
from rotator.dispatch import STARTERS
from rotator.errors import Unauthorized
from rotator.models import Keep, Server, Wait
from rotator.sandbox import Fault, Switches
from tests.daemons import living, settings
from tests.staging import Stage, on_stage, policy, server, utc
from tests.virtual import VirtualLoop

WEB = server()
NIGHTLY = WEB.policies[0]
NIGHT = utc(2027, 3, 15, 7)
"""03:00 in New York, the day after the clocks went forward."""

NOON = utc(2027, 3, 14, 16)


def slots_made(stage: Stage, web: Server = WEB) -> list[datetime]:
    """The slots of the creates in the world's history, in order."""
    made = [c.name for c in stage.world.history if c.kind == "created" and str(c.server_id) == web.key]
    owned = [naming.owner(web, name, NOON) for name in made]
    return [owner.slot for owner in owned if owner is not None]


def test_a_week_of_nights_makes_every_slot_once_and_keeps_the_newest() -> None:
    async def played(stage: Stage) -> list[datetime]:
        async with living(stage, WEB) as life:
            await life.sleep(days=7)
        assert len(stage.rows(WEB)) == 3
        return slots_made(stage)

    upcoming = cron.slots(NIGHTLY.schedule, NIGHTLY.zone, NOON)
    wanted = list(itertools.takewhile(lambda slot: slot <= NOON + timedelta(days=7), upcoming))
    assert len(wanted) == 7
    assert on_stage(played, WEB, start=NOON) == wanted


def test_a_policy_that_is_new_waits_for_its_first_slot() -> None:
    async def scene(stage: Stage) -> None:
        async with living(stage, WEB) as life:
            await life.sleep(hours=1)
            assert stage.asked("POST") == 0
            assert life.events("daemon.ready")

    on_stage(scene, WEB, start=NIGHT + timedelta(hours=1))


def test_a_slot_missed_while_it_was_down_is_caught_up_at_the_start() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, [NIGHT - timedelta(days=1)])
        async with living(stage, WEB) as life:
            await life.sleep(minutes=10)
            assert slots_made(stage) == [NIGHT]
            assert [line["slot"] for line in life.events("schedule.caught_up")] == ["20270315T070000Z"]

    on_stage(scene, WEB, start=NIGHT + timedelta(hours=2))


def test_a_slot_missed_by_more_than_catch_up_is_reported_and_left() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, [NIGHT - timedelta(days=1)])
        async with living(stage, WEB) as life:
            await life.sleep(minutes=10)
            assert stage.asked("POST") == 0
            assert [line["slot"] for line in life.events("schedule.missed")] == ["20270315T070000Z"]

    on_stage(scene, WEB, start=NIGHT + timedelta(hours=7))


def test_a_snapshot_left_in_progress_is_taken_up_at_the_start() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, [NIGHT - timedelta(days=day) for day in (3, 2, 1)])
        stage.world.create(1, naming.snapshot_name(WEB, NIGHTLY, NIGHT), "")
        async with living(stage, WEB) as life:
            await life.sleep(minutes=10)
            assert life.events("rotation.resumed")
        assert stage.asked("POST") == 0
        assert len(stage.rows(WEB)) == 3

    on_stage(scene, WEB, start=NIGHT + timedelta(minutes=1))


def test_a_passing_failure_is_tried_again_after_5_10_and_20_minutes_then_every_30_for_6_hours() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", fate="fails", times=None))
        async with living(stage, WEB) as life:
            await life.sleep(hours=9)
            finished = life.events("rotation.finished")
            assert {line["outcome"] for line in finished} == {"failed"}
            tries = [
                datetime.fromisoformat(line["retry_at"]) for line in life.events("rotation.retry_scheduled")
            ]
        assert len(finished) == len(tries) + 1
        assert NIGHT + timedelta(hours=5) < tries[-1] <= NIGHT + timedelta(hours=6)
        ends = [
            began + timedelta(seconds=line["seconds"])
            for began, line in zip([NIGHT, *tries], finished, strict=True)
        ]
        pauses = [again - end for again, end in zip(tries, ends, strict=False)]
        assert not any("unless_slot" in line for line in life.events("rotation.retry_scheduled"))
        for pause, minutes in zip(pauses, [5, 10, 20, *[30] * (len(pauses) - 3)], strict=True):
            assert abs(pause - timedelta(minutes=minutes)) < timedelta(seconds=5)

    on_stage(scene, WEB, start=NIGHT - timedelta(minutes=1))


def test_a_retry_that_a_newer_slot_will_precede_says_so() -> None:
    often = server(policy(schedule=("*/7 * * * *",)))
    first = NIGHT.replace(minute=7)

    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", fate="fails", times=None))
        async with living(stage, often) as life:
            await life.sleep(minutes=13)
            (told,) = life.events("rotation.retry_scheduled")
            assert told["slot"] == naming.slot_text(first)
            assert told["unless_slot"] == naming.slot_text(first + timedelta(minutes=7))
            await life.sleep(minutes=8)
            slots = [line["slot"] for line in life.events("rotation.started")]
        assert slots[:2] == [naming.slot_text(first + timedelta(minutes=m)) for m in (0, 7)]

    on_stage(scene, often, start=first - timedelta(minutes=1))


def test_a_permanent_failure_waits_for_the_next_slot() -> None:
    async def scene(stage: Stage) -> None:
        for index in range(5):
            stage.world.add_snapshot(1, f"by-hand-{index}")
        async with living(stage, WEB) as life:
            await life.sleep(hours=23)
            assert [line["outcome"] for line in life.events("rotation.finished")] == ["cap_reached"]
            await life.sleep(hours=2)
            assert [line["outcome"] for line in life.events("rotation.finished")] == ["cap_reached"] * 2

    on_stage(scene, WEB, start=NIGHT - timedelta(minutes=1))


def test_an_api_that_is_down_for_an_hour_stops_nothing_and_is_one_trouble() -> None:
    servers = [server(id=number) for number in range(1, 21)]

    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(status=503, times=None))
        async with living(stage, *servers) as life:
            await life.sleep(hours=1)
            assert life.events("daemon.ready")
            stage.world.faults.clear()
            await life.sleep(hours=2)
            assert len(life.events("api.failed")) <= 3
        for each in servers:
            assert slots_made(stage, each) == [NIGHT]
        assert len(stage.world.requests) < 600

    on_stage(scene, *servers, start=NIGHT - timedelta(minutes=1))


def test_a_token_refused_at_the_start_ends_it() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.tokens.clear()
        async with living(stage, WEB) as life:
            with pytest.raises(Unauthorized):
                await life.task

    on_stage(scene, WEB)


def test_a_token_refused_later_is_logged_and_the_schedule_goes_on() -> None:
    async def scene(stage: Stage) -> None:
        async with living(stage, WEB) as life:
            await life.sleep(hours=1)
            stage.world.tokens.clear()
            await life.sleep(days=1)
            assert life.events("api.unauthorized")
            stage.world.tokens.add("vps_sandbox")
            await life.sleep(days=1)
        assert slots_made(stage) == [NIGHT + timedelta(days=1)]

    on_stage(scene, WEB, start=NOON)


def test_stopping_in_the_middle_of_a_wait_takes_no_ten_seconds_and_the_next_start_takes_it_up() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, [NIGHT - timedelta(days=day) for day in (3, 2, 1)])
        async with living(stage, WEB) as life:
            await life.sleep(minutes=2)
            assert await life.end() < 10
        assert len(stage.rows(WEB)) == 4
        stage.begin_process()
        async with living(stage, WEB) as life:
            await life.sleep(minutes=10)
        assert slots_made(stage) == [NIGHT]
        assert len(stage.rows(WEB)) == 3

    on_stage(scene, WEB, start=NIGHT - timedelta(minutes=1))


def test_stopping_while_a_request_hangs_takes_no_ten_seconds_and_makes_no_twin() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", delay_after=25))
        async with living(stage, WEB) as life:
            await life.sleep(seconds=70)
            assert await life.end() < 10
        stage.begin_process()
        async with living(stage, WEB) as life:
            await life.sleep(minutes=10)
        assert slots_made(stage) == [NIGHT]

    on_stage(scene, WEB, start=NIGHT - timedelta(minutes=1))


def test_policies_that_fall_due_together_go_in_the_order_of_the_server() -> None:
    first = policy("weekly", schedule=("0 3 * * *",), keep=Keep(last=1))
    web = server(first, policy("nightly", schedule=("0 3 * * *", "0 15 * * *"), keep=Keep(last=2)))

    async def scene(stage: Stage) -> list[str]:
        async with living(stage, web) as life:
            await life.sleep(minutes=30)
        return [c.name.split("-")[0] for c in stage.world.history if c.kind == "created"]

    assert on_stage(scene, web, start=NIGHT - timedelta(minutes=1)) == ["weekly", "nightly"]


def test_splay_starts_later_by_a_stable_offset_and_leaves_the_name_alone() -> None:
    web = server(policy(splay=timedelta(minutes=30)))
    offset = cron.splay_offset(web.key, timedelta(minutes=30))
    assert offset > timedelta(0)

    async def scene(stage: Stage) -> None:
        async with living(stage, web) as life:
            await life.sleep(hours=1)
        assert slots_made(stage, web) == [NIGHT]
        created = next(c.at for c in stage.world.history if c.kind == "created")
        assert timedelta(0) <= created - (NIGHT + offset) < timedelta(seconds=2)

    on_stage(scene, web, start=NIGHT - timedelta(minutes=1))


@pytest.mark.parametrize(
    "step",
    [timedelta(minutes=1), timedelta(minutes=-1), timedelta(hours=1), timedelta(hours=-1), timedelta(days=1)],
    ids=["+1 min", "-1 min", "+1 h", "-1 h", "+1 d"],
)
def test_a_clock_step_runs_no_slot_twice(step: timedelta) -> None:
    hourly = server(policy("hourly", schedule=("30 * * * *",), zone=ZoneInfo("UTC")))

    async def scene(stage: Stage) -> list[datetime]:
        async with living(stage, hourly) as life:
            await life.sleep(hours=3)
            stage.clock.step(step)
            await life.sleep(hours=5)
        return slots_made(stage, hourly)

    made = on_stage(scene, hourly, start=NOON)
    assert made == sorted(set(made))
    assert len(made) >= 7


@pytest.mark.parametrize("hours", [1, 2, 4])
def test_a_clock_that_was_ahead_when_the_schedules_were_loaded_loses_no_slot(hours: int) -> None:
    """A hardware clock in local time, put right by NTP a few seconds after the start."""
    hourly = server(policy("hourly", schedule=("30 * * * *",), zone=ZoneInfo("UTC")))

    async def scene(stage: Stage) -> list[datetime]:
        async with living(stage, hourly) as life:
            await life.sleep(seconds=5)
            stage.clock.step(timedelta(hours=-hours))
            await life.sleep(hours=3)
        return slots_made(stage, hourly)

    made = on_stage(scene, hourly, start=NOON + timedelta(hours=hours))
    assert made == [NOON + timedelta(minutes=minutes) for minutes in (30, 90, 150)]


def test_a_slot_that_was_stood_still_through_is_not_lost_to_a_small_step_back() -> None:
    """The process gets no turn for ten seconds, and the clock is set back by two of them meanwhile."""
    nightly = server()

    async def scene(stage: Stage) -> list[datetime]:
        async with living(stage, nightly) as life:
            await life.sleep(seconds=25.5)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.stand_still(10)
            stage.clock.step(timedelta(seconds=-2))
            life.daemon._timetable.heartbeat()
            await life.sleep(hours=1)
        return slots_made(stage, nightly)

    assert on_stage(scene, nightly, start=NIGHT - timedelta(seconds=30)) == [NIGHT]


def test_after_a_suspend_the_newest_slot_runs_and_the_missed_ones_are_named() -> None:
    hourly = server(policy("hourly", schedule=("30 * * * *",), zone=ZoneInfo("UTC")))

    async def scene(stage: Stage) -> None:
        async with living(stage, hourly) as life:
            await life.sleep(hours=1)
            stage.clock.step(timedelta(hours=5))
            await life.sleep(minutes=10)
            missed = [line["slot"] for line in life.events("schedule.missed")]
            assert missed == [f"20270314T{hour}3000Z" for hour in (17, 18, 19, 20)]
        assert slots_made(stage, hourly) == [utc(2027, 3, 14, 16, 30), utc(2027, 3, 14, 21, 30)]

    on_stage(scene, hourly, start=NOON)


def test_a_new_config_is_taken_over_without_disturbing_what_runs() -> None:
    later = server(policy(schedule=("0 4 * * *",)))

    async def scene(stage: Stage) -> None:
        async with living(stage, WEB, v2=settings(later)) as life:
            await life.sleep(minutes=2)
            life.file = "v2"
            life.daemon.reload()
            await life.sleep(hours=25)
            assert len(life.events("config.loaded")) == 2
        assert slots_made(stage) == [NIGHT, NIGHT + timedelta(hours=1), NIGHT + timedelta(hours=25)]

    on_stage(scene, WEB, start=NIGHT - timedelta(minutes=1))


def test_a_broken_config_is_refused_and_the_old_one_stays() -> None:
    async def scene(stage: Stage) -> None:
        async with living(stage, WEB) as life:
            await life.sleep(hours=1)
            life.file = "broken"
            life.daemon.reload()
            await life.sleep(days=1)
            assert [line["faults"] for line in life.events("config.rejected")] == [
                ["config.yaml:1:1: it is broken"]
            ]
        assert slots_made(stage) == [NIGHT]

    on_stage(scene, WEB, start=NOON)


def test_the_same_config_again_changes_nothing() -> None:
    async def scene(stage: Stage) -> None:
        async with living(stage, WEB) as life:
            await life.sleep(hours=1)
            life.daemon.reload()
            await life.sleep(minutes=1)
            assert life.events("config.unchanged")

    on_stage(scene, WEB, start=NOON)


def test_what_new_rules_would_delete_beyond_the_old_is_said_at_the_reload() -> None:
    stricter = server(policy(keep=Keep(last=1)))

    async def scene(stage: Stage) -> None:
        stage.plant(WEB, [NIGHT - timedelta(days=day) for day in (3, 2, 1)])
        async with living(stage, WEB, v2=settings(stricter)) as life:
            await life.sleep(minutes=1)
            life.file = "v2"
            life.daemon.reload()
            await life.sleep(minutes=1)
            told = [line["would_delete"] for line in life.events("config.loaded") if "would_delete" in line]
            assert told == [["nightly-20270312T070000Z", "nightly-20270313T070000Z"]]

    on_stage(scene, WEB, start=NIGHT - timedelta(hours=3))


def test_watching_the_file_takes_a_change_over_without_a_signal() -> None:
    later = server(policy(schedule=("0 4 * * *",)))

    async def scene(stage: Stage) -> None:
        async with living(stage, WEB, v2=settings(later)) as life:
            await life.end()
            life.watch = True
            life.begin()
            await life.sleep(minutes=1)
            life.file = "v2"
            await life.sleep(seconds=20)
            assert [line["servers"] for line in life.events("config.loaded")] == [1, 1, 1]
            await life.sleep(hours=2)
        assert slots_made(stage) == [NIGHT + timedelta(hours=1)]

    on_stage(scene, WEB, start=NIGHT - timedelta(minutes=30))


def test_one_failing_server_never_starves_the_others() -> None:
    servers = [server(id=number) for number in range(1, 11)]

    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(server_id=3, status=500, times=None))
        async with living(stage, *servers) as life:
            await life.sleep(minutes=30)
        for each in servers:
            assert slots_made(stage, each) == ([] if each.id == 3 else [NIGHT])

    on_stage(scene, *servers, start=NIGHT - timedelta(minutes=1))


def test_a_slot_that_comes_while_the_last_one_still_runs_waits_for_its_turn() -> None:
    often = server(policy("often", schedule=("*/5 * * * *",), zone=ZoneInfo("UTC"), keep=Keep(last=2)))

    async def scene(stage: Stage) -> None:
        stage.world.switches = replace(stage.world.switches, create_time=420)
        async with living(stage, often) as life:
            await life.sleep(minutes=28)
            assert life.events("schedule.overrun")
            await life.sleep(minutes=10)
        made = slots_made(stage, often)
        assert made == sorted(set(made))
        assert len(made) >= 4

    on_stage(scene, often, start=NOON, switches=Switches(create_time=420))


def test_many_servers_that_wait_for_a_stuck_snapshot_do_not_keep_the_others_from_their_turn() -> None:
    second = policy("second", keep=Keep(last=1))
    stuck = [server(policy(), second, id=number) for number in range(1, STARTERS + 2)]
    last = server(id="last")

    async def scene(stage: Stage) -> None:
        for each in stuck:
            stage.world.create(each.id, "by-hand", "", fate="hangs")
        async with living(stage, *stuck, last) as life:
            await life.sleep(minutes=20)
            assert slots_made(stage, last) == [NIGHT]

    on_stage(scene, *stuck, last, start=NIGHT - timedelta(minutes=1))


def test_far_more_pairs_than_may_start_at_once_all_get_their_slot() -> None:
    servers = [server(id=number) for number in range(1, 3 * STARTERS)]

    async def scene(stage: Stage) -> None:
        async with living(stage, *servers) as life:
            await life.sleep(minutes=20)
        assert all(slots_made(stage, each) == [NIGHT] for each in servers)

    on_stage(scene, *servers, start=NIGHT - timedelta(minutes=1))


def test_a_long_row_of_creates_at_the_rate_limit_makes_no_finished_snapshot_look_stuck() -> None:
    patient = Wait(timedelta(seconds=30), timedelta(seconds=15), timedelta(minutes=3))
    servers = [server(policy(wait=patient), id=number) for number in range(1, 301)]

    async def scene(stage: Stage) -> None:
        async with living(stage, *servers) as life:
            await life.sleep(minutes=20)
            outcomes = [line["outcome"] for line in life.events("rotation.finished")]
            assert outcomes == ["rotated"] * len(servers)
            assert life.events("snapshot.stuck") == []

    switches = Switches(create_time=30)
    on_stage(scene, *servers, start=NIGHT - timedelta(minutes=1), switches=switches, rate_limit=1)

"""Clock changes: a daemon lives through one, with schedules of every telling shape."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns import almanac
from campaigns.almanac import Change
from campaigns.clock_life import Run, differences, policy, slots_of
from campaigns.judge import Judge
from rotator import cron
from rotator.models import Policy, Server
from rotator.sandbox import Switches
from tests.daemons import living
from tests.staging import Stage, on_stage

ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe")
"""Clocks that go forward and back by an hour, twice, and by half an hour."""

MARGIN = timedelta(hours=14)
"""How long the daemon lives before the change and after it."""

FAST = Switches(create_time=20)


def shapes(change: Change) -> Iterator[Policy]:
    """One policy for every way in which a schedule can meet the change."""
    first, end = change.between
    middle, last = first + (end - first) / 2, end - timedelta(minutes=1)

    def at(wall: datetime, days: str = "* * *") -> str:
        return f"{wall.minute} {wall.hour} {days}"

    schedules: dict[str, tuple[str, ...]] = {
        "quarters": ("*/15 * * * *",),
        "halves": ("*/30 * * * *",),
        "hourly": ("0 * * * *",),
        "hourly-at-17": ("17 * * * *",),
        "two-hourly": ("0 */2 * * *",),
        "listed-hours": ("30 0,1,2,3,4 * * *",),
        "at-its-first-minute": (at(first),),
        "in-its-middle": (at(middle),),
        "at-its-last-minute": (at(last),),
        "right-after-it": (at(end),),
        "several": (at(first), at(middle), at(last)),
        "starred-and-fixed": ("*/30 * * * *", at(middle)),
        "starred-inside": (f"*/15 {middle.hour} * * *",),
        "weekly": (at(middle, "* * sun"),),
        "noon": ("0 12 * * *",),
    }
    for name, schedule in schedules.items():
        yield policy(name, *schedule, zone=change.zone)
    yield policy("splayed", at(middle), "0 * * * *", zone=change.zone, splay=timedelta(minutes=10))


def live_through(change: Change, margin: timedelta = MARGIN) -> Run:
    """The slots of every shape, compared with the almanac: none twice, none lost."""
    servers = [Server(id=number, policies=(each,)) for number, each in enumerate(shapes(change), 1)]
    start, end = change.at - margin, change.at + margin

    async def scene(stage: Stage) -> Run:
        judge = Judge.of(stage.world, servers)
        async with living(stage, *servers) as life:
            await life.sleep(seconds=(end - start).total_seconds() + 3600)
        wrong = [str(breach) for breach in judge.follow(stage.world)]
        for server in servers:
            own = server.policies[0]
            offset = cron.splay_offset(server.key, own.splay)
            expected = almanac.slots(own.schedule, own.zone, start - offset, end)
            found = [slot for slot in slots_of(stage.world, server) if slot <= end]
            wrong += [f"{own.name} {own.schedule}: {what}" for what in differences(found, expected)]
        made = sum(change.kind == "created" for change in stage.world.history)
        return Run(f"{change.season} change in {change.zone.key} at {change.at:%F %R}", made, tuple(wrong))

    return on_stage(scene, *servers, start=start, switches=FAST)


def all_changes(year: int = 2027, zones: tuple[str, ...] = ZONES) -> list[Change]:
    """Every change of these zones in the year."""
    return [change for zone in zones for change in almanac.changes(ZoneInfo(zone), year)]

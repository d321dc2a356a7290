"""A year of a daemon's life, in zones whose clocks change: every slot of it, none twice, none lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns import almanac, naive
from campaigns.clock_life import Run, differences, policy
from campaigns.judge import Judge, belonging
from rotator.models import Keep, Policy, Server
from rotator.sandbox import Switches
from tests.daemons import Life, living
from tests.staging import Stage, on_stage, utc

YEAR = 366
"""Days: a leap year's, so that each of both clock changes is met wherever it begins."""

START = utc(2027, 1, 1, 0, 7)
BEFORE_TWO_CHANGES = utc(2027, 3, 27, 0, 7)
"""From here on eight days hold Berlin's change in spring and Lord Howe Island's in autumn."""

SETTLED = timedelta(minutes=30)
RECENT = timedelta(days=40)
"""What stands in the end is younger: the monthly one too."""

FAST = Switches(create_time=20)

NEW_YORK, BERLIN, LORD_HOWE = map(ZoneInfo, ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe"))


def servers() -> list[Server]:
    """An hourly one, several policies together, and half an hour's change."""
    return [
        Server(
            1, (policy("hourly", "0 * * * *", zone=NEW_YORK, keep=Keep(hourly=3)),
                policy("weekly", "30 1 * * sun", zone=NEW_YORK, keep=Keep(last=1))),
        ),
        Server(
            2, (policy("nightly", "30 2 * * *", zone=BERLIN, keep=Keep(daily=2)),
                policy("monthly", "0 4 1 * *", zone=BERLIN, keep=Keep(last=1)),
                policy("sundays", "30 2 * * 7", zone=BERLIN, keep=Keep(last=1))),
        ),
        Server(
            3, (policy("often", "15 */3 * * *", "45 1 * * *", zone=LORD_HOWE, keep=Keep(last=2)),
                policy("daily", "15 2 * * *", zone=LORD_HOWE, keep=Keep(daily=2))),
        ),
    ]  # fmt: skip


def live(days: int = YEAR, start: datetime = START) -> Run:
    """So many days, without a break; `start` in UTC."""
    fleet, end = servers(), start + timedelta(days=days)

    async def scene(stage: Stage) -> Run:
        judge, wrong = Judge.of(stage.world, fleet), list[str]()
        notes: Counter[str] = Counter()
        async with living(stage, *fleet) as life:
            for day in range(days):
                await life.sleep(days=1)
                wrong += map(str, judge.follow(stage.world))
                _forget(life, stage, notes)
                if day % 30 == 29:
                    print(f"  day {day + 1}, {len(stage.world.history)} changes", flush=True)
            await life.sleep(seconds=SETTLED.total_seconds())
            _forget(life, stage, notes)
        wrong += map(str, judge.follow(stage.world))
        for server in fleet:
            for own in server.policies:
                wrong += _compared(stage, server, own, start, end)
        made = sum(change.kind == "created" for change in stage.world.history)
        return Run(f"{days} days from {start:%F}", made, tuple(wrong), notes)

    return on_stage(scene, *fleet, start=start, switches=FAST)


def _forget(life: Life, stage: Stage, notes: Counter[str]) -> None:
    """A year's log and requests need not be kept to be counted."""
    notes["requests"] += len(stage.world.requests)
    notes["warnings and errors"] += sum(line["event"] in LOUD for line in life.log)
    stage.world.requests.clear()
    life.log.clear()


LOUD = frozenset(
    {
        "schedule.missed",
        "schedule.overrun",
        "rotation.failed",
        "rotation.retry_scheduled",
        "snapshot.stuck",
        "snapshot.failed",
        "snapshot.delete_failed",
        "clock.skewed",
    }
)
"""What a year without any trouble must not bring."""


def _compared(stage: Stage, server: Server, own: Policy, start: datetime, end: datetime) -> Iterator[str]:
    """The slots against the almanac's, and what stands in the end against the naive rules."""
    found = [
        slot
        for change in stage.world.history
        if change.kind == "created" and str(change.server_id) == server.key
        for owner, slot in [belonging(server, change.name, change.created_at)]
        if owner == own and slot <= end
    ]
    expected = almanac.slots(own.schedule, own.zone, start, end)
    for what in differences(found, expected):
        yield f"{own.name}: {what}"
    last = end + SETTLED
    newest_first = almanac.slots(own.schedule, own.zone, max(start, last - RECENT), last)[::-1]
    reasons = naive.keeps(newest_first, own.keep, own.zone)
    kept = {slot for slot, why in zip(newest_first, reasons, strict=True) if why}
    owners = (belonging(server, row.name, row.created_at) for row in stage.world.snapshots(server.id))
    stands = {slot for owner, slot in owners if owner == own}
    for slot in sorted(kept - stands):
        yield f"{own.name}: {slot:%F %T} should stand in the end by the rules, and does not"

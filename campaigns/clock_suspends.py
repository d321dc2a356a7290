"""Suspend: the machine sleeps, its monotonic clock with it, and the world goes on.

Linux stops CLOCK_MONOTONIC in a suspend, and with it the timers of an event loop: one that had ten seconds to
go has ten seconds to go afterwards. In virtual time that is a step of the wall clock, of the daemon's and the
sandbox's alike: whatever was being made is ready by then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from campaigns import almanac
from campaigns.clock_life import Run, differences, policy, slots_of
from campaigns.clock_moments import MOMENTS, QUARTER, Scene
from campaigns.judge import Judge
from rotator.due import RETRY_FOR
from rotator.models import Keep, Server
from rotator.sandbox import Switches
from rotator.schedule import MISSED_AT_MOST, ON_TIME
from tests.daemons import Life, living
from tests.staging import Stage, on_stage, utc

LENGTHS = (timedelta(minutes=10), timedelta(hours=3), timedelta(days=2))

START = utc(2027, 3, 11, 12, 7)
"""Three days before the clocks change in New York: some sleep through that."""

EDGE = timedelta(microseconds=500)
"""Nearer than this, a slot and the moment of falling asleep are one: either may have been first."""

SETTLED = timedelta(hours=1, minutes=20)
"""After this the last slot's rotation is over, its retries too."""

WAY = Switches(create_time=180, latency=1)


@dataclass(frozen=True, slots=True)
class Nap:
    """Asleep from one wall time to another. `paused`: a failed slot of the busy server waited to be tried."""

    begin: datetime
    end: datetime
    paused: datetime | None = None


@dataclass(slots=True)
class Slots:
    """What one pair owes: slots that have to be made, and those that are missed and named.

    `given_up`: it failed, its next try was slept through, and a newer slot has come: never made any more.
    `either`: it fell asleep in the very moment of the slot, which so is made or named as missed.
    """

    due: set[datetime] = field(default_factory=set)
    missed: list[list[datetime]] = field(default_factory=list)
    either: set[datetime] = field(default_factory=set)
    given_up: set[datetime] = field(default_factory=set)


def servers(zone: ZoneInfo) -> list[Server]:
    """One policy each: the first has the slots whose moments are looked for."""
    each = (
        policy("quarters", "*/15 * * * *", zone=zone, catch_up=timedelta(0)),
        policy("hourly", "0 * * * *", zone=zone),
        policy("six-hourly", "15 */6 * * *", zone=zone, catch_up=timedelta(minutes=67), keep=Keep(last=2)),
        policy("daily", "30 5 * * *", zone=zone, keep=Keep(last=1)),
    )
    return [Server(id=number, policies=(one,)) for number, one in enumerate(each, 1)]


def sleep_through(seed: int, naps: int = 4) -> Run:
    """A daemon that is suspended so often, at moments and for lengths that the seed draws."""
    random = Random(seed)
    zone = ZoneInfo(random.choice(("America/New_York", "UTC")))
    fleet = servers(zone)

    async def scene(stage: Stage) -> Run:
        judge, slept = Judge.of(stage.world, fleet), list[Nap]()
        notes: Counter[str] = Counter()
        async with living(stage, *fleet) as life:
            await life.sleep(hours=1)
            for _ in range(naps):
                moment = random.choice(list(MOMENTS))
                notes[f"suspended {moment}"] += 1
                await MOMENTS[moment](Scene(life, fleet[0], random))
                paused = _waiting_to_be_tried(life) if moment == "in a retry's pause" else None
                slept.append(_nap(stage, random, paused))
                await life.sleep(seconds=random.uniform(20 * 60, 5 * 3600))
            end = stage.clock.now()
            await life.sleep(seconds=SETTLED.total_seconds())
        wrong = [str(breach) for breach in judge.follow(stage.world)]
        wrong += _compared(stage, fleet, slept, end)
        wrong += _named(life, fleet, slept, end)
        made = sum(change.kind == "created" for change in stage.world.history)
        notes["missed slots named"] = len(life.events("schedule.missed"))
        return Run(f"suspends, seed {seed}, {zone.key}", made, tuple(wrong), notes)

    return on_stage(scene, *fleet, start=START, switches=WAY)


def _nap(stage: Stage, random: Random, paused: datetime | None) -> Nap:
    """Sleep. It ends exactly at a quarter or well between two, so that what is missed is beyond dispute."""
    begin = stage.clock.now()
    end = (begin + random.choice(LENGTHS)).replace(second=0, microsecond=0)
    end += timedelta(minutes=15 - end.minute % 15)
    end += random.choice((timedelta(0), timedelta(seconds=random.uniform(120, 13 * 60))))
    stage.clock.step(end - begin)
    return Nap(begin, end, paused)


def _waiting_to_be_tried(life: Life) -> datetime:
    line = life.events("rotation.retry_scheduled")[-1]
    return datetime.strptime(f"{line['slot']}+0000", "%Y%m%dT%H%M%SZ%z")


# --- what is owed ---------------------------------------------------------------------------------


def owed(server: Server, naps: list[Nap], end: datetime, *, busy: bool) -> Slots:
    """Awake: every slot. Asleep: the newest, if `catch_up` reaches back so far; the others are missed."""
    own, found, awake = server.policies[0], Slots(), START
    for nap in naps:
        found.due.update(almanac.slots(own.schedule, own.zone, awake, nap.begin - EDGE))
        asleep = almanac.slots(own.schedule, own.zone, nap.begin + EDGE, nap.end)
        edge = almanac.slots(own.schedule, own.zone, nap.begin - EDGE, nap.begin + EDGE)
        if asleep or (edge and nap.end - edge[-1] > max(ON_TIME, own.catch_up)):
            found.either.update(edge)
        else:
            found.due.update(edge)
        taken = bool(asleep) and nap.end - asleep[-1] <= max(ON_TIME, own.catch_up)
        if asleep:
            found.missed.append(asleep[:-1] if taken else asleep)
        if taken:
            found.due.add(asleep[-1])
        if busy and nap.paused is not None and (asleep or nap.end - nap.paused > RETRY_FOR):
            found.due.discard(nap.paused)  # it failed, and the time for another try has passed
            found.given_up.add(nap.paused)
        awake = nap.end
    found.due.update(almanac.slots(own.schedule, own.zone, awake, end))
    return found


def _compared(stage: Stage, fleet: list[Server], naps: list[Nap], end: datetime) -> Iterator[str]:
    for server in fleet:
        wanted = owed(server, naps, end, busy=server is fleet[0])
        ready = [slot for slot in slots_of(stage.world, server, "ready") if slot <= end]
        for what in differences(ready, wanted.due, wanted.either):
            yield f"{server.policies[0].name}: {what}"


def _in_one_nap(wanted: Slots, made: set[datetime]) -> Iterator[list[datetime]]:
    """The missed slots of each nap in order, one that fell to its very beginning among them."""
    unmade = wanted.either - made
    for missed in wanted.missed:
        edge = [slot for slot in unmade if missed and timedelta(0) < missed[0] - slot <= QUARTER]
        yield [*edge, *missed]


def _named(life: Life, fleet: list[Server], naps: list[Nap], end: datetime) -> Iterator[str]:
    """Every missed slot is named, of one nap and schedule the first MISSED_AT_MOST; no other one is."""
    told = {str(line["slot"]) for line in life.events("schedule.missed")}
    may: set[str] = set()
    for server in fleet:
        wanted = owed(server, naps, end, busy=server is fleet[0])
        made = set(slots_of(life.stage.world, server))
        may.update(f"{slot:%Y%m%dT%H%M%SZ}" for slot in wanted.given_up | (wanted.either - made))
        for missed in _in_one_nap(wanted, made):
            texts = [f"{slot:%Y%m%dT%H%M%SZ}" for slot in missed]
            may.update(texts)
            for text in texts[:MISSED_AT_MOST]:
                if text not in told:
                    yield f"{server.policies[0].name}: {text} was missed and is not named"
    for text in sorted(told - may):
        yield f"{text} is named as missed, and was not"

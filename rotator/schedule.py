"""The timer: when, never what. APScheduler wakes us, cronsim says for which slot.

Law 1: one job per distinct (schedule, zone, offset), however many pairs share it.
Law 2: a job that fires asks the clock which slot is the newest that has passed. A late timer (suspend, a step
       of the clock) so runs one slot, the newest, and says which ones were missed.
Law 3: no slot fires twice: a job remembers the last one that fired. Only a clock that was set back by more
       than CORRECTION makes it forget: the slots that it remembers were never true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from rotator import cron, naming
from rotator.clock import Clock
from rotator.models import Pair

log = structlog.stdlib.get_logger()

CORRECTION = timedelta(hours=3)
"""A step back beyond this corrects a wrong clock, as Debian's cron has it; below it slots are remembered."""

STEP = timedelta(seconds=1)
"""What the wall clock may lose against the monotonic one between two heartbeats without being set back."""

ON_TIME = timedelta(minutes=1)
"""A slot that fires within a minute of its time is on time, whatever `catch_up` says: cron's resolution."""

MISSED_AT_MOST = 20
"""How many missed slots are named one by one after a long sleep."""

Key = tuple[tuple[str, ...], ZoneInfo, timedelta]


@dataclass(slots=True)
class Group:
    """Pairs that fire together: the same schedule and zone, and the same offset after each slot."""

    key: Key
    fired: datetime
    pairs: tuple[Pair, ...] = ()
    has_fired: bool = False

    def newest(self, now: datetime) -> datetime | None:
        """The newest slot whose time, offset included, has come."""
        schedule, zone, offset = self.key
        return cron.last_slot(schedule, zone, now - offset)

    def next(self, after: datetime) -> datetime | None:
        """The first slot that is after `after`, offset included, and has not fired yet."""
        schedule, zone, offset = self.key
        return cron.next_slot(schedule, zone, max(after - offset, self.fired))


class SlotTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 carries no annotations
    """Fires `offset` after every slot of a group; what lies before now is left to the one who fires."""

    def __init__(self, group: Group) -> None:
        self._group = group

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """The next fire time strictly after now and after the previous one."""
        offset = self._group.key[2]
        slot = self._group.next(max(previous, now) if previous is not None else self._group.fired + offset)
        return None if slot is None else slot + offset


class Timetable:
    """Fires `on_slot(pairs, slot)` for every slot of every group, in the running event loop."""

    def __init__(self, clock: Clock, on_slot: Callable[[tuple[Pair, ...], datetime], None]) -> None:
        self._clock = clock
        self._on_slot = on_slot
        self._groups: dict[Key, Group] = {}
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._beat = (clock.now(), clock.monotonic())

    def start(self) -> None:
        """Begin to fire."""
        self._scheduler.start()

    def stop(self) -> None:
        """Fire no more."""
        if self._scheduler.running:
            self._scheduler.pause()
            self._scheduler.shutdown(wait=False)

    def load(self, pairs: Iterable[Pair]) -> None:
        """Replace what is scheduled. A group that stays keeps its memory; a new one waits for a slot."""
        before = {pair.key: group for group in self._groups.values() for pair in group.pairs}
        wanted: dict[Key, list[Pair]] = {}
        for pair in pairs:
            wanted.setdefault(_key(pair), []).append(pair)
        for key in self._groups.keys() - wanted.keys():
            self._forget(self._groups.pop(key))
        for key, members in wanted.items():
            if key not in self._groups:
                self._groups[key] = Group(key, self._clock.now() - key[2])
                self._arm(self._groups[key])
                self._make_up(self._groups[key], members, before)
            self._groups[key].pairs = tuple(members)

    def next_fire(self) -> tuple[datetime, tuple[Pair, ...]] | None:
        """When it fires next, and for which pairs; None if it never will. Only while it runs."""
        jobs = [job for job in self._scheduler.get_jobs() if job.next_run_time is not None]
        first = min(jobs, key=lambda job: job.next_run_time, default=None)
        return None if first is None else (first.next_run_time, first.args[0].pairs)

    def heartbeat(self) -> None:
        """To be called every few seconds: notices suspends and clock steps, which timers sleep through."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        passed = timedelta(seconds=monotonic - self._beat[1])
        step = wall - self._beat[0] - passed
        self._beat = (wall, monotonic)
        if step < -STEP or any(_was_never_true(group, wall) for group in self._groups.values()):
            self._set_back(wall, step)
        self._scheduler.wakeup()

    def _set_back(self, now: datetime, step: timedelta) -> None:
        for group in self._groups.values():
            if not group.has_fired or -step > CORRECTION or _was_never_true(group, now):
                group.fired = min(group.fired, now - group.key[2])
            self._forget(group)
            self._arm(group)

    def _make_up(self, new: Group, pairs: Iterable[Pair], before: Mapping[tuple[str, str], Group]) -> None:
        """A shorter splay has passed already for a slot that the longer one still held back: run it now."""
        slot = new.newest(self._clock.now())
        if slot is None:
            return
        moved = ((p, before[p.key]) for p in pairs if p.key in before)
        owed = tuple(p for p, old in moved if old.key[:2] == new.key[:2] and slot > old.fired)
        if owed:
            self._on_slot(owed, slot)

    def _arm(self, group: Group) -> None:
        self._scheduler.add_job(self._fire, SlotTrigger(group), args=[group], id=_job_id(group))

    def _forget(self, group: Group) -> None:
        if self._scheduler.get_job(_job_id(group)) is not None:
            self._scheduler.remove_job(_job_id(group))

    async def _fire(self, group: Group) -> None:
        """A coroutine, so that APScheduler runs it in this loop and not in a thread."""
        now = self._clock.now()
        slot = group.newest(now)
        if slot is None or slot <= group.fired:
            return
        self._tell_missed(group, slot)
        group.fired, group.has_fired = slot, True
        lateness = now - slot - group.key[2]
        in_time = tuple(p for p in group.pairs if lateness <= max(ON_TIME, p.policy.catch_up))
        if len(in_time) < len(group.pairs):
            late = sorted({p.policy.name for p in group.pairs if p not in in_time})
            log.warning("schedule.missed", slot=naming.slot_text(slot), late=str(lateness), policies=late)
        if in_time:
            self._on_slot(in_time, slot)

    def _tell_missed(self, group: Group, slot: datetime) -> None:
        """Slots between the last one that fired and this one passed while nobody looked."""
        schedule, zone, _ = group.key
        for count, missed in enumerate(cron.slots(schedule, zone, group.fired)):
            if missed >= slot or count == MISSED_AT_MOST:
                return
            log.warning("schedule.missed", slot=naming.slot_text(missed), instead=naming.slot_text(slot))


def _was_never_true(group: Group, now: datetime) -> bool:
    """Whether the last slot that fired lies so far ahead that only a wrong clock can have shown it.

    One beat may hide a step forward and the one back, and small steps back may add up: no step tells then.
    """
    return group.fired > now - group.key[2] + CORRECTION


def _key(pair: Pair) -> Key:
    policy = pair.policy
    return policy.schedule, policy.zone, cron.splay_offset(pair.server.key, policy.splay)


def _job_id(group: Group) -> str:
    schedule, zone, offset = group.key
    return f"{'; '.join(schedule)} {zone.key} +{offset.total_seconds():.0f}s"

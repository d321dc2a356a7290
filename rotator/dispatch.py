"""Run what falls due: as turns come free, one rotation a pair at a time, and passing failures again.

Law 1: a pair rotates for one slot at a time. A slot that comes while the pair is busy waits; of several the
       newest, for a restore point of an older one cannot be made any more.
Law 2: a passing failure is tried again for the same slot after RETRY_AFTER, until the next slot comes or
       RETRY_FOR is over, whichever is first.
Law 3: draining starts nothing. A wait is left at once, a turn with requests in flight gets DRAIN_SECONDS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from rotator import cron, naming
from rotator.due import RETRY_AFTER, RETRY_FOR
from rotator.models import Pair
from rotator.office import Office
from rotator.progress import Progress
from rotator.report import Report, timestamp
from rotator.rotation import Rotation
from rotator.schedule import CORRECTION, ON_TIME

log = structlog.stdlib.get_logger()

DRAIN_SECONDS = 8.0
"""What requests in flight get when the daemon is told to stop; it has to be gone within 10 s."""

STARTERS = 200
"""Rotations that may wait for their first turn at once; the others are no more than an entry in a list.

Above the turns that are taken at once (128 with the default settings and no rate limit), so that a list is
always shared by as many as may share it.
"""

Key = tuple[str, str]


@dataclass(slots=True)
class Job:
    """A pair at work on a slot.

    `waiting` is the newest slot that came meanwhile; `starting`: it still holds a place among the starters.
    """

    slot: datetime
    task: asyncio.Task[None]
    rotation: Rotation | None = None
    waiting: datetime | None = None
    starting: bool = False


class Dispatcher:
    """`office` and `current` are asked anew each time, so that a reload takes effect with the next rotation.

    `current` gives the pair of that key as it is configured now, None if it is gone.
    """

    def __init__(
        self,
        office: Callable[[], Office],
        current: Callable[[Key], Pair | None],
        on_report: Callable[[Report], None] = lambda report: None,
    ) -> None:
        self._office = office
        self._current = current
        self._on_report = on_report
        self._jobs: dict[Key, Job] = {}
        self._inbox: dict[Key, datetime] = {}
        self._clerk: asyncio.Task[None] | None = None
        self._starters = asyncio.Semaphore(STARTERS)
        self._draining = False

    def hand_out(self, pairs: Iterable[Pair], slot: datetime) -> None:
        """Rotate these pairs for the slot, soon. Pairs of a server start in the order of its policies."""
        if self._draining:
            return
        for pair in pairs:
            noted = self._inbox.get(pair.key, slot)
            wrong = _was_never_true(noted, self._office().clock.now())
            self._inbox[pair.key] = slot if wrong else max(slot, noted)
        if self._clerk is None or self._clerk.done():
            self._clerk = asyncio.create_task(self._start_all())

    @property
    def is_idle(self) -> bool:
        """Whether no rotation is under way; one that waits to be tried again is not."""
        started = self._clerk is None or self._clerk.done()
        return started and all(job.rotation is None for job in self._jobs.values())

    async def drain(self) -> int:
        """Stop all work as law 3 says. Returns how many rotations were left for the next start."""
        self._draining = True
        self._inbox.clear()
        if self._clerk is not None:
            self._clerk.cancel()
        left = len(self._jobs)
        writing = [job.task for job in self._jobs.values() if job.rotation and job.rotation.leave()]
        for job in self._jobs.values():
            if job.task not in writing:
                job.task.cancel()
        if writing:
            await asyncio.wait(writing, timeout=DRAIN_SECONDS)
        remaining = [job.task for job in self._jobs.values()]
        for task in remaining:
            task.cancel()
        await asyncio.gather(*remaining, return_exceptions=True)
        return left

    async def _start_all(self) -> None:
        """Start what came in within the same moment, in the order of the policies, as turns come free."""
        await asyncio.sleep(0)
        while self._inbox:
            due = [(pair, slot) for key, slot in self._inbox.items() if (pair := self._current(key))]
            self._inbox.clear()
            due.sort(key=lambda entry: _rank(entry[0]))
            for pair, slot in due:
                await self._starters.acquire()
                self._start(pair, slot)

    def _start(self, pair: Pair, slot: datetime) -> None:
        job = self._jobs.get(pair.key)
        if job is None:
            self._begin(pair.key, slot, starting=True)
            return
        self._starters.release()
        newest = job.waiting or job.slot
        if slot <= newest and not _was_never_true(newest, self._office().clock.now()):
            return
        facts = _facts(pair)
        if job.rotation is None:  # between two tries of an older slot: the new one takes over
            job.waiting = slot
            job.task.cancel()
            return
        log.warning("schedule.overrun", slot=naming.slot_text(slot), busy=naming.slot_text(job.slot), **facts)
        if job.waiting is not None:
            log.warning("schedule.missed", slot=naming.slot_text(job.waiting), **facts)
        job.waiting = slot

    def _begin(self, key: Key, slot: datetime, *, starting: bool = False) -> None:
        """A task that is cancelled before its first step runs no `finally`: a callback has to end it."""
        task = asyncio.create_task(self._until_done(key, Progress(slot)))
        self._jobs[key] = Job(slot, task, starting=starting)
        task.add_done_callback(lambda _: self._ended(key))

    def _ended(self, key: Key) -> None:
        """The slot is done or given up: the one that waits is next, if any."""
        job = self._jobs.pop(key)
        self._started(job)
        if job.waiting is not None and not self._draining:
            self._begin(key, job.waiting)

    def _started(self, job: Job) -> None:
        """The job needs its place among the starters no more: it had a turn, or waits for something else."""
        if job.starting:
            job.starting = False
            self._starters.release()

    async def _until_done(self, key: Key, progress: Progress) -> None:
        """Rotate for the slot until it is done, given up, or was never true."""
        await asyncio.sleep(0)
        clock = self._office().clock
        began, tries = (clock.now(), clock.monotonic()), 0
        while (pair := self._current(key)) is not None and not _was_never_true(progress.slot, clock.now()):
            job = self._jobs[key]
            office = self._office()
            rotation = Rotation(office, pair, progress, partial(self._started, job))
            job.rotation = rotation
            with office.used():
                report = await rotation.run()
            job.rotation = None
            self._started(job)
            goes_on = job.waiting is None and not self._draining
            # A suspend stops the monotonic clock, and the other one may be set back: the longer time is true.
            elapsed = max(clock.now() - began[0], timedelta(seconds=clock.monotonic() - began[1]))
            pause = _pause(report, elapsed, tries) if goes_on else None
            again = None if pause is None else clock.now() + pause
            self._on_report(replace(report, retry_at=again))
            if pause is None or again is None:
                return
            self._tell(report, again)
            await clock.sleep(pause.total_seconds())
            if _overslept(pair, report.slot, again, began[0], clock.now()):
                log.warning("schedule.missed", slot=naming.slot_text(report.slot), **_facts(pair))
                return
            progress, tries = rotation.progress.next_try(), tries + 1

    def _tell(self, report: Report, again: datetime) -> None:
        """Say when it is tried again; a newer slot that comes first is rotated instead."""
        newer = _newer_slot(report.pair, report.slot, again)
        log.warning(
            "rotation.retry_scheduled",
            slot=naming.slot_text(report.slot),
            retry_at=timestamp(again),
            error=report.problem.code if report.problem else None,
            **({"unless_slot": naming.slot_text(newer)} if newer else {}),
            **_facts(report.pair),
        )


def _pause(report: Report, elapsed: timedelta, tries: int) -> timedelta | None:
    """After what time the slot is tried again, None if it is done or will not get better by itself.

    `elapsed` is the time since it was handed out.
    """
    problem = report.problem
    if problem is None or not problem.passing:
        return None
    wished = timedelta(seconds=problem.retry_after or 0)
    pause = max(RETRY_AFTER[min(tries, len(RETRY_AFTER) - 1)], wished)
    return pause if elapsed + pause <= RETRY_FOR else None


def _overslept(pair: Pair, slot: datetime, again: datetime, began: datetime, now: datetime) -> bool:
    """Whether the machine slept through the time of the next try, and law 2 allows none any more.

    `began` is when the slot was handed out, `again` when its next try was to be. The timetable cannot tell: a
    newer slot that is too late to be made up for is handed out to nobody.
    """
    if now - again <= ON_TIME:
        return False
    return now - began > RETRY_FOR or _newer_slot(pair, slot, now) is not None


def _newer_slot(pair: Pair, slot: datetime, until: datetime) -> datetime | None:
    """The pair's slot after that one, if it is handed out by then."""
    policy = pair.policy
    following = cron.next_slot(policy.schedule, policy.zone, slot)
    offset = cron.splay_offset(pair.server.key, policy.splay)
    return following if following is not None and following + offset <= until else None


def _facts(pair: Pair) -> dict[str, object]:
    return {"server_id": pair.server.id, "server": pair.server.label, "policy": pair.policy.name}


def _was_never_true(slot: datetime, now: datetime) -> bool:
    """Whether a wrong clock handed the slot out, and was set back so far that the timetable forgot it too."""
    return slot > now + CORRECTION


def _rank(pair: Pair) -> int:
    """The place of the policy in its server's list."""
    names = [policy.name for policy in pair.server.policies]
    return names.index(pair.policy.name)

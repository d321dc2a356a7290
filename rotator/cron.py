"""When a schedule falls due: cron expressions laid on a zone's real time.

The law: what happens on a local day depends on nothing but that day. cronsim reads an expression and says
which dates and which times on the wall clock it means, on a calendar without clock changes; here these are
laid on the real minutes of the day, as Debian's cron does it:

* an expression whose minute or hour begins with `*` follows the clock: it fires in each real minute whose
  wall time fits, so a repeated hour counts twice and a skipped one not at all;
* any other fires once, in the first real minute at which the wall clock has reached its time: right after
  a gap, and in the first of two repeated hours.

So next and last slot, asked from anywhere, agree. (Walking cronsim itself through a zone's clock changes
does not: started inside a repeated hour it answers with the first one, and where clocks move by half an
hour it loses slots.) Instants are in UTC; local time only names a day.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim

from rotator.crontab import BadSchedule, expand

__all__ = [
    "BadSchedule",
    "Gaps",
    "default_catch_up",
    "expand",
    "gaps",
    "last_slot",
    "next_slot",
    "slots",
    "splay_offset",
]

GAP_WINDOW = timedelta(days=366)
"""How far ahead `gaps` looks: a whole year, leap years too."""

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_HORIZON = 50 * 366  # days; 29 February on a given weekday can be 40 years away, across a year like 2100
_LAST_DAY = date.max.toordinal() - 2  # the day after it has a midnight in UTC, whatever the zone
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # cronsim has to stand somewhere to read an expression
_READ = 4096  # distinct expressions to remember: more than any sane configuration has


@dataclass(frozen=True, slots=True)
class Gaps:
    """The shortest and the longest real time between two slots that follow each other."""

    narrowest: timedelta
    widest: timedelta


# --- one day --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Expression:
    """What cronsim read. `minutes` are minutes of the day on the wall clock, sorted."""

    reading: CronSim
    minutes: tuple[int, ...]
    follows_clock: bool

    def fires_on(self, day: date) -> bool:
        return day.month in self.reading.months and self.reading.match_day(day)

    def on(self, walls: Sequence[int]) -> Iterator[int]:
        """The real minutes in which it fires on a day whose real minute i shows the wall time `walls[i]`."""
        return self._following(walls) if self.follows_clock else self._once(walls)

    def _following(self, walls: Sequence[int]) -> Iterator[int]:
        wanted = frozenset(self.minutes)
        return (real for real, wall in enumerate(walls) if wall in wanted)

    def _once(self, walls: Sequence[int]) -> Iterator[int]:
        done = 0
        for real, wall in enumerate(walls):
            reached = bisect_right(self.minutes, wall)
            if reached > done:
                yield real
                done = reached
        if done < len(self.minutes):
            yield len(walls)  # the clock skipped the end of the day: its first minute after that


@lru_cache(maxsize=_READ)
def _read(expression: str) -> _Expression:
    minute, hour, *_ = expression.split()
    reading = CronSim(expression, _EPOCH)
    minutes = tuple(sorted(60 * h + m for h in reading.hours for m in reading.minutes))
    return _Expression(reading, minutes, minute.startswith("*") or hour.startswith("*"))


def _firing_on(schedule: tuple[str, ...], day: date) -> tuple[str, ...]:
    return tuple(expression for expression in schedule if _read(expression).fires_on(day))


@lru_cache(maxsize=_READ)  # ten years of one zone
def _midnight(zone: ZoneInfo, day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def _minutes(expressions: tuple[str, ...], zone: ZoneInfo, day: date) -> Sequence[int]:
    """The minutes since midnight, in real time, in which any of the expressions fires on that day."""
    start, end = _midnight(zone, day), _midnight(zone, day + _DAY)
    if end - start == _DAY:
        return _plain_minutes(expressions)
    walls = _walls(zone, start, end)
    return sorted({real for expression in expressions for real in _read(expression).on(walls)})


@lru_cache(maxsize=64)  # the clock changes of some thirty years, or of as many zones in one
def _walls(zone: ZoneInfo, start: datetime, end: datetime) -> Sequence[int]:
    """What the wall shows in each real minute, in minutes since its midnight."""
    local = ((start + real * _MINUTE).astimezone(zone) for real in range((end - start) // _MINUTE))
    return tuple(60 * moment.hour + moment.minute for moment in local)


@lru_cache(maxsize=_READ)
def _plain_minutes(expressions: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(sorted({minute for expression in expressions for minute in _read(expression).minutes}))


# --- slots ----------------------------------------------------------------------------------------


def slots(schedule: Sequence[str], zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The slots strictly after `after`, increasing, in UTC: the union of all expressions, each once.

    `schedule` holds what `expand` gave. Ends where nothing fires for 50 years, or with the calendar.
    """
    schedule, newest = tuple(schedule), after.astimezone(UTC)
    fired = today = after.astimezone(zone).date().toordinal()
    while today < min(fired + _HORIZON, _LAST_DAY):
        day = date.fromordinal(today)
        for slot in _slots_of_day(schedule, zone, day, newest):
            yield slot
            newest, fired = slot, today
        today += 1


def _slots_of_day(
    schedule: tuple[str, ...], zone: ZoneInfo, day: date, after: datetime
) -> Iterator[datetime]:
    expressions = _firing_on(schedule, day)
    if not expressions:
        return
    start, minutes = _midnight(zone, day), _minutes(expressions, zone, day)
    for minute in minutes[bisect_right(minutes, (after - start) / _MINUTE) :]:
        yield start + minute * _MINUTE


def next_slot(schedule: Sequence[str], zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first slot strictly after `after`, or None where `slots` ends."""
    return next(slots(schedule, zone, after), None)


def last_slot(schedule: Sequence[str], zone: ZoneInfo, at: datetime) -> datetime | None:
    """The newest slot that is not after `at`, or None where there was none for 50 years.

    Walks back day by day, but forward within each, so it agrees with the timer in every clock change.
    """
    schedule, at = tuple(schedule), at.astimezone(UTC)
    today = min(at.astimezone(zone).date().toordinal(), _LAST_DAY)
    for ordinal in range(today, max(today - _HORIZON, 1), -1):
        day = date.fromordinal(ordinal)
        expressions = _firing_on(schedule, day)
        if not expressions:
            continue
        start, minutes = _midnight(zone, day), _minutes(expressions, zone, day)
        passed = bisect_right(minutes, (at - start) / _MINUTE)
        if passed:
            return start + minutes[passed - 1] * _MINUTE
    return None


# --- gaps and offsets -----------------------------------------------------------------------------


def gaps(schedule: Sequence[str], zone: ZoneInfo, start: datetime) -> Gaps | None:
    """The narrowest and widest gap between slots of the 366 days after `start`, in real time.

    Where fewer than two slots fall there, the gap between the next two; None if there are no two.
    """
    return _gaps(tuple(schedule), zone, start.astimezone(UTC))


@lru_cache(maxsize=_READ)
def _gaps(schedule: tuple[str, ...], zone: ZoneInfo, start: datetime) -> Gaps | None:
    lengths = set(_lengths(_runs(schedule, zone, start, start + GAP_WINDOW)))
    if not lengths:
        lengths = {later - earlier for earlier, later in pairwise(islice(slots(schedule, zone, start), 2))}
    return Gaps(min(lengths), max(lengths)) if lengths else None


_Run = tuple[datetime, datetime, tuple[timedelta, ...]]  # first slot, last slot, the gaps between that matter


def _lengths(runs: Iterator[_Run]) -> Iterator[timedelta]:
    previous: datetime | None = None
    for first, last, inner in runs:
        if previous is not None and first > previous:
            yield first - previous
        yield from inner
        previous = last


def _runs(schedule: tuple[str, ...], zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[_Run]:
    """All slots after `start` and up to `end`: a whole day of 24 hours as one run, any other slot alone."""
    first_day, last_day = (moment.astimezone(zone).date().toordinal() for moment in (start, end))
    for ordinal in range(first_day, last_day + 1):
        day = date.fromordinal(ordinal)
        expressions = _firing_on(schedule, day)
        if not expressions:
            continue
        midnight = _midnight(zone, day)
        if start < midnight and _midnight(zone, day + _DAY) - midnight == _DAY and midnight + _DAY <= end:
            minutes = _plain_minutes(expressions)
            yield (
                midnight + minutes[0] * _MINUTE,
                midnight + minutes[-1] * _MINUTE,
                _inner_gaps(expressions),
            )
        else:
            alone = (slot for slot in _slots_of_day(schedule, zone, day, start) if slot <= end)
            yield from ((slot, slot, ()) for slot in alone)


@lru_cache(maxsize=_READ)
def _inner_gaps(expressions: tuple[str, ...]) -> tuple[timedelta, ...]:
    lengths = [(later - earlier) * _MINUTE for earlier, later in pairwise(_plain_minutes(expressions))]
    return (min(lengths), max(lengths)) if lengths else ()


def splay_offset(server_key: str, splay: timedelta) -> timedelta:
    """How much later this server starts: whole seconds, at least 0 and below `splay`.

    The same for the same id, on every machine and in every process: a hash of the id's text over the window.
    """
    window = int(splay.total_seconds())
    if window <= 0:
        return timedelta(0)
    digest = hashlib.sha256(server_key.encode()).digest()
    return timedelta(seconds=int.from_bytes(digest) % window)


def default_catch_up(widest: timedelta) -> timedelta:
    """How late a missed slot is still taken: 6 hours or a quarter of the widest gap, whichever is more."""
    return max(timedelta(hours=6), widest / 4)

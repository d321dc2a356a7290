"""When a schedule falls due, a second time: the list that the daemon's slots are compared with.

Nothing here is rotator's. Two sources, each with its limit:

* `by_cronsim`: cronsim walks a zone itself. It is right where clocks move by whole hours (`WHOLE_HOURS`), if
  the walk begins well before the first slot that is asked for.
* `by_debian`: the main loop of Debian's cron, played minute by minute: what wall time has come, how far that
  is from the time cron has come to, and so which jobs run. cronsim only says which minutes of a plain
  calendar an expression means. Where cronsim loses slots (Lord Howe Island's half hour) this list counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

WHOLE_HOURS = frozenset({"UTC", "Africa/Nairobi", "America/New_York", "Europe/Berlin"})
"""Zones whose clocks move by whole hours, and not at midnight: there cronsim's own walk is right."""

RUN_UP = timedelta(days=2)
"""How long before the first slot a walk begins, so that no clock change lies at its beginning."""

SMALL, LARGE = 5, 180
"""Minutes. Debian's cron takes a jump of the wall clock for a late wake-up up to SMALL, for a clock change up
to LARGE, and for a correction beyond."""

_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a zone's clocks: at `at` (UTC) they go forward by `by`, or back where that is negative."""

    zone: ZoneInfo
    at: datetime
    by: timedelta

    @property
    def season(self) -> str:
        """What people call it; in the south it falls into the other half of the year."""
        return "spring" if self.by > timedelta(0) else "autumn"

    @property
    def between(self) -> tuple[datetime, datetime]:
        """The wall times that are skipped or repeated: from the first, up to but not including the second."""
        offset = self.at.astimezone(self.zone).utcoffset() or timedelta(0)
        after = self.at.replace(tzinfo=None) + offset
        before = after - self.by
        return min(before, after), max(before, after)


def changes(zone: ZoneInfo, year: int) -> list[Change]:
    """The clock changes of a year, found by asking the zone every half an hour."""
    found, at, end = [], datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    before = at.astimezone(zone).utcoffset()
    while at < end:
        offset = at.astimezone(zone).utcoffset()
        if offset != before and offset is not None and before is not None:
            found.append(Change(zone, at, offset - before))
        before, at = offset, at + timedelta(minutes=30)
    return found


def slots(schedule: Sequence[str], zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """The slots after `start` and up to `end`, each once, from the source that is right in this zone."""
    walk = by_cronsim if zone.key in WHOLE_HOURS else by_debian
    return sorted({slot for expression in schedule for slot in walk(expression, zone, start, end)})


def by_cronsim(expression: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """cronsim's own walk through the zone."""
    for local in CronSim(expression, (start - RUN_UP).astimezone(zone)):
        slot = local.astimezone(UTC)
        if slot > end:
            return
        if slot > start:
            yield slot


def by_debian(expression: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The minutes in which Debian's cron starts the job at least once."""
    meant = _minutes_meant(expression, start, end)
    starred = any(field.startswith("*") for field in expression.split()[:2])
    real = (start - RUN_UP).replace(second=0, microsecond=0)
    come_to = _wall_minute(real, zone)
    while (real := real + _MINUTE) <= end:
        wall = _wall_minute(real, zone)
        run, come_to = _run(come_to, wall, starred)
        if real > start and not meant.isdisjoint(run):
            yield real


def _run(come_to: int, wall: int, starred: bool) -> tuple[range, int]:
    """The wall minutes whose jobs run now, and how far cron has come then."""
    ahead = wall - come_to
    now = range(wall, wall + 1)
    if -LARGE < ahead <= 0:  # set back: jobs with a star follow the clock, the others have had their turn
        return (now if starred else range(0)), come_to
    if SMALL < ahead <= LARGE and starred:  # set forward: what the clock skipped is made up for without stars
        return now, wall
    if 0 < ahead <= LARGE:
        return range(come_to + 1, wall + 1), wall
    return now, wall


def _minutes_meant(expression: str, start: datetime, end: datetime) -> frozenset[int]:
    """The minutes of a calendar without clock changes that the expression means."""
    margin = RUN_UP + timedelta(days=2)
    found = set()
    for wall in CronSim(expression, start - margin):
        if wall > end + margin:
            break
        found.add((wall - _EPOCH) // _MINUTE)
    return frozenset(found)


def _wall_minute(real: datetime, zone: ZoneInfo) -> int:
    offset = real.astimezone(zone).utcoffset() or timedelta(0)
    return (real + offset - _EPOCH) // _MINUTE

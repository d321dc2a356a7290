"""Histories of snapshots, zones and keep rules, drawn from one `random.Random`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from campaigns import naive
from rotator.models import UNLIMITED, Keep, Span

ZONES = tuple(
    map(
        ZoneInfo,
        (
            "UTC",
            "America/New_York",
            "Europe/Berlin",
            "Africa/Nairobi",
            "Australia/Lord_Howe",  # half an hour
            "Africa/Casablanca",  # four changes a year, by the moon
            "Pacific/Kiritimati",  # 14 hours ahead
            "Pacific/Apia",  # a whole day was skipped in 2011
            "America/St_Johns",  # until 2011 the clocks went back over midnight
            "America/Nuuk",  # the end of the local day is repeated
            "Africa/Cairo",  # midnight is skipped
            "America/Adak",
            "Asia/Kathmandu",
            "Antarctica/Troll",  # two hours
        ),
    )
)

_CHANGES = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "2027-03-14T07:00",  # New York, and Adak and St Johns the same day
        "2027-11-07T06:00",
        "2027-03-28T01:00",  # Berlin, Troll, Nuuk
        "2027-10-31T01:00",
        "2027-04-03T15:00",  # Lord Howe
        "2027-10-02T15:30",
        "2027-02-07T02:00",  # Casablanca
        "2027-03-14T02:00",
        "2027-04-29T22:00",  # Cairo
        "2027-10-28T21:00",
        "2011-12-30T10:00",  # Apia skips a day
        "2010-11-07T02:31",  # St Johns goes back from 00:01 to 23:01
        "2010-03-14T03:31",
        "2028-02-29T00:00",
        "2027-01-01T00:00",
    )
)

_HOUR, _DAY = 3600, 86400
_EDGES = (-_HOUR, -_HOUR // 2, -1, 0, 1, _HOUR // 2 - 1, _HOUR - 1)
_FIRST_SECOND = datetime(1, 1, 1, tzinfo=UTC)


def history(random: Random) -> list[datetime]:
    """Aware moments, newest first; one to some sixty of them."""
    return random.choice(_KINDS)(random)


def with_edges(random: Random, moments: list[datetime], rules: Keep, zone: ZoneInfo) -> list[datetime]:
    """The history, sometimes with snapshots just inside, on and just outside of the rules' windows."""
    spans = [limit for rule in _RULES if isinstance(limit := getattr(rules, rule), Span) and limit != Span()]
    if not moments or not spans or random.random() < 0.6:
        return moments
    added = []
    for span in spans:
        start = naive.window_start(moments[0], span, zone)
        if start is not None and start - _FIRST_SECOND > timedelta(days=1):
            added += [start + timedelta(seconds=edge) for edge in random.sample(_EDGES, 4)]
    return sorted((*moments, *(moment for moment in added if moment <= moments[0])), reverse=True)


def zone(random: Random) -> ZoneInfo:
    """One of ZONES."""
    return random.choice(ZONES)


def keep(random: Random) -> Keep:
    """Keep rules: often one, sometimes several or all, sometimes none."""
    chosen = random.sample(_RULES, random.choice((0, 1, 1, 1, 2, 2, 3, 4, len(_RULES))))
    limits: dict[str, Any] = {rule: _span(random) if "within" in rule else _count(random) for rule in chosen}
    return Keep(**limits)


_COUNTED = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
_RULES = (*_COUNTED, "within", *(f"within_{rule}" for rule in _COUNTED[1:]))


def _count(random: Random) -> float:
    return random.choice((0, 1, 1, 2, 3, 4, 5, 7, 12, 24, UNLIMITED))


def _span(random: Random) -> Span | None:
    """A span of one unit or of several; sometimes none, or one that leaves the calendar."""
    if random.random() < 0.03:
        return random.choice((None, Span(), Span(years=9000), Span(days=10**7), Span(hours=10**9)))
    parts = [random.choice((0, 0, most // 4, random.randint(1, most))) for most in (3, 14, 45, 60)]
    return Span(*parts) if any(parts) else Span(days=random.randint(1, 10))


# --- kinds of histories -----------------------------------------------------------------------------


def _backwards(random: Random, newest: datetime, steps: tuple[int, ...], most: int = 40) -> list[datetime]:
    moments = [newest]
    for _ in range(random.randrange(most)):
        step = timedelta(seconds=random.choice(steps))
        if moments[-1] - _FIRST_SECOND <= step:
            break
        moments.append(moments[-1] - step)
    return moments


def _some_time(random: Random) -> datetime:
    return datetime(2005, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(30 * 366 * _DAY))


def _dense(random: Random) -> list[datetime]:
    return _backwards(random, _some_time(random), (60, 600, 1800, _HOUR, _HOUR, 2 * _HOUR), 60)


def _nightly(random: Random) -> list[datetime]:
    return _backwards(random, _some_time(random), (_DAY, _DAY, _DAY, _DAY, 2 * _DAY, _DAY + _HOUR))


def _sparse(random: Random) -> list[datetime]:
    return _backwards(
        random, _some_time(random), (_DAY, 6 * _DAY, 7 * _DAY, 30 * _DAY, 31 * _DAY, 365 * _DAY)
    )


def _long_gaps(random: Random) -> list[datetime]:
    return _backwards(random, _some_time(random), (1, _HOUR, _DAY, 400 * _DAY, 3000 * _DAY), 15)


def _twins(random: Random) -> list[datetime]:
    return _backwards(random, _some_time(random), (0, 0, 0, 1, _HOUR, _DAY))


def _one_day(random: Random) -> list[datetime]:
    newest = _some_time(random)
    return sorted((newest - timedelta(seconds=random.randrange(_DAY)) for _ in range(12)), reverse=True)


def _round_a_change(random: Random) -> list[datetime]:
    change = random.choice(_CHANGES)
    width = random.choice((2 * _HOUR, _DAY, 3 * _DAY))
    near = [
        change + timedelta(seconds=round(random.uniform(-width, width), 6 * (random.random() < 0.1)))
        for _ in range(random.randint(1, 20))
    ]
    older = [change - timedelta(days=random.randrange(1, 800)) for _ in range(random.randrange(4))]
    edges = [change + timedelta(seconds=edge) for edge in random.choices((-1, 0, 1, -_HOUR, _HOUR), k=2)]
    return sorted(near + older + edges, reverse=True)


def _far_past(random: Random) -> list[datetime]:
    steps = (1, _HOUR, _DAY, 300 * _DAY)
    newest = _FIRST_SECOND + timedelta(seconds=random.randrange(3 * 366 * _DAY))
    moments = _backwards(random, newest, steps, 12)
    return moments + [_FIRST_SECOND] * random.randrange(3)


def _single(random: Random) -> list[datetime]:
    return [_some_time(random)] * random.randrange(2)


_KINDS: tuple[Callable[[Random], list[datetime]], ...] = (
    _dense,
    _nightly,
    _sparse,
    _long_gaps,
    _twins,
    _one_day,
    _round_a_change,
    _round_a_change,
    _round_a_change,
    _far_past,
    _single,
)

"""The keep rules a second time, counted by hand: slow, plain, and with nothing of rotator's own logic.

Every rule goes through all snapshots, writes down the period that each falls into as a text, and keeps one
where the text differs from that of the one it kept before. What `rotator.retention` says is compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo

from rotator.models import Keep, Span

PERIODS: dict[str, Callable[[datetime], str]] = {
    "hourly": lambda local: f"{local:%Y-%m-%d %H} {local.utcoffset()}",
    "daily": lambda local: f"{local:%Y-%m-%d}",
    "weekly": lambda local: f"{local:%G week %V}",
    "monthly": lambda local: f"{local:%Y-%m}",
    "yearly": lambda local: f"{local:%Y}",
}

ORDER = ["last", "within"] + [prefix + period for period in PERIODS for prefix in ("", "within_")]
"""The order in which the rules' reasons are said."""

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
"""Time begins here: a day later than datetime's, so that every zone has a local time for it."""


def keeps(moments_newest_first: Sequence[datetime], keep: Keep, zone: ZoneInfo) -> list[tuple[str, ...]]:
    """Why each snapshot is kept, in the order given; nothing for one that no rule keeps."""
    rules = in_force(keep)
    if not rules:
        return [("no_rule",) for _ in moments_newest_first]
    kept = [kept_by(moments_newest_first, rule, keep, zone) for rule in rules]
    places = range(len(moments_newest_first))
    return [tuple(one[place] for one in kept if place in one) for place in places]


def in_force(keep: Keep) -> list[str]:
    """The rules that say anything at all, finest first."""
    return [rule for rule in ORDER if getattr(keep, rule) not in (0, None, Span())]


def kept_by(moments: Sequence[datetime], rule: str, keep: Keep, zone: ZoneInfo) -> dict[int, str]:
    """The places that a single rule keeps, each with its reason."""
    limit = getattr(keep, rule)
    word = rule.removeprefix("within_")
    kept: dict[int, str] = {}
    before = ""
    for place, moment in enumerate(moments):
        local = max(moment.astimezone(UTC), BEGINNING).astimezone(zone)
        period = PERIODS[word](local) if word in PERIODS else f"number {place}"
        if isinstance(limit, Span):
            start = window_start(moments[0], limit, zone)
            inside = start is None or moment > start
        else:
            inside = len(kept) < limit
        if not inside:
            continue
        if period != before:
            kept[place] = rule
        elif place == len(moments) - 1:
            kept[place] = f"oldest_{rule}"
        before = period
    return kept


def window_start(newest: datetime, span: Span, zone: ZoneInfo) -> datetime | None:
    """What a snapshot has to be younger than: month by month back, then days, then real hours.

    A day that the month lacks runs over into the next one. The wall time stays, in the half of a repeated
    hour that the newest one lies in. None where that lies before the calendar: everything is inside.
    """
    local = max(newest.astimezone(UTC), BEGINNING).astimezone(zone)
    year, month = local.year - span.years, local.month
    for _ in range(span.months):
        month -= 1
        if month == 0:
            year, month = year - 1, 12
    if year < 1:
        return None
    number = date(year, month, 1).toordinal() + (local.day - 1) - span.days
    if number < 1:
        return None
    clock = wall_time(local.hour, local.minute, local.second, local.microsecond, fold=local.fold)
    try:
        start = datetime.combine(date.fromordinal(number), clock, zone).astimezone(UTC)
        return start - timedelta(hours=span.hours)
    except OverflowError:
        return None

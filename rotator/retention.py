"""Keep rules, with restic's words and meanings: which restore points stay, and why.

The law: rules only ever speak for keeping. Each goes through the snapshots on its own, newest first, and
keeps one wherever a new period begins (`last` and `within` take each snapshot for a period); a counted rule
stops when its count is used up, a `within` rule at the end of its window. What any rule keeps is kept, and
where there is no rule at all, everything is. Empty periods use nothing up: downtime deletes nothing.

Periods are those of the policy's time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from rotator.models import UNLIMITED, Keep, Span

_FIRST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
"""What is older is taken for this: west of Greenwich it has no local time."""

_Period = Callable[[int, datetime], Hashable]
"""The period that a snapshot falls into, from its place in the order and its local time."""


def _each(place: int, _: datetime) -> Hashable:
    return place


def _hour(_: int, local: datetime) -> Hashable:
    return local.date(), local.hour, local.utcoffset()  # with the offset a repeated hour is two


def _day(_: int, local: datetime) -> Hashable:
    return local.date()


def _week(_: int, local: datetime) -> Hashable:
    return local.isocalendar()[:2]


def _month(_: int, local: datetime) -> Hashable:
    return local.year, local.month


def _year(_: int, local: datetime) -> Hashable:
    return local.year


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule's name, where a Keep says how far it goes, and what counts as one period."""

    name: str
    limit: Callable[[Keep], float | Span | None]
    period: _Period


_TABLE = (
    _Rule("last", lambda keep: keep.last, _each),
    _Rule("within", lambda keep: keep.within, _each),
    _Rule("hourly", lambda keep: keep.hourly, _hour),
    _Rule("within_hourly", lambda keep: keep.within_hourly, _hour),
    _Rule("daily", lambda keep: keep.daily, _day),
    _Rule("within_daily", lambda keep: keep.within_daily, _day),
    _Rule("weekly", lambda keep: keep.weekly, _week),
    _Rule("within_weekly", lambda keep: keep.within_weekly, _week),
    _Rule("monthly", lambda keep: keep.monthly, _month),
    _Rule("within_monthly", lambda keep: keep.within_monthly, _month),
    _Rule("yearly", lambda keep: keep.yearly, _year),
    _Rule("within_yearly", lambda keep: keep.within_yearly, _year),
)

RULES: tuple[str, ...] = tuple(rule.name for rule in _TABLE)
"""The rules' names, finest first."""

NO_RULE = "no_rule"
"""The reason that keeps everything where nothing was configured."""


def apply_keep(moments: Sequence[datetime], keep: Keep, zone: ZoneInfo) -> tuple[tuple[str, ...], ...]:
    """Why each snapshot is kept, in the order given; an empty tuple is one that no rule keeps.

    `moments` are the aware times of the snapshots that count, newest first (else ValueError). The oldest of
    all is kept as `oldest_RULE` by a counted rule with something left, and by a period rule whose window
    it lies in, even if its period is taken.
    """
    instants = [moment.astimezone(UTC) for moment in moments]
    if any(older > newer for newer, older in pairwise(instants)):
        raise ValueError("moments have to be ordered newest first")
    active = _active(keep)
    if not active:
        return ((NO_RULE,),) * len(instants)
    local = [max(instant, _FIRST).astimezone(zone) for instant in instants]
    columns = [list(_reasons(rule, limit, instants, local)) for rule, limit in active]
    return tuple(tuple(filter(None, row)) for row in zip(*columns, strict=True))


def most_kept(keep: Keep) -> float:
    """The most snapshots that the rules can ever keep; UNLIMITED if there is no bound.

    The newest one serves every active rule at once: the sum of the counts, less one for each rule but one.
    """
    limits = [limit for _, limit in _active(keep)]
    if not limits or any(isinstance(limit, Span) for limit in limits):
        return UNLIMITED
    return sum(limit for limit in limits if not isinstance(limit, Span)) - (len(limits) - 1)


def has_rules(keep: Keep) -> bool:
    """Whether any rule is active; if not, everything is kept."""
    return bool(_active(keep))


def finest(keep: Keep) -> str | None:
    """The name of the active rule that stands first in RULES."""
    return next((rule.name for rule, _ in _active(keep)), None)


def _active(keep: Keep) -> list[tuple[_Rule, float | Span]]:
    limits = ((rule, rule.limit(keep)) for rule in _TABLE)
    return [(rule, limit) for rule, limit in limits if limit and limit != Span()]


def _reasons(
    rule: _Rule, limit: float | Span, instants: Sequence[datetime], local: Sequence[datetime]
) -> Iterator[str | None]:
    """For each snapshot the reason for which this rule keeps it, or None."""
    left = UNLIMITED if isinstance(limit, Span) else limit
    start = _window_start(local[0], limit) if isinstance(limit, Span) and local else None
    taken: Hashable = None
    for place, (instant, moment) in enumerate(zip(instants, local, strict=True)):
        period = rule.period(place, moment)
        fresh, oldest = period != taken, place == len(local) - 1
        outside = start is not None and instant <= start
        if left <= 0 or outside or not (fresh or oldest):
            yield None
            continue
        taken, left = period, left - 1
        yield rule.name if fresh else f"oldest_{rule.name}"


def _window_start(newest: datetime, span: Span) -> datetime | None:
    """`newest` less a calendar span: a snapshot has to be younger than that. None: the window has no start.

    As restic's (Go's) calendar has it: a day that the month does not have runs over into the next, so that
    a month before 31 March is 3 March; the wall time stays, and one that a clock change skips or repeats
    is read with the offset before the change; the hours are real ones. A span that leaves the calendar
    reaches back for ever.
    """
    months = (newest.year - span.years) * 12 + newest.month - 1 - span.months
    try:
        first = date(months // 12, months % 12 + 1, 1)
        day = first + timedelta(days=newest.day - 1 - span.days)
        wall = datetime.combine(day, newest.time(), tzinfo=newest.tzinfo)
        return wall.astimezone(UTC) - timedelta(hours=span.hours)
    except (OverflowError, ValueError):
        return None

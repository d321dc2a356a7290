"""A year in New York, hour by hour, under rules as one would write them: what stands, and what was let go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest

from rotator.cron import slots
from rotator.models import Keep
from rotator.retention import apply_keep, most_kept
from tests.strategies import NEW_YORK

START = datetime(2027, 1, 1, 5, tzinfo=UTC)  # midnight in New York
END = datetime(2028, 1, 1, 5, tzinfo=UTC)
KEEP = Keep(hourly=24, daily=7, weekly=4, monthly=12)
COUNTS = {"hourly": 24, "daily": 7, "weekly": 4, "monthly": 12}
PERIODS = {"hourly": "%Y-%m-%d %H %z", "daily": "%Y-%m-%d", "weekly": "%G-%V", "monthly": "%Y-%m"}

Standing = dict[datetime, tuple[str, ...]]
"""What is kept, newest first, each with its reasons."""


@dataclass(frozen=True, slots=True)
class Hour:
    """One rotation: what stood before it, and what stands after it."""

    slot: datetime
    before: Standing
    after: Standing


def rotations() -> Iterator[Hour]:
    before: Standing = {}
    for slot in takewhile(
        lambda slot: slot < END, slots(["0 * * * *"], NEW_YORK, START - timedelta(hours=1))
    ):
        moments = [slot, *before]
        verdicts = zip(moments, apply_keep(moments, KEEP, NEW_YORK), strict=True)
        after = {moment: reasons for moment, reasons in verdicts if reasons}
        yield Hour(slot, before, after)
        before = after


@pytest.fixture(scope="module")
def year() -> list[Hour]:
    return list(rotations())


def standing(year: list[Hour], local: str) -> Standing:
    """What stands after the last rotation that began by that time in New York."""
    until = datetime.fromisoformat(local).replace(tzinfo=NEW_YORK).astimezone(UTC)
    return next(hour.after for hour in reversed(year) if hour.slot <= until)


def kept_by(rule: str, snapshots: Standing) -> list[str]:
    """The local times of those that a rule keeps, newest first."""
    names = (rule, f"oldest_{rule}")
    held = [moment for moment, reasons in snapshots.items() if any(name in reasons for name in names)]
    return [f"{moment.astimezone(NEW_YORK):%m-%d %H:%M%z}" for moment in held]


def period(rule: str, moment: datetime) -> str:
    return f"{moment.astimezone(NEW_YORK):{PERIODS[rule]}}"


# --- every hour -----------------------------------------------------------------------------------


def test_the_year_has_each_of_its_hours_once(year: list[Hour]) -> None:
    assert [hour.slot for hour in year] == [START + timedelta(hours=count) for count in range(365 * 24)]


def test_never_more_stand_than_the_rules_can_keep_and_the_newest_always_does(year: list[Hour]) -> None:
    assert all(len(hour.after) <= most_kept(KEEP) for hour in year)
    assert all(next(iter(hour.after)) == hour.slot for hour in year)


def test_from_the_second_day_on_each_hour_of_the_last_24_stands(year: list[Hour]) -> None:
    for hour in year[24:]:
        assert list(hour.after)[:24] == [hour.slot - timedelta(hours=back) for back in range(24)]


def lets_go(rule: str, lost: datetime, after: Standing) -> bool:
    """A rule lets go of what a newer one of its period replaces, and when newer periods fill its count."""
    newer = {period(rule, moment) for moment in after if moment > lost}
    return period(rule, lost) in newer or len(newer) >= COUNTS[rule]


def test_nothing_is_lost_unless_every_rule_that_kept_it_lets_go(year: list[Hour]) -> None:
    lost = [
        (hour.slot, moment, reason.removeprefix("oldest_"))
        for hour in year
        for moment, reasons in hour.before.items()
        if moment not in hour.after
        for reason in reasons
    ]
    after = {hour.slot: hour.after for hour in year}
    assert [one for one in lost if not lets_go(one[2], one[1], after[one[0]])] == []
    assert {rule for _, _, rule in lost} == {"hourly", "daily", "weekly", "monthly"}


def test_what_was_let_go_never_comes_back(year: list[Hour]) -> None:
    first_stands = Counter(moment for hour in year for moment in hour.after if moment not in hour.before)
    assert set(first_stands.values()) == {1}


# --- telling dates --------------------------------------------------------------------------------


def test_after_the_first_day_every_hour_and_nothing_else_stands(year: list[Hour]) -> None:
    assert len(standing(year, "2027-01-01T23:30")) == 24


def test_at_the_end_of_january_days_weeks_and_the_month_stand(year: list[Hour]) -> None:
    now = standing(year, "2027-01-31T23:30")
    assert kept_by("daily", now) == [f"01-{day} 23:00-0500" for day in range(31, 24, -1)]
    assert kept_by("weekly", now) == [f"01-{day} 23:00-0500" for day in (31, 24, 17, 10)]
    assert kept_by("monthly", now) == ["01-31 23:00-0500", "01-01 00:00-0500"]  # the oldest holds a place


def test_in_the_hour_after_the_spring_change_the_skipped_hour_is_missed_by_nobody(year: list[Hour]) -> None:
    now = standing(year, "2027-03-14T03:30")
    assert kept_by("hourly", now)[:3] == ["03-14 03:00-0400", "03-14 01:00-0500", "03-14 00:00-0500"]
    assert len(kept_by("hourly", now)) == 24
    assert kept_by("daily", now)[:2] == ["03-14 03:00-0400", "03-13 23:00-0500"]


def test_in_autumn_the_repeated_hour_is_kept_twice_as_an_hour_and_once_as_a_day(year: list[Hour]) -> None:
    now = standing(year, "2027-11-07T02:30")
    hours = ["11-07 02:00-0500", "11-07 01:00-0500", "11-07 01:00-0400", "11-07 00:00-0400"]
    assert kept_by("hourly", now)[:4] == hours
    assert kept_by("daily", now)[:2] == ["11-07 02:00-0500", "11-06 23:00-0400"]


def test_at_the_end_of_the_year_each_month_has_its_last_hour(year: list[Hour]) -> None:
    now = standing(year, "2027-12-31T23:30")
    ends = ["12-31", "11-30", "10-31", "09-30", "08-31", "07-31"]
    ends += ["06-30", "05-31", "04-30", "03-31", "02-28", "01-31"]
    assert [text[:11] for text in kept_by("monthly", now)] == [f"{end} 23:00" for end in ends]
    assert kept_by("weekly", now) == [f"12-{day} 23:00-0500" for day in (31, 26, 19, 12)]
    assert kept_by("daily", now) == [f"12-{day} 23:00-0500" for day in range(31, 24, -1)]
    # 31 December serves all four rules, 26 December a day and a week
    assert len(now) == 24 + 7 + 4 + 12 - 3 - 1

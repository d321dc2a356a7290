"""The keep rules: restic's meanings in tables, an oracle that counts by hand, and what always holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import naive
from rotator.models import UNLIMITED, Keep, Span
from rotator.retention import RULES, apply_keep, finest, has_rules, most_kept
from tests import strategies as some
from tests.strategies import BERLIN, LORD_HOWE, NAIROBI, NEW_YORK

ZULU = ZoneInfo("UTC")


def at(*texts: str) -> list[datetime]:
    return [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]


def said(moments: Sequence[datetime], keep: Keep, zone: ZoneInfo = ZULU) -> list[str]:
    return [" ".join(reasons) for reasons in apply_keep(moments, keep, zone)]


# --- single rules ---------------------------------------------------------------------------------

TWO_A_DAY = at(
    "2027-01-04T18:00",  # Monday
    "2027-01-04T06:00",
    "2027-01-03T18:00",  # Sunday
    "2027-01-03T06:00",
    "2027-01-01T06:00",  # Friday, of a week that began in 2026
    "2026-12-31T06:00",
    "2026-12-28T06:00",  # Monday of that week
    "2026-12-27T06:00",
)

SINGLE = [
    pytest.param(Keep(last=3), ["last", "last", "last", "", "", "", "", ""], id="last"),
    pytest.param(Keep(daily=3), ["daily", "", "daily", "", "daily", "", "", ""], id="empty days use none up"),
    pytest.param(
        Keep(weekly=2),
        ["weekly", "", "weekly", "", "", "", "", ""],
        id="an iso week may lie in two years",
    ),
    pytest.param(
        Keep(weekly=3),
        ["weekly", "", "weekly", "", "", "", "", "weekly"],
        id="the third week begins before Monday",
    ),
    pytest.param(
        Keep(monthly=3),
        ["monthly", "", "", "", "", "monthly", "", "oldest_monthly"],
        id="the oldest, with one left",
    ),
    pytest.param(Keep(monthly=2), ["monthly", "", "", "", "", "monthly", "", ""], id="with none left"),
    pytest.param(
        Keep(yearly=UNLIMITED),
        ["yearly", "", "", "", "", "yearly", "", "oldest_yearly"],
        id="without end there is always one left",
    ),
    pytest.param(
        Keep(hourly=5),
        ["hourly", "hourly", "hourly", "hourly", "hourly", "", "", ""],
        id="hours of different days differ",
    ),
    pytest.param(
        Keep(within=Span(days=1)),
        ["within", "within", "", "", "", "", "", ""],
        id="strictly after: the one exactly a day older is out",
    ),
    pytest.param(
        Keep(within=Span(days=1, hours=1)),
        ["within", "within", "within", "", "", "", "", ""],
        id="days and hours add up",
    ),
    pytest.param(
        Keep(within_daily=Span(days=3)),
        ["within_daily", "", "within_daily", "", "", "", "", ""],
        id="one a day inside the window",
    ),
    pytest.param(
        Keep(within_yearly=Span(years=1)),
        ["within_yearly", "", "", "", "", "within_yearly", "", "oldest_within_yearly"],
        id="the oldest of all lies inside the window",
    ),
    pytest.param(
        Keep(within_yearly=Span(days=8)),
        ["within_yearly", "", "", "", "", "within_yearly", "", ""],
        id="the oldest inside the window is not the oldest of all",
    ),
    pytest.param(Keep(), ["no_rule"] * 8, id="no rule keeps all"),
    pytest.param(Keep(within=Span()), ["no_rule"] * 8, id="a window of no width is no rule"),
    pytest.param(
        Keep(last=1, daily=2, monthly=1),
        ["last daily monthly", "", "daily", "", "", "", "", ""],
        id="rules overlap",
    ),
]


@pytest.mark.parametrize(("keep", "expected"), SINGLE)
def test_each_rule_keeps_what_restic_would(keep: Keep, expected: list[str]) -> None:
    assert said(TWO_A_DAY, keep) == expected


@pytest.mark.parametrize(
    ("span", "newest", "start"),
    [
        pytest.param(Span(months=1), "2027-03-31T12:00", "2027-03-03T12:00", id="31 March less a month"),
        pytest.param(Span(months=1), "2028-03-31T12:00", "2028-03-02T12:00", id="in a leap year"),
        pytest.param(Span(months=1, days=1), "2027-03-31T12:00", "2027-03-02T12:00", id="and a day"),
        pytest.param(Span(years=1), "2028-02-29T12:00", "2027-03-01T12:00", id="a leap day less a year"),
        pytest.param(
            Span(months=14), "2027-01-15T12:00", "2025-11-15T12:00", id="more than a year in months"
        ),
        pytest.param(Span(days=45), "2027-01-15T12:00", "2026-12-01T12:00", id="days across a year"),
        pytest.param(Span(hours=36), "2027-01-02T00:00", "2026-12-31T12:00", id="hours across a year"),
        pytest.param(Span(1, 2, 3, 4), "2027-03-31T12:00", "2026-01-28T08:00", id="all at once"),
    ],
)
def test_a_window_begins_by_the_calendar_and_what_lies_on_its_edge_is_out(
    span: Span, newest: str, start: str
) -> None:
    edge = at(start)[0]
    moments = [*at(newest), edge + timedelta(seconds=1), edge]
    assert said(moments, Keep(within=span)) == ["within", "within", ""]


@pytest.mark.parametrize("span", [Span(years=9000), Span(months=99999), Span(days=10**9), Span(hours=10**12)])
def test_a_window_that_leaves_the_calendar_reaches_back_for_ever(span: Span) -> None:
    assert said(at("2027-01-01", "0001-01-02"), Keep(within=span)) == ["within", "within"]


# --- zones and clock changes ----------------------------------------------------------------------


def test_periods_are_those_of_the_policys_zone() -> None:
    around_midnight = at("2027-01-01T22:00", "2027-01-01T20:00")  # in Nairobi 01:00 and 23:00
    assert said(around_midnight, Keep(daily=2), NAIROBI) == ["daily", "daily"]
    assert said(around_midnight, Keep(daily=1), NAIROBI) == ["daily", ""]
    assert said([*around_midnight, *at("2026-01-01")], Keep(daily=2), ZULU) == ["daily", "", "daily"]


@pytest.mark.parametrize(
    ("zone", "moments"),
    [
        pytest.param(NEW_YORK, at("2027-11-07T06:30", "2027-11-07T05:30"), id="new york 01:30, twice"),
        pytest.param(BERLIN, at("2027-10-31T01:30", "2027-10-31T00:30"), id="berlin 02:30, twice"),
        pytest.param(LORD_HOWE, at("2027-04-03T15:15", "2027-04-03T14:45"), id="lord howe 01:45, twice"),
    ],
)
def test_the_repeated_hour_of_a_clock_change_is_two_hours_of_one_day(
    zone: ZoneInfo, moments: list[datetime]
) -> None:
    older = at("2020-01-01")
    assert said([*moments, *older], Keep(hourly=2), zone) == ["hourly", "hourly", ""]
    assert said([*moments, *older], Keep(daily=1), zone) == ["daily", "", ""]


def test_a_window_of_a_day_is_a_calendar_day_and_one_of_24_hours_is_not() -> None:
    newest = at("2027-03-14T16:00")[0]  # noon in New York, on a day of 23 hours
    moments = [newest, newest - timedelta(hours=22, minutes=59), newest - timedelta(hours=23, minutes=30)]
    assert said(moments, Keep(within=Span(days=1)), NEW_YORK) == ["within", "within", ""]
    assert said(moments, Keep(within=Span(hours=24)), NEW_YORK) == ["within", "within", "within"]


def test_in_the_repeated_hour_a_window_in_hours_is_counted_from_the_right_one_of_the_two() -> None:
    second = at("2027-11-07T06:30")[0]  # 01:30 for the second time
    moments = [second, second - timedelta(minutes=59), second - timedelta(minutes=60)]
    assert said(moments, Keep(within=Span(hours=1)), NEW_YORK) == ["within", "within", ""]


# --- the order, and what a keep can say of itself -------------------------------------------------


def test_moments_that_are_not_newest_first_are_refused() -> None:
    with pytest.raises(ValueError, match="newest first"):
        apply_keep(at("2027-01-01", "2027-01-02"), Keep(last=1), ZULU)


def test_the_order_is_judged_in_real_time() -> None:
    fold = [
        datetime(2027, 11, 7, 1, 10, fold=1, tzinfo=NEW_YORK),
        datetime(2027, 11, 7, 1, 50, tzinfo=NEW_YORK),
    ]
    assert said(fold, Keep(last=1)) == ["last", ""]
    with pytest.raises(ValueError, match="newest first"):
        apply_keep(fold[::-1], Keep(last=1), ZULU)


def test_of_nothing_nothing_is_kept() -> None:
    assert apply_keep([], Keep(within=Span(days=1), last=1), ZULU) == ()


@pytest.mark.parametrize(
    ("keep", "most", "rules", "first"),
    [
        (Keep(), UNLIMITED, False, None),
        (Keep(within_daily=Span()), UNLIMITED, False, None),
        (Keep(last=3), 3, True, "last"),
        (Keep(last=1, daily=3, weekly=2), 4, True, "last"),
        (Keep(daily=7, weekly=4, monthly=12), 21, True, "daily"),
        (Keep(last=2, yearly=UNLIMITED), UNLIMITED, True, "last"),
        (Keep(hourly=2, within=Span(hours=3)), UNLIMITED, True, "within"),
        (Keep(daily=1, within_hourly=Span(hours=3)), UNLIMITED, True, "within_hourly"),
        (Keep(daily=1, within_daily=Span(days=3)), UNLIMITED, True, "daily"),
    ],
)
def test_what_a_keep_says_of_itself(keep: Keep, most: float, rules: bool, first: str | None) -> None:
    assert (most_kept(keep), has_rules(keep), finest(keep)) == (most, rules, first)


def test_the_rules_stand_finest_first() -> None:
    finest_first = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
    assert [rule for rule in RULES if "within" not in rule] == list(finest_first)
    assert [rule for rule in RULES if "within" in rule] == [
        "within",
        *(f"within_{rule}" for rule in finest_first[1:]),
    ]


# --- the same rules, counted by hand --------------------------------------------------------------


@given(some.histories(), some.keeps, some.zones)
def test_the_rules_agree_with_counting_by_hand(moments: list[datetime], keep: Keep, zone: ZoneInfo) -> None:
    assert list(apply_keep(moments, keep, zone)) == naive.keeps(moments, keep, zone)


# --- invariants -----------------------------------------------------------------------------------


@given(some.histories(), some.counted_keeps, some.zones)
def test_never_more_are_kept_than_the_rules_can_keep(
    moments: list[datetime], keep: Keep, zone: ZoneInfo
) -> None:
    assert sum(map(bool, apply_keep(moments, keep, zone))) <= most_kept(keep)


@pytest.mark.parametrize(
    "keep",
    [
        Keep(last=4),
        Keep(last=1, daily=3, weekly=2),
        Keep(hourly=24, daily=3, weekly=4, monthly=12),
        Keep(last=2, hourly=3, daily=3, weekly=2, monthly=2, yearly=2),
    ],
)
def test_the_most_that_rules_can_keep_is_kept_where_each_finds_periods_of_its_own(keep: Keep) -> None:
    newest = datetime(2027, 6, 16, 23, 30, tzinfo=UTC)  # late on a Wednesday
    hours = [newest - timedelta(hours=count) for count in range(24)]
    days = [newest - timedelta(days=count) for count in range(4 * 366)]
    moments = sorted({*hours, *days, newest - timedelta(minutes=1)}, reverse=True)
    kept = sum(map(bool, apply_keep(moments, keep, ZULU)))
    assert kept == most_kept(keep)


@given(some.histories(), some.keeps, some.zones)
def test_the_newest_is_always_kept(moments: list[datetime], keep: Keep, zone: ZoneInfo) -> None:
    assert apply_keep(moments, keep, zone)[0]


@given(some.histories(), some.keeps, some.zones, st.integers(0, 400 * 86400))
def test_an_older_snapshot_takes_nothing_from_newer_ones_but_being_the_oldest(
    moments: list[datetime], keep: Keep, zone: ZoneInfo, seconds: int
) -> None:
    older = moments[-1] - timedelta(seconds=seconds)
    before = apply_keep(moments, keep, zone)
    after = apply_keep([*moments, older], keep, zone)
    plain = [tuple(word for word in reasons if not word.startswith("oldest_")) for reasons in before]
    assert list(after[:-1]) == plain


@given(some.histories(), some.keeps, some.zones)
def test_what_is_kept_would_be_kept_again_when_the_rest_is_gone(
    moments: list[datetime], keep: Keep, zone: ZoneInfo
) -> None:
    kept = [
        moment for moment, reasons in zip(moments, apply_keep(moments, keep, zone), strict=True) if reasons
    ]
    assert all(apply_keep(kept, keep, zone))


@given(some.histories(), some.keeps, some.zones)
def test_equal_input_gives_equal_answers_whatever_zone_the_moments_are_written_in(
    moments: list[datetime], keep: Keep, zone: ZoneInfo
) -> None:
    local = [moment.astimezone(BERLIN) for moment in moments]
    assert apply_keep(local, keep, zone) == apply_keep(tuple(moments), keep, zone)


# --- single rules, at their edges -------------------------------------------------------------------


def test_the_same_month_of_two_years_is_two_months() -> None:
    moments = at("2027-03-02", "2026-03-30", "2025-03-01")
    assert said(moments, Keep(monthly=2)) == ["monthly", "monthly", ""]


@pytest.mark.parametrize("zone", [NEW_YORK, NAIROBI], ids=str)
@pytest.mark.parametrize("keep", [Keep(hourly=1), Keep(yearly=2), Keep(within_daily=Span(days=3))], ids=str)
def test_a_snapshot_from_before_all_calendars_is_judged_in_any_zone(keep: Keep, zone: ZoneInfo) -> None:
    oldest = datetime.min.replace(tzinfo=UTC) + timedelta(seconds=1)
    assert apply_keep([oldest], keep, zone) != ((),)

"""The slots of a schedule: reading, clock changes, gaps, and that all questions get one answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rotator.cron import (
    BadSchedule,
    Gaps,
    default_catch_up,
    expand,
    gaps,
    last_slot,
    next_slot,
    slots,
    splay_offset,
)
from tests import strategies as some
from tests.strategies import BERLIN, CAIRO, LORD_HOWE, NAIROBI, NEW_YORK, NUUK

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots_between(schedule: Sequence[str], zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    return list(takewhile(lambda slot: slot <= end, slots(schedule, zone, start)))


def local_day(expression: str, zone: ZoneInfo, day: str) -> list[str]:
    """The wall times, with their offsets, at which an expression fires on a local day."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
    near = slots_between([expression], zone, midnight - 2 * DAY, midnight + 3 * DAY)
    local = [slot.astimezone(zone) for slot in near]
    return [f"{moment:%H:%M%z}" for moment in local if moment.date() == date.fromisoformat(day)]


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("  0   3\t* * sun ", "0 3 * * sun"),
        ("*/15 8-18/2 1,15 jan-mar,DEC mon-fri", "*/15 8-18/2 1,15 jan-mar,DEC mon-fri"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 * * 7", "0 0 * * 7"),
        ("0 0 31 2 mon", "0 0 31 2 mon"),  # day or weekday: the Mondays of February
    ],
)
def test_a_macro_or_five_fields_come_out_as_five_fields(text: str, fields: str) -> None:
    assert expand(text) == fields


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 fields: write five"),
        ("0 3 * *", "4 fields: write five"),
        ("0 0 3 * * *", "six fields; cron knows no seconds"),
        ("@reboot", "write when, for example @daily"),
        ("@every 5m", "is not one of @hourly @daily"),
        ("60 * * * *", "minute: 60 is not between 0 and 59"),
        ("0 24 * * *", "hour: 24 is not between 0 and 23"),
        ("0 0 0 * *", "day of month: 0 is not between 1 and 31"),
        ("0 0 * 13 *", "month: 13 is not between 1 and 12"),
        ("0 0 * * 8", "weekday: 8 is not between 0 and 7"),
        ("0 0 * * sunday", "'SUNDAY' is not a number or one of SUN MON"),
        ("mon!!! * * * *", "minute: 'MON!!!' is not a number"),
        ("9999999999999999 * * * *", "is not a number"),
        ("1,,2 * * * *", "'' is not a *, a value"),
        ("0 0 1-2-3 * *", "'1-2-3' is not a *, a value"),
        ("*-5 * * * *", "'*' is not a number"),
        ("*/0 * * * *", "'*/0': a step is at least 1"),
        ("5/15 * * * *", "write 5-59/15"),
        ("0 0 * * mon/2", "write 1-7/2"),
        ("0 0 L * *", "L, W, # and ? are not cron's"),
        ("0 0 LW * *", "L, W, # and ? are not cron's"),
        ("0 0 15W * *", "L, W, # and ? are not cron's"),
        ("0 0 * * 5L", "L, W, # and ? are not cron's"),
        ("0 0 * * MON#2", "L, W, # and ? are not cron's"),
        ("0 0 ? * *", "L, W, # and ? are not cron's"),
        ("0 0 * * FRI-MON", "write FRI,SAT,SUN,MON"),
        ("0 0 * * 5-0", "write FRI,SAT,SUN"),
        ("0 22-2 * * *", "write 22,23,0,1,2"),
        ("0 22-3/2 * * *", "write 22,0,2"),
        ("0 0 * nov-feb *", "write NOV,DEC,JAN,FEB"),
        ("0 0 28-2 * *", "write 28,29,30,31,1,2"),
        ("0 0 31 2 *", "never fires"),
        ("0 0 30,31 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
    ],
)
def test_what_cron_would_not_take_is_refused_with_what_to_write_instead(text: str, said: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        expand(text)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["0 0 * * FRI-MON", "0 22-3/2 * * *", "5/15 * * * *", "0 0 * * mon/2"])
def test_what_an_error_says_to_write_is_taken(text: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        expand(text)
    place = next(place for place, part in enumerate(text.split()) if not part.isdigit() and part != "*")
    fields = text.split()
    fields[place] = str(caught.value).rsplit("write ", 1)[1]
    assert expand(" ".join(fields)) == " ".join(fields)


@given(st.text(alphabet="0123456789*/-,@ LW#?sunmofrijxyz", max_size=30))
def test_any_text_is_either_read_or_refused_as_a_bad_schedule(text: str) -> None:
    try:
        fields = expand(text)
    except BadSchedule:
        return
    assert expand(fields) == fields
    assert next_slot([fields], NAIROBI, instant("2027-01-01")) is not None


# --- days -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        pytest.param("0 0 13 * fri", ["08-06", "08-13", "08-20"], id="day or weekday where both are named"),
        pytest.param("0 0 */2 * fri", ["08-13", "08-27", "09-03"], id="day and weekday where one has a star"),
        pytest.param("0 0 * * 0", ["08-01", "08-08", "08-15"], id="0 is Sunday"),
        pytest.param("0 0 * * 7", ["08-01", "08-08", "08-15"], id="7 is Sunday"),
        pytest.param("0 0 31 * *", ["08-31", "10-31", "12-31"], id="short months are left out"),
    ],
)
def test_days_are_read_as_debians_cron_reads_them(expression: str, days: list[str]) -> None:
    found = islice(slots([expression], ZoneInfo("UTC"), instant("2027-07-31T12:00")), 3)
    assert [f"{slot:%m-%d}" for slot in found] == days


# --- clock changes --------------------------------------------------------------------------------

GAP_AND_FOLD = [
    # New York: 2027-03-14 02:00 -> 03:00, 2027-11-07 02:00 -> 01:00
    pytest.param("30 2 * * *", NEW_YORK, "2027-03-14", ["03:00-0400"], id="ny gap: right after it"),
    pytest.param("0 2 * * *", NEW_YORK, "2027-03-14", ["03:00-0400"], id="ny gap: from its first minute"),
    pytest.param("30 2,3 * * *", NEW_YORK, "2027-03-14", ["03:00-0400", "03:30-0400"], id="ny gap: two"),
    pytest.param("0,30 2 * * *", NEW_YORK, "2027-03-14", ["03:00-0400"], id="ny gap: two become one"),
    pytest.param("0 2,3 * * *", NEW_YORK, "2027-03-14", ["03:00-0400"], id="ny gap: no twin of 03:00"),
    pytest.param("*/30 2 * * *", NEW_YORK, "2027-03-14", [], id="ny gap: what follows the clock is skipped"),
    pytest.param(
        "0 0-4 * * *",
        NEW_YORK,
        "2027-03-14",
        ["00:00-0500", "01:00-0500", "03:00-0400", "04:00-0400"],
        id="ny gap: a list of hours",
    ),
    pytest.param("30 1 * * *", NEW_YORK, "2027-11-07", ["01:30-0400"], id="ny fold: once, the first"),
    pytest.param("30 2 * * *", NEW_YORK, "2027-11-07", ["02:30-0500"], id="ny fold: after it, once"),
    pytest.param(
        "*/30 1 * * *",
        NEW_YORK,
        "2027-11-07",
        ["01:00-0400", "01:30-0400", "01:00-0500", "01:30-0500"],
        id="ny fold: what follows the clock is repeated",
    ),
    # Berlin: 2027-03-28 02:00 -> 03:00, 2027-10-31 03:00 -> 02:00
    pytest.param("30 2 * * *", BERLIN, "2027-03-28", ["03:00+0200"], id="berlin gap: right after it"),
    pytest.param("30 2 * * *", BERLIN, "2027-10-31", ["02:30+0200"], id="berlin fold: once, the first"),
    pytest.param(
        "30 */2 * * *",
        BERLIN,
        "2027-10-31",
        ["00:30+0200", "02:30+0200", "02:30+0100"] + [f"{hour:02}:30+0100" for hour in range(4, 24, 2)],
        id="berlin fold: even hours, one of them twice",
    ),
    # Lord Howe: 2027-10-03 02:00 -> 02:30, 2027-04-04 02:00 -> 01:30
    pytest.param("15 2 * * *", LORD_HOWE, "2027-10-03", ["02:30+1100"], id="lord howe gap: right after it"),
    pytest.param("45 1 * * *", LORD_HOWE, "2027-04-04", ["01:45+1100"], id="lord howe fold: the first"),
    pytest.param(
        "45 0-2/1 * * *",
        LORD_HOWE,
        "2027-04-04",
        ["00:45+1100", "01:45+1100", "02:45+1030"],
        id="lord howe fold: each of a list once",
    ),
    pytest.param(
        "*/15 1 * * *",
        LORD_HOWE,
        "2027-04-04",
        ["01:00+1100", "01:15+1100", "01:30+1100", "01:45+1100", "01:30+1030", "01:45+1030"],
        id="lord howe fold: the half hour is repeated",
    ),
    pytest.param(
        "0 */2 * * *",
        LORD_HOWE,
        "2027-04-04",
        ["00:00+1100"] + [f"{hour:02}:00+1030" for hour in range(2, 24, 2)],
        id="lord howe fold: even hours, none lost",
    ),
    # Cairo: 2027-04-30 00:00 -> 01:00
    pytest.param("0 0 * * *", CAIRO, "2027-04-30", ["01:00+0300"], id="cairo gap: midnight is skipped"),
    pytest.param("*/30 0 30 * *", CAIRO, "2027-04-30", [], id="cairo gap: the whole hour is skipped"),
    # Nuuk: 2027-03-27 23:00 -> 00:00 of the next day, 2027-10-30 00:00 -> 23:00 of the same
    pytest.param("30 23 * * *", NUUK, "2027-03-27", [], id="nuuk gap: the day ends an hour early"),
    pytest.param(
        "30 23 * * *",
        NUUK,
        "2027-03-28",
        ["00:00-0100", "23:30-0100"],
        id="nuuk gap: right after it is the next day",
    ),
]


@pytest.mark.parametrize(("expression", "zone", "day", "expected"), GAP_AND_FOLD)
def test_on_a_day_of_a_clock_change_slots_fall_where_cron_runs(
    expression: str, zone: ZoneInfo, day: str, expected: list[str]
) -> None:
    assert local_day(expression, zone, day) == expected


@pytest.mark.parametrize(
    ("expression", "zone", "day", "count"),
    [
        pytest.param("0 * * * *", NEW_YORK, "2027-03-14", 23, id="hourly, ny gap"),
        pytest.param("0 * * * *", NEW_YORK, "2027-11-07", 25, id="hourly, ny fold"),
        pytest.param("*/30 * * * *", NEW_YORK, "2027-03-14", 46, id="half-hourly, ny gap"),
        pytest.param("*/30 * * * *", NEW_YORK, "2027-11-07", 50, id="half-hourly, ny fold"),
        pytest.param("0 * * * *", BERLIN, "2027-03-28", 23, id="hourly, berlin gap"),
        pytest.param("0 * * * *", BERLIN, "2027-10-31", 25, id="hourly, berlin fold"),
        pytest.param("*/30 * * * *", LORD_HOWE, "2027-10-03", 47, id="half-hourly, lord howe gap"),
        pytest.param("*/30 * * * *", LORD_HOWE, "2027-04-04", 49, id="half-hourly, lord howe fold"),
        pytest.param("* * * * *", NEW_YORK, "2027-03-14", 23 * 60, id="every minute, ny gap"),
    ],
)
def test_wildcard_jobs_follow_real_time_through_clock_changes(
    expression: str, zone: ZoneInfo, day: str, count: int
) -> None:
    assert len(local_day(expression, zone, day)) == count


def test_asked_inside_the_repeated_hour_the_next_slot_is_not_the_one_that_has_passed() -> None:
    second_time_0110 = instant("2027-11-07T06:10")
    assert next_slot(["30 1 * * *"], NEW_YORK, second_time_0110) == instant("2027-11-08T06:30")
    assert last_slot(["30 1 * * *"], NEW_YORK, second_time_0110) == instant("2027-11-07T05:30")


def test_the_last_slot_of_a_gap_day_is_the_one_right_after_the_gap() -> None:
    assert last_slot(["30 2 * * *"], NEW_YORK, instant("2027-03-14T07:00")) == instant("2027-03-14T07:00")
    assert last_slot(["30 2 * * *"], NEW_YORK, instant("2027-03-14T06:59")) == instant("2027-03-13T07:30")


# --- invariants -----------------------------------------------------------------------------------


@given(some.schedules, some.zones, some.telling_instants)
def test_slots_increase_strictly_begin_after_and_are_whole_minutes_in_utc(
    schedule: tuple[str, ...], zone: ZoneInfo, after: datetime
) -> None:
    found = list(islice(slots(schedule, zone, after), 60))
    assert found[0] > after
    assert all(earlier < later for earlier, later in pairwise(found))
    assert all(slot.tzinfo is UTC and slot.second == slot.microsecond == 0 for slot in found)


@given(some.schedules, some.zones, some.telling_instants)
def test_next_and_last_slot_agree(schedule: tuple[str, ...], zone: ZoneInfo, at: datetime) -> None:
    upcoming = next_slot(schedule, zone, at)
    assert upcoming is not None
    assert last_slot(schedule, zone, upcoming) == upcoming
    newest = last_slot(schedule, zone, upcoming - timedelta(microseconds=1))
    assert newest is not None
    assert newest <= at
    assert next_slot(schedule, zone, newest) == upcoming


@given(some.schedules, some.zones, some.telling_instants, st.integers(0, 4 * 86400))
def test_slots_are_the_same_wherever_the_walk_began(
    schedule: tuple[str, ...], zone: ZoneInfo, start: datetime, seconds: int
) -> None:
    middle, end = start + timedelta(seconds=seconds), start + 5 * DAY
    whole = slots_between(schedule, zone, start, end)
    assert [slot for slot in whole if slot > middle] == slots_between(schedule, zone, middle, end)


@given(some.schedules, some.zones, some.telling_instants)
def test_a_list_of_expressions_is_their_union_without_repeats(
    schedule: tuple[str, ...], zone: ZoneInfo, start: datetime
) -> None:
    end = start + 5 * DAY
    each = {slot for expression in schedule for slot in slots_between([expression], zone, start, end)}
    assert slots_between((*schedule, *schedule), zone, start, end) == sorted(each)


@given(
    some.expressions.map(" ".join),
    st.sampled_from([ZoneInfo("UTC"), NEW_YORK, BERLIN, NAIROBI]),
    some.telling_instants,
)
def test_where_clocks_move_by_whole_hours_slots_are_those_of_cronsim(
    expression: str, zone: ZoneInfo, start: datetime
) -> None:
    local = CronSim(expression, (start - DAY).astimezone(zone))
    end = start + 5 * DAY
    walked = takewhile(lambda slot: slot <= end, (moment.astimezone(UTC) for moment in local))
    assert slots_between([expression], zone, start, end) == [slot for slot in walked if slot > start]


# --- rare slots and the ends of the calendar ------------------------------------------------------


def test_a_leap_day_on_a_sunday_is_found_decades_away() -> None:
    schedule = [expand("0 0 29 2 */7")]
    assert next_slot(schedule, NAIROBI, instant("2027-01-01")) == instant("2032-02-28T21:00")
    assert last_slot(schedule, NAIROBI, instant("2027-01-01")) == instant("2004-02-28T21:00")


def test_an_empty_schedule_has_no_slot() -> None:
    assert next_slot([], NAIROBI, instant("2027-01-01")) is None
    assert last_slot([], NAIROBI, instant("2027-01-01")) is None
    assert gaps([], NAIROBI, instant("2027-01-01")) is None


def test_slots_end_with_the_calendar() -> None:
    assert list(slots(["0 0 1 12 *"], NEW_YORK, instant("9998-06-01"))) == [
        instant("9998-12-01T05:00"),
        instant("9999-12-01T05:00"),
    ]


# --- gaps -----------------------------------------------------------------------------------------


def naive_gaps(schedule: Sequence[str], zone: ZoneInfo, start: datetime) -> Gaps | None:
    """Every slot walked, with nothing remembered."""
    found = slots_between(schedule, zone, start, start + timedelta(days=366))
    if len(found) < 2:
        found = list(islice(slots(schedule, zone, start), 2))
    lengths = [later - earlier for earlier, later in pairwise(found)]
    return Gaps(min(lengths), max(lengths)) if lengths else None


@settings(max_examples=60)
@given(some.schedules, some.zones, some.telling_instants)
@example(("30 23 * * *", "0 0 * * *"), NUUK, instant("2027-01-01"))
@example(("0 0 * * *",), LORD_HOWE, instant("2027-10-02T13:30"))
def test_gaps_are_those_of_walking_every_slot(
    schedule: tuple[str, ...], zone: ZoneInfo, start: datetime
) -> None:
    assert gaps(schedule, zone, start) == naive_gaps(schedule, zone, start)


@pytest.mark.parametrize(
    ("schedule", "zone", "narrowest", "widest"),
    [
        pytest.param(["* * * * *"], NEW_YORK, MINUTE, MINUTE, id="every minute, all year"),
        pytest.param(["0 * * * *"], LORD_HOWE, HOUR, 1.5 * HOUR, id="hourly where clocks move half an hour"),
        pytest.param(["0 3 * * *"], NAIROBI, DAY, DAY, id="nightly without clock changes"),
        pytest.param(["0 3 * * *"], NEW_YORK, 23 * HOUR, 25 * HOUR, id="nightly with both"),
        pytest.param(["30 2 * * *"], NEW_YORK, 23.5 * HOUR, 25 * HOUR, id="nightly inside the gap"),
        pytest.param(["0 3 * * mon-fri"], NAIROBI, DAY, 3 * DAY, id="over the weekend"),
        pytest.param(["0 3 1 * *"], NAIROBI, 28 * DAY, 31 * DAY, id="monthly"),
        pytest.param(["0 3 1 * *", "5 3 1 * *"], NAIROBI, 5 * MINUTE, 31 * DAY - 5 * MINUTE, id="a union"),
        pytest.param(["0 0 1 1 *"], NAIROBI, 366 * DAY, 366 * DAY, id="yearly: the next two"),
        pytest.param(["0 0 29 2 *"], NAIROBI, 1461 * DAY, 1461 * DAY, id="leap days: the next two"),
    ],
)
def test_the_gaps_of_well_known_schedules(
    schedule: list[str], zone: ZoneInfo, narrowest: timedelta, widest: timedelta
) -> None:
    assert gaps(schedule, zone, instant("2027-01-05T12:34:56")) == Gaps(narrowest, widest)


# --- offsets --------------------------------------------------------------------------------------


@given(st.text(), st.integers(0, 86400))
def test_a_splay_offset_is_stable_whole_and_below_the_splay(key: str, seconds: int) -> None:
    splay = timedelta(seconds=seconds)
    offset = splay_offset(key, splay)
    assert offset == splay_offset(key, splay)
    assert timedelta(0) <= offset < max(splay, timedelta(seconds=1))
    assert offset.microseconds == 0


def test_the_splay_offset_of_an_id_never_changes_between_versions() -> None:
    assert splay_offset("12345", timedelta(minutes=30)) == timedelta(seconds=741)


def test_servers_are_spread_over_the_whole_splay() -> None:
    minutes = {splay_offset(str(number), timedelta(minutes=30)) // MINUTE for number in range(1000)}
    assert minutes == set(range(30))


@pytest.mark.parametrize(
    ("widest", "late"),
    [(HOUR, 6 * HOUR), (DAY, 6 * HOUR), (25 * HOUR, 6.25 * HOUR), (7 * DAY, 42 * HOUR)],
)
def test_a_missed_slot_is_caught_up_for_six_hours_or_a_quarter_of_the_gap(
    widest: timedelta, late: timedelta
) -> None:
    assert default_catch_up(widest) == late


# --- edges ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param(
            ["0 0 1-3 1 *"], Gaps(DAY, 364 * DAY), id="the slot of the last moment of a leap year counts"
        ),
        pytest.param(["0 0 1,2 1 *"], Gaps(365 * DAY, 365 * DAY), id="the slot of the day after does not"),
    ],
)
def test_gaps_look_a_whole_leap_year_ahead_and_no_further(schedule: list[str], expected: Gaps) -> None:
    assert gaps(schedule, NAIROBI, instant("2027-12-31T21:00")) == expected


@pytest.mark.parametrize("written", ["0 1,8,23 * * *", "0 23,8,1 * * *"])
@pytest.mark.parametrize("day", ["2027-03-14", "2027-03-15"])
def test_hours_fire_in_the_order_of_the_day_however_they_are_written(written: str, day: str) -> None:
    assert [time[:5] for time in local_day(written, NEW_YORK, day)] == ["01:00", "08:00", "23:00"]


def test_the_gap_of_a_schedule_that_fires_once_a_year_is_real_time_in_its_zone() -> None:
    found = gaps(
        ["30 0 14 3 *"], NEW_YORK, instant("2027-03-10")
    )  # winter time, and a year later summer time
    assert found == Gaps(366 * DAY - HOUR, 366 * DAY - HOUR)


def test_a_slot_after_the_end_of_the_year_ahead_makes_no_gap_on_its_last_day() -> None:
    found = gaps(["0 0,6 1 1 *"], NAIROBI, instant("2028-01-01"))  # 03:00 there, and so is the end
    assert found == Gaps(366 * DAY - 6 * HOUR, 366 * DAY - 6 * HOUR)


@pytest.mark.parametrize(
    ("expression", "hours"),
    [
        pytest.param("0 3 27,28 3 *", 23, id="a day of 23 hours"),
        pytest.param("30 0 30,31 10 *", 24, id="before the clock goes back"),
        pytest.param("0 3 30,31 10 *", 25, id="a day of 25 hours"),
    ],
)
def test_gaps_across_a_clock_change_are_real_time_where_winter_is_utc(expression: str, hours: int) -> None:
    found = gaps([expression], ZoneInfo("Europe/London"), instant("2027-01-01"))
    assert found == Gaps(hours * HOUR, hours * HOUR)


def test_the_widest_gap_may_lie_within_the_day() -> None:
    assert gaps(["0 0,1,23 * * *"], NAIROBI, instant("2027-01-05")) == Gaps(HOUR, 22 * HOUR)

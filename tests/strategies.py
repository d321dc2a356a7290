"""What hypothesis draws from: zones with telling clock changes, schedules, instants, keep rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from rotator.models import UNLIMITED, Keep, Span

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
NAIROBI = ZoneInfo("Africa/Nairobi")  # no clock changes
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # clocks move by half an hour
CAIRO = ZoneInfo("Africa/Cairo")  # midnight itself is skipped
NUUK = ZoneInfo("America/Nuuk")  # 23:00 is skipped, and 22:00 repeated: the end of the local day

ZONES = (ZoneInfo("UTC"), NEW_YORK, BERLIN, NAIROBI, LORD_HOWE, CAIRO, NUUK)
zones = st.sampled_from(ZONES)

_START = datetime(2026, 1, 1, tzinfo=UTC)
_SECONDS = 3 * 366 * 86400  # three years, a leap year among them

instants = st.integers(0, _SECONDS).map(lambda seconds: _START + timedelta(seconds=seconds))

_CHANGES = [  # instants around which the zones above change their clocks
    datetime(2027, 3, 14, 7, tzinfo=UTC),
    datetime(2027, 11, 7, 6, tzinfo=UTC),
    datetime(2027, 3, 28, 1, tzinfo=UTC),
    datetime(2027, 10, 31, 1, tzinfo=UTC),
    datetime(2027, 4, 3, 15, tzinfo=UTC),
    datetime(2027, 10, 2, 15, 30, tzinfo=UTC),
    datetime(2027, 4, 29, 22, tzinfo=UTC),
    datetime(2027, 10, 28, 21, tzinfo=UTC),
]


def _near(change: datetime) -> st.SearchStrategy[datetime]:
    return st.integers(-2 * 86400, 2 * 86400).map(lambda seconds: change + timedelta(seconds=seconds))


telling_instants = st.one_of(instants, st.sampled_from(_CHANGES).flatmap(_near))
"""Any instant, and often one within two days of a clock change."""

_minutes = st.sampled_from(["0", "30", "0,30", "*/30", "17", "59", "*/20", "5-45/20"])
_hours = st.sampled_from(["*", "0", "1", "2", "3", "*/2", "0-4", "1,23", "22-23", "*/6", "2,3"])
_days = st.sampled_from(["*", "*", "*", "1", "13", "*/2", "29-31"])
_months = st.sampled_from(["*", "*", "*", "3,4,10,11", "2"])
_weekdays = st.sampled_from(["*", "*", "*", "SUN", "mon-fri", "6,7"])
expressions = st.tuples(_minutes, _hours, _days, _months, _weekdays).filter(
    lambda fields: fields[2:4] != ("29-31", "2") or fields[4] != "*"
)
"""Five fields each; what would fire in leap years only is left out, it makes walks long."""

schedules = st.lists(expressions.map(" ".join), min_size=1, max_size=3).map(tuple)

_counts = st.sampled_from([0, 0, 0, 1, 2, 3, 7, UNLIMITED])
_spans = st.one_of(
    st.none(),
    st.none(),
    st.builds(Span, st.integers(0, 1), st.integers(0, 14), st.integers(0, 40), st.integers(0, 50)),
)
keeps = st.builds(
    Keep,
    last=_counts,
    hourly=_counts,
    daily=_counts,
    weekly=_counts,
    monthly=_counts,
    yearly=_counts,
    within=_spans,
    within_hourly=_spans,
    within_daily=_spans,
    within_weekly=_spans,
    within_monthly=_spans,
    within_yearly=_spans,
)
counted_keeps = st.builds(
    Keep, last=_counts, hourly=_counts, daily=_counts, weekly=_counts, monthly=_counts, yearly=_counts
)

_steps = st.sampled_from([0, 1800, 3600, 5400, 86400, 7 * 86400, 30 * 86400, 200 * 86400])


@st.composite
def histories(draw: st.DrawFn) -> list[datetime]:
    """Moments newest first, some of them close together, some at once, some far apart."""
    moment = draw(telling_instants)
    steps = draw(st.lists(_steps, max_size=25))
    moments = [moment]
    for step in steps:
        moment -= timedelta(seconds=step)
        moments.append(moment)
    return moments

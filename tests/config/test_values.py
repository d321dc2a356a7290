"""Scalars, durations, spans and counts: what a text in the file means."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.config import scalars, units
from rotator.models import Span

TEXTS = [
    "on",
    "off",
    "yes",
    "no",
    "22:22",
    "014",
    "0o14",
    "0x1F",
    "1_000",
    "2027-03-14",
    "1e",
    "+",
    ".",
    "tRue",
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_yaml_1_1_would_twist_stays_text(text: str) -> None:
    assert scalars.plain(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("12345", 12345),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = scalars.plain(text)

    assert found == value
    assert type(found) is type(value)


def test_a_number_of_many_digits_is_refused_not_converted() -> None:
    with pytest.raises(ValueError, match="too long"):
        scalars.plain("9" * 5000)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("6h", 21600),
        ("7d", 604800),
        ("1w", 604800),
        ("0.2s", 0.2),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("0s", 0),
        ("3660d", 3660 * 86400),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert units.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "5",
        "5 m",
        "-5m",
        "30m1h",
        "1m1m",
        "1y",
        "5M",
        "m",
        "1e3s",
        "٣s",
        "5m\n",
        "9" * 400 + "d",
        "3661d",
        5,
        None,
        True,
        1.5,
        [],
        {},
    ],
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="should be"):
        units.duration(value)


@given(st.timedeltas(timedelta(0), units.MAX_DURATION))
@settings(deadline=None)
def test_a_duration_in_whole_seconds_reads_back_as_it_was_shown(value: timedelta) -> None:
    whole = timedelta(seconds=int(value.total_seconds()))

    assert units.duration(units.duration_text(whole)) == whole


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("1y2m3d4h", Span(1, 2, 3, 4)),
        ("7d", Span(days=7)),
        ("6m", Span(months=6)),
        ("0y1h", Span(hours=1)),
    ],
)
def test_a_span_is_read_with_m_for_months(text: str, span: Span) -> None:
    assert units.span(text) == span


@pytest.mark.parametrize(
    "value", ["", "0d", "7", "7w", "90s", "4h3d", "1.5d", "-1d", "101y", "9999999d", 7, None]
)
def test_what_is_no_span_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="should be"):
        units.span(value)


def test_a_count_is_a_whole_number_or_unlimited() -> None:
    assert units.count(0) == 0
    assert units.count(7) == 7
    assert units.count("unlimited") == math.inf


@pytest.mark.parametrize(
    "value", [-1, True, 1.0, "7", "Unlimited", None, units.MAX_COUNT + 1, math.inf, math.nan]
)
def test_what_is_no_count_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        units.count(value)

"""Durations, calendar spans and counts, as people write them.

Every function takes what stood in the file and raises ValueError in plain words if it cannot be meant.
"""

from __future__ import annotations

import re
from datetime import timedelta

from rotator.models import UNLIMITED, Span

MAX_DURATION = timedelta(days=3660)
"""Ten years. Nothing here waits longer, and no arithmetic on it leaves the calendar."""

MAX_COUNT = 1_000_000
"""Of snapshots to keep: hourly ones of a century."""

_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}

DURATION = "^(?=.)" + "".join(rf"(\d+(?:\.\d+)?{unit})?" for unit in _SECONDS) + "$"
"""The grammar of durations: `1w`, `1h30m`, `0.2s`; each unit once, the longest first."""

_SPAN_UNITS = {"y": "years", "m": "months", "d": "days", "h": "hours"}

_MAX_SPAN = {"years": 100, "months": 1200, "days": 36_600, "hours": 878_400}
"""A century in each unit: the calendar has room for their sum before today."""

SPAN = "^(?=.)" + "".join(rf"(?:(\d{{1,6}}){unit})?" for unit in _SPAN_UNITS) + "$"
"""The grammar of restic's spans: `1y2m3d4h`, where m is months."""

_DURATION = re.compile(DURATION, re.ASCII)
_SPAN = re.compile(SPAN, re.ASCII)


def duration(value: object) -> timedelta:
    """A duration such as `90s`, `15m`, `6h`, `7d`, `1w`, `0.2s` or `1h30m`."""
    found = _DURATION.match(value) if isinstance(value, str) else None
    if found is None or value != found.group():
        raise ValueError("should be a duration such as 90s, 15m, 1h30m or 7d")
    seconds = sum(float(part[:-1]) * _SECONDS[part[-1]] for part in found.groups() if part)
    if seconds > MAX_DURATION.total_seconds():
        raise ValueError(f"should be at most {MAX_DURATION.days}d")
    return timedelta(seconds=seconds)


def duration_text(value: timedelta) -> str:
    """The shortest way to write a duration; `duration` reads it back."""
    rest, text = value.total_seconds(), ""
    for unit, seconds in _SECONDS.items():
        if seconds > 1:
            count, rest = divmod(rest, seconds)
            text += f"{count:.0f}{unit}" if count else ""
    return text + (f"{rest:g}s" if rest or not text else "")


def span(value: object) -> Span:
    """A calendar span in restic's notation, such as `7d` or `1y6m`."""
    found = _SPAN.match(value) if isinstance(value, str) else None
    if found is None or value != found.group():
        raise ValueError("should be a span such as 7d, 6m or 1y2m3d4h, where m is months")
    numbers = {name: int(text or 0) for name, text in zip(_SPAN_UNITS.values(), found.groups(), strict=True)}
    if not any(numbers.values()):
        raise ValueError("should be longer than nothing")
    for name, number in numbers.items():
        if number > _MAX_SPAN[name]:
            raise ValueError(f"should be at most {_MAX_SPAN[name]} {name}")
    return Span(**numbers)


def count(value: object) -> float:
    """How many snapshots a keep rule keeps: a whole number, or `unlimited`."""
    if value == "unlimited":
        return UNLIMITED
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise ValueError(f"should be a whole number from 0 to {MAX_COUNT}, or the word unlimited")
    return value

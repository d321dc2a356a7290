"""Times and lengths as the page writes them; `page.js` writes them in the same way while they pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

UNITS: Sequence[tuple[int, str]] = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
"""Seconds and the letters for them, largest first."""


def length(span: timedelta) -> str:
    """Two units at most, `5 h 12 min`; what is no longer ahead, or not yet past, is `0 s`."""
    left = max(0, span // timedelta(seconds=1))
    for place, (size, unit) in enumerate(UNITS):
        if left >= size:
            whole, rest = divmod(left, size)
            finer = UNITS[place + 1 : place + 2]
            parts = [(whole, unit), *((rest // small, letter) for small, letter in finer)]
            return " ".join(f"{number} {letter}" for number, letter in parts if number)
    return "0 s"


def coarse(span: timedelta) -> str:
    """One unit, `5 h`, where there is little room."""
    return " ".join(length(span).split()[:2])


def ago(at: datetime, now: datetime) -> str:
    """`6 h 2 min ago`."""
    return f"{length(now - at)} ago"


def until(at: datetime, now: datetime) -> str:
    """`in 6 h 2 min`; `now` once it has come."""
    return f"in {length(at - now)}" if at > now else "now"


def moment(at: datetime) -> str:
    """`Tue 24 Nov 03:00`, in UTC, for one of these days."""
    return f"{at.astimezone(UTC):%a %-d %b %H:%M}"


def day(at: datetime) -> str:
    """`24 Nov`, in UTC."""
    return f"{at.astimezone(UTC):%-d %b}"


def hour(at: datetime) -> str:
    """`03:00`, in UTC."""
    return f"{at.astimezone(UTC):%H:%M}"

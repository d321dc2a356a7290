"""Time across a picture: from instants to places, and the ticks of the axis, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import svg

_ROOM = 64
"""Pixels that a tick's label needs."""

_STEPS = (
    *(timedelta(minutes=m) for m in (1, 5, 15)),
    *(timedelta(hours=h) for h in (1, 3, 6, 12, 24, 48, 7 * 24, 14 * 24)),
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_MONDAY = datetime(2001, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Scale:
    """The time from `start` to `end` laid on the pixels from `left` to `right`."""

    start: datetime
    end: datetime
    left: float
    right: float

    def x(self, at: datetime) -> float:
        """Where an instant lies; one outside lies on the edge."""
        share = (at - self.start) / (self.end - self.start)
        return self.left + (self.right - self.left) * min(1.0, max(0.0, share))

    def inside(self, at: datetime) -> bool:
        """Whether an instant is in the picture."""
        return self.start <= at <= self.end

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Places and labels of the axis, as many as there is room for."""
        width = (self.end - self.start) / (self.right - self.left) * _ROOM  # the time that a label takes
        step = next((step for step in _STEPS if step >= width), None)
        moments = self._months(width) if step is None else self._evenly(step)
        written = "%d %b %H:%M" if step is not None and step < _DAY else "%d %b"
        for at in moments:
            plain = f"{at:%b %Y}" if step is None else f"{at:{written}}"
            yield (
                self.x(at),
                f"{at:%H:%M}"
                if step is not None and step < _DAY and (at.hour or at.minute)
                else plain.lstrip("0").removesuffix(" 00:00"),
            )

    def axis(self, top: float, bottom: float) -> Iterator[str]:
        """Grid lines from `top` to `bottom`, and the labels under them."""
        for x, label in self.ticks():
            yield svg.element("line", class_="grid", x1=x, y1=top, x2=x, y2=bottom)
            yield svg.text(label, class_="muted small mid", x=x, y=bottom + 15)

    def _evenly(self, step: timedelta) -> Iterator[datetime]:
        at = _MONDAY + ((self.start - _MONDAY) // step) * step
        while at <= self.end:
            if at >= self.start:
                yield at
            at += step

    def _months(self, width: timedelta) -> Iterator[datetime]:
        step = next((m for m in _MONTHS if m * 28 * _DAY >= width), _MONTHS[-1])
        first = self.start.year * 12 + self.start.month - 1
        for month in range(first - first % step, self.end.year * 12 + self.end.month, step):
            at = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
            if self.inside(at):
                yield at

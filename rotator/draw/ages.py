"""How old the restore points are at each moment: every snapshot is a line that rises from its birth on.

So what stands above a day is what one can go back to on that day; the upper edge is how far back, and the
space between two lines is a gap. The ages are drawn on a square root, for hours and months in one picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator import wording
from rotator.reach import Figures, Gap
from rotator.simulate import Future, Life

from . import svg
from .scale import Scale
from .style import hue

_MARKS = tuple(timedelta(hours=h) for h in (1, 3, 6, 12, 24, 48, 72, 7 * 24, 14 * 24, 30 * 24)) + tuple(
    timedelta(days=d) for d in (60, 91, 182, 365, 730, 1825)
)
_APART = 19.0  # pixels between two marks of the axis
_SEGMENT = 12.0  # pixels of time that one straight piece of a curve covers, about


@dataclass(frozen=True, slots=True)
class Chart:
    """Ages from nothing, at `bottom`, to `oldest`, at `top`, over the time of `scale`."""

    scale: Scale
    top: float
    bottom: float
    oldest: timedelta

    def y(self, age: timedelta) -> float:
        """Where an age lies."""
        return self.bottom - (self.bottom - self.top) * math.sqrt(min(1.0, max(0.0, age / self.oldest)))

    def curve(self, begins: datetime, ends: datetime) -> str:
        """The path of a snapshot's age, as far as it is in the picture."""
        first, last = max(begins, self.scale.start), min(ends, self.scale.end)
        width = self.scale.x(last) - self.scale.x(first)
        pieces = 1 if width < 1 else 3 + math.ceil(width / _SEGMENT)
        moments = (
            first + (last - first) * (i / pieces) ** 2 for i in range(pieces + 1)
        )  # closer where steep
        points = [f"{self.scale.x(at):.1f} {self.y(at - begins):.1f}" for at in moments]
        return f"M{points[0]}L{' '.join(points[1:])}"


def ages(chart: Chart, future: Future, known: Sequence[Life], together: Figures) -> Iterator[str]:
    """The chart's parts, from the back to the front."""
    yield from _axis(chart)
    for policy in dict.fromkeys(life.policy for life in known):
        own = (life for life in known if life.policy == policy)
        yield svg.element("g", _curves(chart, own, future.end), class_=hue(future.server, policy))
    if together.settled is None or together.settled > chart.scale.start:
        yield from _warm_up(chart, together)
    if together.reach is not None and together.settled is not None:
        yield from _reach(chart, together.reach, together.settled)
    if together.worst is not None:
        yield from _gap(chart, together.worst)
    crosses = dict.fromkeys(svg.cross(chart.scale.x(turn.at), chart.bottom) for turn in future.broken)
    yield svg.element("path", class_="off", d="".join(crosses)) if crosses else ""


def _axis(chart: Chart) -> Iterator[str]:
    left, right, last = chart.scale.left, chart.scale.right, chart.bottom
    yield svg.element("line", class_="grid", x1=left, y1=chart.bottom, x2=right, y2=chart.bottom)
    for age in (mark for mark in _MARKS if mark <= chart.oldest):
        y = chart.y(age)
        if last - y >= _APART:
            last = y
            yield svg.element("line", class_="grid", x1=left, y1=y, x2=right, y2=y)
            yield svg.text(wording.how_long(age), class_="muted small end", x=left - 8, y=y + 4)


def _curves(chart: Chart, own: Iterable[Life], end: datetime) -> str:
    paths = (chart.curve(life.begins, life.ends or end) for life in own if life.ends != life.begins)
    return svg.element("path", class_="line", d="".join(dict.fromkeys(paths)))


def _warm_up(chart: Chart, together: Figures) -> Iterator[str]:
    """A veil over the time in which the past is only as long as the simulation."""
    until = together.settled or chart.scale.end
    left, right = chart.scale.left, chart.scale.x(until)
    yield svg.element(
        "rect", class_="veil", x=left, y=chart.top, width=right - left, height=chart.bottom - chart.top
    )
    if right - left > 60:
        yield svg.text("warm-up", class_="muted small", x=left + 6, y=chart.top + 14)


def _reach(chart: Chart, reach: timedelta, settled: datetime) -> Iterator[str]:
    left, y = chart.scale.x(settled), chart.y(reach)
    yield svg.element("line", class_="now dash", x1=left, y1=y, x2=chart.scale.right, y2=y)


def _gap(chart: Chart, gap: Gap) -> Iterator[str]:
    x, low, high = chart.scale.x(gap.at), chart.y(gap.at - gap.ends), chart.y(gap.at - gap.begins)
    yield svg.element("path", class_="off", d=f"M{x - 4:.1f} {low:.1f}h8m-4 0V{high:.1f}m-4 0h8")

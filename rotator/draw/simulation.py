"""What a simulation found, a panel for each server: ages of its restore points, its places, the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rotator.reach import Figures, figures, in_words
from rotator.simulate import Future, Life, lives

from . import svg
from .ages import Chart, ages
from .legend import LETTER, legend
from .places import places
from .scale import Scale
from .style import hue

WIDTH = 960.0
_LEFT, _RIGHT = 74.0, 930.0
_AGES, _ROW = 190.0, 11.0
_HEAD, _SECOND_LINE = 72.0, 20.0


def simulation(futures: Sequence[Future], *, ident: str = "simulation", style: bool = True) -> str:
    """The picture of these futures, one under the other; they have to cover the same time."""
    body: list[str] = []
    top, told = 0.0, []
    for future in futures:
        panel = _Panel(future, lives(future), top)
        body.append(svg.element("g", *panel.parts()))
        told.append(panel.told())
        top = panel.bottom + 34
    start, end = futures[0].start, futures[0].end
    title = f"Restore points from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
    return svg.picture(WIDTH, top, title, " ".join(told), body, ident=ident, style=style)


@dataclass(frozen=True, slots=True)
class _Panel:
    """One server's part of the picture, from `top` on."""

    future: Future
    known: Sequence[Life]
    top: float

    @property
    def rows(self) -> Sequence[tuple[int, Life]]:
        return places(self.known, self.future.server.cap)

    @property
    def ages_top(self) -> float:
        return self.top + _HEAD + (_SECOND_LINE if len(self.policies) > 1 else 0)

    @property
    def lanes_top(self) -> float:
        return self.ages_top + _AGES + 12

    @property
    def bottom(self) -> float:
        count = max([self.future.server.cap, *(place + 1 for place, _ in self.rows)])
        return self.lanes_top + count * _ROW + (17 if self.future.broken else 0)

    @property
    def policies(self) -> list[str]:
        return [policy.name for policy in self.future.server.enabled]

    def parts(self) -> Iterator[str]:
        """Everything of the panel."""
        future, lanes_end = self.future, self.bottom - (17 if self.future.broken else 0)
        scale = Scale(future.start, future.end, _LEFT, _RIGHT)
        together = figures(future, known=self.known)
        own = [life for life in self.known if life.policy is not None]
        oldest = max([(life.ends or future.end) - life.begins for life in own], default=timedelta(days=1))
        chart = Chart(scale, self.ages_top, self.ages_top + _AGES, max(oldest, timedelta(hours=1)))
        yield from self._head(together)
        yield from scale.axis(chart.top, lanes_end)
        yield svg.text("age", class_="muted small end", x=_LEFT - 8, y=chart.bottom + 4)
        yield from ages(chart, future, own, together)
        yield from self._lanes(scale, lanes_end)
        if future.broken:
            yield svg.text(self._trouble(), class_="bad small", x=16.0, y=lanes_end + 32)

    def told(self) -> str:
        """The panel for those who do not see it."""
        each = "; ".join(
            f"{name}: {in_words(figures(self.future, name, self.known))}" for name in self.policies
        )
        trouble = f" {self._trouble()}." if self.future.broken else ""
        return f"{self.future.server.label}: {each}.{trouble}"

    def _head(self, together: Figures) -> Iterator[str]:
        future, y = self.future, self.top + 52
        yield svg.text(future.server.label, class_="head", x=16.0, y=self.top + 28)
        yield svg.text(in_words(together), class_="head end", x=_RIGHT, y=self.top + 28)
        foreign = any(life.policy is None for life in self.known)
        yield from legend(future.server, 16.0, y, foreign=foreign)
        yield from _key(y)
        if len(self.policies) > 1:
            parts = [f"{name}: {in_words(figures(future, name, self.known))}" for name in self.policies]
            x = 16.0
            for name, part in zip(self.policies, parts, strict=True):
                yield svg.element(
                    "g", svg.text(part, class_="small name", x=x, y=y + 20), class_=hue(future.server, name)
                )
                x += 24 + LETTER * len(part)

    def _lanes(self, scale: Scale, end: float) -> Iterator[str]:
        """The places, one thin row each."""
        top = self.lanes_top
        yield svg.text("places", class_="muted small end", x=_LEFT - 8, y=(top + end) / 2 + 4)
        for policy in dict.fromkeys(life.policy for life in self.known):
            bars = (_bar(scale, top, place, life) for place, life in self.rows if life.policy == policy)
            path = svg.element("path", class_="fill pale", d="".join(bars))
            yield svg.element("g", path, class_=hue(self.future.server, policy))

    def _trouble(self) -> str:
        broken = self.future.broken
        first, problem = broken[0], broken[0].problem
        code = problem.code if problem is not None else ""
        slots = "1 slot gets" if len(broken) == 1 else f"{len(broken)} slots get"
        return (
            f"{slots} no snapshot, first {first.pair.policy.name} at {first.slot:%Y-%m-%d %H:%M} UTC: {code}"
        )


def _key(y: float) -> Iterator[str]:
    """What the marks in the chart of ages mean."""
    yield svg.element("line", class_="now dash", x1=768.0, y1=y - 4, x2=792.0, y2=y - 4)
    yield svg.text("reach", class_="small", x=798.0, y=y)
    yield svg.element("path", class_="off", d=f"M850 {y - 10:.1f}h8m-4 0v12m-4 0h8")
    yield svg.text("largest gap", class_="small", x=866.0, y=y)


def _bar(scale: Scale, top: float, place: int, life: Life) -> str:
    left = scale.x(life.begins)
    width = max(0.6, (scale.x(life.ends) if life.ends is not None else _RIGHT) - left - 1)
    return f"M{left:.1f} {top + place * _ROW:.1f}h{width:.1f}v{_ROW - 2:.1f}h-{width:.1f}z"

"""What the colours mean: a dot and a name for each policy of a server."""

from __future__ import annotations

from collections.abc import Iterator

from rotator.models import Server

from . import svg
from .style import hue

LETTER = 6.4
"""Pixels of an average character in 12 px."""

FOREIGN = "not rotator's"


def legend(server: Server, x: float, y: float, *, foreign: bool) -> Iterator[str]:
    """One after the other on the line `y`, from `x` on; with `foreign` also what belongs to no policy."""
    names: list[str | None] = [policy.name for policy in server.enabled]
    for policy in [*names, *([None] if foreign else [])]:
        label = policy or FOREIGN
        dot = svg.element("circle", class_="fill", cx=x + 5, cy=y - 4, r=5)
        yield svg.element(
            "g", dot, svg.text(label, class_="small", x=x + 15, y=y), class_=hue(server, policy)
        )
        x += 36 + LETTER * len(label)

"""The rows of the timeline in a terminal: a character for each day, or for several where there are many.

A digit is the number of restore points at the end of the day (of several days the smallest), `+` more than
nine, `·` none, `!` a day in which a slot got no snapshot. So it reads the same without colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import click

from rotator.models import Server, State
from rotator.redact import printable
from rotator.simulate import Life, Turn

_LABEL = 34  # columns that server and policy get at most
_GAP = "  "
_DAY = timedelta(days=1)
_WEEK, _LONG = 7, 12  # columns between two dates of the heading: those of a week, or where years are told


@dataclass(frozen=True, slots=True)
class Row:
    """One policy on one server: what lived there, and which slots got nothing. `first`: names its server."""

    server: Server
    policy: str
    known: Sequence[Life]
    broken: Sequence[Turn]
    first: bool

    @property
    def label(self) -> tuple[str, str]:
        """Server, where it is to be named, and policy."""
        return printable(self.server.label) if self.first else "", self.policy


def rows(made: Sequence[Row], days: Sequence[datetime], width: int) -> tuple[int, list[str]]:
    """How many days one column stands for, and the drawn rows."""
    step = math.ceil(len(days) / max(10, width - sum(_widths(made)) - 2 * len(_GAP)))
    return step, [_labelled(made, row.label) + _cells(row, days, step) for row in made]


def heading(made: Sequence[Row], days: Sequence[datetime], step: int) -> Iterator[str]:
    """Dates above the columns, each at its first day, and a mark under each."""
    apart, written = (_WEEK, "%b") if step == 1 else (_LONG, "%b %Y")
    dates, marks = "", ""
    columns = math.ceil(len(days) / step)
    for column in range(0, columns, apart):
        day = days[column * step] - timedelta(seconds=1)  # a midnight ends its day
        date = f"{day.day} {day:{written}}"
        if column and column + len(date) > columns:
            break
        dates = dates.ljust(column) + date
        marks = marks.ljust(column) + "|"
    blank = _labelled(made, ("", ""))
    yield blank + dates
    yield blank + marks


def _widths(made: Sequence[Row]) -> tuple[int, int]:
    server = max(len(row.label[0]) for row in made)
    policy = max(len(row.label[1]) for row in made)
    policy = min(policy, _LABEL // 2)
    return min(server, _LABEL - policy), policy


def _labelled(made: Sequence[Row], label: tuple[str, str]) -> str:
    cells = (_cut(text, width) for text, width in zip(label, _widths(made), strict=True))
    server, policy = cells
    return click.style(server, bold=True) + _GAP + policy + _GAP


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


def _cells(row: Row, days: Sequence[datetime], step: int) -> str:
    own = [life for life in row.known if life.policy == row.policy and life.snapshot.state is State.READY]
    counts = [sum(life.stands(day) for life in own) for day in days]
    lost = {turn.slot for turn in row.broken if turn.pair.policy.name == row.policy}
    missed = {_column(days, slot, step) for slot in lost}
    cells = (counts[i : i + step] for i in range(0, len(days), step))
    return "".join(_cell(min(cell), missed=column in missed) for column, cell in enumerate(cells))


def _column(days: Sequence[datetime], slot: datetime, step: int) -> int:
    """The column of the day in which a slot lies: its midnight is the first that is not before it."""
    return max(0, math.ceil((slot - days[0]) / _DAY)) // step


def _cell(count: int, *, missed: bool) -> str:
    if missed:
        return click.style("!", fg="red", bold=True)
    if count == 0:
        return click.style("·", fg="yellow")
    return click.style(str(count) if count <= 9 else "+", fg="green")

"""Reading a schedule: five fields or a macro, as Debian's cron takes them, or a BadSchedule.

cronsim has the last word on what an expression means; here stands what it lets through although crons do
not agree on it, and an answer that says what to write instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""Debian's macros, but for `@reboot`, which is no time."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # where cronsim starts to look whether an expression ever fires


class BadSchedule(ValueError):
    """An expression that cron would not take or that never fires; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five fields: its bounds, and the names that stand for numbers from `low` on."""

    title: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        if text in self.names:
            return self.low + self.names.index(text)
        if not re.fullmatch("[0-9]{1,9}", text):
            raise BadSchedule(f"{self.title}: {text!r} is not a number{self._or_name()}")
        if not self.low <= int(text) <= self.high:
            raise BadSchedule(f"{self.title}: {text} is not between {self.low} and {self.high}")
        return int(text)

    def _or_name(self) -> str:
        return f" or one of {' '.join(self.names)}" if self.names else ""

    def unwrapped(self, first: int, last: int, step: int) -> str:
        """The values that a range running over the end of the field was meant to have."""
        count = len(self.names) or self.high - self.low + 1
        values = range(first, last + count + 1, step)
        return ",".join(self._word(self.low + (value - self.low) % count) for value in values)

    def _word(self, value: int) -> str:
        return self.names[value - self.low] if self.names else str(value)


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)
_TERM = re.compile(r"(?P<first>[^-/]+)(-(?P<last>[^-/]+))?(/(?P<step>[0-9]{1,9}))?")
_QUARTZ = re.compile(r"\?|L|LW|[0-9]+W|[0-9]+L|[A-Z]{3}L|.*#.*")


def expand(text: str) -> str:
    """One expression or macro as five fields with single blanks between.

    Raises BadSchedule, with what to write instead, for whatever Debian's cron would refuse or never run,
    and for what crons do not agree on.
    """
    stripped = text.strip()
    if stripped.startswith("@"):
        return _macro(stripped)
    parts = stripped.split()
    if len(parts) != len(_FIELDS):
        raise BadSchedule(_wrong_number_of_fields(len(parts)))
    for field, part in zip(_FIELDS, parts, strict=True):
        for term in part.upper().split(","):
            _check_term(field, term)
    return _firing(" ".join(parts))


def _macro(text: str) -> str:
    if text == "@reboot":
        raise BadSchedule("@reboot is no time of the calendar: write when, for example @daily")
    if text not in MACROS:
        raise BadSchedule(f"{text!r} is not one of {' '.join(MACROS)}")
    return MACROS[text]


def _wrong_number_of_fields(count: int) -> str:
    shape = "write five: minute hour day-of-month month weekday"
    if count == len(_FIELDS) + 1:
        return f"six fields; cron knows no seconds (nor years): {shape}"
    return f"{count} fields: {shape}, for example 0 3 * * *"


def _check_term(field: _Field, term: str) -> None:
    if _QUARTZ.fullmatch(term):
        raise BadSchedule(f"{field.title}: {term!r}: L, W, # and ? are not cron's: write plain days, or *")
    match = _TERM.fullmatch(term)
    if match is None:
        raise BadSchedule(f"{field.title}: {term!r} is not a *, a value, a range like 1-5 or a step like */5")
    step = int(match["step"] or 1)
    if step == 0:
        raise BadSchedule(f"{field.title}: {term!r}: a step is at least 1")
    if match["first"] != "*" or match["last"]:
        _check_values(field, match, step)


def _check_values(field: _Field, match: re.Match[str], step: int) -> None:
    first = field.number(match["first"])
    if match["last"] is None:
        if match["step"]:
            raise BadSchedule(
                f"{field.title}: {match[0]!r}: crons disagree on a step after a single value: "
                f"write {first}-{field.high}/{step}"
            )
        return
    last = field.number(match["last"])
    if last < first:
        meant = field.unwrapped(first, last, step)
        raise BadSchedule(f"{field.title}: the range {match[0]!r} runs backwards: write {meant}")


def _firing(expression: str) -> str:
    try:
        if next(CronSim(expression, _EPOCH), None) is not None:
            return expression
    except CronSimError:
        pass  # the fields were found good one by one: what it refuses here is a day that no month has
    raise BadSchedule(f"{expression!r} never fires: no such month has such a day")

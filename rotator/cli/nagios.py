"""The standings as a monitoring plugin's one line, for Nagios, Icinga and whatever runs their checks.

The law of plugins: one line, performance data behind a bar, and an exit code from 0 to 3 whatever happens.
Here nobody remembers since when a pair is waited for, so one that never had a restore point is critical.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum

import click

from rotator.cli import output
from rotator.cli.complaints import Ended, faults_of
from rotator.errors import RotatorError
from rotator.redact import printable
from rotator.status import Freshness, Standing

NAMED = 5
"""Pairs that are named in the line; who wants to know more runs `status`."""

MEASURED = 50
"""Up to so many pairs, each one's age is among the performance data; a long line is cut by its readers."""


class Grade(IntEnum):
    """What a plugin's exit code means."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def plugin(look: Callable[[], Sequence[Standing]]) -> int:
    """Look, write the line and return the exit code, also for everything that goes wrong."""
    try:
        found = look()
    except (Ended, RotatorError, click.ClickException) as error:
        faults = faults_of(error.cause if isinstance(error, Ended) else error)
        output.say(_line(Grade.UNKNOWN, "; ".join(map(str, faults))))
        return Grade.UNKNOWN
    grade = grade_of(found)
    output.say(f"{_line(grade, _told(found))} | {' '.join(_measures(found))}")
    return grade


def grade_of(found: Sequence[Standing]) -> Grade:
    """The worst that any pair gives cause for."""
    if any(_critical(each) for each in found):
        return Grade.CRITICAL
    if not found or any(each.unsure is not None for each in found):
        return Grade.UNKNOWN
    return Grade.WARNING if any(each.blocked is not None for each in found) else Grade.OK


def _critical(of: Standing) -> bool:
    never = of.last_ready is None and of.unsure is None
    return of.freshness is Freshness.STALE or never


def _line(grade: Grade, text: str) -> str:
    """A bar in the text would begin the performance data."""
    return f"ROTATOR {grade.name} - {printable(text).replace('|', '/')}"


def _told(found: Sequence[Standing]) -> str:
    groups = (
        ("stale", [each for each in found if each.freshness is Freshness.STALE and each.last_ready]),
        ("without any restore point", [each for each in found if _critical(each) and not each.last_ready]),
        ("not to be trusted", [each for each in found if each.unsure is not None]),
        ("blocked", [each for each in found if each.blocked is not None and each.unsure is None]),
    )
    parts = [f"{len(pairs)} {what} ({_named(pairs)})" for what, pairs in groups if pairs]
    if not found:
        return "no server has an enabled policy: nothing is watched"
    return "; ".join(parts) or f"{output.counted(len(found), 'pair')} fresh"


def _named(pairs: Sequence[Standing]) -> str:
    more = f" and {len(pairs) - NAMED} more" if len(pairs) > NAMED else ""
    return ", ".join(map(_label, pairs[:NAMED])) + more


def _label(of: Standing) -> str:
    return f"{of.pair.server.label}/{of.pair.policy.name}"


def _measures(found: Sequence[Standing]) -> Iterator[str]:
    for freshness in Freshness:
        yield f"{freshness.value}={sum(each.freshness is freshness for each in found)};;;0;{len(found)}"
    yield f"blocked={sum(each.blocked is not None for each in found)};;;0;{len(found)}"
    for each in found if len(found) <= MEASURED else ():
        if each.age is not None:
            limit = f"{each.threshold.total_seconds():.0f}" if each.threshold is not None else ""
            label = printable(_label(each)).translate(str.maketrans("'=|", "___"))
            yield f"'age {label}'={each.age.total_seconds():.0f}s;;{limit};0"

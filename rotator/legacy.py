"""Names that an older script seems to have made: a fixed text and a date, more than once.

Nothing is taken over by this. It finds a glob for the user to judge, and the glob fits no other name that
stands there: whoever writes it into `adopt` lets a policy delete what it fits, so it must not reach further
than the names that were shown.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

ALIKE = 2
"""Names of one shape that make a habit; a single one with a date in it is as likely somebody's own."""

_STAMP = re.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}([-_]?)[01][0-9]\1[0-3][0-9](?:[-_T]*[0-9]{2}){0,3}Z?|1[0-9]{9})(?![0-9])"
)
"""A date, with or without a time of day, or the seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Habit:
    """Names of one shape, and the globs that take exactly them."""

    names: tuple[str, ...]
    globs: tuple[str, ...]

    @property
    def adopt(self) -> str:
        """The YAML line by which a policy takes them for its own."""
        return f"adopt: {json.dumps(list(self.globs), ensure_ascii=False)}"


def habits(foreign: Iterable[str], others: Iterable[str] = ()) -> tuple[Habit, ...]:
    """The habits among the names of foreign snapshots, by the text around the date.

    `others` are names that the globs must not fit: protected ones, and those that belong to somebody.
    """
    names = tuple(dict.fromkeys(foreign))
    shapes: dict[tuple[str, str], list[str]] = {}
    for name in names:
        found = _STAMP.search(name)
        if found is not None:
            shapes.setdefault((name[: found.start()], name[found.end() :]), []).append(name)
    kept_out = set(others)
    return tuple(
        Habit(tuple(alike), globs)
        for (before, after), alike in shapes.items()
        if len(alike) >= ALIKE
        and (globs := _globs(before, after, alike, kept_out | (set(names) - set(alike)))) is not None
    )


def _globs(before: str, after: str, alike: Sequence[str], kept_out: set[str]) -> tuple[str, ...] | None:
    """The shortest globs that fit all of them and nothing that is to be kept out; None if there are none."""
    short = (f"{glob.escape(before)}*{glob.escape(after)}",)
    exact = tuple(dict.fromkeys(_by_digits(name) for name in alike))
    offers = (short, exact) if before or after else (exact,)  # a bare * would take everything
    return next((offer for offer in offers if not _fits_any(offer, kept_out)), None)


def _by_digits(name: str) -> str:
    """The name with each digit of its date left open."""
    found = _STAMP.search(name)
    start, end = found.span() if found is not None else (0, 0)
    return glob.escape(name[:start]) + re.sub("[0-9]", "[0-9]", name[start:end]) + glob.escape(name[end:])


def _fits_any(globs: Sequence[str], names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in globs)

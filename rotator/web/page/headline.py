"""The one sentence at the top: whether all is well, or what is not, and since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from .rows import Level, Row

NAMED = 2
"""How many servers the sentence names before it counts the others."""


WHOLE = {
    "unreachable": "The API cannot be reached",
    "unauthorized": "The API refuses the token",
    "server_error": "The API fails",
    "rate_limited": "The API takes no more requests for now",
}
"""How the sentence begins where it is the API or the account that fails, by error code."""


@dataclass(frozen=True, slots=True)
class Headline:
    """`text` is followed by `since`, where that is known."""

    level: Level
    text: str
    since: datetime | None = None


REFUSED = "the changed configuration was refused, the old one stays in force: rotator check says why"


def headline(
    rows: Iterable[Row], well_since: datetime, lacks: tuple[str, ...], *, refused: bool = False
) -> Headline:
    """`well_since` is when the last trouble ended, `lacks` why the daemon is not ready.

    `refused`: the configuration file was changed, and refused.
    """
    said = _of_servers(rows, well_since, lacks)
    if not refused:
        return said
    if said.level <= Level.WARN:
        return replace(said, text=f"{said.text}; {REFUSED}")
    return Headline(Level.WARN, REFUSED[0].upper() + REFUSED[1:])


def _of_servers(rows: Iterable[Row], well_since: datetime, lacks: tuple[str, ...]) -> Headline:
    listed = sorted(rows, key=lambda row: row.order)
    troubled = [row for row in listed if row.level in (Level.BAD, Level.WARN)]
    if troubled:
        return _of_trouble(troubled, len(listed))
    if lacks:
        return Headline(Level.IDLE, f"Not ready yet: {', '.join(lacks)}")
    if not listed:
        return Headline(Level.IDLE, "Nothing is looked after: no server has an enabled policy")
    waiting = sum(row.level is Level.IDLE for row in listed)
    if waiting:
        verb = "waits" if waiting == 1 else "wait"
        text = f"Nothing is wrong: {waiting} of {_count(len(listed))} {verb} for the first restore point"
        return Headline(Level.IDLE, text, well_since)
    return Headline(Level.WELL, f"All is well: {_all(len(listed))}", well_since)


def _of_trouble(troubled: list[Row], total: int) -> Headline:
    """Where the API fails most servers, that is the trouble of all whom it strikes; the others are named."""
    found = [row.trouble for row in troubled if row.trouble is not None]
    codes = Counter(trouble.account for trouble in found if trouble.account is not None)
    if codes.total() * 2 > total:
        alone = [row for row in troubled if row.trouble is not None and row.trouble.account is None]
        struck = f"{codes.total()} of {_count(total)} {'was' if codes.total() == 1 else 'were'} not rotated"
        text = "; ".join([f"{WHOLE[codes.most_common(1)[0][0]]}: {struck}", *_named(alone)])
    else:
        counted = f"{len(troubled)} of {_count(total)} need{'s' if len(troubled) == 1 else ''} attention"
        text = f"{counted}: {'; '.join(_named(troubled))}"
    times = [trouble.since for trouble in found if trouble.since is not None]
    return Headline(troubled[0].level, text, min(times, default=None))


def _named(rows: list[Row]) -> list[str]:
    named = [f"{row.label} {row.trouble.short}" for row in rows[:NAMED] if row.trouble is not None]
    others = len(rows) - len(named)
    return [*named, *([f"and {others} more"] if others else [])]


def _count(number: int) -> str:
    return f"{number} server" if number == 1 else f"{number} servers"


def _all(number: int) -> str:
    if number == 1:
        return "every policy of the server has a fresh restore point"
    return f"every policy of {_count(number)} has a fresh restore point"

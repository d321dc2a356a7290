"""A server's row: its places, its policies, and what is wrong with it, from what is known and the time.

Law 1: a row is a function of what is known and of `now`, and holds instants, not ages: as long as nothing
       happens it stays equal, however time passes, until `good_until`.
Law 2: of several troubles of a policy the gravest is told; of a server's policies the gravest stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from rotator import cron
from rotator.draw.style import hue
from rotator.errors import ACCOUNT_WIDE
from rotator.models import Outcome, Pair, Policy, Problem
from rotator.once import view_of
from rotator.simulate import Turn, simulate
from rotator.status import Freshness, Standing, standing

from .known import Known
from .places import Cell, cells

GOOD_FOR = timedelta(hours=1)
"""A row is made anew after that time at the latest."""

UNSEEN_FOR = timedelta(minutes=30)
"""How long ago a list may have shown a server; the daemon looks at each every five minutes or so."""

SOON = timedelta(minutes=1)
"""When a server that was not seen for so long is looked at again."""

A_MOMENT = timedelta(seconds=1)


class Level(IntEnum):
    """How grave something is; the gravest first. IDLE: nothing can be said yet."""

    BAD = 0
    WARN = 1
    IDLE = 2
    WELL = 3


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not as it should be. `short` for the sentence at the top, `detail` for the row.

    `since` is the time from which on it is so, None where nobody knows. `account` is the error's code where
    it is the API or the account that fails, and not this server alone.
    """

    level: Level
    short: str
    detail: str = ""
    since: datetime | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One policy of a server. `ready` is when the newest restore point was made, `stale_at` until when it
    is fresh; `widest` the time that a stale one is measured against."""

    policy: str
    hue: str
    level: Level
    freshness: str
    ready: datetime | None = None
    threshold: timedelta | None = None
    next_slot: datetime | None = None
    outcome: str | None = None
    outcome_at: datetime | None = None
    reason: str = ""
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What the page shows of a server. `good_until`: time alone changes it from then on."""

    key: str
    label: str
    level: Level
    cells: tuple[Cell, ...]
    lines: tuple[Line, ...]
    trouble: Trouble | None
    good_until: datetime = field(compare=False)

    @property
    def order(self) -> tuple[int, str, str]:
        """Problems first, then by name."""
        return self.level, self.label.casefold(), self.key


def row(known: Known, now: datetime) -> Row:
    """The server's row at that moment."""
    server = known.server
    pairs = [Pair(server, policy) for policy in server.enabled]
    end = min((at for pair in pairs if (at := _next(pair, now)) is not None), default=None)
    coming = _coming(known, now, end)
    lines = tuple(_line(known, pair, now) for pair in pairs)
    trouble = _of_server(known) or _gravest(lines) or _out_of_sight(known, now)
    shown = server.policies[0]
    return Row(
        key=server.key,
        label=server.label,
        level=trouble.level if trouble else min((line.level for line in lines), default=Level.IDLE),
        cells=cells(Pair(server, shown), known.sight, now, coming) if known.sight is not None else (),
        lines=lines,
        trouble=trouble,
        good_until=min([*_turning_points(known, lines, now), now + GOOD_FOR, *([end] if end else [])]),
    )


def _next(pair: Pair, now: datetime) -> datetime | None:
    """When the pair's next rotation begins, splay included."""
    policy, offset = pair.policy, cron.splay_offset(pair.server.key, pair.policy.splay)
    slot = cron.next_slot(policy.schedule, policy.zone, now - offset)
    return slot + offset if slot is not None else None


def _coming(known: Known, now: datetime, end: datetime | None) -> tuple[Turn, ...]:
    """The rotations of the next moment at which the server has any, as they would go."""
    if end is None or known.sight is None or known.sight.unsure is not None:
        return ()
    return simulate(known.server, now, end, known.sight.snapshots).turns


# --- one policy -----------------------------------------------------------------------------------


def _line(known: Known, pair: Pair, now: datetime) -> Line:
    policy, last = pair.policy, known.lasts.get(pair.policy.name)
    stands = _standing(known, pair, now)
    trouble = next(_troubles(known, pair, stands), None)
    return Line(
        policy=policy.name,
        hue=hue(pair.server, policy.name),
        level=_level(trouble, stands),
        freshness=stands.freshness.value if stands is not None else "unseen",
        ready=stands.last_ready.created_at if stands is not None and stands.last_ready else None,
        threshold=stands.threshold if stands is not None else None,
        next_slot=_next(pair, now),
        outcome=last.outcome.value if last is not None else None,
        outcome_at=last.at if last is not None else None,
        reason=_reason(last.problem) if last is not None else "",
        trouble=trouble,
    )


def _level(trouble: Trouble | None, stands: Standing | None) -> Level:
    """A policy is well once it has a restore point that is fresh: until then nothing can be said."""
    if trouble is not None:
        return trouble.level
    return Level.WELL if stands is not None and stands.freshness is Freshness.FRESH else Level.IDLE


def _standing(known: Known, pair: Pair, now: datetime) -> Standing | None:
    sight, name = known.sight, pair.policy.name
    if sight is None:
        return None
    view = view_of(pair, sight, now)
    return standing(view, since=known.since.get(name), last=known.lasts.get(name))


def _reason(problem: Problem | None) -> str:
    return f"{problem.code}: {problem.message}" if problem is not None else ""


def _account(problem: Problem | None) -> str | None:
    return problem.code if problem is not None and problem.code in ACCOUNT_WIDE else None


FAILED = {
    Outcome.FAILED: "cannot be rotated",
    Outcome.CAP_REACHED: "has no room",
    Outcome.BUSY: "is kept busy by somebody else",
}
"""How the sentence at the top says that a rotation did not end well."""


def _troubles(known: Known, pair: Pair, stands: Standing | None) -> Iterator[Trouble]:
    """What is wrong with one policy on its server, the gravest first."""
    policy, last = pair.policy, known.lasts.get(pair.policy.name)
    failing = known.failing.get(policy.name)
    if stands is not None and stands.freshness is Freshness.STALE:
        yield _stale(policy, stands, failing)
    if last is not None and last.problem is not None:
        grave = Level.WARN if last.outcome not in (Outcome.FAILED, Outcome.CAP_REACHED) else Level.BAD
        short = f"{FAILED.get(last.outcome, 'left something undone')} ({policy.name})"
        yield Trouble(grave, short, _reason(last.problem), failing or last.at, _account(last.problem))
    if stands is not None and stands.blocked is not None:
        yield Trouble(Level.WARN, f"will be blocked ({policy.name})", _reason(stands.blocked))


def _stale(policy: Policy, stands: Standing, failing: datetime | None) -> Trouble:
    """The reason is the last rotation's, or what the next one will meet, where one of them tells."""
    problem = stands.last.problem if stands.last is not None else None
    why, account = _reason(problem or stands.blocked), _account(problem)
    if stands.last_ready is None:
        short = f"has no restore point ({policy.name})"
        return Trouble(Level.BAD, short, why or "none was made in time", failing, account)
    since = stands.last_ready.created_at + stands.threshold if stands.threshold is not None else failing
    short = f"has no fresh restore point ({policy.name})"
    return Trouble(Level.BAD, short, why or "the newest is too old", since, account)


# --- the server -----------------------------------------------------------------------------------


def _of_server(known: Known) -> Trouble | None:
    """What is true of all policies of the server."""
    if known.sight is None:
        return Trouble(Level.IDLE, "was not seen yet", "no list has shown it yet")
    if known.sight.unsure is not None:
        return Trouble(Level.BAD, "cannot be listed", known.sight.unsure, known.seen)
    return None


def _out_of_sight(known: Known, now: datetime) -> Trouble | None:
    """What is shown may have changed since: the API does not answer."""
    if known.seen is None or now - known.seen < UNSEEN_FOR:
        return None
    return Trouble(Level.WARN, "was not seen for a while", "no list has shown it since", known.seen)


def _gravest(lines: tuple[Line, ...]) -> Trouble | None:
    troubles = [line.trouble for line in lines if line.trouble is not None]
    return min(troubles, key=lambda trouble: trouble.level, default=None)


def _turning_points(known: Known, lines: tuple[Line, ...], now: datetime) -> Iterator[datetime]:
    """When a policy's restore point or the sight gets too old, and when one being made is given up."""
    if known.seen is not None:
        yield max(known.seen + UNSEEN_FOR, now + SOON)
    for line in lines:
        if line.ready is not None and line.threshold is not None and line.ready + line.threshold >= now:
            yield line.ready + line.threshold + A_MOMENT
        if line.next_slot is not None:
            yield line.next_slot + A_MOMENT
    for snapshot in known.sight.snapshots if known.sight is not None else ():
        timeouts = (snapshot.created_at + p.wait.timeout for p in known.server.policies)
        yield from (at + A_MOMENT for at in timeouts if at >= now)

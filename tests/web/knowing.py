"""Servers in every telling state, as a daemon would know them, and a source that shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rotator.models import Keep, Outcome, Policy, Problem, Server, Snapshot, State
from rotator.naming import snapshot_name
from rotator.sight import Sight
from rotator.status import Last
from rotator.web.page import Ended, Known
from tests.staging import utc

NOW = utc(2027, 3, 16, 9, 20)
"""A Tuesday morning: the moment of all of them."""

NIGHTLY = Policy("nightly", ("0 3 * * *",), ZoneInfo("UTC"), timedelta(hours=6), keep=Keep(last=3))
WEEKLY = Policy("weekly", ("0 4 * * 0",), ZoneInfo("UTC"), timedelta(hours=42), keep=Keep(last=1))


@dataclass
class Shelf:
    """A source that can be changed while it is looked at."""

    servers: list[Known] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    lacking: tuple[str, ...] = ()
    refusing: bool = False
    since: datetime = NOW - timedelta(days=2, hours=3)

    def known(self) -> Iterator[Known]:
        """All of them."""
        return iter(self.servers)

    def lacks(self) -> tuple[str, ...]:
        """Why the daemon is not ready."""
        return self.lacking

    def refused(self) -> bool:
        """Whether a changed configuration was refused."""
        return self.refusing

    def well_since(self) -> datetime:
        """When the last trouble ended."""
        return self.since

    def recent(self) -> Sequence[Ended]:
        """What ended."""
        return self.ended


def server(name: str, *policies: Policy, id: int | str = 0, **more: Any) -> Server:
    """A server of that name, with a nightly and a weekly policy where none are given."""
    return Server(
        id=id or 12000 + sum(map(ord, name)), name=name, policies=policies or (NIGHTLY, WEEKLY), **more
    )


def made(of: Server, policy: Policy, slot: datetime, **more: Any) -> Snapshot:
    """The policy's snapshot of that slot, ready."""
    return standing(of, snapshot_name(of, policy, slot), slot, **more)


def standing(of: Server, name: str, at: datetime, **more: Any) -> Snapshot:
    """A snapshot of any name, ready."""
    facts: dict[str, Any] = {"status": "completed", "state": State.READY, "size_mb": 2048.0, **more}
    return Snapshot(id=f"{of.key}-{name}", server_id=of.id, name=name, created_at=at, **facts)


def nights(of: Server, count: int, last: datetime = NOW) -> list[Snapshot]:
    """The nightly ones of the last nights, oldest first."""
    newest = last.replace(hour=3, minute=0)
    return [made(of, NIGHTLY, newest - timedelta(days=back)) for back in reversed(range(count))]


def sundays(of: Server, count: int = 1) -> list[Snapshot]:
    """The weekly ones of the last Sundays, oldest first."""
    newest = NOW.replace(day=14, hour=4, minute=0)
    return [made(of, WEEKLY, newest - timedelta(weeks=back)) for back in reversed(range(count))]


def last(outcome: Outcome, at: datetime, problem: Problem | None = None) -> Last:
    """How a rotation ended."""
    return Last(outcome=outcome, slot=at.replace(second=0), at=at, problem=problem)


MORNING = NOW.replace(hour=3, minute=2)
ROTATED = {"nightly": last(Outcome.ROTATED, MORNING), "weekly": last(Outcome.ROTATED, utc(2027, 3, 14, 4, 3))}


def well(name: str, id: int | str = 0) -> Known:
    """A server on which all is as it should be: the next night deletes the oldest."""
    of = server(name, id=id)
    return Known(of, Sight((*sundays(of), *nights(of, 3))), NOW - timedelta(minutes=2), ROTATED)


def making(name: str) -> Known:
    """A snapshot has been in progress for four minutes."""
    of = server(name)
    begun = NOW - timedelta(minutes=4)
    moving = made(of, NIGHTLY, begun, status="in_progress", state=State.IN_PROGRESS, size_mb=0.0)
    return Known(of, Sight((*sundays(of), *nights(of, 2), moving)), NOW, ROTATED)


def stuck(name: str) -> Known:
    """The last night's snapshot is still in progress, long after it should have been done."""
    of = server(name)
    moving = made(of, NIGHTLY, MORNING.replace(minute=0), status="in_progress", state=State.IN_PROGRESS)
    problem = Problem("snapshot_stuck", "nightly-20270316T030000Z is in progress for over 45 min")
    lasts = {**ROTATED, "nightly": last(Outcome.FAILED, MORNING.replace(minute=46), problem)}
    return Known(of, Sight((*sundays(of), *nights(of, 2, last=NOW - timedelta(days=1)), moving)), NOW, lasts)


def blocked(name: str, id: int | str = 0) -> Known:
    """Five foreign ones: no place can be made."""
    of = server(name, NIGHTLY, id=id)
    at = [NOW - timedelta(days=days) for days in (80, 64, 33, 21, 9)]
    rows = [standing(of, f"before-upgrade-{t:%Y-%m-%d}", t) for t in at]
    problem = Problem("cap_reached", "no place can be made: 5 foreign snapshots take 5 of 5 places")
    since = NOW - timedelta(days=3, hours=6, minutes=20)
    lasts = {"nightly": last(Outcome.CAP_REACHED, MORNING, problem)}
    first = {"nightly": NOW - timedelta(days=9)}
    return Known(of, Sight(tuple(rows)), NOW, lasts, {"nightly": since}, first)


def outage(name: str) -> Known:
    """Fresh still, but the API did not answer this night."""
    known = well(name)
    problem = Problem("unreachable", "no answer for 45 s: connection refused", passing=True)
    lasts = {**ROTATED, "nightly": last(Outcome.FAILED, MORNING, problem)}
    return replace(known, lasts=lasts, failing={"nightly": MORNING})


def failed(name: str, id: int | str = 0) -> Known:
    """The last night's snapshot failed; an orphan and an unknown one stand there too."""
    of = server(name, id=id)
    rows = [
        standing(of, "daily-20270301T030000Z", utc(2027, 3, 1, 3)),
        *nights(of, 2, last=NOW - timedelta(days=1)),
        standing(of, "imported-image", utc(2027, 3, 12, 18, 5), status="archiving", state=State.UNKNOWN),
        made(of, NIGHTLY, MORNING.replace(minute=0), status="failed", state=State.FAILED, size_mb=0.0),
    ]
    problem = Problem("snapshot_failed", "nightly-20270316T030000Z ended as 'failed'", passing=True)
    lasts = {**ROTATED, "nightly": last(Outcome.FAILED, MORNING, problem)}
    return Known(of, Sight(tuple(rows)), NOW, lasts, {"nightly": MORNING})


def stale(name: str, id: int | str = 0) -> Known:
    """Nothing was made for four days."""
    of = server(name, NIGHTLY, id=id)
    problem = Problem("unreachable", "the API did not answer: connection refused", passing=True)
    lasts = {"nightly": last(Outcome.FAILED, MORNING, problem)}
    rows = nights(of, 3, last=NOW - timedelta(days=4))
    return Known(of, Sight(tuple(rows)), NOW, lasts, {"nightly": MORNING - timedelta(days=3)})


def pending(name: str) -> Known:
    """A new server: its first slot is to come."""
    of = server(name, NIGHTLY)
    return Known(of, Sight(()), NOW, since={"nightly": NOW - timedelta(hours=1)})


def unseen(name: str, id: int | str = 0) -> Known:
    """No list has shown it yet."""
    return Known(server(name, id=id))


def troubled() -> list[Known]:
    """One of each, and some that are well."""
    return [
        well("web-01"), making("web-02"), failed("db-01"), well("db-02"), blocked("files-01"),
        pending("queue-01"), stale("mail-01"), well("cache-01"), unseen("edge-01"),
    ]  # fmt: skip


def many(count: int) -> list[Known]:
    """So many servers, every fiftieth of them in some trouble."""
    kinds = (blocked, failed, stale)
    return [
        (kinds[n // 50 % 3] if n % 50 == 7 else well)(f"app-{n:04}", id=100_000 + n) for n in range(count)
    ]

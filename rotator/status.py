"""How every pair stands: fresh, stale or pending, what is free, what blocks. The one model of freshness.

Behind `status` and `/status.json`, the metrics, the page, Nagios and notifications: whatever they say of a
pair, they say the same.

Law 1: only the list tells. A pair is as fresh as the newest ready snapshot of its policy that the list shows.
Law 2: what the list cannot tell, whoever asks has to know: since when a pair without any is waited for
       (`since`), and how its last rotation ended (`last`). A daemon knows both, a command neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rotator import cron
from rotator.census import Census, Item, View, take_census
from rotator.models import Id, Outcome, Pair, Policy, Problem, Snapshot
from rotator.naming import slot_text
from rotator.plan import plan
from rotator.progress import Progress
from rotator.report import Report, timestamp

LATE = 1.25
"""How many of its widest gaps old a restore point may be, before splay and wait (the contract's number)."""


class Freshness(StrEnum):
    """STALE: the restore point that should be there is not. PENDING: the first one is not due yet."""

    FRESH = "fresh"
    STALE = "stale"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Places:
    """What takes the places of a server, each snapshot once; `failed` holds the stuck ones too."""

    cap: int
    managed: int = 0
    foreign: int = 0
    in_progress: int = 0
    failed: int = 0
    unknown: int = 0
    free: int = 0


@dataclass(frozen=True, slots=True)
class Last:
    """How the pair's last rotation ended, and when (UTC)."""

    outcome: Outcome
    slot: datetime
    at: datetime
    problem: Problem | None = None

    @classmethod
    def of(cls, report: Report, at: datetime) -> Last:
        """What a report says that was handed in at that time."""
        return cls(report.outcome, report.slot, at, report.problem)


@dataclass(frozen=True, slots=True)
class Standing:
    """One pair as it stands.

    `age` is that of `last_ready`; `widest` the widest gap of its schedule and `threshold` the age from which
    it is stale, both None where it fires once at most. `next_slot` is without splay. `blocked` is why its
    next rotation would get no snapshot. `last_failed` is the newest failed or stuck one that the list shows.
    `unsure`: the list cannot be trusted, and so none of this can.
    """

    pair: Pair
    server_id: Id
    freshness: Freshness
    places: Places
    last_ready: Snapshot | None = None
    age: timedelta | None = None
    widest: timedelta | None = None
    threshold: timedelta | None = None
    next_slot: datetime | None = None
    blocked: Problem | None = None
    last_failed: Snapshot | None = None
    last: Last | None = None
    unsure: str | None = None

    @property
    def ok(self) -> bool:
        """Nothing is stale, blocked or in doubt; `pending` is well."""
        return self.freshness is not Freshness.STALE and self.blocked is None and self.unsure is None


def standing(
    view: View, *, since: datetime | None = None, last: Last | None = None, foresee: bool = True
) -> Standing:
    """How the view's pair stands at `view.now`.

    `foresee` False leaves `blocked` out, which takes two thirds of the time: for those who do not tell it.

    `since`: when the pair was first looked after, as far as is known; a snapshot of its own that failed tells
    of an earlier time by itself. Without either, a pair that never had one is pending for as long as it is.
    """
    census, policy = take_census(view), view.pair.policy
    newest = max((i.snapshot for i in census.own_ready), key=lambda s: (s.created_at, s.key), default=None)
    failed = max((i.snapshot for i in census.items if i.own and i.broken), key=_moment, default=None)
    widest = widest_gap(policy, view.now)
    return Standing(
        pair=view.pair,
        server_id=next((i.snapshot.server_id for i in census.items), view.pair.server.id),
        freshness=_freshness(census, newest, widest, since),
        places=_places(census),
        last_ready=newest,
        age=max(timedelta(0), view.now - newest.created_at) if newest else None,
        widest=widest,
        threshold=_threshold(policy, widest),
        next_slot=cron.next_slot(policy.schedule, policy.zone, view.now),
        blocked=_blocked(view) if foresee else None,
        last_failed=failed,
        last=last,
        unsure=view.unsure,
    )


def widest_gap(policy: Policy, now: datetime) -> timedelta | None:
    """The widest gap between two slots of the 366 days from today (UTC) on; None if it fires once at most.

    Looked up from the day's beginning, so that all pairs of a schedule share one walk through the year.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    found = cron.gaps(policy.schedule, policy.zone, today)
    return found.widest if found else None


# --- freshness ------------------------------------------------------------------------------------


def _threshold(policy: Policy, widest: timedelta | None) -> timedelta | None:
    return None if widest is None else LATE * widest + policy.splay + policy.wait.timeout


def _freshness(
    census: Census, newest: Snapshot | None, widest: timedelta | None, since: datetime | None
) -> Freshness:
    now, policy = census.view.now, census.policy
    threshold = _threshold(policy, widest)
    if newest is not None:
        old = threshold is not None and now - newest.created_at > threshold
        return Freshness.STALE if old else Freshness.FRESH
    first = _first_slot(census, since)
    if first is None or threshold is None or widest is None or census.view.unsure is not None:
        return Freshness.PENDING
    return Freshness.STALE if now > first + threshold - widest else Freshness.PENDING


def _first_slot(census: Census, since: datetime | None) -> datetime | None:
    """The first slot that should have made a restore point, as far as anybody can tell."""
    policy = census.policy
    tried = [i.slot for i in census.items if i.own and not i.future]
    awaited = cron.next_slot(policy.schedule, policy.zone, since) if since is not None else None
    return min([*tried, *([awaited] if awaited is not None else [])], default=None)


def _moment(snapshot: Snapshot) -> tuple[datetime, str]:
    return snapshot.created_at, snapshot.key


# --- places and blocks ----------------------------------------------------------------------------

KINDS: tuple[tuple[str, Callable[[Item], bool]], ...] = (
    ("foreign", lambda i: i.policy is None),
    ("failed", lambda i: i.broken),
    ("in_progress", lambda i: i.moving),
    ("unknown", lambda i: i.unknown),
)
"""What a snapshot counts as: the first that fits, else it is a managed one."""


def _places(census: Census) -> Places:
    counts = Counter(next((name for name, fits in KINDS if fits(i)), "managed") for i in census.items)
    return Places(cap=census.view.pair.server.cap, free=census.free, **counts)


def _blocked(view: View) -> Problem | None:
    """The problem of a rotation for this very second: what the next one will meet as things stand."""
    return plan(view, Progress(view.now.replace(microsecond=0))).problem


# --- JSON -----------------------------------------------------------------------------------------


def document(standings: Iterable[Standing]) -> dict[str, object]:
    """The contract's document of `status` and `/status.json`."""
    listed = list(standings)
    return {
        "version": 1,
        "ok": all(each.ok for each in listed),
        "pairs": [as_json(each) for each in listed],
    }


def as_json(of: Standing) -> dict[str, object]:
    """One pair of the document."""
    newest, places, last = of.last_ready, of.places, of.last
    return {
        "server_id": of.server_id,
        "server": of.pair.server.label,
        "policy": of.pair.policy.name,
        "freshness": of.freshness.value,
        "last_ready": None
        if newest is None
        else {"id": newest.id, "name": newest.name, "created_at": timestamp(newest.created_at)},
        "age_seconds": _seconds(of.age),
        "threshold_seconds": _seconds(of.threshold),
        "next_slot": timestamp(of.next_slot) if of.next_slot else None,
        "places": {
            "cap": places.cap,
            "managed": places.managed,
            "foreign": places.foreign,
            "in_progress": places.in_progress,
            "failed": places.failed,
            "free": places.free,
        },
        "blocked": of.blocked.message if of.blocked else None,
        "last_outcome": None if last is None else _last_json(last),
    }


def _last_json(last: Last) -> dict[str, object]:
    problem = last.problem
    return {
        "outcome": last.outcome.value,
        "slot": slot_text(last.slot),
        "at": timestamp(last.at),
        "error": {"code": problem.code, "message": problem.message} if problem else None,
    }


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else length // timedelta(seconds=1)

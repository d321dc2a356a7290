"""How far back one can go in a simulated future, and what lies in between: two figures, and each day.

A **restore point** is a ready managed snapshot; it stands from its created_at until it is deleted. The
figures leave out protected ones: they stay for ever and say nothing of the policy.

**Reach**: how old the oldest restore point is, at the worst moment after the warm-up. So on any day, at any
time, one can go back at least that far. It falls when an oldest one is deleted and grows until the next one
is, so the worst moment is right after a rotation.

**Largest gap**: the longest time without a restore point, between two that stand there at the same time, or
from the newest to the present; at any moment from the first restore point on, warm-up included. It is what is
lost at most by going back to a moment within reach.

**Warm-up**: until the oldest restore point of the beginning (the one that stood there first, or was made
first) is deleted. Until then the past is only as long as the simulation; from then on the rules decide how
long it is. Where that never happens there is no reach, only what it had come to at the end; nor is there one
where the simulation ends sooner after the warm-up than the largest gap is long, for the worst moment may be
still to come. The warm-up of a server is over when that of each of its policies is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from rotator import deletes, naming
from rotator.census import View, sort_into_buckets, take_census
from rotator.models import Pair, Server, Snapshot, State, Verdict
from rotator.progress import Progress
from rotator.report import BUCKET_ORDER
from rotator.simulate import Future, Life, lives
from rotator.wording import how_long

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a restore point, as it was seen `at` a moment."""

    at: datetime
    begins: datetime
    ends: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.ends - self.begins


@dataclass(frozen=True, slots=True)
class Figures:
    """As the module defines them. `reach` None: the simulation was too short; `gap` None: no restore point.

    `settled` is when the warm-up ended; `grown` how old the oldest restore point was at the end; `worst` is
    the largest gap, when it was first that large.
    """

    reach: timedelta | None
    gap: timedelta | None
    settled: datetime | None
    grown: timedelta
    worst: Gap | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A snapshot on a given day: whose it is, and why it stands there. `policy` None: it is foreign."""

    snapshot: Snapshot
    policy: str | None
    reasons: tuple[str, ...]


def figures(future: Future, policy: str | None = None, known: Sequence[Life] | None = None) -> Figures:
    """The figures of one policy, or of all policies of the server together.

    `known` are the future's lives, where the caller has them.
    """
    every = [life for life in known or lives(future) if _counts(future.server, life)]
    own = [life for life in every if policy in (None, life.policy)]
    names = [policy] if policy is not None else [p.name for p in future.server.enabled]
    settled = _all_settled(_settled(every, name) for name in names)
    reaches: list[timedelta] = []
    gaps: list[Gap] = []
    oldest = future.end
    for at, before, after in _moments(own, future):
        seen = (Gap(at, earlier, later) for earlier, later in pairwise([*before, at]))
        gaps = [max([*gaps, *seen], key=lambda gap: gap.length)] if before else gaps
        oldest = after[0] if after else at
        if settled is not None and at >= settled:
            reaches.append(at - oldest)
    worst = gaps[0] if gaps else None
    long_enough = worst is not None and settled is not None and future.end - settled >= worst.length
    return Figures(
        reach=min(reaches, default=None) if long_enough else None,
        gap=worst.length if worst else None,
        settled=settled,
        grown=future.end - oldest,
        worst=worst,
    )


def in_words(found: Figures) -> str:
    """The two figures: `reach 2 d, largest gap 1 d`."""
    if found.gap is None:
        return "no restore points"
    return f"reach {reach_in_words(found)}, largest gap {how_long(found.gap)}"


def reach_in_words(found: Figures) -> str:
    """The reach, or why there is none."""
    if found.reach is not None:
        return how_long(found.reach)
    return f"growing ({how_long(found.grown)})" if found.settled is None else "not seen for long enough"


def midnights(future: Future) -> Iterator[datetime]:
    """The days of a future: each midnight in UTC after its start, up to its end."""
    first = future.start.astimezone(UTC).date() + _DAY
    at = datetime.combine(first, time.min, tzinfo=UTC)
    while at <= future.end:
        yield at
        at += _DAY


def end_of(start: datetime, days: int) -> datetime:
    """When a future of so many days ends: its last midnight. Raises OverflowError beyond the calendar."""
    return datetime.combine(start.astimezone(UTC).date() + days * _DAY, time.min, tzinfo=UTC)


def standing(server: Server, known: Iterable[Life], at: datetime) -> tuple[Point, ...]:
    """The ready snapshots of that moment, foreign ones too, oldest first, each with its reasons then."""
    there = [life for life in known if life.snapshot.state is State.READY and life.stands(at)]
    stock = tuple(life.snapshot for life in there)
    reasons: dict[str, tuple[str, ...]] = {}
    for policy in dict.fromkeys(life.policy for life in there):
        reasons |= _reasons(server, policy, stock, at)
    return tuple(Point(life.snapshot, life.policy, reasons.get(life.snapshot.key, ())) for life in there)


def _reasons(
    server: Server, name: str | None, stock: tuple[Snapshot, ...], at: datetime
) -> dict[str, tuple[str, ...]]:
    """Why that policy's snapshots stand there; of foreign ones what any policy says of them."""
    policy = next((p for p in server.policies if name in (None, p.name)), None)
    if policy is None:
        return {}
    census = take_census(View(Pair(server, policy), stock, at))
    judgement = deletes.withhold(deletes.once_ready(census, Progress(at)), "deferred")
    buckets = sort_into_buckets(census, judgement)
    mine = ("foreign",) if name is None else tuple(b for b in BUCKET_ORDER if b not in ("foreign", "other"))
    verdicts: list[Verdict] = [verdict for bucket in mine for verdict in getattr(buckets, bucket)]
    return {verdict.snapshot.key: verdict.reasons for verdict in verdicts}


def _counts(server: Server, life: Life) -> bool:
    ready = life.policy is not None and life.snapshot.state is State.READY
    return ready and not naming.is_protected(server, life.snapshot.name)


def _settled(every: Iterable[Life], policy: str) -> datetime | None:
    """When the policy's first restore point goes; None if it stays."""
    first = next((life for life in every if life.policy == policy), None)
    return first.ends if first is not None else None


def _all_settled(moments: Iterable[datetime | None]) -> datetime | None:
    found = list(moments)
    known = [moment for moment in found if moment is not None]
    return max(known, default=None) if len(known) == len(found) else None


def _moments(
    own: Sequence[Life], future: Future
) -> Iterator[tuple[datetime, list[datetime], list[datetime]]]:
    """Each moment at which something begins or ends, and the last, with the points before it and after it."""
    began = max(future.start, own[0].begins) if own else future.start
    changes: dict[datetime, list[tuple[Life, bool]]] = {began: [], future.end: []}
    for life in own:
        changes.setdefault(max(life.begins, began), []).append((life, True))
        if life.ends is not None:
            changes.setdefault(life.ends, []).append((life, False))
    points: list[datetime] = []
    for at in sorted(changes):
        before = list(points)
        for life, begins in changes[at]:
            if begins:
                points.append(life.begins)
            else:
                points.remove(life.begins)
        points.sort()
        yield at, before, list(points)
